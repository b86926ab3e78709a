//! The workspace over HTTP.
