//! The hits of many questions as a run: a line for each, as evaluation programs read them.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;
use zo_engine::protocol::{Embedded, RecalledHit};
use zo_projections::Position;

use super::batch::{Plan, QueryLine, embed_all};
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::counted;
use crate::output::{Output, Total};

/// What the last column of a classic run is.
const TAG: &str = "zo";

/// What a run came to, as JSON has it.
#[derive(Default, Serialize)]
struct RunJson {
    queries: u64,
    hits: u64,
    run: String,
    indexed: Position,
    embedded: Position,
    head: Position,
    share: Embedded,
}

/// Puts all questions and writes the run to `out`: whole, or not at all.
///
/// # Errors
/// If a question cannot be answered, or the run cannot be written.
pub(super) fn write(
    context: &mut Context,
    queries: &[QueryLine],
    plan: &Plan,
    out: &Path,
    trec: bool,
    wait: bool,
) -> Result<(), CliError> {
    // What cannot be put is told before anything is embedded or put.
    let questions = queries.iter().map(|query| plan.question(query)).collect::<Result<Vec<_>, _>>()?;
    let mut target = Target::open(out)?;
    let mut client = context.open_existing()?;
    let interrupt = Interrupt::watch()?;
    let output = &mut context.output;
    if wait {
        embed_all(&mut client, output, &interrupt)?;
    }
    let mut came_to = RunJson { run: out.display().to_string(), ..RunJson::default() };
    let mut notes = HashSet::new();
    let progress = output.progress("recalling", Total::Items(queries.len() as u64));
    for (query, (question, cut)) in queries.iter().zip(questions) {
        if interrupt.is_set() {
            return Err(CliError::new(Kind::Interrupted, format!("interrupted; {} is not written", out.display())));
        }
        let (recalled, _) = plan.put(&mut client, query, question)?;
        for note in cut.into_iter().chain(recalled.notes.iter().cloned()) {
            // What holds for all of them is said once.
            if notes.insert(note.clone()) {
                output.note(format!("note: {note}"));
            }
        }
        came_to.hits += write_hits(output, &mut target, &query.id, &recalled.hits, trec)?;
        came_to.queries += 1;
        progress.set(came_to.queries);
        (came_to.indexed, came_to.embedded) = (recalled.indexed, recalled.embedded);
        (came_to.head, came_to.share) = (recalled.head, recalled.share);
    }
    drop(progress);
    client.close()?;
    let to_stdout = matches!(target, Target::Stdout);
    target.finish()?;
    if let Some(share) = super::share_in_words(came_to.share) {
        output.note(format!("note: {share}"));
    }
    if to_stdout {
        return Ok(());
    }
    if output.is_json() {
        return output.data(&came_to);
    }
    let (queries, hits) = (counted(came_to.queries, "query"), counted(came_to.hits, "hit"));
    output.line(format!("{queries}, {hits}: {}", output.shown(&came_to.run)))
}

/// Writes the lines of one question; returns how many there are.
fn write_hits(
    output: &mut Output,
    target: &mut Target,
    query: &str,
    hits: &[RecalledHit],
    trec: bool,
) -> Result<u64, CliError> {
    let mut rank = 0;
    let mut seen = HashSet::new();
    // A document counts once, where it stands first.
    for hit in hits.iter().filter(|hit| seen.insert(hit.id.as_str())) {
        rank += 1;
        let line = if trec { trec_line(query, hit, rank)? } else { line(query, hit, rank) };
        target.write(output, &line)?;
    }
    Ok(rank)
}

/// The score is written with as many digits as tell it from any other.
fn line(query: &str, hit: &RecalledHit, rank: u64) -> String {
    format!("{query}\t{}\t{rank}\t{}\n", hit.id, hit.score)
}

fn trec_line(query: &str, hit: &RecalledHit, rank: u64) -> Result<String, CliError> {
    if let Some(id) = [query, &hit.id].into_iter().find(|id| id.contains(char::is_whitespace)) {
        return Err(CliError::invalid(format!("the id `{id}` has a blank in it, which no column of --trec can have"))
            .hint("leave --trec away: the other form has tabs between its columns"));
    }
    Ok(format!("{query} Q0 {} {rank} {} {TAG}\n", hit.id, hit.score))
}

/// Where a run goes.
enum Target {
    Stdout,
    /// A device or a pipe, which nothing can be put in the place of.
    Straight(PathBuf, io::BufWriter<fs::File>),
    /// A file, which appears when it is whole.
    Whole(PathBuf, io::BufWriter<NamedTempFile>),
}

impl Target {
    fn open(out: &Path) -> Result<Self, CliError> {
        if out == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let cannot = |error: io::Error| CliError::io(format!("cannot write {}", out.display()), &error);
        // Behind a link it is the file that is written, and not the link.
        let path = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(CliError::invalid(format!("{} is a folder", out.display())).hint("name a file in it"));
            }
            Ok(metadata) if !metadata.is_file() => {
                let file = fs::File::options().write(true).open(&path).map_err(cannot)?;
                return Ok(Self::Straight(path, io::BufWriter::new(file)));
            }
            _ => {}
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // What any file gets that is made here: the user's mask takes away from it.
        builder.prefix(".zo-run-").permissions(fs::Permissions::from_mode(0o666));
        let file = builder.tempfile_in(parent).map_err(cannot)?;
        Ok(Self::Whole(path, io::BufWriter::new(file)))
    }

    fn write(&mut self, output: &mut Output, line: &str) -> Result<(), CliError> {
        let (path, written) = match self {
            Self::Stdout => return output.text(line),
            Self::Straight(path, file) => (path, file.write_all(line.as_bytes())),
            Self::Whole(path, file) => (path, file.write_all(line.as_bytes())),
        };
        written.map_err(|error| CliError::io(format!("cannot write {}", path.display()), &error))
    }

    /// Makes it appear.
    fn finish(self) -> Result<(), CliError> {
        match self {
            Self::Stdout => Ok(()),
            Self::Straight(path, mut file) => {
                file.flush().map_err(|error| CliError::io(format!("cannot write {}", path.display()), &error))
            }
            Self::Whole(path, file) => {
                let cannot = |error: &io::Error| CliError::io(format!("cannot write {}", path.display()), error);
                let file = file.into_inner().map_err(|error| cannot(error.error()))?;
                file.as_file().sync_all().map_err(|error| cannot(&error))?;
                file.persist(&path).map(|_| ()).map_err(|error| cannot(&error.error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, score: f32) -> RecalledHit {
        RecalledHit { id: id.to_owned(), score, ..RecalledHit::default() }
    }

    #[test]
    fn a_line_has_its_columns_and_the_whole_score() {
        assert_eq!(line("q 1", &hit("a b", 0.1), 1), "q 1\ta b\t1\t0.1\n");
        assert_eq!(trec_line("q1", &hit("a", 1.5), 2), Ok("q1 Q0 a 2 1.5 zo\n".to_owned()));
        assert!(trec_line("q 1", &hit("a", 1.5), 2).is_err());
        let (more, less) = (0.700_000_05_f32, 0.7_f32);
        assert!(more > less);
        let score = |score: f32| line("q", &hit("a", score), 1);
        assert_ne!(score(more), score(less), "scores that differ are written differently");
        assert_eq!(score(1e-9), "q\ta\t1\t0.000000001\n", "and never with an exponent");
    }

    #[test]
    fn a_run_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let out = folder.path().join("run.tsv");
        let mut output = Output::new(false, true, crate::output::Color::Never);
        let mut target = Target::open(&out).expect("it can be written");
        let hits = [hit("a", 2.0), hit("b", 1.0), hit("a", 0.5)];
        assert_eq!(write_hits(&mut output, &mut target, "q", &hits, false), Ok(2), "a document counts once");
        assert!(!out.exists());
        target.finish().expect("it is renamed");
        assert_eq!(fs::read_to_string(&out).expect("a run"), "q\ta\t1\t2\nq\tb\t2\t1\n");
        drop(Target::open(&out).expect("it can be written again"));
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1, "nothing half is left");
    }
}
