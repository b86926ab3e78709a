//! Serves the fixture site until it is interrupted: `cargo run --release -p zo-test-site --example serve`.

#![allow(clippy::print_stdout)]

use zo_test_site::Site;

fn main() {
    let site = Site::start();
    println!("{}\nthe other origin: {}", site.url_of("/"), site.other_url_of("/"));
    println!("nobody is to reach: {}\nwith a bad certificate: {}", site.forbidden_url_of("/"), site.tls_url_of("/"));
    loop {
        std::thread::park();
    }
}
