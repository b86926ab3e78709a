//! From a provider's bytes to the caller's ear.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zo_model_server::{Gate, ModelServer, Response, openai};
use zo_models::Delta;

use crate::support::{models, open_ai, question};

/// Pieces that are sent one by one.
const PIECES: usize = 40;

#[test]
#[allow(clippy::print_stdout)]
fn a_piece_is_heard_at_once() {
    let gates: Vec<Gate> = (0..PIECES).map(|_| Gate::new()).collect();
    let script = gates.clone();
    let server = ModelServer::start(move |_| {
        let body = script.iter().fold(Response::sse(200), |body, gate| body.gate(gate).send(openai::chunk("word ")));
        body.send(openai::finish("stop")).send(openai::DONE)
    });
    let (heard, hears) = mpsc::channel();
    let provider = open_ai(&server);
    let asking = std::thread::spawn(move || {
        models().chat(&provider, None, &question(), &mut |delta| {
            if let Delta::Text(_) = delta {
                heard.send(Instant::now()).unwrap();
            }
            ControlFlow::Continue(())
        })
    });
    let mut latencies: Vec<Duration> = gates
        .iter()
        .map(|gate| {
            assert!(gate.wait_until_reached(Duration::from_secs(10)));
            let sent = Instant::now();
            gate.open();
            hears.recv_timeout(Duration::from_secs(10)).unwrap().saturating_duration_since(sent)
        })
        .collect();
    assert_eq!(asking.join().unwrap().unwrap().text.len(), "word ".len() * PIECES);
    latencies.sort();
    println!("a piece is heard after {:?} (median), {:?} (longest)", latencies[PIECES / 2], latencies[PIECES - 1]);
    // Far above what it is on an idle machine: what must not be is a poll, or a wait for more bytes.
    assert!(latencies[PIECES / 2] < Duration::from_millis(5), "{latencies:?}");
}
