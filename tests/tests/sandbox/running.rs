//! What else must hold: limits are told apart, nothing outlives zo, nothing runs unconfined, and what is allowed works.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use zo_sandbox::{
    Command, Ending, Finished, Follower, Level, Limits, Network, Output, Policy, Sandbox, SandboxError, Then,
};
use zo_tests::cli::Zo;

use crate::attacks::PRELUDE;
use crate::world::{PYTHON, User, World};

const LEVELS: [Level; 2] = [Level::Namespaces, Level::Landlock];

fn sandbox(level: Level) -> Sandbox {
    Sandbox::with_supervisor(Zo::new().binary().to_owned()).at_level(level)
}

fn command(folder: &Path, argv: &[&str]) -> Command {
    let policy = Policy { write: vec![folder.to_owned()], ..Policy::default() };
    let argv = argv.iter().map(Into::into).collect();
    Command { argv, folder: folder.to_owned(), policy, ..Command::default() }
}

/// Runs it to its end; its ending and what it printed on stdout.
fn run(level: Level, command: &Command) -> Result<(Ending, String), SandboxError> {
    let mut printed = Vec::new();
    let finished = sandbox(level).run(command, &mut |output| {
        if let Output::Stdout(bytes) = output {
            printed.extend_from_slice(bytes);
        }
        ControlFlow::Continue(())
    })?;
    Ok((finished.ending, String::from_utf8_lossy(&printed).into_owned()))
}

fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("zo-running-").tempdir().expect("there is scratch space")
}

#[test]
fn what_is_allowed_works() {
    let folder = scratch();
    let read = folder.path().join("read");
    let work = folder.path().join("work");
    fs::create_dir_all(&read).expect("a folder");
    fs::create_dir_all(&work).expect("a folder");
    fs::write(read.join("input"), "from outside").expect("a file");
    for level in LEVELS {
        let script = format!(
            "cat; cat {}/input; echo \" $NAME\"; echo made > made; echo $TMPDIR > $TMPDIR/x; exit 7",
            read.display()
        );
        let mut command = command(&work, &["sh", "-c", &script]);
        command.policy.read = vec![read.clone()];
        command.stdin = b"on stdin, ".to_vec();
        command.environment = vec![("NAME".into(), "given".into())];
        let (ending, printed) = run(level, &command).expect("it runs");
        assert_eq!(ending, Ending::Exited(7), "{level}");
        assert_eq!(printed, "on stdin, from outside given\n", "{level}");
        assert_eq!(fs::read_to_string(work.join("made")).expect("it was made"), "made\n", "{level}");
        fs::remove_file(work.join("made")).expect("it is there");
    }
}

#[test]
fn what_may_be_read_cannot_be_written() {
    let folder = scratch();
    fs::write(folder.path().join("file"), "as it was").expect("a file");
    for level in LEVELS {
        let mut command = command(folder.path(), &["sh", "-c", "cat file; echo changed > file || echo refused"]);
        command.policy.read = std::mem::take(&mut command.policy.write);
        assert_eq!(run(level, &command).expect("it runs").1, "as it wasrefused\n", "{level}");
    }
}

#[test]
fn a_read_only_folder_within_a_writable_one_stays_so_or_is_refused() {
    let folder = scratch();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let mut command = command(folder.path(), &["sh", "-c", "echo x > file && (echo x > inner/file || echo refused)"]);
    command.policy.read = vec![inner];
    assert_eq!(run(Level::Namespaces, &command).expect("it runs").1, "refused\n");
    let refused = run(Level::Landlock, &command).expect_err("Landlock cannot take away what it has given");
    assert!(matches!(refused, SandboxError::NotEnforceable { .. }), "{refused}");
}

/// A command, the limit it is given, and how it ends.
type Case<'a> = (&'a [&'a str], fn(&mut Limits), Ending);

#[test]
fn endings_are_told_apart() {
    let folder = scratch();
    let cases: [Case; 7] = [
        (&["sleep", "60"], |limits| limits.wall = Duration::from_millis(300), Ending::TimedOut),
        (&["sh", "-c", "while :; do :; done"], |limits| limits.cpu = Duration::from_secs(1), Ending::CpuLimit),
        (
            &["sh", "-c", "while :; do true; /bin/true; done"],
            |limits| limits.cpu = Duration::from_secs(1),
            Ending::CpuLimit,
        ),
        (&["yes"], |limits| limits.output_bytes = 100_000, Ending::OutputLimit),
        (
            &["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 30 & done; wait"],
            |limits| limits.processes = 6,
            Ending::ProcessLimit,
        ),
        (&["sh", "-c", "kill -TERM $$"], |_| {}, Ending::Signalled(15)),
        (
            &["sh", "-c", "dd if=/dev/zero of=big bs=1M count=20 2>/dev/null || echo refused"],
            |limits| limits.file_bytes = 1 << 20,
            Ending::Exited(0),
        ),
    ];
    for level in LEVELS {
        for (argv, limit, expected) in &cases {
            let mut command = command(folder.path(), argv);
            limit(&mut command.policy.limits);
            let begun = Instant::now();
            let (ending, _) = run(level, &command).expect("it runs");
            assert_eq!(ending, *expected, "{level}: {argv:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{level}: {argv:?}");
        }
    }
    assert!(fs::metadata(folder.path().join("big")).expect("it was begun").len() <= 1 << 20);
}

#[test]
fn memory_is_limited_for_all_together() {
    let folder = scratch();
    let script = "import os,time\nfor _ in range(5): os.fork()\nx = b'x' * (40 << 20)\ntime.sleep(20)";
    for level in LEVELS {
        let mut command = command(folder.path(), &[PYTHON, "-c", script]);
        command.policy.limits.memory_bytes = 200 << 20;
        assert_eq!(run(level, &command).expect("it runs").0, Ending::MemoryLimit, "{level}");
    }
}

#[test]
fn who_watches_over_it_cannot_be_killed_or_stopped() {
    let folder = scratch();
    for level in LEVELS {
        let mut command = command(folder.path(), &["sh", "-c", "kill -STOP $PPID; kill -9 $PPID; sleep 60"]);
        command.policy.limits.wall = Duration::from_secs(1);
        assert_eq!(run(level, &command).expect("it runs").0, Ending::TimedOut, "{level}");
    }
}

#[test]
fn a_tree_that_grows_faster_than_it_is_killed_dies() {
    let folder = scratch();
    // At most 2048 processes, should nothing stop them.
    let script = "import os, time\nfor _ in range(11):\n  try: os.fork()\n  except OSError: pass\ntime.sleep(20)";
    for level in LEVELS {
        let mut command = command(folder.path(), &[PYTHON, "-c", script]);
        command.policy.limits.processes = 64;
        assert_eq!(run(level, &command).expect("it runs").0, Ending::ProcessLimit, "{level}");
    }
}

#[test]
fn a_silent_command_can_be_stopped() {
    let folder = scratch();
    for level in LEVELS {
        let begun = Instant::now();
        let command = command(folder.path(), &["sleep", "60"]);
        let finished = sandbox(level).run(&command, &mut |_| {
            if begun.elapsed() > Duration::from_millis(300) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(finished.expect("it runs").ending, Ending::Stopped);
        assert!(begun.elapsed() < Duration::from_secs(5), "{level}");
    }
}

/// A tree that writes on and on: a child, one in a session of its own, one that is nobody's child any more.
const RESTLESS: &str = r#"
import os, sys, time
def write(name):
    while True:
        with open(name, "a") as f: f.write("x")
        time.sleep(0.02)
if os.fork() == 0: write("one")
if os.fork() == 0: os.setsid(); write("two")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: write("three")
    os._exit(0)
print("running", flush=True)
write("four")
"#;

fn sizes(folder: &Path) -> Vec<u64> {
    ["one", "two", "three", "four"].map(|name| fs::metadata(folder.join(name)).map_or(0, |file| file.len())).to_vec()
}

#[test]
fn everything_dies_when_zo_is_killed() {
    for level in LEVELS {
        let world = World::new(User::Own, "");
        let zo = world.zo.display().to_string();
        let work = world.path("work");
        let words = [&zo, "sandbox", "run", "--level", level.name(), "--write", "."];
        let mut command = world.command(words.into_iter().chain(["--", PYTHON, "-c", RESTLESS]).map(str::to_owned));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("zo runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut line).expect("the command talks");
        assert_eq!(line, "running\n");
        while sizes(&work).contains(&0) {
            thread::sleep(Duration::from_millis(20));
        }
        child.kill().expect("it runs");
        child.wait().expect("it was started here");
        let still = still_within(&work, Duration::from_secs(10));
        assert!(still, "{level}: something goes on writing");
        let left = fs::read_dir(world.path("tmp")).expect("it is there").flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != "nothing").collect();
        assert!(left.is_empty(), "{level}: {left:?}");
    }
}

/// Whether nothing is written any more, soon.
fn still_within(folder: &Path, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        let before = sizes(folder);
        thread::sleep(Duration::from_millis(300));
        if sizes(folder) == before {
            return true;
        }
    }
    false
}

#[test]
fn everything_dies_when_the_command_ends() {
    let folder = scratch();
    for level in LEVELS {
        let script = RESTLESS.replace("write(\"four\")", "open(\"four\", \"w\").write(\"x\"); time.sleep(0.3)");
        let command = command(folder.path(), &[PYTHON, "-c", &script]);
        assert_eq!(run(level, &command).expect("it runs").0, Ending::Exited(0));
        let before = sizes(folder.path());
        thread::sleep(Duration::from_millis(200));
        assert_eq!(sizes(folder.path()), before, "{level}");
    }
}

#[test]
fn nothing_runs_where_nothing_is_enforced() {
    let folder = scratch();
    let command = command(folder.path(), &["touch", "made"]);
    let refused = run(Level::None, &command).expect_err("that is no protection");
    assert!(matches!(refused, SandboxError::NotEnforceable { .. }), "{refused}");
    for level in [Level::Seatbelt, Level::Bubblewrap] {
        if sandbox(level).report().level != level {
            let refused = run(level, &command).expect_err("this machine has none of it");
            assert!(matches!(refused, SandboxError::NotEnforceable { .. }), "{refused}");
        }
    }
    assert!(!folder.path().join("made").exists());
    let allowed = sandbox(Level::None).allow_unsandboxed(true).run(&command, &mut |_| ControlFlow::Continue(()));
    assert_eq!(allowed.expect("it was allowed").level, Level::None);
    assert!(folder.path().join("made").exists());
}

#[test]
fn bad_commands_are_refused_with_their_reason() {
    let folder = scratch();
    let outside = scratch();
    for level in LEVELS {
        let refused = |change: &dyn Fn(&mut Command)| {
            let mut command = command(folder.path(), &["true"]);
            change(&mut command);
            run(level, &command).expect_err("it is refused")
        };
        let error = refused(&|command| command.argv = vec!["no-such-program".into()]);
        assert!(matches!(error, SandboxError::NotFound(_)), "{error}");
        let error = refused(&|command| command.argv.clear());
        assert!(matches!(error, SandboxError::Empty), "{error}");
        let error = refused(&|command| command.folder = outside.path().to_owned());
        assert!(matches!(error, SandboxError::BadFolder { .. }), "{error}");
        for path in ["/", "/proc", "/dev/mem", "/no/such/folder"] {
            let error = refused(&|command| command.policy.read = vec![PathBuf::from(path)]);
            assert!(matches!(error, SandboxError::BadPath { .. }), "{path}: {error}");
        }
        let script = folder.path().join("script");
        fs::write(&script, "#!/no/such/interpreter\n").expect("a file");
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
        let error = refused(&|command| command.argv = vec!["./script".into()]);
        assert!(matches!(error, SandboxError::NotExecutable { .. }), "{error}");
    }
}

#[test]
fn only_the_proxy_is_reached() {
    let folder = scratch();
    let path = folder.path().join("proxy");
    let listener = UnixListener::bind(&path).expect("a socket");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let first = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
            let body = format!("asked {first}");
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        }
    });
    let script = "import sys; sys.stderr = sys.stdout\nimport urllib.request as r; print(r.urlopen('http://canary.test/x', timeout=5).read().decode())";
    let mut command = command(folder.path(), &[PYTHON, "-c", script]);
    command.policy.network = Network::Proxy(path);
    let (ending, printed) = run(Level::Namespaces, &command).expect("it runs");
    assert_eq!((ending, printed.as_str()), (Ending::Exited(0), "asked GET http://canary.test/x HTTP/1.1\n"));
    let refused = run(Level::Landlock, &command).expect_err("there is no namespace for it");
    assert!(matches!(refused, SandboxError::NotEnforceable { .. }), "{refused}");
}

/// Follows a command until it has said something, then does this.
struct Until<'a> {
    started: bool,
    said: Vec<u8>,
    then: &'a mut dyn FnMut(&str) -> Then,
}

impl Follower for Until<'_> {
    fn started(&mut self) {
        assert!(!self.started && self.said.is_empty(), "it is said once, and first");
        self.started = true;
    }

    fn printed(&mut self, output: Output<'_>) -> Then {
        if let Output::Stdout(bytes) = output {
            self.said.extend_from_slice(bytes);
        }
        (self.then)(&String::from_utf8_lossy(&self.said))
    }
}

/// Runs a command, and does this whenever something or nothing happens; how it ended and what it printed.
fn follow(level: Level, command: &Command, then: &mut dyn FnMut(&str) -> Then) -> (Finished, String) {
    let mut until = Until { started: false, said: Vec::new(), then };
    let finished = sandbox(level).follow(command, &mut until).expect("it runs");
    assert!(until.started);
    (finished, String::from_utf8_lossy(&until.said).into_owned())
}

#[test]
fn a_command_that_is_asked_to_end_may_clean_up_and_so_may_what_it_started() {
    let folder = scratch();
    let script = "(trap 'echo child; exit' TERM; echo one; while :; do sleep 0.02; done) & \
                  trap 'wait; echo parent; exit 3' TERM; echo two; while :; do sleep 0.02; done";
    for level in LEVELS {
        let command = command(folder.path(), &["sh", "-c", script]);
        let (finished, said) = follow(level, &command, &mut |said| match said.lines().count() {
            0 | 1 => Then::Continue,
            _ => Then::Terminate,
        });
        assert_eq!(finished.ending, Ending::Exited(3), "{level}: {said}");
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["child", "one", "parent", "two"], "{level}");
    }
}

#[test]
fn a_command_that_does_not_end_when_asked_can_still_be_killed() {
    let folder = scratch();
    for level in LEVELS {
        let command =
            command(folder.path(), &["sh", "-c", "trap 'echo no' TERM; echo up; while :; do sleep 0.02; done"]);
        let (finished, said) = follow(level, &command, &mut |said| match said.lines().count() {
            0 => Then::Continue,
            1 => Then::Terminate,
            _ => Then::Kill,
        });
        assert_eq!((finished.ending, said.as_str()), (Ending::Stopped, "up\nno\n"), "{level}");
    }
}

#[test]
fn what_has_no_limit_runs() {
    let folder = scratch();
    for level in LEVELS {
        let mut command = command(folder.path(), &["sh", "-c", "echo up; ulimit -t; ulimit -f"]);
        command.policy.limits = Limits {
            wall: Duration::MAX,
            cpu: Duration::MAX,
            memory_bytes: u64::MAX,
            file_bytes: u64::MAX,
            output_bytes: u64::MAX,
            ..Limits::default()
        };
        let (ending, printed) = run(level, &command).expect("it runs");
        assert_eq!((ending, printed.lines().next()), (Ending::Exited(0), Some("up")), "{level}: {printed}");
    }
}

#[test]
fn a_command_is_reached_at_its_port_and_only_once_it_listens() {
    let folder = scratch();
    let port = crate::free_port();
    let script = format!(
        "import socket, sys\nprint('up', flush=True)\nimport os, time\n\
         while not os.path.exists('listen'): time.sleep(0.01)\n\
         s = socket.create_server(('', {port})); print('listening', flush=True)\n\
         while True:\n  c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()"
    );
    let mut command = command(folder.path(), &[PYTHON, "-c", &script]);
    command.policy.network = Network::Listen { port, proxy: None };
    let place = ("127.0.0.1", port);
    let mut refused_before = false;
    let (finished, _) = follow(Level::Namespaces, &command, &mut |said| {
        if said == "up\n" && !refused_before {
            refused_before = TcpStream::connect(place).is_err();
            fs::write(folder.path().join("listen"), "").expect("a file");
        }
        let Ok(mut stream) = TcpStream::connect(place) else { return Then::Continue };
        stream.write_all(b"hello").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert_eq!(answer, "HELLO");
        Then::Kill
    });
    assert_eq!(finished.ending, Ending::Stopped);
    assert!(refused_before, "nobody is answered before");
    assert!(TcpStream::connect(place).is_err(), "nor afterwards");
}

#[test]
fn a_port_is_had_by_one_at_a_time_and_not_without_a_network_of_its_own() {
    let folder = scratch();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it is bound").port();
    let mut command = command(folder.path(), &["true"]);
    command.policy.network = Network::Listen { port, proxy: None };
    let refused = run(Level::Namespaces, &command).expect_err("it is another's");
    assert!(matches!(refused, SandboxError::Port { port: found, .. } if found == port), "{refused}");
    drop(taken);
    assert_eq!(run(Level::Namespaces, &command).expect("it is free").0, Ending::Exited(0));
    let refused = run(Level::Landlock, &command).expect_err("there is no namespace for it");
    assert!(matches!(refused, SandboxError::NotEnforceable { .. }), "{refused}");
}

/// Runs a script on a terminal of its own, which is what its stdin, and its controlling terminal, are.
const ON_A_TERMINAL: &str = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while True:
    try: piece = os.read(terminal, 4096)
    except OSError: break
    if not piece: break
    text += piece
print(text.decode(errors="replace"))
"#;

#[test]
fn nothing_is_typed_into_the_terminal() {
    let script = format!("{PRELUDE}\nfcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x'); won()");
    let on_terminal = |words: &[&str]| {
        let world = World::new(User::Own, "");
        let attack = [PYTHON, "-c", &script, "{}"];
        let zo = world.zo.display().to_string();
        let words = words.iter().map(|word| if *word == "ZO" { zo.as_str() } else { word });
        let all = [PYTHON, "-c", ON_A_TERMINAL].into_iter().chain(words).chain(attack).map(str::to_owned);
        let output = world.command(all.collect::<Vec<_>>()).output().expect("python runs");
        String::from_utf8_lossy(&output.stdout).contains(crate::attacks::WON)
    };
    // Newer kernels let only root, or nobody, do this; where it does not work freely, it shows nothing, but must not work.
    if User::Own.is_root() {
        assert!(on_terminal(&[]), "without a sandbox it succeeds");
    }
    for level in LEVELS {
        assert!(!on_terminal(&["ZO", "sandbox", "run", "--level", level.name(), "--"]), "{level}");
    }
}

#[test]
fn what_the_machine_enforces_is_what_runs() {
    let sandbox = Sandbox::with_supervisor(Zo::new().binary().to_owned());
    let report = sandbox.report();
    let folder = scratch();
    let result = sandbox.run(&command(folder.path(), &["true"]), &mut |_| ControlFlow::Continue(()));
    match result {
        Ok(finished) => assert_eq!((finished.level, report.enforced), (report.level, true)),
        Err(error) => assert!(!report.enforced, "{error}"),
    }
}
