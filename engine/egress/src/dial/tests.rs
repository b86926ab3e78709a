use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use url::Url;

use super::{Names, connect, resolve};
use crate::error::{EgressError, ErrorKind};
use crate::pattern::HostPattern;
use crate::policy::{Policy, Target};

fn names(addresses: &'static [&'static str]) -> Names {
    Names::Scripted(Arc::new(|_| Ok(addresses.iter().map(|text| text.parse().unwrap()).collect())))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn resolved(policy: &Policy, names: &Names, url: &str) -> Result<Vec<IpAddr>, EgressError> {
    let admitted = policy.admit(Target::of(&Url::parse(url).unwrap()).unwrap())?;
    let found = run(resolve(policy, names, &admitted))?;
    Ok(found.into_iter().map(|address| address.ip()).collect())
}

#[test]
fn of_public_and_private_addresses_only_the_public_ones_are_connected_to() {
    let mixed = names(&["127.0.0.1", "93.184.216.34", "10.0.0.1", "::1", "2606:4700::1", "169.254.169.254"]);
    let found = resolved(&Policy::default(), &mixed, "http://mixed.example/").unwrap();
    assert_eq!(found, ["93.184.216.34".parse::<IpAddr>().unwrap(), "2606:4700::1".parse().unwrap()]);
}

#[test]
fn a_name_with_private_addresses_alone_is_refused_with_all_it_takes_to_know() {
    let error =
        resolved(&Policy::default(), &names(&["10.0.0.1", "::ffff:127.0.0.1"]), "https://inside.example/").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!(
        error.message,
        "inside.example:443 is refused: 10.0.0.1 is a private address, ::ffff:127.0.0.1 is this machine"
    );
    assert!(error.hint.unwrap().starts_with("to permit it: allow host inside.example:443"));
}

#[test]
fn a_rule_for_host_and_port_permits_its_private_addresses() {
    let policy = Policy { allow_hosts: vec![HostPattern::parse("inside.example:8080").unwrap()], ..Policy::default() };
    assert_eq!(resolved(&policy, &names(&["10.0.0.1"]), "http://inside.example:8080/").unwrap().len(), 1);
    assert!(resolved(&policy, &names(&["10.0.0.1"]), "http://inside.example/").is_err());
}

#[test]
fn a_denied_address_is_denied_by_every_name() {
    let policy = Policy { deny_hosts: vec![HostPattern::parse("93.184.216.34").unwrap()], ..Policy::default() };
    let error = resolved(&policy, &names(&["93.184.216.34"]), "http://any.example/").unwrap_err();
    assert!(error.message.contains("93.184.216.34 is denied by the rule: deny host 93.184.216.34"), "{error}");
    let found = resolved(&policy, &names(&["::ffff:93.184.216.34", "1.1.1.1"]), "http://any.example/").unwrap();
    assert_eq!(found, ["1.1.1.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn names_of_this_machine_lead_nowhere() {
    for name in ["localhost", "localhost.", "LOCALHOST"] {
        let error = resolved(&Policy::default(), &Names::System, &format!("http://{name}/")).unwrap_err();
        // Some resolvers do not know every spelling; none may lead here.
        assert!(matches!(error.kind, ErrorKind::Refused | ErrorKind::Dns), "{name}: {error:?}");
    }
    let error = resolved(&Policy::default(), &Names::System, "http://localhost/").unwrap_err();
    assert!(error.message.contains("is this machine"), "{error}");
}

#[test]
fn a_name_that_does_not_exist_or_has_nothing_is_told() {
    let error = resolved(&Policy::default(), &names(&[]), "http://empty.example/").unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Dns, "empty.example has no address"));
    let failing =
        Names::Scripted(Arc::new(|_| Err(io::Error::other("failed to lookup address information: nobody knows"))));
    let error = resolved(&Policy::default(), &failing, "http://gone.example/").unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Dns, "cannot resolve gone.example: nobody knows"));
}

#[test]
fn addresses_are_tried_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    // Nobody listens on that port of another loopback address.
    let bad = std::net::SocketAddr::new("127.0.0.2".parse().unwrap(), good.port());
    let policy = Policy { allow_private: true, ..Policy::default() };
    let admitted =
        policy.admit(Target { host: url::Host::Domain("two.example".to_string()), port: good.port() }).unwrap();
    let stream = run(connect(&admitted, &[bad, good])).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), good);
    let error = run(connect(&admitted, &[bad])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Connect);
    assert!(error.message.starts_with(&format!("cannot connect to two.example:{}: ", good.port())), "{error}");
}
