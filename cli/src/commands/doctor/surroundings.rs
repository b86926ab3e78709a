//! The rest of the machine: clock, proxies, certificates, programs and libraries, the terminal.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Local, Utc};
use zo_projections::Timestamp;

use super::Check;
use crate::output::Output;
use crate::time::second;

/// No clock that is right shows a time before this one: 2026-01-01.
const EARLIEST_NOW: i64 = 1_767_225_600_000;

/// Whether the clock can be right. `recorded_at` is when the last event was recorded.
pub(super) fn clock(recorded_at: Option<Timestamp>) -> Check {
    const NAME: &str = "clock";
    const HINT: &str = "set the clock, or let it be set: timedatectl set-ntp true";
    let now = Utc::now().timestamp_millis();
    let zone = Local::now().format("UTC%:z");
    let shown = format!("{} ({zone})", second(Timestamp(now)));
    if now < EARLIEST_NOW {
        return Check::warn(NAME, format!("{shown}: it is later than that"), HINT);
    }
    match recorded_at {
        Some(recorded) if recorded.0 > now + 1000 => {
            let message = format!("{shown}: the last event was recorded {}, which is later", second(recorded));
            Check::warn(NAME, message, HINT)
        }
        _ => Check::ok(NAME, shown),
    }
}

/// Each proxy variable that is set, or that there is none.
pub(super) fn proxies() -> Vec<Check> {
    const NAME: &str = "proxy";
    const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let set = VARIABLES.into_iter().filter_map(|variable| {
        let value = env::var_os(variable).filter(|value| !value.is_empty())?;
        let value = value.to_string_lossy().into_owned();
        Some(match proxy_host(&value) {
            Ok(host) => Check::ok(NAME, format!("{variable} goes through {host}")),
            Err(why) => {
                let hint = format!("a proxy is like http://proxy.example:3128; `unset {variable}` if there is none");
                Check::warn(NAME, format!("{variable} cannot be used: {why}"), hint)
            }
        })
    });
    let checks: Vec<Check> = set.collect();
    if checks.is_empty() { vec![Check::ok(NAME, "none is set")] } else { checks }
}

/// Host and port of a proxy; never its password.
fn proxy_host(value: &str) -> Result<String, String> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    if !["http", "https", "socks5", "socks5h"].contains(&scheme) {
        return Err(format!("no proxy speaks {scheme}"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, behind)| behind);
    let (host, port) = match host_and_port.rsplit_once(':') {
        // An IPv6 address has colons of its own, and stands in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err("it names no host".to_owned());
    }
    if let Some(port) = port
        && port.parse::<u16>().is_err()
    {
        return Err(format!("`{port}` is no port"));
    }
    Ok(host_and_port.to_owned())
}

/// Where the certificates of authorities are.
pub(super) fn certificates() -> Check {
    const NAME: &str = "certificates";
    const USUAL: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from) {
            let hint = format!("let {variable} name one that is there, or unset it");
            return match certificates_in(&path) {
                Ok(0) => Check::warn(NAME, format!("{variable}: no certificate in {}", path.display()), hint),
                Ok(number) => Check::ok(NAME, format!("{number} in {} ({variable})", path.display())),
                Err(why) => Check::warn(NAME, format!("{variable}: {}: {why}", path.display()), hint),
            };
        }
    }
    let found = USUAL.iter().find_map(|path| match certificates_in(Path::new(path)) {
        Ok(number) if number > 0 => Some((path, number)),
        _ => None,
    });
    match found {
        Some((path, number)) => Check::ok(NAME, format!("{number} in {path}")),
        None => Check::warn(NAME, "none are found", "apt install ca-certificates, or set SSL_CERT_FILE"),
    }
}

/// How many certificates a file has, or the files of a folder.
fn certificates_in(path: &Path) -> Result<usize, String> {
    let said = |error: std::io::Error| crate::error::reason(&error);
    if path.is_dir() {
        return Ok(fs::read_dir(path).map_err(said)?.flatten().count());
    }
    let text = fs::read(path).map_err(said)?;
    Ok(String::from_utf8_lossy(&text).matches("-----BEGIN CERTIFICATE-----").count())
}

/// The browser that `zo browse` uses.
pub(super) fn browser(home: &Path) -> Check {
    const NAME: &str = "browser";
    let installed = zo_engine::home::installed_browser(home);
    match zo_browser::find::program(installed.as_deref()) {
        Ok(program) => match zo_browser::find::version(&program) {
            Some(version) => Check::ok(NAME, format!("{version}, {}", program.display())),
            None => Check::warn(
                NAME,
                format!("{} does not say which version it is: `zo browse` may not work", program.display()),
                format!("look what `{} --version` says", program.display()),
            ),
        },
        Err(error) => {
            let message = "no Chromium, Chrome or Edge is found; `zo browse` and agents that browse need one";
            Check::warn(NAME, message, format!("{}; `zo browse install` downloads one", error.hint()))
        }
    }
}

/// What models that embed texts run on.
pub(super) fn onnx_runtime() -> Check {
    const NAME: &str = "onnxruntime";
    let report = zo_embed::runtime();
    let Some(why) = report.why_not() else { return Check::ok(NAME, format!("models run on {}", report.used)) };
    let hint = format!(
        "for more speed and for other models: pip install onnxruntime, or let ORT_DYLIB_PATH name a libonnxruntime.so of \
         version {} or later",
        report.required
    );
    Check::warn(NAME, format!("{why}; the model that ships with zo runs on {}, which is built in", report.used), hint)
}

/// What the terminal can show.
pub(super) fn terminal(output: &Output) -> Check {
    const NAME: &str = "terminal";
    let (terminal, color) = output.abilities();
    let term = env::var("TERM").unwrap_or_else(|_| "not set".to_owned());
    let color = if color { "with colours" } else { "without colours" };
    if !terminal {
        return Check::ok(NAME, "stdout is not one: tabs, no colours, no progress");
    }
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| env::var(name).ok().filter(|v| !v.is_empty()));
    let unicode = locale.as_deref().is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
    let message = format!("TERM is {term}, {} columns, {color}", output.columns());
    if unicode {
        Check::ok(NAME, message)
    } else {
        Check::warn(NAME, message, "export LANG=C.UTF-8, to see every letter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_and_its_password_is_not_shown() {
        assert_eq!(proxy_host("http://user:secret@proxy.example:3128/"), Ok("proxy.example:3128".to_owned()));
        assert_eq!(proxy_host("proxy.example"), Ok("proxy.example".to_owned()));
        assert_eq!(proxy_host("socks5h://[::1]:1080"), Ok("[::1]:1080".to_owned()));
        assert_eq!(proxy_host("http://[::1]"), Ok("[::1]".to_owned()));
        assert_eq!(proxy_host("ftp://proxy.example"), Err("no proxy speaks ftp".to_owned()));
        assert_eq!(proxy_host("http://proxy.example:port"), Err("`port` is no port".to_owned()));
        assert_eq!(proxy_host("http://"), Err("it names no host".to_owned()));
    }

    #[test]
    fn certificates_are_counted() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("ca.pem");
        fs::write(&path, "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n".repeat(2)).expect("a file");
        assert_eq!(certificates_in(&path), Ok(2));
        assert_eq!(certificates_in(folder.path()), Ok(1));
        assert_eq!(certificates_in(Path::new("/no/such/file")), Err("no such file or directory".to_owned()));
    }
}
