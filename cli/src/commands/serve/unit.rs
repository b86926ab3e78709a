//! A unit of systemd, for services of the user, that keeps `zo serve` running.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use zo_engine::protocol::FailureKind;

use crate::context::{Context, home_folder};
use crate::error::{CliError, Kind};
use crate::passphrase::PASSPHRASE_FILE;

/// Variables that the unit takes over, if they are set: paths, and no secret.
const TAKEN_OVER: [&str; 2] = [PASSPHRASE_FILE, "ZO_IDENTITY"];

/// What was written or removed, as JSON has it.
#[derive(Serialize)]
struct UnitJson<'a> {
    unit: &'a str,
    file: &'a Path,
}

/// Writes the unit, and says what to type next.
pub(super) fn install(context: &mut Context, words: &[String]) -> Result<(), CliError> {
    let (name, file) = unit(&context.home)?;
    let program = env::current_exe().map_err(|error| CliError::io("cannot tell where zo is", &error))?;
    let variables = taken_over()?;
    let text = text(&program, &context.home, words, &variables)?;
    let folder = file.parent().expect("a unit lies in a folder");
    let cannot = |error: io::Error| CliError::io(format!("cannot write {}", file.display()), &error);
    fs::create_dir_all(folder).and_then(|()| fs::write(&file, &text)).map_err(cannot)?;
    told(context, &name, &file)?;
    if !context.output.is_json() {
        context.output.text(&text)?;
    }
    // A systemd that runs learns of it; where there is none, that is said by what comes next.
    let reloaded = systemctl(&["daemon-reload"]);
    context.output.note(format!("written to {}", file.display()));
    context.output.note(format!("start it now and whenever you log in:  systemctl --user enable --now {name}"));
    context.output.note("have it run while you are not logged in:    loginctl enable-linger");
    if !reloaded {
        context
            .output
            .note("note: systemd does not answer here: `systemctl --user daemon-reload` has it look at the unit");
    }
    Ok(())
}

/// Stops the unit and removes it.
pub(super) fn uninstall(context: &mut Context) -> Result<(), CliError> {
    let (name, file) = unit(&context.home)?;
    if !file.exists() {
        return Err(CliError::not_found(format!("there is no unit {}", file.display()))
            .hint("`zo serve --install` writes one; --home says for which home"));
    }
    if !systemctl(&["disable", "--now", &name]) {
        context.output.note("note: systemd does not answer here; if it runs, it still has the unit");
    }
    fs::remove_file(&file).map_err(|error| CliError::io(format!("cannot remove {}", file.display()), &error))?;
    systemctl(&["daemon-reload"]);
    told(context, &name, &file)?;
    context.output.note(format!("removed {}", file.display()));
    Ok(())
}

fn told(context: &mut Context, unit: &str, file: &Path) -> Result<(), CliError> {
    if context.output.is_json() { context.output.data(&UnitJson { unit, file }) } else { Ok(()) }
}

/// Whether systemd did it.
fn systemctl(words: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The unit of a home: its name and its file. That of the usual home is `zo.service`.
pub(in crate::commands) fn unit(home: &Path) -> Result<(String, PathBuf), CliError> {
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = config.or_else(|| Some(env::home_dir()?.join(".config")));
    let config = config.ok_or_else(|| CliError::usage("HOME is not set, so there is no place for a unit"))?;
    let is_usual = home_folder(None).is_ok_and(|usual| usual == home) && env::var_os("ZO_HOME").is_none();
    let name = if is_usual {
        "zo.service".to_owned()
    } else {
        let digest = blake3::hash(home.as_os_str().as_encoded_bytes()).to_hex();
        format!("zo-{}.service", &digest[..8])
    };
    let file = config.join("systemd/user").join(&name);
    Ok((name, file))
}

fn taken_over() -> Result<Vec<(String, String)>, CliError> {
    let mut variables = Vec::new();
    for name in TAKEN_OVER {
        let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { continue };
        let path = std::path::absolute(&value);
        let path = path.map_err(|error| CliError::io(format!("{name}: cannot use {}", value.display()), &error))?;
        variables.push((name.to_owned(), text_of(&path)?));
    }
    Ok(variables)
}

/// The unit. It is restarted when it fails, and stopped with time for what runs.
fn text(program: &Path, home: &Path, words: &[String], variables: &[(String, String)]) -> Result<String, CliError> {
    let mut line = vec![text_of(program)?, "--home".to_owned(), text_of(home)?, "serve".to_owned()];
    line.extend(words.iter().cloned());
    let line = line.iter().map(|word| quoted(word)).collect::<Result<Vec<_>, _>>()?.join(" ");
    let mut environment = String::new();
    for (name, value) in variables {
        // A dollar stands for itself here, other than in a command.
        let assignment = quoted(&format!("{name}={value}"))?.replace("$$", "$");
        environment.push_str(&format!("Environment={assignment}\n"));
    }
    Ok(format!(
        "[Unit]\nDescription=zo serve: schedules, jobs, services and HTTP of {}\nAfter=network-online.target\n\n\
         [Service]\nType=notify\nExecStart={line}\n{environment}Restart=on-failure\nRestartSec=2\nTimeoutStartSec=300\n\
         TimeoutStopSec=60\nKillMode=mixed\n\n\
         [Install]\nWantedBy=default.target\n",
        home.display().to_string().replace('%', "%%")
    ))
}

/// A word as systemd reads it (systemd.syntax(7)): in quotes, with nothing that it would replace.
fn quoted(word: &str) -> Result<String, CliError> {
    if word.chars().any(char::is_control) {
        let message = format!("{word:?} has a control character, and systemd takes none");
        return Err(CliError::new(Kind::Engine(FailureKind::Invalid), message));
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:=@,+[]".contains(letter);
    Ok(if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("\"{escaped}\"") })
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::invalid(format!("the path of {} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_unit_stand_for_themselves() {
        assert_eq!(quoted("/usr/bin/zo").as_deref(), Ok("/usr/bin/zo"));
        assert_eq!(quoted("[::1]:7733").as_deref(), Ok("[::1]:7733"));
        assert_eq!(quoted("my home/50% \"$x\"").as_deref(), Ok(r#""my home/50%% \"$$x\"""#));
        assert_eq!(quoted("").as_deref(), Ok("\"\""));
        assert!(quoted("a\nExecStart=/bin/sh").is_err(), "a line of its own could say anything");
    }

    #[test]
    fn a_unit_starts_the_home_that_was_meant() {
        let variables = [(PASSPHRASE_FILE.to_owned(), "/run/secret".to_owned())];
        let words = ["--listen".to_owned(), "127.0.0.1:8080".to_owned()];
        let text = text(Path::new("/bin/zo"), Path::new("/home/u/my zo"), &words, &variables).expect("it is UTF-8");
        assert!(
            text.contains("\nExecStart=/bin/zo --home \"/home/u/my zo\" serve --listen 127.0.0.1:8080\n"),
            "{text}"
        );
        assert!(text.contains("\nEnvironment=ZO_PASSPHRASE_FILE=/run/secret\n"), "{text}");
    }
}
