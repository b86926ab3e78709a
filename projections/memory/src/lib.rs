//! The disk-backed memory index of ZoClone.
