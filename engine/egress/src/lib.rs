//! Requests to the outside, checked when they connect.
