//! What sessions may reach.

use super::*;

fn browser(guarded: bool, only: &[&str], deny: &[&str]) -> Browser {
    let owned = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    Browser {
        name: "main".to_owned(),
        guarded,
        only_hosts: owned(only),
        deny_hosts: owned(deny),
        open: true,
        opened: zo_projections::Position(1),
        closed: zo_projections::Position(0),
        acts: Vec::new(),
        pages: None,
        at: zo_projections::Timestamp(0),
    }
}

fn check(browser: &Browser, rules: &[&str], url: &str, expected: bool) {
    let rules: Vec<Rule> = rules.iter().map(|rule| rule.parse().expect("it is a rule")).collect();
    let policy = policy(browser, &rules).expect("the hosts are hosts");
    assert_eq!(policy.check_url(url).is_ok(), expected, "{url} under {policy:?}");
}

#[test]
fn a_person_reaches_what_is_private_and_an_agent_does_not() {
    for url in ["http://127.0.0.1:8080/", "http://192.168.1.1/", "http://[::1]/"] {
        check(&browser(false, &[], &[]), &[], url, true);
        check(&browser(true, &[], &[]), &[], url, false);
    }
    check(&browser(true, &[], &[]), &[], "https://example.org/", true);
    check(&browser(false, &[], &[]), &[], "file:///etc/passwd", false);
}

#[test]
fn a_rule_names_what_is_private_with_its_port() {
    let rule = ["allow: browse_open(http://127.0.0.1:8080/*)"];
    check(&browser(true, &[], &[]), &rule, "http://127.0.0.1:8080/a", true);
    check(&browser(true, &[], &[]), &rule, "http://127.0.0.1:8081/a", false);
    check(&browser(true, &[], &[]), &rule, "https://example.org/", true);
    check(&browser(true, &[], &[]), &["allow: browse_open"], "http://127.0.0.1:8080/a", false);
}

#[test]
fn hosts_are_denied_to_both() {
    let rule = ["deny: browse_open(*://*.ads.example/*)"];
    for guarded in [false, true] {
        check(&browser(guarded, &[], &[]), &rule, "https://x.ads.example/", false);
        check(&browser(guarded, &[], &[]), &rule, "https://example.org/", true);
        check(&browser(guarded, &[], &["example.org"]), &[], "https://example.org/", false);
        check(&browser(guarded, &["example.org"], &[]), &[], "https://example.com/", false);
        check(&browser(guarded, &["example.org"], &[]), &[], "https://example.org/", true);
    }
    // A rule about some pages of a host is judged where a page is opened.
    check(&browser(false, &[], &[]), &["deny: browse_open(https://example.org/admin*)"], "https://example.org/", true);
}

#[test]
fn only_hosts_permit_nothing_that_is_not_permitted_without() {
    check(&browser(true, &["127.0.0.1:8080"], &[]), &[], "http://127.0.0.1:8080/", false);
}
