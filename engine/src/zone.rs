//! The time zone of this machine, by its IANA name: what a rule means that names none.
//!
//! Looked for where libc looks (tzset(3), localtime(5)): the variable TZ, the link /etc/localtime, the file /etc/timezone.

use std::env;
use std::fs;
use std::path::Path;

/// What a rule means where nothing tells.
pub const UTC: &str = "UTC";

/// Where a name of a zone was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name.
    pub name: String,
    /// Where: `TZ`, `/etc/localtime`.
    pub place: &'static str,
}

/// The zone of this machine, or [`UTC`] where nothing names one that is known.
pub fn local() -> String {
    found().into_iter().find(|found| is_known(&found.name)).map_or_else(|| UTC.to_owned(), |found| found.name)
}

/// Every name there is of this machine's zone, the one that counts first. It need not be a known one.
pub fn found() -> Vec<Found> {
    let variable = env::var("TZ").ok().and_then(|value| of_variable(&value));
    let link = fs::canonicalize("/etc/localtime").ok().and_then(|path| of_path(&path));
    let file = fs::read_to_string("/etc/timezone").ok().map(|text| text.trim().to_owned());
    let places = [("TZ", variable), ("/etc/localtime", link), ("/etc/timezone", file)];
    let named = places.into_iter().filter_map(|(place, name)| Some(Found { name: name?, place }));
    named.filter(|found| !found.name.is_empty()).collect()
}

/// Whether rules can be in this zone.
pub fn is_known(name: &str) -> bool {
    zo_recurrence::parse("FREQ=DAILY", name, chrono::DateTime::UNIX_EPOCH).is_ok()
}

/// `:Europe/Berlin`, `Europe/Berlin`, or a file below a folder `zoneinfo`.
fn of_variable(value: &str) -> Option<String> {
    let value = value.strip_prefix(':').unwrap_or(value);
    if value.starts_with('/') { of_path(Path::new(value)) } else { Some(value.to_owned()) }
}

/// `/usr/share/zoneinfo/Europe/Berlin` is Europe/Berlin.
fn of_path(path: &Path) -> Option<String> {
    let (_, name) = path.to_str()?.split_once("/zoneinfo/")?;
    let name = ["posix/", "right/"].into_iter().find_map(|folder| name.strip_prefix(folder)).unwrap_or(name);
    // What Debian links to where no zone was chosen.
    Some(if matches!(name, "Etc/UTC" | "UCT" | "Zulu") { UTC.to_owned() } else { name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_named_in_several_ways() {
        for value in ["Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"] {
            assert_eq!(of_variable(value).as_deref(), Some("Europe/Berlin"), "{value}");
        }
        assert_eq!(of_path(Path::new("/usr/share/zoneinfo/posix/Asia/Tokyo")).as_deref(), Some("Asia/Tokyo"));
        assert_eq!(of_path(Path::new("/usr/share/zoneinfo/Etc/UTC")).as_deref(), Some("UTC"));
        assert_eq!(of_path(Path::new("/etc/localtime")), None);
    }

    #[test]
    fn a_zone_that_nobody_knows_is_none() {
        assert!(is_known("Europe/Berlin") && is_known(UTC));
        assert!(!is_known("Europe/Berln") && !is_known("") && !is_known("CET-1CEST"));
    }
}
