//! Bytes into text, in the encoding they are in.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How much of an HTML page is searched for its encoding (HTML standard, section 13.2.3.2).
const PRESCAN: usize = 1024;

/// The encoding that a `content-type` names.
pub(super) fn named_by(media_type: &str) -> Option<&'static Encoding> {
    let parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charset.and_then(|(_, label)| Encoding::for_label(label.trim().trim_matches(['"', '\'']).as_bytes()))
}

/// The encoding that an HTML page names itself: `<meta charset=…>`, or in a `content`.
pub(super) fn named_in_html(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]).to_ascii_lowercase();
    start.split("<meta").skip(1).find_map(|rest| {
        let tag = rest.split('>').next()?;
        let value = tag.split_once("charset")?.1.trim_start().strip_prefix('=')?;
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        let label = value.split(['"', '\'', ';', '/', ' ']).next()?;
        let encoding = Encoding::for_label(label.as_bytes())?;
        // Who could read that could not be reading UTF-16.
        Some(encoding.output_encoding())
    })
}

/// The encoding that a mark at the beginning tells.
pub(super) fn marked(bytes: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_bom(bytes).map(|(encoding, _)| encoding)
}

/// Text of bytes: a mark at the beginning counts first, then what is named, then UTF-8 if it is, else Windows-1252, which everything is.
pub(super) fn decode(named: Option<&'static Encoding>, bytes: &[u8]) -> String {
    let encoding = marked(bytes).or(named).unwrap_or_else(|| if is_utf8(bytes) { UTF_8 } else { WINDOWS_1252 });
    encoding.decode(bytes).0.into_owned()
}

/// Whether bytes are UTF-8. It may be cut off within the last character, if others before it show that it is UTF-8.
fn is_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .err()
        .is_none_or(|error| error.error_len().is_none() && !bytes[..error.valid_up_to()].is_ascii())
}
