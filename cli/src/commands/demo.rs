//! `zo demo`: a home of its own goes through a small life, is killed in the middle of writing, and everything that is
//! claimed about it is checked before it is printed.
//!
//! The chapters are the functions of this file, in the order of [`Demo::run`]; [`crash`], [`agent`] and [`work`] are the killing, [`story`] how
//! things are told and claims are kept.

mod agent;
mod conversation;
mod crash;
mod notes;
mod story;
mod work;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{
    Answer, Answered, Arrival, Asking, At, ConversationChoice, Query, RecallQuestion, Request, Response,
};
use zo_projections::Position;

use self::notes::NOTES;
use self::story::Story;
use super::import;
use super::recall::recall as put;
use crate::answering::OFFLINE;
use crate::context::{Context, query, stream, with_progress, write_one};
use crate::embedding::embed;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::{self, count, counted};

/// The name of the folder that the notes are put into; it begins their ids.
const NOTES_FOLDER: &str = "notes";
/// A note that is revised in the course of the demo, and what it says then.
const REVISED_NOTE: &str = "notes/work/staging-database.md#staging-database";
const REVISION: &str = "Staging database\n\nSince the move to Helsinki, staging listens on port 6543.";
/// Questions, with what an answer must quote to be right; the last two are answered by nothing but the conversation.
const QUESTIONS: [(&str, &str); 5] = [
    ("Which port does the staging database listen on?", "5433"),
    ("When is the next dentist appointment?", "12 January"),
    ("Why did we not take Kafka for the queue?", "SKIP LOCKED"),
    ("When do Petra and I hang the clock?", "3 December, at 08:15"),
    ("How much is the shopping for the clock?", "61.30 euros"),
];

/// Questions that have no word in common with the note that answers them, and what it says.
const PARAPHRASES: [(&str, &str); 3] = [
    ("Which vegetables do I grow?", "Black Cherry"),
    ("Which antibiotics am I unable to tolerate?", "Clarithromycin was fine"),
    ("How were insects eliminated?", "Pheromone traps"),
];

/// See it survive a kill -9
///
/// Examples:
///   zo demo
///   zo demo --json | jq 'select(.ok | not)'
///
/// Makes a home of its own in a temporary folder, which is kept; yours is not touched, and no network is used. Imports 250
/// notes and a conversation that ship with zo, asks questions, recalls by meaning, kills a child of its own in the middle of writing and another one
/// in which an agent works, and a third one that carries jobs out, and proves from the log that everything acknowledged is there and the agent gets done. Every line that says ok has been checked; the exit code is 3 if a check
/// fails.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {}

impl Demo {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let folder = scratch_folder()?;
        // The home given on the command line is left alone, whatever it is.
        context.home = folder.join("home");
        let mut story = Story::new();
        take_over_notes(context, &mut story, &folder)?;
        conversation::take_over(context, &mut story, &folder)?;
        ask(context, &mut story)?;
        recall(context, &mut story)?;
        let before = crash::kill_in_the_middle_of_writing(context, &mut story)?;
        agent::kill_in_the_middle_of_its_work(context, &mut story, &folder)?;
        work::time_and_work(context, &mut story)?;
        verify(context, &mut story)?;
        rebuild(context, &mut story)?;
        look_back(context, &mut story, before)?;
        story.end(&mut context.output, &context.home)
    }
}

/// A folder of this demo alone, which is kept for the user to look at.
fn scratch_folder() -> Result<PathBuf, CliError> {
    let made = tempfile::Builder::new().prefix("zo-demo-").tempdir();
    let folder = made.map_err(|error| CliError::io("cannot make a temporary folder", &error))?;
    Ok(folder.keep())
}

/// Chapter 1: the notes become memories; taken over again, nothing is new.
fn take_over_notes(context: &mut Context, story: &mut Story, folder: &Path) -> Result<(), CliError> {
    story.chapter(&mut context.output, "Somebody's notes of a year")?;
    let notes = folder.join(NOTES_FOLDER);
    for (path, text) in NOTES {
        let path = notes.join(path);
        let parent = path.parent().expect("a note lies in a folder");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| CliError::io(format!("cannot write {}", path.display()), &error))?;
    }
    story.say(&mut context.output, &format!("zo import {}", notes.display()))?;
    let first = import::markdown_folder(context, &notes)?;
    let memories = first.memories.new;
    let all_new = first.failed == 0 && memories >= NOTES.len() as u64 && memories == live_memories(context)?;
    let claim =
        format!("{} notes became {}, each durable before it was counted", NOTES.len(), counted(memories, "memory"));
    story.claim(&mut context.output, all_new, &claim)?;
    embed_notes(context, story)?;
    let again = import::markdown_folder(context, &notes)?;
    let nothing_new = again.memories.new == 0 && again.memories.unchanged == memories && again.failed == 0;
    story.claim(&mut context.output, nothing_new, "imported once more, nothing is new and nothing is doubled")
}

/// What can be found by its words can be found by its meaning too.
fn embed_notes(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    let mut client = context.open_existing()?;
    let interrupt = Interrupt::watch()?;
    let work = embed(&mut client, &mut context.output, &interrupt, None)?;
    let last = match work.done {
        0 => String::new(),
        // Some were embedded while others were still read.
        _ => format!(": {}", work.in_words()),
    };
    let claim =
        format!("{} are embedded, on this machine and without a network{last}", counted(work.now.of, "passage"));
    let all = work.now.of >= NOTES.len() as u64 && work.left() == 0;
    story.claim(&mut context.output, all, &claim)?;
    context.close(client)
}

fn live_memories(context: &mut Context) -> Result<u64, CliError> {
    let mut client = context.open_existing()?;
    let status = query(&mut client, Query::Status, None, |answer| match answer {
        Answer::Status(status) => Some(status),
        _ => None,
    })?;
    context.close(client)?;
    Ok(status.figures.memories_live)
}

/// Chapter 3: questions, answered from the notes and from what was said, as the answer arrives.
fn ask(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.chapter(&mut context.output, "Questions")?;
    let mut client = context.open_existing()?;
    for (question, expected) in QUESTIONS {
        story.say(&mut context.output, &format!("zo ask \"{question}\""))?;
        let conversation = ConversationChoice::Named("demo".to_owned());
        // Named, so that what is shown does not depend on what runs on this machine.
        let model = Some(OFFLINE.to_owned());
        let asking = Asking { model, ..Asking::new(conversation, question, context.fresh_id()) };
        let (answered, pieces) = as_it_arrives(context, story, &mut client, asking)?;
        let sources = counted(answered.recalled.len() as u64, "recalled passage");
        let quoted = answered.answer.contains(expected) && !answered.recalled.is_empty();
        let whole = pieces == answered.answer;
        let claim = format!("the answer, whole as it arrived, quotes \"{expected}\", from {sources}");
        story.claim(&mut context.output, quoted && whole, &claim)?;
    }
    context.close(client)
}

/// Puts a question and shows each piece of the answer when it arrives; the answer, and its pieces together.
fn as_it_arrives(
    context: &mut Context,
    story: &Story,
    client: &mut Client,
    asking: Asking,
) -> Result<(Answered, String), CliError> {
    let (mut pieces, mut answered) = (String::new(), None);
    let output = &mut context.output;
    stream(client, &Request::Ask(Box::new(asking)), |response| {
        match response {
            Response::Arrived(Arrival::Text(piece)) => {
                story.quote(output, &piece)?;
                output.flush()?;
                pieces.push_str(&piece);
            }
            Response::Answered(response) => answered = Some(*response),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let nothing = || CliError::new(Kind::Unsound, "the question was put, and there is no answer");
    Ok((answered.ok_or_else(nothing)?, pieces))
}

/// Chapter 4: notes are found by what they mean, where no word of the question is in them.
fn recall(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.chapter(&mut context.output, "In other words")?;
    let mut client = context.open_existing()?;
    for (question, expected) in PARAPHRASES {
        story.say(&mut context.output, &format!("zo recall \"{question}\" --top-k 1 --explain"))?;
        let asked = RecallQuestion { text: question.to_owned(), limit: 1, ..RecallQuestion::default() };
        let recalled = put(&mut client, asked, None)?;
        let Some(hit) = recalled.hits.first() else {
            story.claim(&mut context.output, false, "something is found")?;
            continue;
        };
        let cosine = hit.explanation.cosine.unwrap_or_default();
        story.quote(&mut context.output, &format!("{}  cosine {cosine:.2}", hit.id))?;
        story.quote(&mut context.output, &hit.content)?;
        let by_meaning = hit.content.contains(expected) && hit.explanation.words.is_empty();
        let claim = format!("the first hit says \"{expected}\", and shares no word with the question");
        story.claim(&mut context.output, by_meaning, &claim)?;
    }
    context.close(client)
}

/// Chapter 8: everything that is stored is read and checked.
fn verify(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.chapter(&mut context.output, "Is the log whole?")?;
    story.say(&mut context.output, "zo log verify")?;
    let mut client = context.open_existing()?;
    let request = Request::Verify;
    let found = with_progress(&mut client, &mut context.output, "verifying", &request, |response| match response {
        Response::Verification(verification) => Some(*verification),
        _ => None,
    })?;
    for problem in &found.problems {
        story.quote(&mut context.output, &format!("{}: {}", problem.place, problem.what))?;
    }
    let dense = found.events == found.head.0;
    let claim = format!("{} events, positions without a gap, the chain of hashes holds", count(found.events));
    story.claim(&mut context.output, found.ok && dense, &claim)?;
    context.close(client)
}

/// Chapter 9: everything derived is thrown away and made anew.
fn rebuild(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.chapter(&mut context.output, "Everything derived may be lost")?;
    story.say(&mut context.output, "zo rebuild")?;
    let mut client = context.open_existing()?;
    let digests_of = |client: &mut Client| {
        query(client, Query::Digests, None, |answer| match answer {
            Answer::Digests { digests, .. } => Some(digests),
            _ => None,
        })
    };
    let before = digests_of(&mut client)?;
    let request = Request::Rebuild;
    let rebuilt = with_progress(&mut client, &mut context.output, "folding", &request, |response| match response {
        Response::Rebuilt(rebuilt) => Some(*rebuilt),
        _ => None,
    })?;
    context.close(client)?;
    // Opened anew, so that what is compared is what the next process sees.
    let mut client = context.open_existing()?;
    let after = digests_of(&mut client)?;
    let same = rebuilt.same && before == after && !after.is_empty();
    let claim = format!(
        "rebuilt from {}: {} have the digests they had",
        counted(rebuilt.events, "event"),
        counted(after.len() as u64, "view")
    );
    story.claim(&mut context.output, same, &claim)?;
    context.close(client)
}

/// Chapter 10: a note is revised, and what it said before can still be seen.
fn look_back(context: &mut Context, story: &mut Story, before_crash: Position) -> Result<(), CliError> {
    story.chapter(&mut context.output, "As it was")?;
    let mut client = context.open_existing()?;
    story.say(&mut context.output, &format!("zo memory supersede {REVISED_NOTE} \"…port 6543.\""))?;
    let (memory, content) = (REVISED_NOTE.to_owned(), REVISION.to_owned());
    let acknowledged = write_one(&mut client, &Request::Supersede { memory, content, meta: None, expected: Some(1) })?;
    let position = Position(acknowledged.position.0 - 1);
    let now = content_at(&mut client, None)?;
    let then = content_at(&mut client, Some(At::Position(position)))?;
    story.say(&mut context.output, &format!("zo memory show {REVISED_NOTE} --at {position}"))?;
    story.quote(&mut context.output, &text::cut(&then.replace('\n', " "), 80))?;
    let revised = now.contains("6543") && !now.contains("5433") && then.contains("5433");
    story.claim(&mut context.output, revised, "the note says 6543 now, and 5433 as of one event earlier")?;
    let past = query(&mut client, Query::Status, Some(At::Position(before_crash)), |answer| match answer {
        Answer::Status(status) => Some(status),
        _ => None,
    })?;
    let notes_then = past.figures.memories_live;
    let as_it_was = past.head == before_crash && notes_then >= NOTES.len() as u64 && notes_then < live(&mut client)?;
    let claim =
        format!("as of position {before_crash}, before the crash, there were {}", counted(notes_then, "memory"));
    story.claim(&mut context.output, as_it_was, &claim)?;
    context.close(client)
}

fn live(client: &mut Client) -> Result<u64, CliError> {
    query(client, Query::Status, None, |answer| match answer {
        Answer::Status(status) => Some(status.figures.memories_live),
        _ => None,
    })
}

fn content_at(client: &mut Client, at: Option<At>) -> Result<String, CliError> {
    let id = REVISED_NOTE.to_owned();
    let content = query(client, Query::Memory { id }, at, |answer| match answer {
        Answer::Memory { memory, .. } => Some(memory.content),
        _ => None,
    })?;
    Ok(content.unwrap_or_default())
}
