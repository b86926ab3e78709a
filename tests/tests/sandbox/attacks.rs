//! The attacks: small Python programs that print [`WON`] if they got what they wanted.
//!
//! Each is given `w`, the world as JSON: `home` (with `.ssh/id_rsa` and `precious`), `zo_home` (with a vault, a log and a
//! socket), `outside`, a folder with a `file`, `work`, the folder it may write to, ports, sockets, and `victim`,
//! a process of the same user. Whatever an attack does it does to these, and it is bounded.

use std::time::Duration;

/// What an attack prints if it got what it wanted.
pub(crate) const WON: &str = "ATTACK-SUCCEEDED";

/// What an attack prints when it begins.
pub(crate) const BEGUN: &str = "ATTACK-BEGINS";

/// What every attack begins with.
pub(crate) const PRELUDE: &str = r#"
import ctypes, errno, fcntl, glob, json, os, resource, shutil, signal, socket, struct, subprocess, sys, time
w = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
print("ATTACK-BEGINS", flush=True)
def won(): print("ATTACK-SUCCEEDED", flush=True); sys.stdout.flush()
def check(condition):
    if condition: won()
def call(number, *arguments): return libc.syscall(ctypes.c_long(number), *arguments)
x86 = os.uname().machine == "x86_64"
"#;

/// An attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
    /// Whether an ordinary user could not do it in the first place.
    pub(crate) root_only: bool,
    /// If it succeeds by writing `marker` into the work folder: how long after its end it may still do so.
    pub(crate) late: Option<Duration>,
}

const fn attack(name: &'static str, script: &'static str) -> Attack {
    Attack { name, script, root_only: false, late: None }
}

const fn of_root(name: &'static str, script: &'static str) -> Attack {
    Attack { name, script, root_only: true, late: None }
}

/// Every attack.
pub(crate) const ATTACKS: &[Attack] = &[
    // Files.
    attack(
        "delete the home",
        r#"
assert os.path.exists(w["home"] + "/precious")
shutil.rmtree(w["home"], ignore_errors=True); check(not os.path.exists(w["home"] + "/precious"))"#,
    ),
    attack("read a key of ssh", r#"check("canary" in open(w["home"] + "/.ssh/id_rsa").read())"#),
    of_root("read /etc/shadow", r#"check(len(open("/etc/shadow").read()) > 0)"#),
    attack("write outside by path", r#"open(w["outside"] + "/file", "w").write("changed"); won()"#),
    attack("make a file outside", r#"open(w["outside"] + "/new", "w").write("new"); won()"#),
    attack("delete a file outside", r#"os.unlink(w["outside"] + "/file"); won()"#),
    attack("move a file outside away", r#"os.rename(w["outside"] + "/file", w["work"] + "/stolen"); won()"#),
    attack("truncate a file outside", r#"os.truncate(w["outside"] + "/file", 0); won()"#),
    attack(
        "write outside by a symbolic link",
        r#"
os.symlink(w["outside"], w["work"] + "/link")
open(w["work"] + "/link/file", "w").write("changed"); won()"#,
    ),
    attack(
        "write outside by a hard link",
        r#"
os.link(w["outside"] + "/file", w["work"] + "/link")
open(w["work"] + "/link", "w").write("changed"); won()"#,
    ),
    attack(
        "write outside by /proc/self/root",
        r#"open("/proc/self/root" + w["outside"] + "/file", "w").write("changed"); won()"#,
    ),
    attack(
        "write outside by another's /proc/PID/root",
        r#"
for pid in [w["victim"], 1, os.getppid()]:
    try: open(f"/proc/{pid}/root" + w["outside"] + "/file", "w").write("changed"); won(); break
    except OSError: pass"#,
    ),
    attack(
        "write outside by another's /proc/PID/cwd",
        r#"open(f"/proc/{w['victim']}/cwd/file", "w").write("changed"); won()"#,
    ),
    attack(
        "write outside by another's /proc/PID/fd",
        r#"
for path in glob.glob(f"/proc/{w['victim']}/fd/*"):
    if os.readlink(path).endswith("/file"): open(path, "w").write("changed"); won()"#,
    ),
    attack("change the permissions of a file outside", r#"os.chmod(w["outside"] + "/file", 0o777); won()"#),
    attack("change the times of a file outside", r#"os.utime(w["outside"] + "/file", (1, 1)); won()"#),
    attack(
        "leave a set-user-id program behind",
        r#"
path = w["work"] + "/program"; open(path, "w").close(); os.chmod(path, 0o4755)
check(os.stat(path).st_mode & 0o4000)"#,
    ),
    attack(
        "make a set-user-id program at once",
        r#"
os.umask(0); path = w["work"] + "/program"
os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o4755)); check(os.stat(path).st_mode & 0o4000)"#,
    ),
    attack("read the key vault", r#"check("canary" in open(w["zo_home"] + "/vault/keys.age").read())"#),
    attack("read the log", r#"check("canary" in open(w["zo_home"] + "/log/journal/00000000.zoj").read())"#),
    attack(
        "talk to zo's own socket",
        r#"
s = socket.socket(socket.AF_UNIX); s.connect(w["zo_home"] + "/run/zo.sock"); check(s.recv(5) == b"hello")"#,
    ),
    of_root(
        "read a disk",
        r#"
devices = ["/dev/" + name for name in os.listdir("/sys/block")]
for device in devices + ["/dev/mem", "/dev/kmsg"]:
    try: os.read(os.open(device, os.O_RDONLY | os.O_NONBLOCK), 512); won(); break
    except OSError: pass"#,
    ),
    of_root(
        "make a device",
        r#"
os.mknod(w["work"] + "/device", 0o600 | 0o020000, os.makedev(1, 5))
check(os.read(os.open(w["work"] + "/device", os.O_RDONLY), 1) == b"\0")"#,
    ),
    of_root(
        "change a setting of the kernel",
        r#"
path = "/proc/sys/kernel/core_pattern"; text = open(path).read(); open(path, "w").write(text); won()"#,
    ),
    // The network.
    attack(
        "connect by TCP",
        r#"s = socket.create_connection(("127.0.0.1", w["tcp"]), 2); check(s.recv(5) == b"hello")"#,
    ),
    attack(
        "send by UDP",
        r#"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
s.sendto(b"ping", ("127.0.0.1", w["udp"])); check(s.recv(5) == b"hello")"#,
    ),
    attack(
        "ask a name server",
        r#"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
question = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\6canary\4test\0" + struct.pack(">2H", 1, 1)
s.sendto(question, ("127.0.0.1", w["udp"])); check(s.recv(512)[:5] == b"hello")"#,
    ),
    attack(
        "connect to a unix socket in a folder that is allowed",
        r#"
s = socket.socket(socket.AF_UNIX); s.connect(w["work"] + "/socket"); check(s.recv(5) == b"hello")"#,
    ),
    attack(
        "connect to an abstract socket",
        r#"
s = socket.socket(socket.AF_UNIX); s.connect("\0" + w["abstract"]); check(s.recv(5) == b"hello")"#,
    ),
    attack("open a netlink socket", r#"socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); won()"#),
    // Other processes.
    attack("trace another process", r#"check(libc.ptrace(16, w["victim"], 0, 0) == 0)"#),
    attack(
        "read another process's memory",
        r#"
buffer = ctypes.create_string_buffer(8)
class Piece(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
address = w["victim_address"]
local, remote = Piece(ctypes.addressof(buffer), 6), Piece(address, 6)
got = call(310 if x86 else 270, w["victim"], ctypes.byref(local), ctypes.c_ulong(1), ctypes.byref(remote), ctypes.c_ulong(1), ctypes.c_ulong(0))
check(got == 6 and buffer.raw[:6] == b"canary")"#,
    ),
    attack(
        "read another process's memory by /proc",
        r#"
f = open(f"/proc/{w['victim']}/mem", "rb", 0); f.seek(w["victim_address"]); check(f.read(6) == b"canary")"#,
    ),
    attack(
        "read another process's environment",
        r#"check(b"canary" in open(f"/proc/{w['victim']}/environ", "rb").read())"#,
    ),
    attack(
        "see another process's arguments",
        r#"check(b"victim" in open(f"/proc/{w['victim']}/cmdline", "rb").read())"#,
    ),
    attack("signal another process", r#"os.kill(w["victim"], signal.SIGUSR1); won()"#),
    attack(
        "lower the limits of another process",
        r#"
limits = struct.pack("2Q", 64, 64)
check(call(302 if x86 else 261, w["victim"], 7, limits, None) == 0)"#,
    ),
    attack("slow another process down", r#"os.setpriority(os.PRIO_PROCESS, w["victim"], 19); won()"#),
    attack(
        "read shared memory",
        r#"
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(w["shared"], 4096, 0o600); address = libc.shmat(segment, None, 0o10000) if segment >= 0 else None
check(address not in (None, ctypes.c_void_p(-1).value) and ctypes.string_at(address, 6) == b"canary")"#,
    ),
    attack(
        "read the environment of who started it",
        r#"
found = "canary" in "".join(os.environ.values())
for path in glob.glob("/proc/[0-9]*/environ"):
    try: found = found or b"ZO_TEST_SECRET=canary" in open(path, "rb").read()
    except OSError: pass
check(found)"#,
    ),
    attack(
        "use a file that was left open",
        r#"
for number in range(3, 64):
    try:
        if b"canary" in os.pread(number, 100, 0): won()
    except OSError: pass"#,
    ),
    // The kernel.
    attack("make a user namespace", r#"check(libc.unshare(0x10000000) == 0)"#),
    attack(
        "make a user namespace with clone",
        r#"
pid = call(56 if x86 else 220, ctypes.c_ulong(0x10000000 | signal.SIGCHLD), None, None, None, None)
if pid == 0: os._exit(0)
check(pid > 0)"#,
    ),
    attack(
        "make a user namespace with clone3",
        r#"
arguments = struct.pack("11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
pid = call(435, arguments, ctypes.c_ulong(88))
if pid == 0: os._exit(0)
check(pid > 0)"#,
    ),
    attack(
        "mount something",
        r#"
libc.unshare(0x10000000 | 0x20000); os.mkdir(w["work"] + "/mount")
check(libc.mount(b"none", (w["work"] + "/mount").encode(), b"tmpfs", 0, None) == 0)"#,
    ),
    attack("use io_uring", r#"check(call(425, ctypes.c_uint(4), ctypes.create_string_buffer(120)) >= 0)"#),
    of_root(
        "use bpf",
        r#"
check(call(321 if x86 else 280, 0, struct.pack("5I", 2, 4, 8, 1, 0) + bytes(100), 120) >= 0)"#,
    ),
    attack(
        "use the kernel's keys",
        r#"check(call(248 if x86 else 217, b"user", b"zo-test", b"x", ctypes.c_ulong(1), ctypes.c_int(-2)) > 0)"#,
    ),
    attack("watch page faults of the kernel", r#"check(call(323 if x86 else 282, 1) >= 0)"#),
    attack(
        "count events of the processor",
        r#"
attributes = struct.pack("2I5Q", 1, 112, 0, 0, 0, 0, 0x60) + bytes(64)
check(call(298 if x86 else 241, attributes, 0, -1, ctypes.c_long(-1), 0) >= 0)"#,
    ),
    attack("change the personality", r#"check(call(135 if x86 else 92, ctypes.c_ulong(0x0040000)) >= 0)"#),
    // Using things up, within bounds.
    attack(
        "start many processes",
        r#"
children = []
try:
    for _ in range(300):
        pid = os.fork()
        if pid == 0: time.sleep(5); os._exit(0)
        children.append(pid)
    time.sleep(0.3); won()
finally:
    for pid in children: os.kill(pid, signal.SIGKILL)"#,
    ),
    attack("use much memory", r#"held = bytearray(500 << 20); held[::4096] = b"x" * len(held[::4096]); won()"#),
    attack(
        "use much memory, divided among many",
        r#"
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0: held = bytearray(90 << 20); held[::4096] = b"x" * len(held[::4096]); time.sleep(1); os._exit(0)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]; check(not any(codes))"#,
    ),
    attack(
        "fill the temporary folder",
        r#"
piece = b"x" * (1 << 20)
for number in range(4):
    with open(f"{os.environ['TMPDIR']}/{number}", "wb") as f:
        for _ in range(20): f.write(piece)
time.sleep(0.7); won()"#,
    ),
    Attack {
        name: "print without end",
        script: r#"
piece = "x" * (1 << 16)
for _ in range(320): print(piece)
sys.stdout.flush(); open(w["work"] + "/marker", "w").close()"#,
        root_only: false,
        late: Some(Duration::ZERO),
    },
    Attack {
        name: "outlive the command in a session of its own",
        script: r#"
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(3): os.close(number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(0.7); open(w["work"] + "/marker", "w").close()
    os._exit(0)
os.wait()"#,
        root_only: false,
        late: Some(Duration::from_millis(1500)),
    },
];
