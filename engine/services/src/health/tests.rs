use std::net::TcpListener;
use std::thread;

use super::*;

/// A port whose connections are given these bytes, after a request has begun; `None`: they are closed at once.
fn answering(answer: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if let Some(answer) = answer {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer);
            }
        }
    });
    port
}

fn http(answer: &'static [u8]) -> Result<(), String> {
    look(&CheckSpec::Http("/ok".to_owned()), answering(Some(answer)), Duration::from_secs(20))
}

#[test]
fn only_a_status_of_success_is_well() {
    assert_eq!(http(b"HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
    assert_eq!(http(b"HTTP/1.0 204 No Content\r\n\r\n"), Ok(()));
    for (answer, expected) in [
        (&b"HTTP/1.1 503 Busy\r\n\r\n"[..], "is answered 503"),
        (b"HTTP/1.1 301 Elsewhere\r\n\r\n", "is answered 301"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"", "not HTTP"),
        (b"HTTP/1.1 2", "not HTTP"),
    ] {
        assert!(http(answer).unwrap_err().contains(expected), "{}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn who_does_not_answer_is_not_waited_for_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let why = look(&CheckSpec::Http("/".to_owned()), port, Duration::from_millis(200)).unwrap_err();
    assert!(why.contains("not answered in time"), "{why}");
}

#[test]
fn a_connection_has_to_stay_open() {
    let patience = Duration::from_secs(20);
    assert_eq!(look(&CheckSpec::Tcp, answering(Some(b"hello")), patience), Ok(()));
    let why = look(&CheckSpec::Tcp, answering(None), patience).unwrap_err();
    assert!(why.contains("closes connections at once"), "{why}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(look(&CheckSpec::Tcp, port, patience), Ok(()), "the system takes it for who listens");
    drop(listener);
    assert!(look(&CheckSpec::Tcp, port, patience).unwrap_err().contains("takes no connection"));
}
