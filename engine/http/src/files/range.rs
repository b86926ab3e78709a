//! Which part of a content is asked for: `Range`, of RFC 9110, section 14.

/// A part of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From one byte to another, both included.
    Some { first: u64, last: u64 },
    /// One that there is not.
    None,
}

/// The part of a content of `size` bytes that a header asks for. What is no range in bytes, or several of them, is answered
/// with the whole, as the RFC allows.
pub(super) fn part(header: Option<&str>, size: u64) -> Part {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Part::Whole };
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else { return Part::Whole };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| match text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => None,
        // More than fits is more than there is.
        false => Some(text.parse().unwrap_or(u64::MAX)),
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => Part::Whole,
        (Some(first), _) if first >= size => Part::None,
        (Some(first), Some(last)) => Part::Some { first, last: last.min(size - 1) },
        (Some(first), None) if last.is_empty() => Part::Some { first, last: size - 1 },
        (None, Some(0)) if first.is_empty() => Part::None,
        (None, Some(_)) if first.is_empty() && size == 0 => Part::None,
        (None, Some(count)) if first.is_empty() => Part::Some { first: size.saturating_sub(count), last: size - 1 },
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_read_as_the_rfc_says() {
        let some = |first, last| Part::Some { first, last };
        for (header, size, expected) in [
            ("bytes=0-9", 100, some(0, 9)),
            ("bytes=90-", 100, some(90, 99)),
            ("bytes=-10", 100, some(90, 99)),
            ("bytes=-1000", 100, some(0, 99)),
            ("bytes=50-1000", 100, some(50, 99)),
            ("bytes=99-99", 100, some(99, 99)),
            ("bytes=100-", 100, Part::None),
            ("bytes=-0", 100, Part::None),
            ("bytes=0-", 0, Part::None),
            ("bytes=-5", 0, Part::None),
            ("bytes=99999999999999999999-", 100, Part::None),
            ("bytes=9-1", 100, Part::Whole),
            ("bytes=0-1,5-6", 100, Part::Whole),
            ("bytes=", 100, Part::Whole),
            ("bytes=-", 100, Part::Whole),
            ("bytes=a-b", 100, Part::Whole),
            ("bytes=1-b", 100, Part::Whole),
            ("items=0-9", 100, Part::Whole),
        ] {
            assert_eq!(part(Some(header), size), expected, "{header} of {size}");
        }
        assert_eq!(part(None, 5), Part::Whole);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_part_lies_within_the_content(header in "bytes=[0-9]{0,3}-[0-9]{0,3}|.{0,20}", size in 0_u64..300) {
            if let Part::Some { first, last } = part(Some(&header), size) {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
