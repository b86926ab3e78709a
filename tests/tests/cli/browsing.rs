//! `zo browse`: a real browser, from the command line, in one process or through another.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_test_site::Site;
use zo_tests::cli::Zo;

/// A process that is ended with the test.
struct Serving(Child);

impl Serving {
    fn start(zo: &Zo) -> Self {
        let mut command = zo.command(["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it can be run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("asked for")).read_line(&mut line).expect("it says where");
        assert!(line.contains("127.0.0.1"), "{line}");
        Self(child)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The processes of the browser of a session.
fn pids(zo: &Zo) -> Vec<u64> {
    let sessions = zo.run(["browse", "list", "--json"]).json();
    sessions
        .iter()
        .flat_map(|line| line["pids"].as_array().cloned().unwrap_or_default())
        .filter_map(|pid| pid.as_u64())
        .collect()
}

fn is_alive(pid: u64) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_form_is_filled_in_by_commands_of_their_own() {
    let (zo, site) = (Zo::new(), Site::start());
    let _serving = Serving::start(&zo);
    let opened = zo.run(["browse", "open", &site.url_of("/form"), "--json"]).json_object();
    assert_eq!(opened["url"], json!(site.url_of("/form")));
    let snapshot = zo.run(["browse", "snapshot"]);
    assert!(snapshot.ok().contains("textbox"), "{}", snapshot.ok());
    let running = pids(&zo);
    assert!(!running.is_empty());
    zo.run(["browse", "eval", "document.title = 'changed'"]).ok();
    assert_eq!(zo.run(["browse", "get", "title"]).ok(), "changed", "the page is the same one");
    zo.run(["browse", "close"]).ok();
    assert_eq!(pids(&zo), [0_u64; 0]);
    assert!(running.iter().all(|pid| !is_alive(*pid)), "nothing of it is left");
    let closed = zo.run(["browse", "read"]);
    assert!(closed.failed(1).contains("browser session main is closed"), "{}", closed.failed(1));
}

#[test]
fn without_an_engine_that_stays_the_page_is_opened_again() {
    let (zo, site) = (Zo::new(), Site::start());
    zo.run(["browse", "open", &site.url_of("/form")]).ok();
    let url = zo.run(["browse", "get", "url"]);
    assert_eq!(url.ok(), site.url_of("/form"));
    let history = zo.run(["browse", "history", "--json"]).json();
    let acts: Vec<&Value> = history.iter().map(|line| &line["act"]["act"]).collect();
    assert_eq!(acts, [&json!("get"), &json!("open")]);
    assert!(history.iter().all(|line| line["outcome"] == json!("done")), "{history:?}");
}

#[test]
fn a_picture_is_written_and_kept() {
    let (zo, site) = (Zo::new(), Site::start());
    zo.run(["browse", "open", &site.url_of("/form")]).ok();
    let path = zo.scratch().join("page.png");
    let taken = zo.run(["browse", "screenshot", "--json", "-o", path.to_str().expect("UTF-8")]).json_object();
    let png = fs::read(&path).expect("it was written");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(taken["files"], json!([path.to_str()]));
    let again = zo.scratch().join("again.png");
    let position = taken["position"].to_string();
    zo.run(["browse", "show", &position, "--save", again.to_str().expect("UTF-8")]).ok();
    assert_eq!(fs::read(&again).expect("it was written"), png, "it is looked at without the browser");
}

#[test]
fn a_batch_goes_on_or_stops_where_something_fails() {
    let (zo, site) = (Zo::new(), Site::start());
    let steps = format!(
        "# a form\nopen {}\n\nclick '#none-such'\n{{\"act\": \"get\", \"what\": \"title\"}}\n",
        site.url_of("/form")
    );
    let file = zo.file("steps.txt", steps);
    let file = file.to_str().expect("UTF-8");
    let all = zo.run(["browse", "run", file, "--timeout", "20"]);
    assert!(all.failed(1).contains("1 of 3 failed"), "{}", all.failed(1));
    assert_eq!(zo.run(["browse", "history", "--json"]).json().len(), 3);
    let bail = zo.run(["browse", "run", file, "--bail", "--timeout", "20"]);
    assert!(bail.failed(1).contains("line 4: not_found"), "{}", bail.failed(1));
    assert_eq!(zo.run(["browse", "history", "--json"]).json().len(), 5);
}

#[test]
fn what_cannot_be_done_is_said() {
    let zo = Zo::new();
    for (line, code, said) in [
        (&["browse", "read"][..], 1, "there is no browser session main"),
        (&["browse", "click", "role=button[name=", "--session", "x"], 2, "role=button[name="),
        (&["browse", "open", "file:///etc/passwd"], 1, "refused"),
        (&["browse", "open", "javascript:alert(1)"], 1, "refused"),
        (&["browse", "open", "https://example.org", "--session", "a/b"], 1, "it has '/' in it"),
        (&["browse", "open", "https://example.org", "--only", "https://a.b/"], 1, "host pattern"),
        (&["browse", "show", "1"], 1, "nothing was done in a browser at position 1"),
        (&["browse", "remove", "--session", "none", "--yes"], 1, "there is no browser session none"),
    ] {
        let ran = zo.run(line);
        assert!(ran.failed(code).contains(said), "{line:?}: {}", ran.failed(code));
    }
}

#[test]
fn a_secret_is_written_down_nowhere() {
    let (zo, site) = (Zo::new(), Site::start());
    zo.run(["browse", "open", &site.url_of("/login")]).ok();
    let filled = zo.run_with(["browse", "fill", "input[type=password]", "--secret", "--json"], "hunter2-and-more");
    filled.ok();
    let value = zo.run(["browse", "history", "--json"]).json();
    assert_eq!(value[0]["act"]["text"], json!("[left out]"), "{value:?}");
    assert_eq!(zo.run(["browse", "get", "value", "input[type=password]"]).code(), 0);
    assert!(!zo.run(["log", "tail", "-n", "1000", "--json"]).ok().contains("hunter2-and-more"));
}

#[test]
fn what_is_filled_into_a_field_for_passwords_is_a_secret_though_nobody_says_so() {
    let (zo, site) = (Zo::new(), Site::start());
    let _serving = Serving::start(&zo);
    zo.run(["browse", "open", &site.url_of("/login")]).ok();
    let filled = zo.run(["browse", "fill", "label=Password", "hunter2-and-more"]);
    assert!(filled.stderr.contains("is left out of what is recorded"), "{filled}");
    assert_eq!(zo.run(["browse", "get", "value", "label=Password"]).ok(), "hunter2-and-more", "it was filled in");
    assert!(!zo.run(["log", "tail", "-n", "1000", "--json"]).ok().contains("hunter2-and-more"));
}

#[test]
fn where_something_is_to_be_written_is_looked_at_before_it_is_got() {
    let (zo, site) = (Zo::new(), Site::start());
    let _serving = Serving::start(&zo);
    zo.run(["browse", "open", &site.url_of("/form")]).ok();
    let nowhere = zo.run(["browse", "screenshot", "-o", "none/such.png"]);
    assert!(nowhere.failed(1).contains("none is not there"), "{nowhere}");
    assert_eq!(zo.run(["browse", "history", "--json"]).json().len(), 1, "no picture was taken");
    fs::create_dir(zo.scratch().join("pictures")).expect("a folder");
    assert_eq!(zo.run(["browse", "screenshot", "-o", "pictures"]).ok(), "pictures/screenshot.png");
    assert_eq!(zo.run(["browse", "screenshot", "-o", "pictures"]).ok(), "pictures/screenshot (1).png");
}

#[test]
fn a_name_that_no_host_has_is_no_refusal_by_http_and_by_https() {
    let zo = Zo::new();
    for url in ["http://none.invalid/", "https://none.invalid/"] {
        let ran = zo.run(["browse", "open", url]);
        let said = ran.failed(3);
        assert!(said.contains("navigation: ") && said.contains("cannot resolve none.invalid"), "{said}");
    }
}

/// A model that opens a page, takes a picture of it, and then says that it is done.
fn looks_at(page: String) -> impl Fn(&Request) -> Response + Send + Sync {
    move |request| {
        let results = request.json()["messages"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|one| one["role"] == "tool").count());
        let call = |name: &str, arguments: Value| {
            let call =
                openai::tool_call_chunk(Some(0), Some(&format!("c{results}")), Some(name), &arguments.to_string());
            Response::sse(200)
                .send(call)
                .send(openai::finish("tool_calls"))
                .send(openai::usage(7, 2))
                .send(openai::DONE)
        };
        match results {
            0 => call("browse_open", json!({"url": page})),
            1 => call("browse_screenshot", json!({"path": "page.png"})),
            _ => openai::stream("m", &["Seen."]),
        }
    }
}

#[test]
fn models_that_see_are_shown_screenshots_and_others_are_not() {
    let site = Site::start();
    for (model, sees) in [("groq/qwen/qwen3.8-27b", true), ("groq/openai/gpt-oss-20b", false)] {
        let server = ModelServer::start(looks_at(site.url_of("/form")));
        let zo = Zo::new();
        zo.run(["provider", "add", "groq", "--base-url", &format!("{}/v1", server.url())]).ok();
        zo.file("work/a.txt", "");
        zo.run(["permission", "allow", &format!("browse_open({}*)", site.url_of("/"))]).ok();
        let mut command = zo.command(["agent", "run", "--model", model, "--workspace", "work", "look"]);
        let output = command.env("GROQ_API_KEY", "gsk_test").stdin(Stdio::null()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{model}: {said}");
        let png = fs::read(zo.scratch().join("work/page.png")).expect("it was written");
        let asked = server.requests().last().expect("it was asked").json().to_string();
        assert_eq!(asked.contains("data:image/png;base64,iVBOR"), sees, "{model}: {} bytes", png.len());
        let returned = zo.run(["log", "tail", "-n", "1000", "--json", "--kind", "run.tool_returned"]).json();
        let pictures: Vec<&Value> = returned.iter().filter_map(|event| event["data"].get("pictures")).collect();
        assert_eq!(pictures.len(), 1, "{returned:?}");
    }
}

#[test]
fn a_profile_is_exported_and_stays_logged_in_elsewhere() {
    let (zo, site) = (Zo::new(), Site::start());
    zo.run(["browse", "open", &site.url_of("/login")]).ok();
    let steps = format!(
        "open {}\nfill label=User ada\nfill label=Password 'correct horse'\nclick 'role=button[name=Log in]'\nwait --text 'Hello, ada'\n",
        site.url_of("/login")
    );
    zo.file("steps.txt", steps);
    zo.run(["browse", "run", "steps.txt", "--bail"]).ok();
    let short = zo.run_with(["browse", "export", "p.age"], "");
    assert!(!short.status.success(), "{short}");
    zo.run_with(["browse", "export", "p.age"], "a long passphrase").ok();
    let again = zo.run_with(["browse", "export", "p.age"], "a long passphrase");
    assert!(again.failed(1).contains("is there already"), "{again}");
    assert!(fs::read(zo.scratch().join("p.age")).expect("it is there").starts_with(b"age-encryption.org/v1"));

    let other = Zo::new();
    let file = zo.scratch().join("p.age").display().to_string();
    let wrong = other.run_with(["browse", "import", &file, "--session", "shop"], "another passphrase");
    assert!(wrong.failed(1).contains("the passphrase does not open it"), "{wrong}");
    other.run_with(["browse", "import", &file, "--session", "shop"], "a long passphrase").ok();
    let twice = other.run_with(["browse", "import", &file, "--session", "shop"], "a long passphrase");
    assert!(twice.failed(1).contains("has a profile already"), "{twice}");
    other.run(["browse", "open", &site.url_of("/account"), "--session", "shop"]).ok();
    let read = other.run(["browse", "read", "--session", "shop"]);
    assert!(read.ok().contains("ada"), "it is logged in: {read}");
}

#[test]
fn what_a_session_may_reach_is_kept() {
    let (zo, site) = (Zo::new(), Site::start());
    let url = site.url_of("/form");
    let refused = zo.run(["browse", "open", &url, "--session", "agents", "--guarded"]);
    assert!(refused.failed(1).contains("refused"), "{}", refused.failed(1));
    let refused = zo.run(["browse", "open", &url, "--only", "example.org"]);
    assert!(refused.failed(1).contains("none of the hosts"), "{}", refused.failed(1));
    let again = zo.run(["browse", "open", &url]);
    assert!(again.failed(1).contains("none of the hosts"), "it is still so: {}", again.failed(1));
    zo.run(["browse", "open", &url, "--only", "any"]).ok();
}

#[test]
fn what_was_under_way_when_the_engine_was_killed_is_interrupted() {
    let (zo, site) = (Zo::new(), Site::start());
    let mut serving = Serving::start(&zo);
    zo.run(["browse", "open", &site.url_of("/form")]).ok();
    let browser = pids(&zo);
    let mut waiting =
        zo.command(["browse", "wait", "#never", "--timeout", "60"]).stderr(Stdio::null()).spawn().expect("it runs");
    let begun = std::time::Instant::now();
    while !zo
        .run(["browse", "history", "--json"])
        .json()
        .first()
        .is_some_and(|line| line["act"]["act"] == json!("wait"))
    {
        assert!(begun.elapsed().as_secs() < 60, "it never began");
    }
    serving.0.kill().expect("it is ours");
    let _ = serving.0.wait();
    waiting.kill().expect("it is ours");
    let _ = waiting.wait();
    let begun = std::time::Instant::now();
    while browser.iter().any(|pid| is_alive(*pid)) {
        assert!(begun.elapsed().as_secs() < 60, "its browser is left: {browser:?}");
    }
    zo.run(["browse", "get", "url"]).ok();
    let history = zo.run(["browse", "history", "--json"]).json();
    let outcomes: Vec<_> = history.iter().map(|line| line["outcome"].clone()).collect();
    assert!(outcomes.contains(&json!("interrupted")), "{history:?}");
}

/// Calls of tools, one a reply, and what is said at the end.
fn script(calls: &[(&str, Value)]) -> Value {
    let replies = calls
        .iter()
        .map(|(tool, arguments)| json!({"text": "", "tool_calls": [{"name": tool, "arguments": arguments}]}));
    let report = json!({"text": "The receipt is in downloads."});
    Value::Array(replies.chain([report]).collect())
}

/// Processes whose command line names this folder, apart from our own.
fn processes_of(folder: &std::path::Path) -> Vec<u64> {
    let named = folder.to_str().expect("UTF-8");
    let entries = fs::read_dir("/proc").expect("it can be listed").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.contains(named) && line.contains("--user-data-dir") && is_alive(*pid)
    })
    .collect()
}

#[test]
fn an_agent_logs_in_orders_and_reports_though_engine_and_browser_are_killed() {
    let (zo, site) = (Zo::new(), Site::start());
    let open = |path: &str| ("browse_open", json!({"url": site.url_of(path)}));
    let act = |act: Value| ("browse_act", act);
    let fill = |target: &str, text: &str| act(json!({"act": "fill", "target": target, "text": text}));
    let click = |target: &str| act(json!({"act": "click", "target": target}));
    let calls = [
        open("/login"),
        fill("label=User", "ada"),
        fill("label=Password", "correct horse"),
        click("role=button[name=Log in]"),
        act(json!({"act": "wait", "text": "Hello, ada"})),
        open("/wizard/1"),
        fill("label=Name", "Ada Lovelace"),
        fill("label=E-mail", "ada@example.org"),
        click("role=button[name=Next]"),
        act(json!({"act": "wait", "text": "Step 2 of 3"})),
        // Long enough to be killed in.
        open("/slow?ms=3000&n=engine"),
        open("/wizard/2"),
        fill("label=Street", "Analytical Row 1"),
        act(json!({"act": "select", "target": "label=Country", "values": ["Iceland"]})),
        click("role=button[name=Next]"),
        act(json!({"act": "wait", "text": "Step 3 of 3"})),
        open("/slow?ms=3000&n=browser"),
        open("/wizard/3"),
        click("label=Fast"),
        act(json!({"act": "check", "target": "label=I agree"})),
        click("role=button[name=Next]"),
        act(json!({"act": "wait", "text": "Thank you"})),
        act(json!({"act": "download", "target": "text=Receipt"})),
        open("/account"),
    ];
    zo.file("work/a.txt", "");
    zo.file("script.json", script(&calls).to_string());
    let origin = format!("browse_open({}*)", site.url_of("/"));
    zo.run(["permission", "allow", &origin]).ok();
    zo.run(["permission", "allow", "browse_act(*)"]).ok();
    let agent = ["agent", "run", "--model", "scripted", "--script", "script.json", "--workspace", "work", "order"];
    let mut first =
        zo.command(agent).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    let patience = std::time::Duration::from_secs(120);
    assert!(site.wait_for(patience, |seen| seen.query.contains("n=engine")), "it gets so far");
    first.kill().expect("it is ours");
    let _ = first.wait();
    let run = zo.run(["agent", "list", "--json"]).json()[0]["run"].as_str().expect("it is listed").to_owned();
    let mut second = zo.command(["agent", "resume", &run, "--json"]);
    let second = second.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    assert!(site.wait_for(patience, |seen| seen.query.contains("n=browser")), "it goes on");
    let browser = processes_of(&zo.home());
    assert!(!browser.is_empty());
    for pid in browser {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("it is a process");
        let _ = kill_process(pid, Signal::KILL);
    }
    let output = second.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let receipt = fs::read_to_string(zo.scratch().join("work/downloads/receipt.txt")).expect("it was downloaded");
    assert_eq!(
        receipt,
        "receipt\nname: Ada Lovelace\nemail: ada@example.org\nstreet: Analytical Row 1\ncountry: is\nspeed: fast\nagreed: yes\n"
    );
    assert!(!site.requests().iter().rev().take(3).any(|seen| seen.path.contains("/login")), "it is still logged in");
    assert_eq!(processes_of(&zo.home()), [0_u64; 0], "no browser is left");
}
