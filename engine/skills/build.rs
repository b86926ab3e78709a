//! Says what the crate is made from: a file that is new in `skills/` would otherwise not be noticed.

fn main() {
    println!("cargo:rerun-if-changed=../../skills");
}
