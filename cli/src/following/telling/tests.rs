use super::*;

fn called(run: &str, call: &str, tool: &str, what: &str) -> AgentArrival {
    AgentArrival::ToolCalled { run: run.into(), call: call.into(), tool: tool.into(), what: what.into() }
}

fn returned(run: &str, call: &str, tool: &str, status: ToolStatus, summary: &str, bytes: u64) -> AgentArrival {
    let (run, call, tool, summary) = (run.into(), call.into(), tool.into(), summary.into());
    AgentArrival::ToolReturned { run, call, tool, status, summary, bytes }
}

fn started(parent: &str, run: &str, task: &str) -> AgentArrival {
    AgentArrival::AgentStarted { parent: parent.into(), run: run.into(), task: task.into() }
}

fn ended(parent: &str, run: &str, status: &str) -> AgentArrival {
    AgentArrival::AgentEnded { parent: parent.into(), run: run.into(), status: status.into() }
}

fn told(telling: &mut Telling, arrivals: &[AgentArrival]) -> Vec<String> {
    arrivals.iter().filter_map(|arrival| telling.told(arrival)).collect()
}

#[test]
fn a_call_and_what_it_came_to_are_two_lines() {
    let mut telling = Telling::new("R");
    let lines = told(
        &mut telling,
        &[
            called("R", "0.0", "read_file", "src/main.rs"),
            returned("R", "0.0", "read_file", ToolStatus::Done, "fn main", 3174),
            called("R", "1.0", "run_command", "git push"),
            returned("R", "1.0", "run_command", ToolStatus::Refused, "a rule\ndenies it", 9),
        ],
    );
    assert_eq!(
        lines,
        ["· read_file src/main.rs", "  ok, 3.1 KiB", "· run_command git push", "  refused: a rule denies it"]
    );
}

#[test]
fn calls_at_the_same_time_are_told_apart() {
    let mut telling = Telling::new("R");
    let lines = told(
        &mut telling,
        &[
            called("R", "0.0", "read_file", "a"),
            called("R", "0.1", "read_file", "b"),
            returned("R", "0.0", "read_file", ToolStatus::Done, "", 1),
            returned("R", "0.1", "read_file", ToolStatus::Failed, "there is no b", 1),
            returned("R", "0.2", "reed_file", ToolStatus::Invalid, "there is no tool reed_file", 1),
        ],
    );
    assert_eq!(
        lines[2..],
        [
            "  read_file a: ok, 1 B",
            "  read_file b: failed: there is no b",
            "  reed_file: not called: there is no tool reed_file"
        ]
    );
}

#[test]
fn agents_below_have_numbers() {
    let mut telling = Telling::new("R");
    let lines = told(
        &mut telling,
        &[
            started("R", "A", "look at a"),
            started("R", "B", "look at b"),
            called("B", "0.0", "read_file", "b"),
            started("B", "C", "deeper"),
            called("C", "0.0", "list_files", "."),
            ended("B", "C", "finished"),
            ended("R", "A", "failed"),
        ],
    );
    assert_eq!(
        lines,
        [
            "  [1] agent: look at a",
            "  [2] agent: look at b",
            "  [2] · read_file b",
            "    [2.1] agent: deeper",
            "    [2.1] · list_files .",
            "    [2.1] finished",
            "  [1] failed"
        ]
    );
    assert!(telling.progress().is_none() && !telling.knows("C"));
}

#[test]
fn of_two_hundred_agents_their_number_is_told_and_those_that_fail() {
    let mut telling = Telling::new("R");
    assert_eq!(told(&mut telling, &[called("R", "0.0", "spawn_agents", "200 agents")]).len(), 1);
    let mut lines = Vec::new();
    for number in 0..200 {
        let run = format!("A{number}");
        lines.extend(told(&mut telling, &[started("R", &run, "do it"), called(&run, "0.0", "read_file", "x")]));
    }
    assert!(lines.len() < 12, "{lines:?}");
    assert_eq!(telling.progress().as_deref(), Some("0 of 200 agents done"));
    for number in 0..200 {
        let status = if number == 17 { "failed" } else { "finished" };
        let arrivals = [ended("R", &format!("A{number}"), status)];
        let lines = told(&mut telling, &arrivals);
        let expected: &[&str] = if number == 17 { &["[18] failed: do it"] } else { &[] };
        assert_eq!(lines, expected);
    }
    assert_eq!(telling.progress(), None);
    let lines = told(&mut telling, &[returned("R", "0.0", "spawn_agents", ToolStatus::Done, "", 9)]);
    assert_eq!(lines, ["  spawn_agents 200 agents: ok, 199 agents finished, 1 did not"]);
    assert_eq!(telling.seats.len(), 1, "nothing is kept of those that have ended");
}

#[test]
fn how_many_there_will_be_is_told_where_it_is_known() {
    let mut telling = Telling::new("R");
    let tasks: Vec<String> = (0..200).map(|number| format!("task {number}")).collect();
    telling.expect(&tasks);
    assert_eq!(told(&mut telling, &[started("R", "A", "one")]), Vec::<String>::new());
    told(&mut telling, &[ended("R", "A", "finished")]);
    assert_eq!(telling.progress().as_deref(), Some("1 of 200 agents done"));
}

#[test]
fn agents_have_the_numbers_of_their_tasks() {
    let mut telling = Telling::new("R");
    telling.expect(&["long ".repeat(40), "twin".to_owned(), "twin".to_owned(), "t".to_owned()]);
    let tasks = [("A", "twin"), ("B", "long long…"), ("C", "t"), ("D", "twin")];
    let arrivals = tasks.map(|(run, task)| started("R", run, task));
    let lines = told(&mut telling, &arrivals);
    assert_eq!(lines, ["  [2] agent: twin", "  [1] agent: long long…", "  [4] agent: t", "  [3] agent: twin"]);
}

#[test]
fn what_comes_of_runs_that_nobody_knows_is_not_told() {
    let mut telling = Telling::new("R");
    assert!(told(&mut telling, &[called("X", "0.0", "read_file", "a"), ended("Y", "X", "finished")]).is_empty());
}
