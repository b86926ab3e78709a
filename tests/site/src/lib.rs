//! A site with everything that makes browsers difficult.
