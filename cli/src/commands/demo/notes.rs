//! The notes that ship with the program: what somebody might have written down in a year.

/// Path and text of each note.
pub(super) const NOTES: &[(&str, &str)] = notes![
    "home/bicycle.md",
    "home/car-sharing.md",
    "home/dumplings.md",
    "home/heating.md",
    "home/neighbourhood.md",
    "home/passport.md",
    "home/router.md",
    "home/server.md",
    "home/sourdough.md",
    "home/tomatoes.md",
    "ideas/berth-game.md",
    "ideas/offline-first-notes.md",
    "ideas/plain-text-ledger.md",
    "ideas/talk-proposal.md",
    "ideas/tide-clock.md",
    "journal/2026-03-16.md",
    "journal/2026-05-04.md",
    "journal/2026-08-21.md",
    "journal/2026-10-02.md",
    "journal/2026-11-12.md",
    "people/adwoa.md",
    "people/dentist.md",
    "people/ines.md",
    "people/jun.md",
    "people/petra.md",
    "people/tomasz.md",
    "reading/bm25.md",
    "reading/fsync.md",
    "reading/log-structured.md",
    "reading/release-it.md",
    "reading/sea-stories.md",
    "reading/spaced-repetition.md",
    "reading/thinking-in-systems.md",
    "reading/typography.md",
    "work/api-versions.md",
    "work/backups.md",
    "work/build-times.md",
    "work/certificate-renewal.md",
    "work/code-review.md",
    "work/container-ids.md",
    "work/customs-api.md",
    "work/deploying.md",
    "work/deprecation-letter.md",
    "work/feature-flags.md",
    "work/flaky-test.md",
    "work/glossary.md",
    "work/hiring-exercise.md",
    "work/idempotency.md",
    "work/invoice-incident.md",
    "work/logging.md",
    "work/monitoring.md",
    "work/office.md",
    "work/on-call.md",
    "work/queue-choice.md",
    "work/rollback.md",
    "work/rust-migration.md",
    "work/search-decision.md",
    "work/staging-database.md",
    "work/time-zones.md",
    "work/vpn.md",
];

/// Takes the files below `fixtures/notes` into the program.
macro_rules! notes {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/notes/", $path)))),*]
    };
}
use notes;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::NOTES;

    #[test]
    fn every_note_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/notes");
        let mut there = 0;
        for folder in std::fs::read_dir(&root).expect("the notes lie beside the program") {
            let folder = folder.expect("readable").path();
            for file in std::fs::read_dir(&folder).expect("folders of notes") {
                let path = file.expect("readable").path();
                let relative = path.strip_prefix(&root).expect("below it").to_str().expect("ASCII").to_owned();
                assert!(NOTES.iter().any(|(path, _)| *path == relative), "{relative} is missing in the table");
                there += 1;
            }
        }
        assert_eq!(there, NOTES.len());
    }
}
