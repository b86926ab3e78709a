//! A browser, the site, and the proxy between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use zo_browser::{Act, ActError, ActErrorKind, Done, Note, Session, SessionOptions, find};
use zo_egress::{Access, Egress, HostPattern, LoopbackProxy, Policy};
use zo_test_site::{Place, Site};

/// How long an act may take that has nothing to wait for but a machine with much to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One browser that may reach the site and its other origin, and nothing else.
pub(crate) struct World {
    // Dropped in this order: the browser goes before what it talks to.
    session: Option<Session>,
    pub(crate) proxy: LoopbackProxy,
    pub(crate) site: Site,
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut SessionOptions)) -> Self {
        let (site, folder) = (Site::start(), tempfile::tempdir().unwrap());
        let proxy = Egress::new(permitted(&site)).unwrap().proxy_on_loopback(Access::Anyone).unwrap();
        let mut options =
            SessionOptions::new(chromium(), folder.path().join("profile"), folder.path().join("downloads"));
        options.proxy = Some(proxy.address());
        adjust(&mut options);
        let session = Session::open(options).unwrap_or_else(|error| panic!("no browser: {error}; {:?}", error.hint()));
        World { session: Some(session), proxy, site, folder }
    }

    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().expect("it is open")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn attempt(&self, act: Value, deadline: Duration) -> Result<Done, ActError> {
        let act = Act::parse_json(&act.to_string()).unwrap_or_else(|error| panic!("{act} is no act: {error}"));
        self.session().act(&act, deadline, &|| false)
    }

    /// An act that must be done.
    pub(crate) fn act(&self, act: Value) -> Done {
        let done = self.attempt(act.clone(), PATIENCE);
        done.unwrap_or_else(|error| panic!("{act}: {}: {error} {:?}", error.kind, error.notes))
    }

    /// An act that must fail, as one of these kinds, at once: long before its deadline.
    pub(crate) fn fails(&self, kinds: &[ActErrorKind], act: Value) -> ActError {
        let began = Instant::now();
        let error = self.attempt(act.clone(), PATIENCE).expect_err(&format!("{act} must fail"));
        assert!(kinds.contains(&error.kind), "{act}: {}: {error}", error.kind);
        assert!(began.elapsed() < PATIENCE / 2, "{act}: after {:?}", began.elapsed());
        error
    }

    pub(crate) fn open(&self, path: &str) -> Done {
        self.act(json!({"act": "open", "url": self.site.url_of(path)}))
    }

    pub(crate) fn click(&self, target: &str) -> Done {
        self.act(json!({"act": "click", "target": target}))
    }

    pub(crate) fn fill(&self, target: &str, text: &str) -> Done {
        self.act(json!({"act": "fill", "target": target, "text": text}))
    }

    pub(crate) fn eval(&self, script: &str) -> Value {
        self.act(json!({"act": "eval", "script": script})).value
    }

    pub(crate) fn wait_for_text(&self, text: &str) {
        self.act(json!({"act": "wait", "text": text}));
    }

    /// The text of an element.
    pub(crate) fn text(&self, target: &str) -> String {
        let value = self.act(json!({"act": "get", "what": "text", "target": target})).value;
        value.as_str().unwrap_or_else(|| panic!("{target}: {value}")).to_owned()
    }

    /// What the page has noticed, a line each, once there are at least so many.
    pub(crate) fn log(&self, at_least: usize) -> Vec<String> {
        let script = "document.getElementById('log').textContent";
        let began = Instant::now();
        loop {
            let value = self.eval(script);
            let lines: Vec<String> = value.as_str().unwrap_or_default().lines().map(str::to_owned).collect();
            if lines.len() >= at_least || began.elapsed() > Duration::from_secs(5) {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn snapshot(&self) -> String {
        self.act(json!({"act": "snapshot"})).text.unwrap_or_default()
    }

    /// The reference of the line of a snapshot that contains this.
    pub(crate) fn reference(&self, words: &str) -> String {
        let text = self.snapshot();
        let line =
            text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words} is not in:\n{text}"));
        let (_, rest) = line.split_once("[e").unwrap_or_else(|| panic!("no reference: {line}"));
        format!("@e{}", rest.split(']').next().unwrap())
    }

    /// That the session works after whatever there was.
    pub(crate) fn works(&self) {
        let done = self.open("/article");
        assert_eq!(done.title, "On the keeping of bees");
        assert!(self.text("h1").contains("bees"));
    }

    /// Where the active tab is.
    pub(crate) fn url(&self) -> String {
        self.act(json!({"act": "get", "what": "url"})).value.as_str().unwrap_or_default().to_owned()
    }

    /// That nobody has reached the host that nobody is to reach.
    pub(crate) fn nobody_arrived(&self) {
        assert_eq!(self.site.arrivals(), (0, 0));
        assert!(!self.site.requests().iter().any(|seen| seen.place == Place::Forbidden));
    }

    /// Whether the proxy has refused the host that nobody is to reach since it was asked last.
    pub(crate) fn was_refused(&self) -> bool {
        let (host, port) = self.forbidden();
        self.proxy
            .refusals()
            .list
            .iter()
            .any(|refusal| refusal.is_refused() && refusal.host == host && refusal.port == port)
    }

    pub(crate) fn forbidden(&self) -> (String, u16) {
        let address = self.site.address(Place::Forbidden);
        (address.ip().to_string(), address.port())
    }

    /// Drops the session, as who forgets to close it.
    pub(crate) fn drop_session(&mut self) {
        self.session = None;
    }

    /// Ends the browser, and looks whether anything of it is left.
    pub(crate) fn close(mut self) {
        let session = self.session.take().expect("it is open");
        let profile = self.folder().join("profile");
        let place = fs::read_link(profile.join("SingletonSocket")).ok();
        session.close();
        nothing_is_left(&profile, place);
    }
}

/// What a browser may reach: the site, its other origin, and the one with the bad certificate, so that only that is wrong with it.
pub(crate) fn permitted(site: &Site) -> Policy {
    allowing(site, &[Place::Site, Place::Other, Place::Tls])
}

pub(crate) fn allowing(site: &Site, places: &[Place]) -> Policy {
    let pattern = |place: &Place| HostPattern::parse(&site.address(*place).to_string()).unwrap();
    Policy { allow_hosts: places.iter().map(pattern).collect(), ..Policy::default() }
}

pub(crate) fn chromium() -> PathBuf {
    let named = std::env::var_os("ZO_TEST_CHROMIUM").map(PathBuf::from);
    find::program(named.as_deref()).unwrap_or_else(|error| panic!("{error}; tests/run installs one"))
}

/// That no process, lock or temporary folder of a browser is left, whose profile is this one.
pub(crate) fn nothing_is_left(profile: &Path, socket: Option<PathBuf>) {
    let began = Instant::now();
    while !processes_of(profile).is_empty() && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(processes_of(profile), Vec::<String>::new(), "processes are left");
    for name in ["SingletonLock", "SingletonSocket", "SingletonCookie"] {
        assert!(fs::symlink_metadata(profile.join(name)).is_err(), "{name} is left");
    }
    if let Some(folder) = socket.as_deref().and_then(Path::parent) {
        assert!(!folder.exists(), "{} is left", folder.display());
    }
}

/// The processes whose arguments name this profile, whoever's children they are.
pub(crate) fn processes_of(profile: &Path) -> Vec<String> {
    let name = profile.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in entries.filter(|entry| entry.file_name().to_str() != Some(own.as_str())) {
        let Ok(arguments) = fs::read(entry.path().join("cmdline")) else { continue };
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if arguments.contains(name) {
            found.push(format!("{}: {}", entry.file_name().to_string_lossy(), &arguments[..arguments.len().min(200)]));
        }
    }
    found
}

/// The dialogs among notes: kind, message, answer.
pub(crate) fn dialogs(notes: &[Note]) -> Vec<(String, String, bool)> {
    let of = |note: &Note| match note {
        Note::Dialog { kind, message, accepted, .. } => Some((kind.clone(), message.clone(), *accepted)),
        _ => None,
    };
    notes.iter().filter_map(of).collect()
}
