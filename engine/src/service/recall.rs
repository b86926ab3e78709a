//! Requests about recall: hits of the memory index made into what a reader sees, from the log.

use std::time::Duration;

use zo_embed::EmbedError;
use zo_memory::{Filter, Hit, Kind, Parts, passage_by_words};
use zo_projections::event::Event;
use zo_projections::event::conversation::MessageBody;
use zo_projections::event::memory::{Memorized, Superseded};
use zo_projections::{Actor, Command, ConversationId, MemoryId, Position, Submission};

use super::conversation::body_of;
use super::{Each, acknowledge, check_count, deliver, memory};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, At, Explanation, Failure, FailureKind, MAX_PAGE, ModelLine, Neighbour, RECALL_PARTS,
    RecallQuestion, RecallScope, Recalled, RecalledHit, Response,
};
use crate::reader::ReadEvent;
use crate::recall::{Search, chosen};

/// So often a question may have been asked before without taking the place of an answer.
const REPEATED: usize = 10;
/// So many of the meta keys there are, are named to whom names one that there is not.
const NAMED_KEYS: usize = 8;

pub(super) fn recall(engine: &Engine, question: &RecallQuestion, at: Option<At>) -> Result<Answer, Failure> {
    if question.text.trim().is_empty() {
        return Err(Failure::new(FailureKind::Invalid, "the question is empty").hint("say what to look for"));
    }
    let views = at.map(|at| engine.views_at(at)).transpose()?;
    if !question.any_key {
        for (key, _) in &question.meta {
            check_key(engine, key)?;
        }
    }
    let limit = (question.limit as usize).clamp(1, MAX_PAGE);
    let search = Search {
        text: &question.text,
        limit: limit + REPEATED,
        filter: Filter {
            kind: match question.scope {
                RecallScope::Both => None,
                RecallScope::Memories => Some(Kind::Memory),
                RecallScope::Messages => Some(Kind::Message),
            },
            facets: question.meta.clone(),
            since_ms: question.since.map(|since| since.0),
            until_ms: question.until.map(|until| until.0),
            up_to: views.as_ref().map(|views| views.position.0),
        },
        parts: parts(&question.without)?,
        as_of: views.as_ref(),
        embed: Duration::from_millis(question.embed_ms),
    };
    let found = engine.recall.search(engine.log_for_recall(), &search)?;
    let mut hits = Vec::with_capacity(limit);
    // Those beyond the limit only stand in for repetitions, and are not read without need.
    for hit in &found.hits {
        let event = engine.reader.event(Position(hit.position))?;
        let line = line(engine, &question.text, hit, &event)?;
        if !repeats(&line, &question.text) {
            hits.push(line);
        }
        if hits.len() == limit {
            break;
        }
    }
    Ok(Answer::Recalled(Recalled {
        hits,
        indexed: found.indexed,
        embedded: found.embedded,
        head: engine.writer.read(|views| views.position)?,
        share: found.share,
        notes: found.notes,
        embedding_us: found.embedding.as_micros().try_into().unwrap_or(u64::MAX),
    }))
}

/// Whether a message says nothing but the question: who asked it before is not told it for an answer.
fn repeats(hit: &RecalledHit, question: &str) -> bool {
    hit.conversation.is_some() && hit.content.trim().to_lowercase() == question.trim().to_lowercase()
}

/// Embeds what is not embedded yet.
pub(super) fn embed(engine: &Engine, budget_ms: Option<u64>, each: Each<'_>) -> Result<(), Failure> {
    let budget = budget_ms.map(Duration::from_millis);
    let embedded = engine.recall.embed(engine.log_for_recall(), budget, &mut |share| {
        each(Response::Progress { what: "embedding".to_owned(), done: share.passages, total: share.of })
    })?;
    deliver(each, Response::Embedded(embedded))
}

/// Fetches a model if it is not there, and records that it was chosen.
pub(super) fn use_model(engine: &Engine, name: &str, each: Each<'_>) -> Result<Acknowledged, Failure> {
    let models = engine.recall.models();
    let model = models.find(name)?;
    if let Some(reason) = zo_embed::runtime().why_not().filter(|_| model.needs_runtime) {
        // Not fetched in vain.
        return Err(EmbedError::NeedsRuntime { name: model.name, reason }.into());
    }
    models.download(&model.name, &mut |done, total| {
        // Whoever asked may have gone; what is fetched is not fetched in vain.
        let what = format!("fetching {}", model.name);
        let _ = each(Response::Progress { what, done, total: total.unwrap_or(0) });
    })?;
    // Opened once before it is chosen: a model that cannot be used here is not to be chosen.
    drop(models.open(&model.name)?);
    let command = Command::ChooseEmbedder { model: model.name.clone() };
    let acknowledged = acknowledge(model.name, engine.writer.submit_one(Submission::new(Actor::User, command)))?;
    engine.recall.choose(engine.log_for_recall())?;
    Ok(acknowledged)
}

pub(super) fn vectors(engine: &Engine, texts: &[String]) -> Result<Answer, Failure> {
    check_count("texts", texts.len())?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(Answer::Vectors(engine.recall.vectors(engine.log_for_recall(), &texts)?))
}

pub(super) fn index(engine: &Engine) -> Result<Answer, Failure> {
    Ok(Answer::Index(engine.recall.status(engine.log_for_recall())?))
}

pub(super) fn models(engine: &Engine) -> Result<Answer, Failure> {
    let chosen = chosen(engine.log_for_recall())?;
    let line = |model: zo_embed::ModelInfo| ModelLine {
        chosen: model.name == chosen,
        dimensions: u32::try_from(model.dimensions).unwrap_or(u32::MAX),
        state: match model.state {
            zo_embed::State::Shipped => "shipped",
            zo_embed::State::Downloaded => "downloaded",
            zo_embed::State::NotDownloaded => "not_downloaded",
        }
        .to_owned(),
        needs_runtime: model.needs_runtime,
        name: model.name,
        description: model.description,
    };
    Ok(Answer::Models(engine.recall.models().list().into_iter().map(line).collect()))
}

fn check_key(engine: &Engine, key: &str) -> Result<(), Failure> {
    let Err(mut known) = engine.recall.check_meta_key(engine.log_for_recall(), key)? else { return Ok(()) };
    let failure = Failure::new(FailureKind::NotFound, format!("nothing has a meta key `{key}`"));
    if known.is_empty() {
        return Err(failure.hint("nothing that is remembered has any meta"));
    }
    known.retain(|other| !other.trim().is_empty());
    known.sort_by_key(|other| (edits(key, other), other.clone()));
    let more = if known.len() > NAMED_KEYS { ", …" } else { "" };
    known.truncate(NAMED_KEYS);
    Err(failure.hint(format!("there are {}{more}", known.join(", "))))
}

/// How many letters differ, about: the likelier ones are named first.
fn edits(a: &str, b: &str) -> usize {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    a.chars().count().max(b.chars().count()) - common
}

fn parts(without: &[String]) -> Result<Parts, Failure> {
    let mut parts = Parts::default();
    for name in without {
        match name.as_str() {
            "lexical" => parts.lexical = false,
            "dense" => parts.dense = false,
            "neighbours" => parts.neighbours = false,
            "speaker" => parts.speaker = false,
            "session" => parts.session = false,
            other => {
                return Err(Failure::new(FailureKind::Invalid, format!("there is no part `{other}` of the score"))
                    .hint(format!("the parts are {}", RECALL_PARTS.join(", "))));
            }
        }
    }
    Ok(parts)
}

/// What a hit shows, from the event that holds it.
fn line(engine: &Engine, question: &str, hit: &Hit, event: &ReadEvent) -> Result<RecalledHit, Failure> {
    let header = &event.recorded.header;
    let mut line = RecalledHit {
        score: hit.score,
        position: header.position,
        at: header.at,
        explanation: explanation(hit),
        ..RecalledHit::default()
    };
    match &event.recorded.event {
        Event::MessageAdded(message) => {
            let body: MessageBody = body_of(event)?.unwrap_or_default();
            line.id = message.message.to_string();
            line.conversation = Some(conversation_name(engine, ConversationId(header.stream.id))?);
            line.role = Some(message.role);
            line.occurred_at = message.occurred_at;
            (line.content, line.speaker, line.meta) = (body.content, body.author, body.meta);
            line.before = hit.previous.map(|position| neighbour(engine, Position(position))).transpose()?.flatten();
            line.after = hit.next.map(|position| neighbour(engine, Position(position))).transpose()?.flatten();
        }
        Event::Memorized(Memorized { occurred_at, .. }) | Event::Superseded(Superseded { occurred_at, .. }) => {
            line.id = memory::user_id(event, MemoryId(header.stream.id));
            line.occurred_at = *occurred_at;
            if let Some(body) = memory::body(event)? {
                (line.content, line.meta) = (body.content, body.meta);
            }
        }
        other => {
            let message = format!("the event at position {}, {}, cannot be recalled", header.position, other.name());
            return Err(Failure::new(FailureKind::Damaged, message).hint("`zo rebuild` makes the index anew"));
        }
    }
    if hit.passages > 1 {
        let passages = zo_memory::passages(&line.content);
        // The words tell which passage is meant where there is no vector, and where they count for more.
        let by_meaning = hit.cosine.is_some() && hit.parts.dense >= hit.parts.lexical;
        let number = if by_meaning { hit.passage } else { passage_by_words(&line.content, question) };
        line.passage = Some((number + 1, hit.passages));
        let passage = passages.get(number as usize).cloned();
        line.content = passage.map_or(String::new(), |range| line.content[range].to_owned());
    }
    Ok(line)
}

/// What stands beside a message, if it is a message that can be shown.
fn neighbour(engine: &Engine, position: Position) -> Result<Option<Neighbour>, Failure> {
    let event = engine.reader.event(position)?;
    let Event::MessageAdded(message) = &event.recorded.event else { return Ok(None) };
    let Some(body) = body_of::<MessageBody>(&event)? else { return Ok(None) };
    Ok(Some(Neighbour {
        id: message.message.to_string(),
        role: message.role,
        speaker: body.author,
        content: body.content,
        position,
    }))
}

/// What a conversation is called: its name, else its id.
fn conversation_name(engine: &Engine, id: ConversationId) -> Result<String, Failure> {
    Ok(super::conversation::name_of(engine, id)?.unwrap_or_else(|| id.to_string()))
}

fn explanation(hit: &Hit) -> Explanation {
    let parts = &hit.parts;
    let parts = [
        ("lexical", parts.lexical),
        ("dense", parts.dense),
        ("neighbours", parts.neighbours),
        ("speaker", parts.speaker),
        ("session", parts.session),
    ];
    Explanation {
        parts: parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        bm25: hit.bm25,
        ceiling: hit.ceiling,
        words: hit.terms.clone(),
        cosine: hit.cosine,
    }
}
