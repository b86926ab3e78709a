//! Checks and copies of a home: verify, backup, restore, export and import.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use zo_projections::Position;
use zo_projections::record::BodyPlace;

use crate::engine::Engine;
use crate::fold;
use crate::protocol::{BackedUp, Failure, Problem, Verification};

/// Told what is being done, how much is done and how much there is; breaks to stop.
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64) -> ControlFlow<()>;

/// Reads and checks everything in an open home: every copy of every pack, the chain, every event, every blob, every
/// key, and that the views hold no anomaly.
///
/// # Errors
/// If the writer is poisoned. What is damaged is no error: it is in the answer.
pub fn verify_open(engine: &Engine, progress: Progress<'_>) -> Result<Verification, Failure> {
    let head = engine.store_head();
    let mut problems = Vec::new();
    let mut events = 0;
    let mut blobs = HashSet::new();
    let mut told = 0;
    let checked = fold::packs(engine.reader.store(), Position(1), head.position).try_for_each(|chunk| {
        for pack in chunk.map_err(fold::FoldError::from)? {
            for record in pack.records() {
                let record = record?;
                let position = record.header.position;
                record.decode().map_err(|source| fold::FoldError::Event { position, source })?;
                if let BodyPlace::Blob { hash, .. } = record.header.body {
                    blobs.insert((hash, position));
                }
                events += 1;
            }
        }
        if events - told >= 50_000 {
            told = events;
            let _ = progress("verifying events", events, head.position.0);
        }
        Ok::<(), fold::FoldError>(())
    });
    if let Err(error) = checked {
        problems.push(Problem {
            place: "log".to_owned(),
            what: crate::service::failure::with_causes(&error),
            first: Some(Position(events + 1)),
            last: None,
            restored_by: Some("`zo log restore`, from the other copy or a backup".to_owned()),
        });
    }
    let total = blobs.len() as u64;
    for (done, (hash, position)) in blobs.into_iter().enumerate() {
        let _ = progress("verifying blobs", done as u64, total);
        if let Err(error) = engine.bodies.blobs().get(&hash) {
            problems.push(Problem {
                place: engine.bodies.blobs().path(&hash).display().to_string(),
                what: error.to_string(),
                first: Some(position),
                last: Some(position),
                restored_by: Some("`zo log restore --from` a backup that has it".to_owned()),
            });
        }
    }
    for finding in engine.bodies.keys().verify() {
        problems.push(Problem {
            place: finding.path.display().to_string(),
            what: finding.what,
            first: None,
            last: None,
            restored_by: Some("the copy beside it, the next time the home is opened".to_owned()),
        });
    }
    let anomalies = engine.writer.read(|views| views.anomalies.clone())?;
    problems.extend(anomalies.into_iter().map(|anomaly| Problem {
        place: "views".to_owned(),
        what: format!("anomaly: {}", anomaly.what),
        first: Some(anomaly.position),
        last: Some(anomaly.position),
        restored_by: None,
    }));
    Ok(Verification {
        ok: problems.is_empty(),
        events,
        head: head.position,
        hash: blake3::Hash::from_bytes(head.hash).to_hex().to_string(),
        problems,
    })
}

/// Copies into `folder` what is not there yet.
///
/// # Errors
/// If the folder is the backup of another home, or the disk says no.
pub fn backup(engine: &Engine, folder: &Path, with_keys: bool, progress: Progress<'_>) -> Result<BackedUp, Failure> {
    let _ = (engine, folder, with_keys, progress);
    Err(Failure::new(crate::protocol::FailureKind::Io, "backup is being written"))
}
