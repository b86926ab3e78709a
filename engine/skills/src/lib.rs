//! Skill folders: read, checked, found.
