use proptest::prelude::*;

use super::{Policy, Target, parse_url};
use crate::address::reserved;
use crate::error::{EgressError, ErrorKind};
use crate::pattern::HostPattern;

fn patterns(list: &[&str]) -> Vec<HostPattern> {
    list.iter().map(|text| HostPattern::parse(text).unwrap()).collect()
}

fn allowing(list: &[&str]) -> Policy {
    Policy { allow_hosts: patterns(list), ..Policy::default() }
}

fn denying(list: &[&str]) -> Policy {
    Policy { deny_hosts: patterns(list), ..Policy::default() }
}

fn refused(policy: &Policy, url: &str) -> EgressError {
    let error = policy.check_url(url).expect_err(url);
    assert_eq!(error.kind, ErrorKind::Refused, "{url}: {error}");
    error
}

#[test]
fn every_way_to_write_a_private_address_is_refused() {
    let tricks = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://0.0.0.0:8080/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://①②⑦.⓪.⓪.①/",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:///127.0.0.1/",
        "hTTp://127.0.0.1/",
        "\thttp://127.0.0.1/ ",
        "http://127.0\n.0.1/",
        "http://example.org@127.0.0.1/",
        "http://example.org:80@127.0.0.1/",
        "http://127.0.0.1#@example.org/",
        "http://127.0.0.1\\@example.org/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[::1]/",
        "http://[::]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://192.168.0.1/",
        "https://10.0.0.1:8443/",
    ];
    for url in tricks {
        let error = refused(&Policy::default(), url);
        assert!(error.message.contains(" is refused: "), "{url}: {error}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.starts_with("to permit it: allow host ")), "{error:?}");
    }
}

#[test]
fn a_refusal_names_host_address_and_the_rule() {
    let error = refused(&Policy::default(), "http://0x7f.1:8080/x");
    assert_eq!(error.message, "127.0.0.1:8080 is refused: 127.0.0.1 is this machine");
    let rule = "to permit it: allow host 127.0.0.1:8080 (and allow host *, to keep the public internet)";
    assert_eq!(error.hint.as_deref(), Some(rule));
    // The rule does what it says, and no more.
    let policy = allowing(&["*", "127.0.0.1:8080"]);
    policy.check_url("http://0x7f.1:8080/x").unwrap();
    policy.check_url("https://example.org/").unwrap();
    refused(&policy, "http://127.0.0.1:8081/");
    refused(&policy, "http://10.0.0.1:8080/");
}

#[test]
fn what_is_no_url_of_http_is_told() {
    for url in [
        "",
        "example.org",
        "/etc/passwd",
        "http://",
        "https://exa mple.org/",
        "http://[::1",
        "http://1.2.3.4.5.6.7.8:99999/",
    ] {
        let error = Policy::default().check_url(url).expect_err(url);
        assert_eq!(error.kind, ErrorKind::Url, "{url}: {error}");
    }
    for url in [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org:70/",
        "data:text/html,x",
        "javascript:1",
        "unix:/run/x",
    ] {
        let error = Policy::default().check_url(url).expect_err(url);
        assert_eq!(error.kind, ErrorKind::Url, "{url}: {error}");
        assert!(error.message.ends_with(": expected http or https"), "{error}");
    }
    let error = Policy::default().check_url("me:hush@nowhere:x/?key=secret").expect_err("no URL");
    assert!(!format!("{error:?}").contains("hush") && !format!("{error:?}").contains("secret"), "{error:?}");
}

#[test]
fn deny_comes_first() {
    let policy = Policy {
        allow_hosts: patterns(&["example.org", "127.0.0.1:80"]),
        ..denying(&["*.example.org", "example.org:8080", "127.0.0.1"])
    };
    policy.check_url("https://example.org/").unwrap();
    let error = refused(&policy, "https://example.org:8080/");
    assert_eq!(error.message, "example.org:8080 is refused by the rule: deny host example.org:8080");
    assert!(error.hint.as_deref().unwrap().contains("remove the rule"));
    refused(&policy, "https://www.example.org/");
    refused(&policy, "http://127.0.0.1/");
    let everything = Policy { allow_private: true, ..denying(&["*"]) };
    refused(&everything, "https://example.org/");
}

#[test]
fn an_empty_allow_list_is_the_public_internet_and_a_full_one_is_all_there_is() {
    Policy::default().check_url("https://example.org/").unwrap();
    Policy::default().check_url("http://93.184.216.34:8080/").unwrap();
    let policy = allowing(&["*.example.org", "other.example:8443"]);
    policy.check_url("https://www.example.org/").unwrap();
    let error = refused(&policy, "https://example.com/");
    assert_eq!(error.message, "example.com:443 is none of the hosts that are allowed");
    assert_eq!(error.hint.as_deref(), Some("to permit it: allow host example.com"));
    let error = refused(&policy, "https://other.example:8444/");
    assert_eq!(error.hint.as_deref(), Some("to permit it: allow host other.example:8444"));
}

#[test]
fn only_a_rule_with_host_and_port_makes_private_addresses_permitted() {
    refused(&allowing(&["*"]), "http://127.0.0.1:8080/");
    refused(&allowing(&["*:8080"]), "http://127.0.0.1:8080/");
    allowing(&["127.0.0.1:8080"]).check_url("http://127.0.0.1:8080/").unwrap();
    Policy { allow_private: true, ..Policy::default() }.check_url("http://10.0.0.1/").unwrap();
    // A name is no address: who may be reached by one is not reached by another.
    refused(&allowing(&["127.0.0.1:8080"]), "http://localhost:8080/");
}

#[test]
fn a_rule_that_can_permit_nothing_is_refused() {
    let error = allowing(&["10.0.0.5"]).check_rules().expect_err("no port");
    assert_eq!(error.kind, ErrorKind::Policy);
    assert!(error.message.contains("allow host 10.0.0.5 permits nothing: it is a private address"), "{error}");
    Policy { allow_private: true, ..allowing(&["10.0.0.5"]) }.check_rules().unwrap();
    allowing(&["10.0.0.5:80", "8.8.8.8", "*"]).check_rules().unwrap();
}

#[test]
fn ports_of_other_services_are_refused_unless_a_rule_names_them() {
    for port in [22, 25, 53, 6667, 10080] {
        let error = refused(&Policy::default(), &format!("http://example.org:{port}/"));
        assert_eq!(error.message, format!("port {port} of example.org is no web server's"));
    }
    refused(&Policy { allow_private: true, ..Policy::default() }, "http://127.0.0.1:25/");
    refused(&allowing(&["example.org"]), "http://example.org:25/");
    allowing(&["example.org:25"]).check_url("http://example.org:25/").unwrap();
}

#[test]
fn a_policy_is_written_as_it_is_read() {
    let policy =
        Policy { system_proxy: true, deny_hosts: patterns(&["*.example.net"]), ..allowing(&["*", "[::1]:8080"]) };
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), Policy::default());
    assert!(serde_json::from_str::<Policy>("{\"allow_privat\": true}").is_err());
}

proptest! {
    /// Whatever is written as a host: if it is admitted as an address, the address is public.
    #[test]
    fn no_private_address_is_ever_admitted(host in "(0x)?[0-9a-f]{1,8}(\\.(0x)?[0-9a-f]{1,3}){0,3}|\\[[0-9a-f:.]{2,24}\\]|[0-9]{1,10}") {
        let url = format!("http://{host}/");
        if Policy::default().check_url(&url).is_ok() {
            let target = Target::of(&parse_url(&url).unwrap()).unwrap();
            prop_assert!(target.literal().is_none_or(|address| reserved(address.ip()).is_none()), "{url}");
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text: String) {
        let _ = Policy::default().check_url(&text);
        let _ = HostPattern::parse(&text);
    }
}

#[test]
fn what_was_named_limits_and_permits_nothing() {
    let named = |list: &[&str], policy: Policy| Policy { only_hosts: patterns(list), ..policy };
    let policy = named(&["example.org", "127.0.0.1:8080"], Policy::default());
    assert!(policy.check_url("https://example.org/").is_ok());
    assert!(
        policy.check_url("https://example.net/").unwrap_err().message.contains("none of the hosts that were named")
    );
    assert!(policy.check_url("http://127.0.0.1:8080/").is_err(), "naming it does not open this machine");
    let policy = named(&["127.0.0.1:8080"], allowing(&["*", "127.0.0.1:8080", "127.0.0.1:8081"]));
    assert!(policy.check_url("http://127.0.0.1:8080/").is_ok());
    assert!(policy.check_url("http://127.0.0.1:8081/").is_err());
}
