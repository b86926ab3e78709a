//! A real browser, driven: sessions, acts, snapshots.
use chromiumoxide as _;
