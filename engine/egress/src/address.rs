//! Which addresses belong to the public internet.
//!
//! The tables are those of IANA's special-purpose registries (iana-ipv4-special-registry, iana-ipv6-special-registry, as of 2025-10):
//! what is not globally reachable is refused by name. In IPv6 only 2000::/3 is given out at all, so everything else is refused
//! whether it has a name or not. Addresses that carry an IPv4 address are judged by it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(segments: [u16; 8], bits: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits)
}

/// The first that contains an address names it.
const RESERVED_V4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 32), "the unspecified address"),
    (v4(0, 0, 0, 0, 8), "an address of this network"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address behind a provider's translation"),
    (v4(127, 0, 0, 0, 8), "this machine"),
    (v4(169, 254, 0, 0, 16), "a link-local address, where clouds keep their credentials"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a protocol's address"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "a relay's address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    // With the broadcast address at its end.
    (v4(240, 0, 0, 0, 4), "a reserved or broadcast address"),
];

const RESERVED_V6: [(Ipv6Net, &str); 13] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "this machine"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "an address in the old compatible form"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a private translation's address"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "an address that discards"),
    // Also Teredo (2001::/32), whose addresses carry one of IPv4 in disguise, benchmarks and ORCHID.
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "a protocol's address"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "an address for documentation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "an address for documentation"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "a segment's address"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a private address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
];

/// All that is given out for the public internet.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What an address is if it is not one of the public internet: `this machine`, `a private address`, …; `None` if it is public.
pub fn reserved(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => reserved_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(Carried::Instead(inside)) => reserved_v4(inside),
            Some(Carried::Within(inside)) => reserved_v4(inside).or_else(|| reserved_v6(address)),
            None => reserved_v6(address),
        },
    }
}

fn reserved_v4(address: Ipv4Addr) -> Option<&'static str> {
    RESERVED_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, name)| *name)
}

fn reserved_v6(address: Ipv6Addr) -> Option<&'static str> {
    match RESERVED_V6.iter().find(|(net, _)| net.contains(&address)) {
        Some((_, name)) => Some(name),
        None if GLOBAL_UNICAST.contains(&address) => None,
        None => Some("an address that is not given out"),
    }
}

/// An address of IPv4 in one of IPv6.
enum Carried {
    /// It is where packets go.
    Instead(Ipv4Addr),
    /// It is where packets may go further on; the address around it must be public too.
    Within(Ipv4Addr),
}

fn carried(address: Ipv6Addr) -> Option<Carried> {
    let low = |a: u16, b: u16| Ipv4Addr::from(u32::from(a) << 16 | u32::from(b));
    match address.segments() {
        // ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2) and 64:ff9b::a.b.c.d (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => Some(Carried::Instead(low(a, b))),
        // 6to4 (RFC 3056): packets are wrapped and sent to the address inside.
        [0x2002, a, b, ..] => Some(Carried::Within(low(a, b))),
        // ISATAP (RFC 5214, section 6.1), below any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, a, b] => Some(Carried::Within(low(a, b))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
