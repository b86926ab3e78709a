//! The notes that ship with the program: what somebody might have written down in a year.

/// Path and text of each note, sorted by path.
///
/// When files were added or removed below `fixtures/notes`, the test below fails with the list as it should be.
pub(super) const NOTES: &[(&str, &str)] = notes! {
    "health":
        "bad-nights" "blood-donation" "first-aid" "glasses" "hearing" "lower-back" "penicillin" "running"
        "vaccinations";
    "home":
        "before-leaving" "bicycle" "bottle-deposit" "camping-list" "car-sharing" "cellar" "chimney" "cobbler"
        "doorbell" "dumplings" "electric-meter" "fuses" "grandmothers-furniture" "heating" "insurance"
        "kettle" "knife-sharpening" "moth-trap" "neighbourhood" "paint" "passport" "phone-contract" "photos"
        "rainy-days" "router" "server-disks" "server" "sewing" "smoke-alarms" "sourdough" "tomatoes" "tomcat"
        "tools" "washing-machine" "wifi-channels" "windows";
    "ideas":
        "balcony-bench" "berth-game" "bread-log" "card-catalogue" "explain-plan" "form-museum"
        "incident-cards" "kitchen-list" "letter-to-self" "noise-map" "offline-first-notes" "one-line-diary"
        "plain-text-ledger" "questions-for-tema" "radio-receiver" "repair-evening" "small-tools"
        "talk-proposal" "teaching-queues" "tide-clock" "tool-library" "wind-and-moves";
    "journal":
        "2026-01-05" "2026-01-20" "2026-01-28" "2026-02-14" "2026-02-28" "2026-03-16" "2026-03-20"
        "2026-03-29" "2026-04-02" "2026-04-12" "2026-04-30" "2026-05-04" "2026-05-12" "2026-05-22"
        "2026-06-05" "2026-06-30" "2026-07-04" "2026-07-17" "2026-07-25" "2026-08-14" "2026-08-21"
        "2026-09-01" "2026-09-09" "2026-09-15" "2026-09-19" "2026-10-02" "2026-10-05" "2026-10-11"
        "2026-10-24" "2026-11-04" "2026-11-08" "2026-11-12";
    "people":
        "accountant" "adwoa" "agnes" "barber" "bicycle-mechanic" "book-club" "bram" "crane-driver" "dentist"
        "doctor" "former-boss" "godchild" "henk" "ines" "jun" "landlady" "lieve" "marek" "mother" "noor"
        "petra" "physiotherapist" "plumber" "rafael" "sofie" "tomasz" "twins" "wim";
    "reading":
        "bloom-filters" "bm25" "buildings" "checklists" "chesterton" "end-to-end" "everyday-things" "fsync"
        "goodhart" "hyrum" "invisible-cities" "littles-law" "log-structured" "logical-clocks" "man-month"
        "moby-dick" "poems" "queueing-tail" "raft" "release-it" "sea-stories" "spaced-repetition" "the-box"
        "thinking-in-systems" "typography" "vacuum";
    "recipes":
        "almond-cake" "chickpea-stew" "ginger-syrup" "herring" "oat-porridge" "pancakes" "pea-soup"
        "plum-butter";
    "travel":
        "alps-plan" "ferry" "gdynia" "genoa" "ghent" "night-trains" "packing" "terceira" "valparaiso"
        "zeeland";
    "work":
        "api-versions" "backups" "berth-plan" "browser-support" "bug-bounty" "build-times"
        "certificate-renewal" "clock-drift" "cloud-bill" "code-review" "complaints" "connection-pool"
        "container-ids" "crane-moves" "customs-api" "customs-codes" "dangerous-goods" "deletion-requests"
        "demurrage-rates" "deploying" "deprecation-letter" "disk-full" "dns-outage" "edi-messages"
        "error-messages" "feature-flags" "figures" "first-week" "flaky-test" "gate-slots" "git-aliases"
        "glossary" "hiring-exercise" "idempotency" "imo-numbers" "incident-template" "invoice-incident"
        "keeping-bookings" "laptop-setup" "largest-customer" "load-test" "logging" "meeting-rooms"
        "migrations" "monitoring" "office" "on-call" "pagination" "panics" "pilots" "plans-2027" "printer"
        "property-tests" "psql-snippets" "queue-choice" "reefer-plugs" "release-notes" "retries" "rollback"
        "rounding" "rust-guidelines" "rust-migration" "search-decision" "secrets" "shadow-mode" "slow-query"
        "staging-database" "support-hours" "tariff-table" "team-rituals" "terminals" "test-suite" "tie-rules"
        "time-zones" "translations" "vendor-review" "vpn" "webhooks" "yearly-talk";
};

/// Takes files below `fixtures/notes` into the program: `folder: name name …;`, without their `.md`.
macro_rules! notes {
    ($($folder:literal: $($name:literal)+;)+) => {
        &[$($((
            concat!($folder, "/", $name, ".md"),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/notes/", $folder, "/", $name, ".md")),
        )),+),+]
    };
}
use notes;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::NOTES;

    /// No line of the list is longer than this, in characters.
    const WIDTH: usize = 110;

    /// The names of what lies in a folder, sorted.
    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the notes lie beside the program");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().into_string().expect("names are UTF-8")).collect();
        names.sort();
        names
    }

    /// The list as it is written above.
    fn list_of(paths: &[String]) -> String {
        let mut folders = BTreeMap::<&str, Vec<&str>>::new();
        for path in paths {
            let (folder, file) = path.split_once('/').expect("every note lies in a folder");
            folders.entry(folder).or_default().push(file.strip_suffix(".md").expect("every note is Markdown"));
        }
        let mut list = String::new();
        for (folder, names) in folders {
            list.push_str(&format!("    \"{folder}\":\n"));
            let mut line = "       ".to_owned();
            for name in names {
                if line.len() + name.len() + 3 > WIDTH {
                    list.push_str(&line);
                    list.push('\n');
                    line = "       ".to_owned();
                }
                line.push_str(&format!(" \"{name}\""));
            }
            list.push_str(&line);
            list.push_str(";\n");
        }
        list
    }

    #[test]
    fn every_note_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/notes");
        let mut there = Vec::new();
        for folder in names_in(&root) {
            there.extend(names_in(&root.join(&folder)).into_iter().map(|name| format!("{folder}/{name}")));
        }
        let listed: Vec<&str> = NOTES.iter().map(|(path, _)| *path).collect();
        assert!(listed == there, "the list should read\n{}", list_of(&there));
    }
}
