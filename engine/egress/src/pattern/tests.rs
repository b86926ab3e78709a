use url::Host;

use super::HostPattern;

fn matches(pattern: &str, host: &str, port: u16) -> bool {
    HostPattern::parse(pattern).unwrap().matches(&Host::parse(host).unwrap(), port)
}

#[test]
fn a_name_is_itself_with_any_port_or_with_one() {
    assert!(matches("example.org", "example.org", 443) && matches("example.org", "EXAMPLE.org.", 8080));
    assert!(matches("Example.ORG:8443", "example.org", 8443) && !matches("example.org:8443", "example.org", 443));
    assert!(!matches("example.org", "www.example.org", 443) && !matches("example.org", "notexample.org", 443));
    assert!(matches("bücher.example", "xn--bcher-kva.example", 443));
}

#[test]
fn a_star_is_what_is_below_or_everything() {
    assert!(matches("*.example.org", "www.example.org", 443) && matches("*.example.org", "a.b.example.org.", 443));
    assert!(!matches("*.example.org", "example.org", 443) && !matches("*.example.org", "badexample.org", 443));
    assert!(!matches("*.example.org", ".example.org", 443) && !matches("*.0.0.example", "127.0.0.1", 443));
    assert!(matches("*", "example.org", 1) && matches("*", "127.0.0.1", 1));
    assert!(matches("*:443", "example.org", 443) && !matches("*:443", "example.org", 80));
}

#[test]
fn an_address_is_itself_however_it_is_written() {
    for same in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"] {
        assert!(matches("127.0.0.1:8080", same, 8080), "{same}");
        assert!(matches(&format!("{same}:8080"), "127.0.0.1", 8080), "{same}");
    }
    assert!(matches("[::1]:8080", "[0:0:0:0:0:0:0:1]", 8080) && matches("::1", "[::1]", 9));
    assert!(!matches("127.0.0.1", "127.0.0.1.example.org", 80));
}

#[test]
fn patterns_are_written_as_they_are_read() {
    for text in ["example.org", "*.example.org:80", "*", "*:443", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
        let pattern = HostPattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), text);
        let json = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<HostPattern>(&json).unwrap(), pattern);
    }
    assert!(serde_json::from_str::<HostPattern>("\"a b\"").is_err());
}

#[test]
fn what_is_no_pattern_is_told_why() {
    let cases = [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("https://example.org/x", "it is a URL; write its host alone: example.org"),
        ("example.org/path", "paths and address ranges are no hosts"),
        ("10.0.0.0/8", "paths and address ranges are no hosts"),
        ("a b", "' ' is in no host"),
        ("me@example.org", "'@' is in no host"),
        ("a,b", "',' is in no host"),
        ("exa*mple.org", "a * stands alone or at the beginning"),
        ("*example.org", "a * stands alone or at the beginning"),
        ("*.*.org", "a * stands alone or at the beginning"),
        ("*.127.0.0.1", "an address has nothing below it"),
        ("example.org:", "\"\" is no port"),
        ("example.org:0", "\"0\" is no port"),
        ("example.org:65536", "\"65536\" is no port"),
        ("example.org:http", "\"http\" is no port"),
        ("::1:99999", "write an address of IPv6 with a port as [::1]:8080"),
        ("[::1", "no host"),
        ("1.2.3.256", "no host"),
        ("a..b", "a part of the name is empty"),
        ("*.", "no host"),
    ];
    for (text, why) in cases {
        let error = HostPattern::parse(text).expect_err(text);
        assert!(error.why.starts_with(why), "{text:?}: {error}");
        assert!(error.to_string().starts_with(&format!("host pattern {:?}: ", text.trim())), "{error}");
    }
}
