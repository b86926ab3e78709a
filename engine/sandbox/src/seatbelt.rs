//! macOS: `sandbox-exec`, which confines by a profile. Written from its documentation, not tested on a machine that has it.
