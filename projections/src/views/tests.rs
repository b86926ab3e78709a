//! All folds together: what each kind of event changes, the digests of a fixed story, and snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::event::bench::Placeholder;
use crate::event::{Event, KINDS};
use crate::ids::{Category, KeyId, MemoryId, StreamId};
use crate::testing::{assert_lines, fixture, recorded, saved, short, story};

fn folded(events: &[Recorded]) -> Views {
    let mut views = Views::default();
    events.iter().for_each(|recorded| views.apply(recorded));
    views
}

/// The same event for all that folds are told by its header, but without a meaning: what a fold makes of it that
/// ignores its kind.
fn meaningless(recorded: &Recorded) -> Recorded {
    let event = Placeholder { stands_for: recorded.event.name().to_owned(), filling: Vec::new() };
    Recorded { header: recorded.header, event: event.into() }
}

/// Names of the projections whose digests differ.
fn differing(one: &Views, other: &Views) -> BTreeSet<&'static str> {
    let pairs = one.digests().into_iter().zip(other.digests());
    pairs.filter(|(one, other)| one != other).map(|((name, _), _)| name).collect()
}

/// Figures that differ, with their signs.
fn moved(before: Figures, after: Figures) -> BTreeSet<String> {
    let numbers = |figures: Figures| serde_json::to_value(figures).expect("figures are JSON");
    let (before, after) = (numbers(before), numbers(after));
    let fields = before.as_object().expect("figures are an object").iter();
    fields
        .filter(|(name, number)| after[*name] != **number)
        .map(|(name, number)| format!("{}{name}", if after[name].as_u64() > number.as_u64() { '+' } else { '-' }))
        .collect()
}

/// For every kind: the projections it means something to, then the figures it moves, over the whole story.
fn check_meanings(expected: &str) {
    let mut meanings: BTreeMap<u16, (BTreeSet<&str>, BTreeSet<String>)> = BTreeMap::new();
    let mut views = Views::default();
    for recorded in story() {
        let (mut with, mut without) = (views.clone(), views.clone());
        with.apply(&recorded);
        without.apply(&meaningless(&recorded));
        let (projections, figures) = meanings.entry(recorded.event.kind()).or_default();
        projections.append(&mut differing(&with, &without));
        figures.append(&mut moved(without.figures(), with.figures()));
        views = with;
    }
    assert_eq!(views.anomalies, [], "the story is possible");
    let line = |(kind, name, _): &(u16, &str, u8)| {
        let (projections, figures) = meanings.get(kind).unwrap_or_else(|| panic!("{name} is not in the story"));
        let projections = Vec::from_iter(projections.iter().copied()).join(" ");
        format!("{name}: {projections}; {}\n", Vec::from_iter(figures.iter().cloned()).join(" "))
    };
    assert_lines(&KINDS.iter().map(line).collect::<String>(), expected);
}

/// The law of [`Figures`]: what means something moves a figure, or revises a thing that is counted. Beside this, every
/// event moves its stream.
#[test]
fn every_kind_changes_the_projections_and_figures_it_should_and_no_others() {
    check_meanings(
        "home.created: ;
         home.embedder_chosen: settings;
         home.model_chosen: settings;
         home.provider_added: settings;
         home.provider_removed: settings;
         home.rule_added: rules;
         home.rule_removed: rules;
         home.daily_budget_set: rules;
         home.queue_set: jobs;
         home.clock_advanced: ;
         home.nodes_heard: jobs nodes;
         home.prices_set: nodes;
         conversation.started: conversations; +conversations
         conversation.message_added: conversations; +messages
         conversation.branch_selected: conversations;
         conversation.renamed: conversations;
         conversation.deleted: compactions conversations; -conversations -messages
         conversation.file_attached: attachments;
         conversation.forked: ;
         conversation.compacted: compactions usage; +cost_micros +tokens
         conversation.uncompacted: compactions;
         memory.memorized: memories; +memories_live +memory_bytes -memories_retracted
         memory.superseded: memories; +memory_bytes
         memory.retracted: memories; +memories_retracted -memories_live -memory_bytes
         memory.forgotten: memories; -memories_live -memories_retracted -memory_bytes
         kv.set: key_values; +keys
         kv.deleted: key_values; -keys
         run.started: agents runs; +runs_outstanding
         run.recalled: runs;
         run.finished: agents calls runs usage; +cost_micros +runs_finished +tokens -runs_outstanding
         run.failed: agents runs; +runs_failed -runs_outstanding
         run.called: calls;
         run.call_failed: agents calls usage; +cost_micros +tokens
         run.replied: agents calls usage; +cost_micros +tokens
         run.tool_called: agents;
         run.tool_returned: agents;
         run.permission_asked: agents;
         run.permission_answered: agents;
         run.cancel_requested: agents;
         run.skill_used: agents;
         job.submitted: jobs; +jobs_pending
         job.claimed: jobs; +jobs_running -jobs_pending
         job.completed: jobs nodes schedules; +jobs_done -jobs_running
         job.failed: jobs nodes schedules; +jobs_dead +jobs_pending -jobs_running
         job.lease_lost: jobs nodes; +jobs_dead -jobs_running
         job.released: jobs; +jobs_pending -jobs_running
         job.cancel_requested: jobs;
         job.cancelled: jobs; +jobs_cancelled -jobs_running
         job.retried: jobs; +jobs_pending -jobs_dead
         job.expired: jobs; +jobs_dead -jobs_pending
         node.joined: nodes; +nodes
         node.draining: nodes;
         node.resumed: nodes;
         node.left: nodes;
         node.lost: nodes;
         node.removed: nodes; -nodes
         schedule.added: schedules; +schedules
         schedule.edited: schedules;
         schedule.paused: schedules;
         schedule.resumed: schedules;
         schedule.removed: schedules; -schedules
         schedule.occurred: schedules;
         schedule.missed: schedules;
         skill.version_seen: skills;
         skill.trusted: skills;
         skill.trust_withdrawn: skills;
         service.added: services; +services
         service.start_requested: services;
         service.stop_requested: services;
         service.restart_requested: services;
         service.spawned: services;
         service.health_changed: services;
         service.exited: services;
         service.removed: services; -services
         file.put: files; +files
         file.removed: files; -files
         file.shared: files;
         file.unshared: files;
         browser.opened: browsers; +browsers
         browser.act_begun: browsers;
         browser.acted: browsers;
         browser.artifact_kept: browsers;
         browser.closed: browsers;
         browser.removed: browsers; -browsers
         vault.key_set: provider_keys;
         vault.key_removed: provider_keys;
         vault.token_created: tokens;
         vault.token_revoked: tokens;
         mcp.server_added: mcp_servers; +mcp_servers
         mcp.server_removed: mcp_servers; -mcp_servers
         bench.placeholder: ;",
    );
}

/// A digest that was written once for a projection's schema must come out for ever, for snapshots of that schema are
/// taken as they are. Whoever changes what is saved counts up the schema.
#[test]
fn the_digests_of_the_story_are_those_of_the_fixtures() {
    let digests = folded(&story()).digests();
    for ((name, digest), (shape, schema)) in digests.into_iter().zip(Views::shape()) {
        assert_eq!(name, shape);
        let file = format!("views/{name}.{schema}.digest");
        let path = fixture(&file);
        if !path.exists() && std::env::var("ZO_BLESS").is_ok_and(|bless| bless == "1") {
            std::fs::create_dir_all(path.parent().expect("a fixture is in a folder")).expect("fixtures are writable");
            std::fs::write(&path, format!("{digest}\n")).expect("fixtures are writable");
        }
        let golden = std::fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("fixtures/{file} is missing: run the tests once with ZO_BLESS=1 and commit it"));
        assert_eq!(golden.trim(), digest, "fixtures/{file}: {name} folds the story into another state");
    }
}

/// Folds the story with a planted bug: the events that `wrong` picks mean nothing. The projections that come out
/// otherwise than in the fixtures.
fn check_planted_bug(wrong: impl Fn(&Recorded) -> bool, expected: &[&str]) {
    let story = story();
    assert!(story.iter().any(&wrong), "the story has such events");
    let plant = |recorded: &Recorded| if wrong(recorded) { meaningless(recorded) } else { recorded.clone() };
    let with_bug: Vec<_> = story.iter().map(plant).collect();
    assert_eq!(Vec::from_iter(differing(&folded(&story), &folded(&with_bug))), expected);
}

#[test]
fn a_fold_that_ignores_a_kind_is_given_away_by_its_digest_alone() {
    let kinds = |name: &'static str| move |recorded: &Recorded| recorded.event.name() == name;
    for (kind, projections) in [
        ("conversation.started", &["conversations"][..]),
        ("conversation.message_added", &["conversations"]),
        ("conversation.branch_selected", &["conversations"]),
        ("conversation.renamed", &["conversations"]),
        ("conversation.deleted", &["compactions", "conversations"]),
        ("conversation.compacted", &["compactions", "usage"]),
        ("conversation.uncompacted", &["compactions"]),
        ("memory.memorized", &["memories"]),
        ("memory.superseded", &["memories"]),
        ("memory.retracted", &["memories"]),
        ("memory.forgotten", &["memories"]),
        ("kv.set", &["key_values"]),
        ("kv.deleted", &["key_values"]),
        ("run.started", &["agents", "runs"]),
        ("run.recalled", &["runs"]),
        ("run.finished", &["agents", "calls", "runs", "usage"]),
        ("run.called", &["calls"]),
        ("run.call_failed", &["agents", "calls", "usage"]),
        ("run.replied", &["agents", "calls", "usage"]),
        ("run.tool_called", &["agents"]),
        ("run.tool_returned", &["agents"]),
        ("run.permission_asked", &["agents"]),
        ("run.permission_answered", &["agents"]),
        ("run.cancel_requested", &["agents"]),
        ("run.skill_used", &["agents"]),
        ("skill.version_seen", &["skills"]),
        ("skill.trusted", &["skills"]),
        ("skill.trust_withdrawn", &["skills"]),
        ("home.rule_added", &["rules"]),
        ("home.rule_removed", &["rules"]),
        ("home.daily_budget_set", &["rules"]),
        ("vault.key_set", &["provider_keys"]),
        ("vault.key_removed", &["provider_keys"]),
        ("conversation.file_attached", &["attachments"]),
        ("conversation.forked", &[]),
        ("home.model_chosen", &["settings"]),
        ("home.provider_added", &["settings"]),
        ("home.provider_removed", &["settings"]),
        ("run.failed", &["agents", "runs"]),
        ("home.queue_set", &["jobs"]),
        ("home.clock_advanced", &[]),
        ("home.nodes_heard", &["jobs", "nodes"]),
        ("home.prices_set", &["nodes"]),
        ("job.submitted", &["jobs"]),
        ("job.claimed", &["jobs"]),
        ("job.completed", &["jobs", "nodes", "schedules"]),
        ("job.failed", &["jobs", "nodes", "schedules"]),
        ("job.lease_lost", &["jobs", "nodes"]),
        ("job.released", &["jobs"]),
        ("job.cancel_requested", &["jobs"]),
        ("job.cancelled", &["jobs"]),
        ("job.retried", &["jobs"]),
        ("job.expired", &["jobs"]),
        ("node.joined", &["nodes"]),
        ("node.draining", &["nodes"]),
        ("node.resumed", &["nodes"]),
        ("node.left", &["nodes"]),
        ("node.lost", &["nodes"]),
        ("node.removed", &["nodes"]),
        ("schedule.added", &["schedules"]),
        ("schedule.edited", &["schedules"]),
        ("schedule.paused", &["schedules"]),
        ("schedule.resumed", &["schedules"]),
        ("schedule.removed", &["schedules"]),
        ("schedule.occurred", &["schedules"]),
        ("schedule.missed", &["schedules"]),
        ("service.added", &["services"]),
        ("service.start_requested", &["services"]),
        ("service.stop_requested", &["services"]),
        ("service.restart_requested", &["services"]),
        ("service.spawned", &["services"]),
        ("service.health_changed", &["services"]),
        ("service.exited", &["services"]),
        ("service.removed", &["services"]),
        ("file.put", &["files"]),
        ("file.removed", &["files"]),
        ("file.shared", &["files"]),
        ("file.unshared", &["files"]),
        ("browser.opened", &["browsers"]),
        ("browser.act_begun", &["browsers"]),
        ("browser.acted", &["browsers"]),
        ("browser.artifact_kept", &[]),
        ("browser.closed", &["browsers"]),
        ("browser.removed", &["browsers"]),
        ("vault.token_created", &["tokens"]),
        ("vault.token_revoked", &["tokens"]),
        ("mcp.server_added", &["mcp_servers"]),
        ("mcp.server_removed", &["mcp_servers"]),
        ("home.created", &[]),
        ("home.embedder_chosen", &["settings"]),
        ("bench.placeholder", &[]),
    ] {
        check_planted_bug(kinds(kind), projections);
    }
}

#[test]
fn a_slip_in_one_field_is_given_away() {
    let story = story();
    let slipped = |slip: &dyn Fn(&mut Recorded)| {
        let mut slipped = story.clone();
        slipped.iter_mut().for_each(slip);
        Vec::from_iter(differing(&folded(&story), &folded(&slipped)))
    };
    let size = |recorded: &mut Recorded| {
        if let Event::Superseded(event) = &mut recorded.event {
            event.size += 1;
        }
    };
    assert_eq!(slipped(&size), ["memories"]);
    assert_eq!(slipped(&|recorded| recorded.header.key = KeyId(7)), ["streams"]);
    let forgets_its_key = |recorded: &mut Recorded| {
        recorded.header.idempotency = recorded.header.idempotency.filter(|_| recorded.header.position.0 != 5);
    };
    assert_eq!(slipped(&forgets_its_key), ["idempotency_keys"]);
    let cost = |recorded: &mut Recorded| {
        if let Event::RunFinished(event) = &mut recorded.event {
            event.usage.cost_micros += 1;
        }
    };
    assert_eq!(slipped(&cost), ["agents", "usage"]);
    let effect = |recorded: &mut Recorded| {
        if let Event::RunReplied(event) = &mut recorded.event {
            event.calls.iter_mut().for_each(|call| call.effect = crate::event::run::agent::Effect::Pure);
        }
    };
    assert_eq!(slipped(&effect), ["agents"]);
    let depth = |recorded: &mut Recorded| {
        if let Event::RunStarted(crate::event::run::Started { agent: Some(agent), .. }) = &mut recorded.event {
            agent.depth += 1;
        }
    };
    assert_eq!(slipped(&depth), ["agents"]);
    let version = |recorded: &mut Recorded| {
        if let Event::SkillTrusted(event) = &mut recorded.event {
            event.version.0 += 1;
        }
    };
    assert_eq!(slipped(&version), ["skills"]);
    let lease = |recorded: &mut Recorded| {
        if let Event::NodesHeard(event) = &mut recorded.event {
            event.until.0 += 1;
        }
    };
    assert_eq!(slipped(&lease), ["jobs"]);
    let priority = |recorded: &mut Recorded| {
        if let Event::JobSubmitted(event) = &mut recorded.event {
            event.priority += 1;
        }
    };
    assert_eq!(slipped(&priority), ["jobs"]);
    let due = |recorded: &mut Recorded| {
        if let Event::ScheduleMissed(event) = &mut recorded.event {
            event.to.0 += 1;
        }
    };
    assert_eq!(slipped(&due), ["schedules"]);
    let price = |recorded: &mut Recorded| {
        if let Event::NodeJoined(event) = &mut recorded.event {
            event.price_micros += 1;
        }
    };
    assert_eq!(slipped(&price), ["nodes"]);
    let hash = |recorded: &mut Recorded| match &mut recorded.event {
        Event::TokenCreated(event) => event.hash[31] += 1,
        Event::FileShared(event) => event.hash[31] += 1,
        _ => {}
    };
    assert_eq!(slipped(&hash), ["files", "tokens"]);
}

#[test]
fn a_projection_is_not_changed_by_what_others_are_about() {
    let views = folded(&story());
    let stream = StreamId::new(Category::Vault, 1);
    let mut after = views.clone();
    after.apply(&meaningless(&recorded(views.position.0 + 1, stream, 1, crate::event::memory::Retracted {})));
    assert_eq!(Vec::from_iter(differing(&views, &after)), ["streams"]);
}

/// Anomalies of a sequence.
fn check_anomalies(events: &[Recorded], expected: &str) {
    let views = folded(events);
    let lines = views.anomalies.iter().map(|anomaly| format!("!{} {}\n", anomaly.position, short(&anomaly.what)));
    assert_eq!(views.anomaly_count, views.anomalies.len() as u64);
    assert_eq!(views.figures().anomalies, views.anomaly_count);
    assert_lines(&lines.collect::<String>(), expected);
}

#[test]
fn positions_that_are_not_dense_are_anomalies() {
    let at = |position| {
        meaningless(&recorded(position, StreamId::new(Category::Job, position.into()), 1, crate::event::run::Failed {}))
    };
    check_anomalies(
        &[at(1), at(2), at(4), at(3)],
        "!4 follows position 2, which is not the one before it
         !3 follows position 4, which is not the one before it",
    );
    check_anomalies(&[at(7)], "!7 follows position 0, which is not the one before it");
}

#[test]
fn an_event_in_a_stream_of_another_subsystem_means_nothing() {
    let memorized = |category| {
        let event =
            crate::event::memory::Memorized { digest: crate::Digest(1), named: false, size: 1, occurred_at: None };
        recorded(1, StreamId::new(category, 1), 1, event)
    };
    check_anomalies(&[memorized(Category::Job)], "!1 memory.memorized in job/1");
    let mut keyed = memorized(Category::Run);
    keyed.header.idempotency = Some(5);
    let views = folded(&[keyed]);
    assert_eq!((views.memories.live(), views.streams.len(), views.idempotency.len()), (0, 1, 1));
    check_anomalies(&[memorized(Category::Memory)], "");
}

#[test]
fn so_many_anomalies_are_kept_and_the_others_counted() {
    let event = |position| {
        recorded(position, MemoryId(1), u32::try_from(position).unwrap_or(0), crate::event::memory::Retracted {})
    };
    let views = folded(&(1..=150).map(event).collect::<Vec<_>>());
    assert_eq!((views.anomalies.len(), views.anomaly_count), (MAX_ANOMALIES, 150));
    let loaded = Views::load(&views.save()).expect("it was just saved");
    assert_eq!((&loaded.anomalies, loaded.anomaly_count), (&views.anomalies, 150));
}

#[test]
fn time_never_goes_back() {
    let at = |position, at| {
        let mut recorded =
            meaningless(&recorded(position, StreamId::new(Category::Job, 1), 1, crate::event::run::Failed {}));
        recorded.header.at = Timestamp(at);
        recorded
    };
    assert_eq!(folded(&[at(1, 5), at(2, 3)]).at, Timestamp(5));
}

#[test]
fn views_are_loaded_as_they_were_saved_and_from_nothing_else() {
    let views = folded(&story());
    let bytes = views.save();
    let loaded = Views::load(&bytes).expect("it was just saved");
    assert_eq!((loaded.position, loaded.at, loaded.figures()), (views.position, views.at, views.figures()));
    assert_eq!(loaded.digests(), views.digests());
    assert_eq!(loaded.save(), bytes);
    for length in 0..bytes.len() {
        assert!(Views::load(&bytes[..length]).is_err(), "cut at {length}");
    }
    let more = [&bytes[..], &[0]].concat();
    assert_eq!(Views::load(&more).expect_err("it is too long").0, "1 bytes left over");
}

#[test]
fn a_snapshot_of_another_shape_is_refused() {
    let bytes = Views::default().save();
    let mut shape = Views::shape();
    assert_eq!(shape.len(), 23);
    shape[3].1 += 1;
    let mut other = Vec::new();
    save_section(&mut other, |out| save_value(&shape, out));
    other.extend_from_slice(&bytes[other.len()..]);
    let error = Views::load(&other).expect_err("a schema differs").to_string();
    assert_eq!(error, "not a snapshot of this projection: it was written by projections of another shape");
}

/// Snapshots have a checksum of their own; should one be damaged all the same, it is an error or a state that can be
/// asked and folded on.
#[test]
fn a_damaged_snapshot_is_an_error_or_a_state_and_never_a_panic() {
    let story = story();
    let bytes = folded(&story).save();
    let (mut loaded, mut refused) = (0, 0);
    for place in 0..bytes.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[place] ^= change;
            match Views::load(&damaged) {
                Err(_) => refused += 1,
                Ok(mut views) => {
                    loaded += 1;
                    for conversation in views.conversations.iter() {
                        let _ = (conversation.branch(), conversation.branches());
                    }
                    let _ = views.figures();
                    story.iter().for_each(|recorded| views.apply(recorded));
                    let _ = views.save();
                }
            }
        }
    }
    assert!(loaded > 0 && refused > 0, "{loaded} loaded, {refused} refused");
}

#[test]
fn an_empty_state_has_the_digests_of_nothing() {
    let mut states = BTreeSet::new();
    for (name, digest) in Views::default().digests() {
        states.insert((name, digest));
    }
    assert_eq!(states.len(), 23);
    assert_eq!(saved(&Memories::default()), 0_u64.to_le_bytes());
}
