use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::engine::EngineOptions;

/// Calls a tool in a workspace, as an agent does once it may; what it gave, with how it ended in front.
fn call(workspace: &Path, name: &str, arguments: serde_json::Value) -> String {
    let home = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&home.path().join("home"), EngineOptions::default()).expect("the home opens");
    let options =
        AgentOptions { workspace: Some(workspace.to_str().expect("UTF-8").to_owned()), ..AgentOptions::default() };
    let environment = Environment::default();
    let prepared = match prepare(&engine, &environment, (&options, 1), (name, &arguments.to_string())) {
        Ok(prepared) => prepared,
        Err(why) => return format!("Invalid: {why}"),
    };
    let doing = Doing {
        engine: &engine,
        run: RunId(1),
        id: CallId { step: 0, call: 0 },
        options: &options,
        environment: &environment,
        attended: false,
        rules: &[],
        tainted: false,
        tell: &|_| {},
        stop: &|| false,
    };
    let output = (prepared.carry_out)(&doing);
    engine.close();
    format!("{:?}: {}", output.status, output.text)
}

#[test]
fn every_tool_has_a_schema_that_is_an_object_and_refuses_what_it_does_not_know() {
    for tool in all() {
        assert_eq!(tool.parameters["type"], "object", "{}", tool.name);
        assert!(tool.parameters["properties"].is_object(), "{}: {}", tool.name, tool.parameters);
        assert_eq!(tool.parameters["additionalProperties"], false, "{}", tool.name);
        zo_models::check_schema(&tool.parameters).expect("it is a JSON Schema");
        assert!((tool.prepare)(r#"{"nonsense": 1}"#).is_err(), "{}", tool.name);
        assert!((tool.prepare)("not JSON").is_err() && (tool.prepare)(r#"["a"]"#).is_err(), "{}", tool.name);
        for (name, property) in tool.parameters["properties"].as_object().expect("properties") {
            assert!(property["description"].is_string(), "{}: {name} is not explained: {property}", tool.name);
        }
    }
}

#[test]
fn files_are_read_written_edited_and_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name, arguments| call(folder.path(), name, arguments);
    assert_eq!(
        at("write_file", json!({"path": "a/b/c.txt", "content": "one\ntwo\n"})),
        "Done: a/b/c.txt has 8 bytes now"
    );
    assert_eq!(at("read_file", json!({"path": "a/b/c.txt"})), "Done: one\ntwo\n");
    assert_eq!(at("read_file", json!({"path": "./a/../a/b/c.txt", "from_line": 2})), "Done: two\n");
    let edit = json!({"path": "a/b/c.txt", "old": "two", "new": "three"});
    assert_eq!(at("edit_file", edit.clone()), "Done: a/b/c.txt: replaced");
    assert!(at("edit_file", edit).starts_with("Done: a/b/c.txt: the new text stands there"), "twice is as once");
    assert_eq!(at("read_file", json!({"path": "a/b/c.txt"})), "Done: one\nthree\n");
    assert_eq!(at("list_files", json!({"levels": 3})), "Done: a/\na/b/\na/b/c.txt (10 bytes)\n");
    assert!(at("read_file", json!({"path": "nothing"})).starts_with("Failed: nothing: "));
    assert!(at("read_file", json!({"path": "a"})).contains("is no file but a folder"));
    assert!(at("edit_file", json!({"path": "a/b/c.txt", "old": "x", "new": "y"})).contains("stands nowhere"));
    assert!(at("edit_file", json!({"path": "a/b/c.txt", "old": "e", "new": "y"})).contains("in 3 places"));
    std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).expect("it is written");
    assert!(at("read_file", json!({"path": "binary"})).contains("is no text: at byte 0"));
}

#[test]
fn nothing_leads_out_of_the_workspace() {
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("secret"), "canary").expect("it is written");
    let folder = tempfile::tempdir().expect("a folder");
    symlink(outside.path(), folder.path().join("out")).expect("a link");
    symlink(outside.path().join("secret"), folder.path().join("file")).expect("a link");
    symlink("/proc/self/root", folder.path().join("magic")).expect("a link");
    symlink("loop", folder.path().join("loop")).expect("a link");
    let absolute = outside.path().join("secret").to_str().expect("UTF-8").to_owned();
    let paths = ["../secret", "out/secret", "file", "magic/etc/passwd", "loop", &absolute, "/etc/passwd", "a/../../x"];
    for path in paths {
        let read = call(folder.path(), "read_file", json!({ "path": path }));
        assert!(read.starts_with("Failed") && !read.contains("canary"), "{path}: {read}");
        let write = call(folder.path(), "write_file", json!({ "path": path, "content": "mine" }));
        assert!(write.starts_with("Failed"), "{path}: {write}");
        let list = call(folder.path(), "list_files", json!({ "path": path }));
        assert!(list.starts_with("Failed"), "{path}: {list}");
    }
    assert_eq!(std::fs::read_to_string(outside.path().join("secret")).expect("it is there"), "canary");
    assert_eq!(std::fs::read_dir(outside.path()).expect("it is there").count(), 1);
    // A pipe that nobody writes to does not hold an agent up.
    rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a pipe");
    assert!(call(folder.path(), "read_file", json!({"path": "pipe"})).contains("is no file"));
}

#[test]
fn a_workspace_has_nothing_of_the_home_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&folder.path().join("home"), EngineOptions::default()).expect("the home opens");
    let check = |path: &Path| check_workspace(&engine, path.to_str().expect("UTF-8"), None);
    assert!(check(folder.path()).expect_err("it holds the home").contains("zo's own home"));
    assert!(check(&folder.path().join("home/log")).is_err());
    assert!(check(Path::new("/nowhere")).is_err() && check(Path::new("here")).is_err());
    std::fs::create_dir(folder.path().join("work")).expect("a folder");
    let work = folder.path().join("work");
    assert!(check(&work).is_ok());
    std::fs::write(work.join("identity"), "").expect("it is written");
    let (work, identity) = (work.to_str().expect("UTF-8"), work.join("identity"));
    let refused = check_workspace(&engine, work, identity.to_str()).expect_err("it holds the identity");
    assert!(refused.contains("which opens the vault"), "{refused}");
    engine.close();
}

#[test]
fn an_agent_is_offered_what_it_may_have() {
    let names = |options: &AgentOptions, depth| offered(options, depth).map(|tool| tool.name).collect::<Vec<_>>();
    let without = names(&AgentOptions::default(), 1);
    assert!(!without.contains(&"read_file") && without.contains(&"spawn_agents"));
    assert!(!names(&AgentOptions::default(), 0).contains(&"spawn_agents"));
    let tools = Some(vec!["recall".to_owned()]);
    assert_eq!(names(&AgentOptions { tools, ..AgentOptions::default() }, 1), ["recall"]);
    let home = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&home.path().join("home"), EngineOptions::default()).expect("the home opens");
    let environment = Environment::default();
    let refused = |name, arguments| {
        prepare(&engine, &environment, (&AgentOptions::default(), 1), (name, arguments)).err().expect("refused")
    };
    let no = refused("read_file", r#"{"path": "a"}"#);
    assert!(no.contains("is not offered"), "{no}");
    let typo = refused("recal", "{}");
    assert!(typo.contains("there is no tool") && typo.contains("recall"), "{typo}");
    let server = refused("mcp_nobody_read", "{}");
    assert!(server.contains("there is no MCP server nobody"), "{server}");
    engine.close();
}
