//! When: RFC 5545 rules, cron and plain phrases into instants.
