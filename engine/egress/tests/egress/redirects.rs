//! Where servers lead, and where that is not followed.

use zo_egress::{Egress, ErrorKind, FetchRequest, HostPattern, Method, Policy};
use zo_model_server::{ModelServer, Request, Response};

use crate::support::{fails, fetch, get, go_on, only};

/// A server that sends `/HOW-MANY` so many times on to itself, then says `there`.
fn circling() -> ModelServer {
    ModelServer::start(|request: &Request| match request.path[1..].parse::<usize>() {
        Ok(0) | Err(_) => Response::new(200).body("there"),
        Ok(left) => Response::new(302).header("location", format!("/{}", left - 1)),
    })
}

#[test]
fn ten_redirects_are_followed_and_no_more() {
    let server = circling();
    let egress = only(&[&server]);
    let fetched = fetch(&egress, format!("{}/10", server.url())).unwrap();
    assert_eq!(
        (fetched.url.as_str(), fetched.body.as_slice()),
        (format!("{}/0", server.url()).as_str(), b"there".as_slice())
    );
    let error = fails(&egress, &get(format!("{}/11", server.url())), ErrorKind::Redirects);
    assert!(error.message.contains("more than 10 redirects"), "{error}");
    assert_eq!(server.requests().len(), 22);
}

#[test]
fn a_circle_ends() {
    let server = ModelServer::start(|_| Response::new(301).header("location", "/"));
    fails(&only(&[&server]), &get(server.url()), ErrorKind::Redirects);
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn private_addresses_are_not_reached_by_a_redirect() {
    let target = ModelServer::start(|_| Response::new(200).body("secret"));
    let port = target.address().port();
    let ways = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("//127.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_string(),
        "http://[::1]/".to_string(),
    ];
    let places = ways.clone();
    let server = ModelServer::start(move |request| {
        let number: usize = request.path[1..].parse().unwrap();
        Response::new(302).header("location", places[number].clone())
    });
    let allow_hosts = ["*".to_string(), server.address().to_string()];
    let allow_hosts = allow_hosts.iter().map(|text| HostPattern::parse(text).unwrap()).collect();
    let egress = Egress::new(Policy { allow_hosts, ..Policy::default() }).unwrap();
    for (number, way) in ways.iter().enumerate() {
        let error = fails(&egress, &get(format!("{}/{number}", server.url())), ErrorKind::Refused);
        assert!(error.message.contains(" is refused: "), "{way}: {error}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("allow host ")), "{way}: {error:?}");
    }
    assert!(target.requests().is_empty());
}

#[test]
fn credentials_stay_with_the_server_they_are_for() {
    let other = ModelServer::start(|_| Response::new(200).body("other"));
    let elsewhere = other.url();
    let server = ModelServer::start(move |request| match request.path.as_str() {
        "/first" => Response::new(307).header("location", "/second"),
        _ => Response::new(307).header("location", elsewhere.replace("http://", "http://you:and@")),
    });
    let headers = [("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Api-Key", "k"), ("Accept", "text/plain")];
    let request = FetchRequest {
        method: Method::Post,
        headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        body: b"sent".to_vec(),
        ..get(format!("{}/first", server.url()))
    };
    let fetched = only(&[&server, &other]).fetch(&request, &mut go_on).unwrap();
    assert_eq!((fetched.body.as_slice(), fetched.url), (b"other".as_slice(), format!("{}/", other.url())));
    for seen in server.requests() {
        assert_eq!(seen.header("authorization"), Some("Bearer x"), "{}", seen.path);
    }
    let seen = &other.requests()[0];
    assert_eq!((seen.method.as_str(), seen.body.as_slice()), ("POST", b"sent".as_slice()));
    assert_eq!(seen.header("accept"), Some("text/plain"));
    for name in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[test]
fn a_redirect_without_a_place_is_an_answer() {
    let server = ModelServer::start(|request| match request.path.as_str() {
        "/multiple" => Response::new(300).header("location", "/elsewhere").body("choose"),
        "/unchanged" => Response::new(304).header("location", "/elsewhere"),
        _ => Response::new(302).body("nowhere"),
    });
    for (path, status) in [("multiple", 300), ("unchanged", 304), ("nowhere", 302)] {
        let fetched = fetch(&only(&[&server]), format!("{}/{path}", server.url())).unwrap();
        assert_eq!(fetched.status, status, "{path}");
    }
}
