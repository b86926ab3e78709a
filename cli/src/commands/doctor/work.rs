//! What time and work stand on: `zo serve`, the unit that starts it, its ports, the time zone.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query};
use zo_http::options::{USUAL_FILES_PORT, USUAL_PORT};

use super::Check;
use super::asking::not_told;
use crate::context::{Context, query};
use crate::error::{CliError, reason};
use crate::output::text::counted;
use crate::serving::{self, Serving};
use zo_engine::zone;

/// Whether a `zo serve` runs, and whether something waits for one.
pub(super) fn serve(context: &mut Context) -> Vec<Check> {
    const NAME: &str = "serve";
    let looked = context.open_existing().and_then(|mut client| match serving::of(&client, &context.home) {
        Some(serving) => Ok((Some(serving), Vec::new())),
        None => Ok((None, waiting(&mut client)?)),
    });
    match looked {
        Ok((Some(serving), _)) => {
            vec![Check::ok(NAME, format!("it runs, as process {}", serving.pid)), address(&serving)]
        }
        Ok((None, waiting)) if waiting.is_empty() => {
            vec![Check::ok(NAME, "it does not run, and nothing waits for it"), ports()]
        }
        Ok((None, waiting)) => {
            let message = format!("it does not run, and there is what waits for it: {}", waiting.join(", "));
            vec![Check::warn(NAME, message, "`zo serve`, or `zo serve --install` to have it started"), ports()]
        }
        Err(error) => vec![not_told(NAME, error), ports()],
    }
}

/// What there is that only a `zo serve` does.
fn waiting(client: &mut Client) -> Result<Vec<String>, CliError> {
    let jobs = query(client, Query::Queues, None, |answer| match answer {
        Answer::Queues(queues) => Some(queues.counts.waiting + queues.counts.ready + queues.counts.running),
        _ => None,
    })?;
    let schedules = query(client, Query::Schedules, None, |answer| match answer {
        Answer::Schedules(lines) => Some(lines.iter().filter(|line| !line.paused && line.next.is_some()).count()),
        _ => None,
    })?;
    let services = query(client, Query::Services, None, |answer| match answer {
        Answer::Services(lines) => Some(lines.iter().filter(|line| line.wanted).count()),
        _ => None,
    })?;
    let all = [(schedules as u64, "schedule"), (jobs, "job"), (services as u64, "service")];
    Ok(all.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| counted(number, word)).collect())
}

/// Where it listens.
fn address(serving: &Serving) -> Check {
    const NAME: &str = "listening";
    match (serving.api_url(), serving.files_url()) {
        (Some(api), Some(files)) => Check::ok(NAME, format!("HTTP at {api}, hosted files at {files}")),
        (Some(api), None) => Check::ok(NAME, format!("HTTP at {api}, hosted files nowhere")),
        (None, _) => Check::ok(NAME, "nowhere: it was started with --no-http"),
    }
}

/// Whether it could listen where it usually does.
fn ports() -> Check {
    const NAME: &str = "listening";
    let cannot = |port: u16| Some((port, TcpListener::bind((Ipv4Addr::LOCALHOST, port)).err()?));
    let taken: Vec<String> = [USUAL_PORT, USUAL_FILES_PORT]
        .into_iter()
        .filter_map(cannot)
        .map(|(port, error)| format!("127.0.0.1:{port} cannot be listened at: {}", reason(&error)))
        .collect();
    if taken.is_empty() {
        return Check::ok(NAME, format!("127.0.0.1:{USUAL_PORT} and {USUAL_FILES_PORT} are free for it"));
    }
    Check::warn(
        NAME,
        taken.join("; "),
        "listen elsewhere: zo serve --listen 127.0.0.1:PORT --files-listen 127.0.0.1:PORT",
    )
}

/// Whether systemd starts it, and can.
pub(super) fn unit(home: &Path) -> Check {
    const NAME: &str = "systemd";
    let (name, file) = match super::super::serve::unit::unit(home) {
        Ok(unit) => unit,
        Err(error) => return Check::warn(NAME, error.message, "set HOME"),
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(_) => return Check::ok(NAME, format!("there is no unit {name}: `zo serve --install` writes one")),
    };
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap_or_default();
    let program = line.trim_start_matches('"').split(['"', ' ']).next().unwrap_or_default();
    if program.is_empty() || !Path::new(program).exists() {
        let message = format!("{} starts {program:?}, which is not there", file.display());
        return Check::warn(NAME, message, "`zo serve --install` writes it anew");
    }
    Check::ok(NAME, format!("{} starts {program}", file.display()))
}

/// What rules mean that name no zone.
pub(super) fn time_zone() -> Check {
    const NAME: &str = "time zone";
    const HINT: &str = "timedatectl set-timezone Europe/Berlin, or let TZ name one; or name it in each rule (--zone)";
    match zone::found().first() {
        Some(found) if zone::is_known(&found.name) => Check::ok(NAME, format!("{} ({})", found.name, found.place)),
        Some(found) => {
            let message =
                format!("{} ({}) is none that is known: rules are in {}", found.name, found.place, zone::local());
            Check::warn(NAME, message, HINT)
        }
        None => Check::warn(NAME, format!("nothing names it: rules are in {}", zone::UTC), HINT),
    }
}
