//! Requests about the state of the whole home.

use zo_projections::Timestamp;

use crate::disk::files::folder_bytes;
use crate::engine::Engine;
use crate::protocol::{Answer, At, DiskBytes, Failure, Status, UsageLine};

pub(super) fn status(engine: &Engine, at: Option<At>) -> Result<Answer, Failure> {
    let (head, recorded_at, figures) = engine.ask_views(at, |views| (views.position, views.at, views.figures()))?;
    Ok(Answer::Status(Status {
        home: format!("{:032x}", u128::from_be_bytes(engine.home.id())),
        folder: engine.home.folder().display().to_string(),
        head,
        at: recorded_at,
        figures,
        indexed: engine.recall.indexed(),
        holder: std::process::id(),
        bytes: disk_bytes(engine),
        segments: u32::try_from(engine.store.segment_count()).unwrap_or(u32::MAX),
        snapshot: engine.snapshots.positions().first().copied(),
        recovery: engine.notes().to_vec(),
    }))
}

pub(super) fn disk_bytes(engine: &Engine) -> DiskBytes {
    DiskBytes {
        log: folder_bytes(&engine.home.log()),
        blobs: folder_bytes(&engine.home.blobs()),
        derived: folder_bytes(&engine.home.folder().join("derived")),
    }
}

pub(super) fn usage(engine: &Engine, at: Option<At>) -> Result<Answer, Failure> {
    let lines = engine.ask_views(at, |views| {
        let lines = views.usage.by_day().map(|(day, model, total)| UsageLine {
            day: Timestamp(i64::from(day) * 86_400_000).to_string()[..10].to_owned(),
            model: model.to_owned(),
            answers: total.answers,
            input_tokens: total.input_tokens,
            output_tokens: total.output_tokens,
            cost_micros: total.cost_micros,
        });
        lines.collect::<Vec<_>>()
    })?;
    Ok(Answer::Usage(lines))
}

pub(super) fn digests(engine: &Engine, at: Option<At>) -> Result<Answer, Failure> {
    let (position, digests) = engine.ask_views(at, |views| (views.position, views.digests()))?;
    let digests = digests.into_iter().map(|(name, digest)| (name.to_owned(), digest)).collect();
    Ok(Answer::Digests { position, digests })
}
