use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[test]
fn exceptions_are_domains_addresses_and_ranges() {
    for (list, host, expected) in [
        ("example.com", "example.com", true),
        ("example.com", "api.example.com", true),
        (".example.com", "api.example.com", true),
        ("example.com", "badexample.com", false),
        ("a, b.c ,", "b.c", true),
        ("*", "anything", true),
        ("10.0.0.0/8", "10.1.2.3", true),
        ("10.0.0.0/8", "11.1.2.3", false),
        ("0.0.0.0/0", "11.1.2.3", true),
        ("fd00::/8", "[fd12::1]", true),
        ("192.168.1.7", "192.168.1.7", true),
        ("", "x", false),
    ] {
        assert_eq!(excepted(list, host), expected, "{list} {host}");
    }
}

#[test]
fn a_proxy_that_is_set_goes_before_everything_and_shows_no_password() {
    let options = Options { proxy: Some("http://me:hush@proxy:3128".to_string()), ..Options::default() };
    let proxy = proxy_for(&options, &url("http://127.0.0.1/")).unwrap();
    assert_eq!((proxy.shown().as_str(), proxy.from.as_str()), ("http://proxy:3128", "the proxy setting"));
    assert_eq!(proxy.url.port(), Some(3128));
    assert!(!format!("{options:?}").contains("hush"), "{options:?}");
}

#[test]
fn this_machine_is_reached_directly() {
    assert!(is_direct(&Options::default(), &url("http://localhost:1/")));
    assert!(is_direct(&Options::default(), &url("http://[::1]:1/")));
    assert!(!is_direct(&Options::default(), &url("http://192.168.1.1/")));
    assert_eq!(proxy_for(&Options::default(), &url("https://127.0.0.1/")), None);
}
