//! The Model Context Protocol, both ways.
use rmcp as _;
