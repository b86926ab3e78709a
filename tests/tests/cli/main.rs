//! The command line, run as a process: that every command is wired, the JSON that others build on, bad input, streams
//! and signals, what a person sees on a terminal.

mod agents;
mod asking;
mod bad_input;
mod browsing;
mod chat;
mod commands;
mod files;
mod jobs;
mod keys;
mod recall;
mod sandbox;
mod schedules;
mod serving;
mod shapes;
mod skills;
mod streams;
mod terminal;
mod tls;
