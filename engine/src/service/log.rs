//! Requests about the log itself: looking at it, checking it, copying it, making everything derived anew.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::Duration;

use zo_projections::event::kind_name;
use zo_projections::record::FIXED;
use zo_projections::views::Figures;
use zo_projections::{Actor, Category, Command, EventId, Position, StreamId, Submission, Views};

use super::status::disk_bytes;
use super::{Each, acknowledge, check_count, deliver};
use crate::engine::Engine;
use crate::fold;
use crate::maintenance;
use crate::protocol::{
    Acknowledged, At, EventLine, EventSelection, Failure, FailureKind, KindStats, Rebuilt, Response, Stats, Step,
};
use crate::reader::ReadEvent;

/// How often somebody who follows the log is looked after when nothing happens.
const FOLLOW_PATIENCE: Duration = Duration::from_millis(250);
/// A progress is sent after so many events.
const PROGRESS_EVENTS: u64 = 50_000;

/// A selection, resolved.
struct Filter {
    stream: Option<StreamId>,
    category: Option<Category>,
    kind: Option<String>,
}

impl Filter {
    fn of(selection: &EventSelection) -> Result<Self, Failure> {
        let (mut stream, mut category) = (None, None);
        if let Some(text) = &selection.stream {
            category = Category::ALL.into_iter().find(|category| category.name() == text);
            if category.is_none() {
                stream = Some(text.parse().map_err(|_| {
                    let names: Vec<&str> = Category::ALL.into_iter().map(Category::name).collect();
                    Failure::new(FailureKind::Invalid, format!("`{text}` is no stream"))
                        .hint(format!("a stream is like memory/01J…, or one of {}", names.join(", ")))
                })?);
            }
        }
        if let Some(kind) = &selection.kind {
            let known = zo_projections::event::KINDS.iter().any(|(_, name, _)| name.starts_with(kind.as_str()));
            if !known {
                let names: Vec<&str> = zo_projections::event::KINDS.iter().map(|(_, name, _)| *name).collect();
                return Err(Failure::new(FailureKind::Invalid, format!("no kind of event begins with `{kind}`"))
                    .hint(format!("there are {}", names.join(", "))));
            }
        }
        Ok(Self { stream, category, kind: selection.kind.clone() })
    }

    fn takes(&self, stream: StreamId, kind: u16) -> bool {
        self.stream.is_none_or(|wanted| wanted == stream)
            && self.category.is_none_or(|wanted| wanted == stream.category)
            && self.kind.as_ref().is_none_or(|wanted| kind_name(kind).is_some_and(|name| name.starts_with(wanted)))
    }
}

pub(super) fn events(engine: &Engine, selection: &EventSelection, follow: bool, each: Each<'_>) -> Result<(), Failure> {
    let filter = Filter::of(selection)?;
    let head = engine.writer.position();
    let to = match selection.to {
        Some(at) => engine.position_at(at)?,
        None => head,
    };
    let from = selection.from.max(Position(1));
    let mut stopped = false;
    match selection.last {
        Some(last) => {
            for position in last_matching(engine, &filter, from, to, last as usize)? {
                stopped = send(each, &engine.reader.event(position)?).is_break();
                if stopped {
                    break;
                }
            }
        }
        None => stopped = each_matching(engine, &filter, from, to, each)?.is_break(),
    }
    let mut seen = to;
    while follow && !stopped {
        let now = engine.writer.wait_behind(seen, FOLLOW_PATIENCE);
        if let Some(why) = engine.writer.poisoned() {
            return Err(crate::writer::Poisoned(why).into());
        }
        if now > seen {
            stopped = each_matching(engine, &filter, seen.next(), now, each)?.is_break();
            seen = now;
        } else {
            // Whoever follows gets a word now and then, so that both ends notice when the other is gone.
            let idle = Response::Progress { what: "following".to_owned(), done: now.0, total: now.0 };
            stopped = each(idle).is_break();
        }
        if engine.is_stopping() {
            return Err(Failure::new(FailureKind::Disconnected, "the holder of the home is leaving"));
        }
    }
    Ok(())
}

fn send(each: Each<'_>, event: &ReadEvent) -> ControlFlow<()> {
    each(Response::Event(Box::new(event_line(event))))
}

fn each_matching(
    engine: &Engine,
    filter: &Filter,
    from: Position,
    to: Position,
    each: Each<'_>,
) -> Result<ControlFlow<()>, Failure> {
    let mut flow = ControlFlow::Continue(());
    engine.reader.each_record(from, to, &mut |record| {
        if filter.takes(record.header.stream, record.kind) {
            flow = send(each, &engine.reader.open(record)?);
        }
        Ok(flow)
    })?;
    Ok(flow)
}

/// Positions of the last `count` events that match, in order. Reads backwards in ever larger ranges.
fn last_matching(
    engine: &Engine,
    filter: &Filter,
    from: Position,
    to: Position,
    count: usize,
) -> Result<Vec<Position>, Failure> {
    let mut found: Vec<Position> = Vec::new();
    let mut end = to;
    let mut range = (count as u64).max(64);
    while found.len() < count && end >= from && end > Position::START {
        let begin = Position(end.0.saturating_sub(range - 1).max(from.0));
        let mut matching = Vec::new();
        engine.reader.each_record(begin, end, &mut |record| {
            if filter.takes(record.header.stream, record.kind) {
                matching.push(record.header.position);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        matching.append(&mut found);
        found = matching;
        end = Position(begin.0 - 1);
        range *= 4;
    }
    let skip = found.len().saturating_sub(count);
    Ok(found.split_off(skip))
}

pub(crate) fn event_line(event: &ReadEvent) -> EventLine {
    let header = &event.recorded.header;
    let mut sealed = event.sealed.clone();
    let said = &event.recorded.event;
    let mut data = said.to_json(event.body.as_deref()).unwrap_or_else(|error| {
        sealed = Some(error.to_string());
        said.to_json(None).unwrap_or_default()
    });
    // A body that cannot be shown is never just left out.
    if let Some(why) = sealed {
        data.insert("sealed".to_owned(), why.into());
    }
    EventLine {
        position: header.position,
        id: header.id.to_string(),
        stream: header.stream.to_string(),
        version: header.version,
        at: header.at,
        kind: event.recorded.event.name().to_owned(),
        actor: header.actor,
        causation: header.causation,
        correlation: header.correlation.map(|id| EventId(id).to_string()),
        data: serde_json::Value::Object(data).to_string(),
    }
}

pub(super) fn replay(
    engine: &Engine,
    from: Position,
    to: Option<At>,
    from_snapshot: bool,
    silent: bool,
    each: Each<'_>,
) -> Result<(), Failure> {
    let to = match to {
        Some(at) => engine.position_at(at)?,
        None => engine.writer.position(),
    };
    let store = engine.reader.store();
    let from = if silent { to.next() } else { from.max(Position(1)) };
    let before = Position(from.0 - 1).min(to);
    let mut views = if from_snapshot { engine.snapshots.load(store, before) } else { Views::default() };
    let begun = views.position;
    let mut gone = false;
    let mut told = begun;
    fold::catch_up(store, &mut views, before, &mut |position| {
        if position.0 - told.0 >= PROGRESS_EVENTS {
            told = position;
            let progress = Response::Progress { what: "folding".to_owned(), done: position.0, total: to.0 };
            gone |= each(progress).is_break();
        }
    })?;
    if gone {
        return Ok(());
    }
    engine.reader.each(from, to, &mut |event| {
        let figures = views.figures();
        views.apply(&event.recorded);
        let changes = changes(&figures, &views.figures());
        let flow = each(Response::Step(Box::new(Step { event: event_line(&event), changes })));
        gone = flow.is_break();
        flow
    })?;
    if gone {
        return Ok(());
    }
    deliver(each, Response::Digests { position: views.position, digests: owned(views.digests()) })
}

fn owned(digests: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    digests.into_iter().map(|(name, digest)| (name.to_owned(), digest)).collect()
}

fn changes(before: &Figures, after: &Figures) -> Vec<(String, u64, u64)> {
    let entries = |figures: &Figures| match serde_json::to_value(figures) {
        Ok(serde_json::Value::Object(object)) => object,
        _ => serde_json::Map::new(),
    };
    let after = entries(after);
    let changed = entries(before).into_iter().filter_map(|(name, before)| {
        let (before, after) = (before.as_u64()?, after.get(&name)?.as_u64()?);
        (before != after).then_some((name, before, after))
    });
    changed.collect()
}

pub(super) fn stats(engine: &Engine, at: Option<At>) -> Result<Stats, Failure> {
    let head = match at {
        Some(at) => engine.position_at(at)?,
        None => engine.writer.position(),
    };
    let mut stats = Stats { head, disk: disk_bytes(engine), ..Stats::default() };
    let mut kinds: HashMap<u16, (u64, u64)> = HashMap::new();
    for chunk in fold::packs(engine.reader.store(), Position(1), head) {
        for pack in chunk? {
            stats.packs += 1;
            stats.bytes += pack.bytes().len() as u64;
            for record in pack.records() {
                let record = record.map_err(fold::FoldError::from)?;
                if record.header.position > head {
                    break;
                }
                stats.events += 1;
                stats.first_at.get_or_insert(record.header.at);
                stats.last_at = Some(record.header.at);
                let kind = kinds.entry(record.kind).or_default();
                kind.0 += 1;
                kind.1 += (FIXED + record.event.len() + record.body.len()) as u64;
            }
        }
    }
    stats.kinds = kinds
        .into_iter()
        .map(|(kind, (events, bytes))| {
            let kind = kind_name(kind).map_or_else(|| format!("{kind:#06x}"), str::to_owned);
            KindStats { kind, events, bytes }
        })
        .collect();
    stats.kinds.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.kind.cmp(&b.kind)));
    Ok(stats)
}

pub(super) fn verify(engine: &Engine, each: Each<'_>) -> Result<(), Failure> {
    let verification = maintenance::verify_open(engine, &mut |what, done, total| {
        each(Response::Progress { what: what.to_owned(), done, total })
    })?;
    deliver(each, Response::Verification(Box::new(verification)))
}

pub(super) fn backup(engine: &Engine, folder: &str, with_keys: bool, each: Each<'_>) -> Result<(), Failure> {
    let backed_up = maintenance::backup(engine, folder.as_ref(), with_keys, &mut |what, done, total| {
        each(Response::Progress { what: what.to_owned(), done, total })
    })?;
    deliver(each, Response::BackedUp(backed_up))
}

pub(super) fn export(engine: &Engine, file: &str, with_keys: bool, each: Each<'_>) -> Result<(), Failure> {
    let exported = maintenance::export(engine, file.as_ref(), with_keys, &mut |what, done, total| {
        each(Response::Progress { what: what.to_owned(), done, total })
    })?;
    deliver(each, Response::BackedUp(exported))
}

pub(super) fn rebuild(engine: &Engine, each: Each<'_>) -> Result<(), Failure> {
    let (position, before) = engine.writer.read(|views| (views.position, views.digests()))?;
    let index_before = engine.recall.digest(engine.log_for_recall())?;
    engine.snapshots.clear().map_err(|error| Failure::new(FailureKind::Io, error.to_string()))?;
    engine.recall.clear().map_err(|error| Failure::new(FailureKind::Io, format!("the index: {error}")))?;
    let mut views = Views::default();
    fold::catch_up(engine.reader.store(), &mut views, position, &mut |done| {
        // The rebuild goes on also when nobody watches any more.
        let _ = each(Response::Progress { what: "folding".to_owned(), done: done.0, total: position.0 });
    })?;
    let after = views.digests();
    let mut same = before == after;
    if same && engine.store_head().position == position {
        engine
            .snapshots
            .write(&views, &engine.store_head())
            .map_err(|error| Failure::new(FailureKind::Io, error.to_string()))?;
    }
    let indexed = engine.recall.catch_up(engine.log_for_recall())?;
    let mut digests: Vec<(String, String, String)> =
        before.into_iter().zip(after).map(|((name, before), (_, after))| (name.to_owned(), before, after)).collect();
    if let (Some(before), Some(after)) = (index_before, engine.recall.digest(engine.log_for_recall())?) {
        // What was memorized meanwhile is in the later one alone.
        same &= before == after || engine.store_head().position != position;
        digests.push(("memory_index".to_owned(), before, after));
    }
    let rebuilt = Rebuilt { position, events: position.0, indexed, digests, same };
    deliver(each, Response::Rebuilt(Box::new(rebuilt)))
}

pub(super) fn append_placeholders(
    engine: &Engine,
    count: u32,
    bytes: u32,
) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    check_count("events", count as usize)?;
    let stream = StreamId::new(Category::Job, engine.world.fresh_id());
    let submissions = (0..count).map(|_| {
        let command = Command::AppendPlaceholder {
            stream,
            stands_for: "job.ticked".to_owned(),
            filling: vec![0; bytes.min(MAX_PLACEHOLDER_BYTES) as usize],
        };
        Submission::new(Actor::Client, command)
    });
    let outcomes = engine.writer.submit(submissions.collect());
    Ok(outcomes.into_iter().map(|outcome| acknowledge(stream.to_string(), outcome)).collect())
}

/// The most bytes that a placeholder is filled with.
const MAX_PLACEHOLDER_BYTES: u32 = 32 * 1024;
