//! What is attacked: a scratch home, files with canaries, listeners on the loopback, and a process to harm.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use zo_tests::cli::Zo;

pub(crate) const PYTHON: &str = "/usr/bin/python3";
/// `nobody` on every system.
const NOBODY: u32 = 65534;
const CONTENT: &str = "as it was";

/// Whose rights the attacker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Who runs the tests.
    Own,
    /// Where that is root: nobody.
    Nobody,
}

impl User {
    /// The words in front of a command that make it this user's.
    fn prefix(self) -> Vec<OsString> {
        let words: &[&str] = match self {
            Self::Own => &[],
            Self::Nobody => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"],
        };
        words.iter().map(OsString::from).collect()
    }

    pub(crate) fn is_root(self) -> bool {
        self == Self::Own && rustix::process::geteuid().is_root()
    }
}

/// A scratch folder with everything that is attacked, anew for every attack.
pub(crate) struct World {
    scratch: TempDir,
    pub(crate) zo: PathBuf,
    user: User,
    victim: Option<Victim>,
}

struct Victim {
    process: Child,
    address: u64,
    shared: u32,
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It removes its shared memory when its stdin ends; a stopped or harmed one is killed.
        drop(self.process.stdin.take());
        for _ in 0..50 {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl World {
    /// A world for a script: with the sockets and the victim it mentions.
    pub(crate) fn new(user: User, script: &str) -> Self {
        let scratch = tempfile::Builder::new().prefix("zo-attack-").tempdir().expect("there is scratch space");
        let world = Self { zo: reachable_zo(user), scratch, user, victim: None };
        for (file, content) in [
            ("home/.ssh/id_rsa", "canary"),
            ("home/precious", CONTENT),
            ("outside/file", CONTENT),
            ("zo/vault/keys.age", "canary"),
            ("zo/log/journal/00000000.zoj", "canary"),
            ("zo/run/nothing", ""),
            ("secret", "canary"),
            ("work/input", CONTENT),
            ("tmp/nothing", ""),
        ] {
            let path = world.path(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
        for (socket, mention) in [("work/socket", "/socket"), ("zo/run/zo.sock", "zo.sock")] {
            if script.contains(mention) {
                greet_on(UnixListener::bind(world.path(socket)).expect("a socket"));
            }
        }
        if user == User::Nobody {
            own(world.scratch.path());
        }
        let victim = (script.contains("victim") || script.contains("shared")).then(|| world.start_victim());
        Self { victim, ..world }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// What a script is told.
    pub(crate) fn description(&self) -> Value {
        let listeners = Listeners::get();
        json!({
            "home": self.path("home"), "zo_home": self.path("zo"), "outside": self.path("outside"),
            "work": self.path("work"), "tcp": listeners.tcp, "udp": listeners.udp, "abstract": listeners.name,
            "victim": self.victim.as_ref().map(|victim| victim.process.id()),
            "victim_address": self.victim.as_ref().map(|victim| victim.address),
            "shared": self.victim.as_ref().map(|victim| victim.shared),
        })
    }

    /// A command of the user, with a canary in its environment and one in an open file.
    pub(crate) fn command<S: Into<OsString>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg("exec \"$@\" 9<\"$SECRET\"").arg("sh").args(self.user.prefix());
        command.args(words.into_iter().map(Into::into)).current_dir(self.path("work"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("SECRET", self.path("secret"));
        command.env("HOME", self.path("home")).env("ZO_HOME", self.path("zo")).env("TMPDIR", self.path("tmp"));
        command.env("ZO_TEST_SECRET", "canary").stdin(Stdio::null());
        command
    }

    /// What is not as it was, outside of what may be written.
    pub(crate) fn harm(&self) -> Option<String> {
        for file in ["home/precious", "outside/file"] {
            let path = self.path(file);
            match fs::read_to_string(&path) {
                Ok(content) if content == CONTENT => {}
                found => return Some(format!("{file} is now {found:?}")),
            }
            let metadata = fs::metadata(&path).expect("it was read");
            if metadata.permissions().mode() & 0o777 != 0o644 {
                return Some(format!("{file} has the mode {:o}", metadata.permissions().mode()));
            }
        }
        let entries = fs::read_dir(self.path("outside")).expect("it is there").count();
        (entries != 1).then(|| format!("there are {entries} files outside"))
    }

    fn start_victim(&self) -> Victim {
        const SCRIPT: &str = r#"
import ctypes, os, signal, sys
libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
libc.prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0) # may be traced by anybody, where Yama forbids it otherwise
os.chdir(sys.argv[2]); held = open("file", "a"); memory = ctypes.create_string_buffer(b"canary")
segment = libc.shmget(int(sys.argv[3]), 4096, 0o1600)
ctypes.memmove(libc.shmat(segment, None, 0), b"canary", 6)
print(ctypes.addressof(memory), flush=True)
sys.stdin.read(); libc.shmctl(segment, 0, None)
"#;
        static KEY: AtomicU32 = AtomicU32::new(0);
        let shared = (std::process::id() << 12 | KEY.fetch_add(1, Ordering::Relaxed)) & 0x7fff_ffff;
        let outside = self.path("outside").into_os_string();
        let words = [PYTHON.into(), "-c".into(), SCRIPT.into(), "victim".into(), outside, shared.to_string().into()];
        let mut command = self.command::<OsString>(words);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it was asked for"))
            .read_line(&mut line)
            .expect("the victim talks");
        Victim { process, address: line.trim().parse().expect("an address"), shared }
    }
}

/// Gives a folder and all in it to nobody, and lets others pass.
fn own(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    if path.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("root may");
        fs::read_dir(path).expect("a folder").for_each(|entry| own(&entry.expect("an entry").path()));
    }
}

/// The program where this user can reach it.
fn reachable_zo(user: User) -> PathBuf {
    static COPY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let built = Zo::new().binary().to_owned();
    if user == User::Own {
        return built;
    }
    let copy = || {
        let folder = tempfile::Builder::new().prefix("zo-binary-").tempdir().expect("there is scratch space");
        let copy = folder.path().join("zo");
        fs::hard_link(&built, &copy).or_else(|_| fs::copy(&built, &copy).map(drop)).expect("a copy");
        own(folder.path());
        (folder, copy)
    };
    COPY.get_or_init(copy).1.clone()
}

/// Listeners on the loopback that greet whoever reaches them.
struct Listeners {
    tcp: u16,
    udp: u16,
    name: String,
}

impl Listeners {
    fn get() -> &'static Self {
        static LISTENERS: OnceLock<Listeners> = OnceLock::new();
        LISTENERS.get_or_init(|| {
            let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
            let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
            let name = format!("zo-attack-{}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).expect("a name");
            greet_on(UnixListener::bind_addr(&address).expect("a socket"));
            let ports = [tcp.local_addr(), udp.local_addr()].map(|address| address.expect("it is bound").port());
            thread::spawn(move || tcp.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"hello"))));
            thread::spawn(move || {
                let mut buffer = [0; 512];
                while let Ok((_, from)) = udp.recv_from(&mut buffer) {
                    let _ = udp.send_to(b"hello", from);
                }
            });
            Self { tcp: ports[0], udp: ports[1], name }
        })
    }
}

fn greet_on(listener: UnixListener) {
    thread::spawn(move || listener.incoming().flatten().for_each(|mut stream| drop(stream.write_all(b"hello"))));
}
