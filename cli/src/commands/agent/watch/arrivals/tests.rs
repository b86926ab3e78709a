use serde_json::json;
use zo_projections::{Actor, Position, Timestamp};

use super::*;

fn event(run: &str, kind: &str, data: Value) -> EventLine {
    EventLine {
        position: Position(1),
        id: String::new(),
        stream: format!("run/{run}"),
        version: 1,
        at: Timestamp(0),
        kind: kind.to_owned(),
        actor: Actor::Agent,
        causation: None,
        correlation: None,
        data: data.to_string(),
    }
}

/// What the events of one run mean.
fn meant(arrivals: &mut Arrivals, run: &str, events: &[(&str, Value)]) -> Vec<Option<AgentArrival>> {
    events.iter().map(|(kind, data)| arrivals.of(run, &event(run, kind, data.clone()))).collect()
}

fn replied(tool: &str, arguments: &Value) -> (&'static str, Value) {
    (
        "run.replied",
        json!({"calls": [{"tool": tool}], "text": "", "tool_calls": [{"name": tool, "arguments": arguments}]}),
    )
}

#[test]
fn a_call_is_told_by_the_reply_that_asks_for_it() {
    let mut arrivals = Arrivals::default();
    let events = [
        replied("run_command", &json!({"argv": ["cargo", "test"], "timeout": 9})),
        ("run.permission_asked", json!({"step": 3, "call": 0, "what": "cargo test", "why": "no rule", "rule": null})),
        ("run.tool_called", json!({"step": 3, "call": 0})),
        ("run.tool_returned", json!({"step": 3, "call": 0, "status": "done", "bytes": 7, "output": "all\nwell"})),
    ];
    let meant = meant(&mut arrivals, "R", &events);
    assert_eq!(meant[0], None);
    assert!(
        matches!(&meant[1], Some(AgentArrival::PermissionAsked(line)) if line.tool == "run_command" && line.call == "3.0" && line.rule.is_none())
    );
    let (run, call, tool) = ("R".to_owned(), "3.0".to_owned(), "run_command".to_owned());
    assert_eq!(
        meant[2],
        Some(AgentArrival::ToolCalled {
            run: run.clone(),
            call: call.clone(),
            tool: tool.clone(),
            what: "cargo test".to_owned()
        })
    );
    let summary = "all well".to_owned();
    assert_eq!(
        meant[3],
        Some(AgentArrival::ToolReturned { run, call, tool, status: ToolStatus::Done, summary, bytes: 7 })
    );
}

#[test]
fn an_agent_is_told_by_the_call_that_starts_it() {
    let mut arrivals = Arrivals::default();
    let agents = json!({"agents": [{"task": "one"}, {"task": "two"}]});
    meant(&mut arrivals, "R", &[replied("spawn_agents", &agents)]);
    let started = json!({"agent": {"parent": {"run": "R", "call": {"step": 0, "call": 0}, "index": 1}, "depth": 1}});
    let events =
        [("run.started", started), ("run.cancel_requested", json!({})), ("run.failed", json!({"reason": "x"}))];
    let told = meant(&mut arrivals, "C", &events);
    let (parent, run) = ("R".to_owned(), "C".to_owned());
    let task = "two".to_owned();
    assert_eq!(told[0], Some(AgentArrival::AgentStarted { parent: parent.clone(), run: run.clone(), task }));
    assert_eq!(told[2], Some(AgentArrival::AgentEnded { parent, run, status: "cancelled".to_owned() }));
    assert!(arrivals.runs.len() == 1, "nothing is kept of those that have ended");
}

#[test]
fn a_run_that_is_no_agent_and_data_that_is_none_mean_nothing() {
    let mut arrivals = Arrivals::default();
    let nothing = [
        ("run.started", json!({"model": "offline"})),
        ("run.finished", json!({})),
        ("run.tool_returned", json!({"status": "sideways"})),
        ("run.replied", json!("?")),
        ("run.recalled", json!({})),
    ];
    assert!(meant(&mut arrivals, "R", &nothing).iter().all(Option::is_none));
    let called = meant(&mut arrivals, "R", &[("run.tool_called", json!({"step": 1, "call": 70}))]);
    assert!(matches!(&called[0], Some(AgentArrival::ToolCalled { what, .. }) if what == "1.70"), "{called:?}");
}

#[test]
fn what_a_call_is_to_do_is_one_line() {
    let what = |tool: &str, arguments: Value| what_of(&Call { tool: tool.to_owned(), arguments });
    assert_eq!(what("read_file", json!({"from": 1, "path": "src/a.rs"})), "src/a.rs");
    assert_eq!(what("spawn_agents", json!({"agents": [{}, {}]})), "2 agents");
    assert_eq!(what("other", json!({"x": 3})), "3");
    assert_eq!(what("other", json!("not { JSON")), "not { JSON");
    assert_eq!(what("other", json!({})), "");
}
