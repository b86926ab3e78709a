//! The vault: providers' keys, encrypted with age.
