//! A server written by hand, so that it can be a bad one: JSON-RPC, a line each.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

struct Server {
    folder: PathBuf,
    mode: String,
    grown: bool,
    listed: u32,
    /// The call that is not answered until it is cancelled.
    waiting: Option<Value>,
}

pub(crate) fn main(mode: &str, folder: &Path) -> io::Result<ExitCode> {
    writeln!(io::stderr(), "{}", if mode == "ends" { "no licence" } else { "I am up" })?;
    match mode {
        "ends" => return Ok(ExitCode::from(7)),
        "silent" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "rubbish" => {
            writeln!(io::stdout(), "Listening on port 8000")?;
            return Ok(ExitCode::SUCCESS);
        }
        "flood" => loop {
            writeln!(io::stdout(), "y")?;
        },
        _ => {}
    }
    let mut server =
        Server { folder: folder.to_owned(), mode: mode.to_owned(), grown: false, listed: 0, waiting: None };
    server.note("processes", &std::process::id().to_string());
    for line in io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        server.take(&message)?;
    }
    if mode == "stubborn" {
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn send(message: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()
}

fn answer(id: &Value, result: Value) -> io::Result<()> {
    send(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn text(id: &Value, text: &str) -> io::Result<()> {
    answer(id, json!({"content": [{"type": "text", "text": text}]}))
}

impl Server {
    fn note(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    fn take(&mut self, message: &Value) -> io::Result<()> {
        let id = &message["id"];
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => answer(
                id,
                json!({
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {"listChanged": true}},
                    "serverInfo": {"name": "by hand", "version": "1"},
                }),
            ),
            "tools/list" => {
                self.listed += 1;
                self.note("listed", &self.listed.to_string());
                answer(id, json!({"tools": self.tools()}))
            }
            "notifications/cancelled" => {
                assert_eq!(Some(&message["params"]["requestId"]), self.waiting.as_ref());
                self.note("cancelled", message["params"]["reason"].as_str().unwrap_or_default());
                Ok(())
            }
            "tools/call" => self.call(id, &message["params"]),
            _ => Ok(()),
        }
    }

    fn tools(&self) -> Vec<Value> {
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let tool = |name: &str, about: &str| json!({"name": name, "description": about, "inputSchema": schema});
        if self.mode == "many" {
            let about = "long ".repeat(2000);
            let mut tools: Vec<Value> = (0..300).map(|number| tool(&format!("tool-{number}"), &about)).collect();
            tools.insert(1, tool("tool-0", "the same once more"));
            return tools;
        }
        let mut echo = tool("echo", "Says it again.");
        echo["annotations"] = json!({"readOnlyHint": true});
        let mut names = BTreeSet::from(["exit", "fail", "wait", "much", "children", "grow", "strange"]);
        if self.grown {
            names.insert("new");
        }
        let first = [echo, tool("environment", ""), tool("count", "")];
        first.into_iter().chain(names.into_iter().map(|name| tool(name, ""))).collect()
    }

    fn call(&mut self, id: &Value, params: &Value) -> io::Result<()> {
        let arguments = &params["arguments"];
        match params["name"].as_str().unwrap_or_default() {
            "echo" => {
                let content =
                    [json!({"type": "text", "text": format!("you said {}", arguments["text"].as_str().unwrap())})];
                answer(id, json!({"content": content, "structuredContent": arguments}))
            }
            "environment" => {
                let mut variables: Vec<String> =
                    std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
                variables.sort();
                let folder = std::env::current_dir()?;
                text(id, &format!("{}\nin {}", variables.join("\n"), folder.display()))
            }
            "count" => {
                let to = arguments["to"].as_u64().unwrap();
                for number in 1..=to {
                    let token = &params["_meta"]["progressToken"];
                    let told = json!({"progressToken": token, "progress": number, "total": to, "message": format!("at {number}")});
                    send(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": told}))?;
                }
                text(id, &format!("counted to {to}"))
            }
            "wait" => {
                self.waiting = Some(id.clone());
                self.note("waiting", "");
                Ok(())
            }
            "exit" => {
                writeln!(io::stderr(), "I give up")?;
                std::process::exit(i32::try_from(arguments["code"].as_i64().unwrap()).unwrap())
            }
            "fail" => answer(id, json!({"content": [{"type": "text", "text": "no such luck"}], "isError": true})),
            "strange" => answer(id, json!({"roots": 7})),
            "much" => {
                let mib = usize::try_from(arguments["mib"].as_u64().unwrap()).unwrap();
                text(id, &"x".repeat(mib << 20))
            }
            "children" => {
                // One that has left the group it was born in.
                let mut command = Command::new("setsid");
                command.args(["sleep", "1000"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let child = command.spawn()?;
                text(id, &child.id().to_string())
            }
            "grow" => {
                self.grown = true;
                send(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}))?;
                text(id, "grown")
            }
            name => {
                let message = format!("there is no tool {name}");
                send(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": message}}))
            }
        }
    }
}
