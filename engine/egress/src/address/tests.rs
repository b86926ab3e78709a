use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{RESERVED_V4, reserved};

fn is_reserved(text: &str) -> bool {
    reserved(text.parse().unwrap()).is_some()
}

#[test]
fn every_class_is_known_by_name() {
    let classes = [
        ("127.0.0.1", "this machine"),
        ("127.255.255.254", "this machine"),
        ("10.1.2.3", "a private address"),
        ("172.16.0.1", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.1.1", "a private address"),
        ("169.254.169.254", "a link-local address, where clouds keep their credentials"),
        ("100.64.0.1", "a shared address behind a provider's translation"),
        ("100.127.255.255", "a shared address behind a provider's translation"),
        ("0.0.0.0", "the unspecified address"),
        ("0.1.2.3", "an address of this network"),
        ("192.0.0.8", "a protocol's address"),
        ("192.0.2.1", "an address for documentation"),
        ("198.18.0.1", "an address for benchmarks"),
        ("198.19.255.255", "an address for benchmarks"),
        ("198.51.100.7", "an address for documentation"),
        ("203.0.113.7", "an address for documentation"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.255", "a multicast address"),
        ("240.0.0.1", "a reserved or broadcast address"),
        ("255.255.255.255", "a reserved or broadcast address"),
        ("::", "the unspecified address"),
        ("::1", "this machine"),
        ("::7f00:1", "an address in the old compatible form"),
        ("fc00::1", "a private address"),
        ("fd00:ec2::254", "a private address"),
        ("fe80::1", "a link-local address"),
        ("fec0::1", "a private address"),
        ("ff02::1", "a multicast address"),
        ("100::1", "an address that discards"),
        ("2001::1", "a protocol's address"),
        ("2001:db8::1", "an address for documentation"),
        ("3fff::1", "an address for documentation"),
        ("5f00::1", "a segment's address"),
        ("4000::1", "an address that is not given out"),
        ("::ffff:127.0.0.1", "this machine"),
        ("::ffff:169.254.169.254", "a link-local address, where clouds keep their credentials"),
        ("64:ff9b::10.0.0.1", "a private address"),
        ("64:ff9b:1::8.8.8.8", "a private translation's address"),
        ("2002:7f00:1::", "this machine"),
        ("2002:a9fe:a9fe::1", "a link-local address, where clouds keep their credentials"),
        ("2a00:1450::5efe:192.168.0.1", "a private address"),
    ];
    for (address, name) in classes {
        assert_eq!(reserved(address.parse().unwrap()), Some(name), "{address}");
    }
}

#[test]
fn the_public_internet_is_not_reserved() {
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ];
    for address in public {
        assert!(!is_reserved(address), "{address}");
    }
}

/// Every way to write an address of IPv4 in one of IPv6 that leads there.
fn forms(inside: Ipv4Addr, prefix: u64) -> Vec<Ipv6Addr> {
    let low = u128::from(u32::from(inside));
    let below = |high: u128| Ipv6Addr::from(high | low);
    vec![
        inside.to_ipv6_mapped(),
        inside.to_ipv6_compatible(),
        below(0x0064_ff9b_u128 << 96),
        below(0x0064_ff9b_0001_u128 << 80),
        Ipv6Addr::from(0x2002_u128 << 112 | low << 80 | u128::from(prefix)),
        below(u128::from(prefix) << 64 | 0x5efe_u128 << 32),
        below(u128::from(prefix) << 64 | 0x0200_5efe_u128 << 32),
        // Teredo carries its client's address with every bit turned.
        Ipv6Addr::from(0x2001_0000_u128 << 96 | u128::from(!u32::from(inside))),
    ]
}

proptest! {
    #[test]
    fn no_reserved_address_is_public_in_any_form(class in 0..RESERVED_V4.len(), host: u32, prefix: u64) {
        let net = RESERVED_V4[class].0;
        let inside = Ipv4Addr::from(u32::from(net.network()) | host & !u32::from(net.netmask()));
        prop_assert!(reserved(IpAddr::V4(inside)).is_some());
        for form in forms(inside, prefix) {
            prop_assert!(reserved(IpAddr::V6(form)).is_some(), "{form} carries {inside}");
        }
    }

    /// The standard library knows some of the classes by rules of its own.
    #[test]
    fn what_the_standard_library_calls_special_is_reserved(bits: u32, wide: u128, class in 0..6_u32) {
        let four = Ipv4Addr::from(bits);
        if four.is_private() || four.is_loopback() || four.is_link_local() || four.is_broadcast() || four.is_documentation()
            || four.is_multicast() || four.is_unspecified()
        {
            prop_assert!(reserved(four.into()).is_some(), "{four}");
        }
        // Most addresses are public: push some into the corners.
        let corner = [wide, wide >> 64, wide | 0xfc << 120, wide | 0xfe80 << 112, wide | 0xff << 120, wide >> 127];
        let six = Ipv6Addr::from(corner[class as usize]);
        if six.is_loopback() || six.is_unspecified() || six.is_multicast() || six.is_unique_local() || six.is_unicast_link_local() {
            prop_assert!(reserved(six.into()).is_some(), "{six}");
        }
    }
}
