//! seccomp: which calls of the system may be made (seccomp(2)).
//!
//! Two filters, of which the stricter answer counts: one refuses calls by what they would do, the other says of calls that
//! cannot be judged, or that this program does not know, that there are none, so that programs fall back to older ones.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use super::landlock;
use crate::job::Failure;
use crate::policy::Level;
use crate::report::Mechanism;

/// Refused whatever their arguments: other processes, the kernel, mounts, namespaces, keys, clocks, and interfaces through
/// which much can be done that a filter does not see.
const REFUSED: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
];

/// As above, where the architecture has them.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS__sysctl,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// Refused where there are no namespaces: what reaches others through the kernel, and, since Landlock does not see it,
/// changing owners, permissions and attributes of any file that can be named.
const REFUSED_ALONE: &[c_long] = &[
    libc::SYS_socket,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_setpriority,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_ioprio_set,
];
#[cfg(target_arch = "x86_64")]
const REFUSED_ALONE_HERE: &[c_long] =
    &[libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_ALONE_HERE: &[c_long] = &[];

/// Refused where the kernel cannot keep signals inside: they would reach every process of the same user.
const SIGNALS: &[c_long] = &[
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_send_signal,
];

/// Said not to exist: their arguments lie in memory, where a filter cannot look.
const ABSENT: [c_long; 2] = [libc::SYS_clone3, libc::SYS_openat2];
/// The last call that was judged here (`file_setattr`, Linux 6.17, is not among them); of what came later nothing is known.
/// Calls of the x32 interface have numbers from 2^30 on, and are refused by this too.
const LAST_KNOWN: u32 = 462;

/// Flags of clone(2) that make namespaces: mount, cgroup, uts, ipc, user, pid, net. That of time is for clone3(2) alone.
const NAMESPACE_FLAGS: [u64; 7] =
    [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// Requests of ioctl(2) that put words into a terminal's mouth.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
/// Requests that change the flags of a file (`linux/fs.h`), for which it need not be open for writing.
const FS_IOC_SETFLAGS: u64 = 0x4008_6602;
const FS_IOC_FSSETXATTR: u64 = 0x401c_5820;
/// Bits that let a program run as another user or group.
const SET_ID_BITS: [u64; 2] = [0o4000, 0o2000];
/// `personality(0xffffffff)` asks; 0 is the usual one.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// Puts the filters in place, for this process and everything it will start.
pub(super) fn install(level: Level) -> Result<(), Failure> {
    let failed = |error: &dyn std::error::Error| Failure::unavailable("filter system calls", error.to_string());
    let filters = filters(level, landlock::keeps_signals_inside()).map_err(|error| failed(&*error))?;
    for filter in filters {
        seccompiler::apply_filter(&filter).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn filters(level: Level, signals_stay_inside: bool) -> Result<[BpfProgram; 2], Box<dyn std::error::Error>> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let rules = rules(level == Level::Landlock, signals_stay_inside)?;
    let refused = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?;
    Ok([unknown(), refused.try_into()?])
}

fn rules(
    alone: bool,
    signals_stay_inside: bool,
) -> Result<BTreeMap<c_long, Vec<SeccompRule>>, seccompiler::BackendError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = BTreeMap::new();
    for (call, rule) in conditional(alone)? {
        rules.entry(call).or_default().push(rule);
    }
    let mut lists = vec![REFUSED, REFUSED_HERE];
    if alone {
        lists.extend([REFUSED_ALONE, REFUSED_ALONE_HERE]);
        if !signals_stay_inside {
            lists.push(SIGNALS);
        }
    }
    // A call without rules matches always.
    rules.extend(lists.into_iter().flatten().map(|&call| (call, Vec::new())));
    Ok(rules)
}

/// What is refused with certain arguments only.
fn conditional(alone: bool) -> Result<Vec<(c_long, SeccompRule)>, seccompiler::BackendError> {
    let mut rules = Vec::new();
    let mut refuse = |call: c_long, conditions: Vec<SeccompCondition>| -> Result<(), seccompiler::BackendError> {
        rules.push((call, SeccompRule::new(conditions)?));
        Ok(())
    };
    let is = |argument, value| SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value);
    let is_not = |argument, value| SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value);
    let has = |argument, bit| SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bit), bit);
    for flag in NAMESPACE_FLAGS {
        refuse(libc::SYS_clone, vec![has(0, flag)?])?;
    }
    let family = |family: i32| u64::from(family.unsigned_abs());
    refuse(libc::SYS_socket, vec![is_not(0, family(libc::AF_INET))?, is_not(0, family(libc::AF_INET6))?])?;
    refuse(libc::SYS_socketpair, vec![is_not(0, family(libc::AF_UNIX))?])?;
    for request in [TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR] {
        refuse(libc::SYS_ioctl, vec![is(1, request)?])?;
    }
    if alone {
        // The times of a file that is named; those of one that could be opened may be set, as touch(1) does.
        let named = SeccompCondition::new(1, Qword, SeccompCmpOp::Ne, 0)?;
        refuse(libc::SYS_utimensat, vec![named])?;
    }
    refuse(libc::SYS_personality, PERSONALITIES.map(|value| is_not(0, value)).into_iter().collect::<Result<_, _>>()?)?;
    // The limits of others.
    refuse(libc::SYS_prlimit64, vec![is_not(0, 0)?])?;
    for bit in SET_ID_BITS {
        refuse(libc::SYS_fchmod, vec![has(1, bit)?])?;
        refuse(libc::SYS_fchmodat, vec![has(2, bit)?])?;
        refuse(libc::SYS_fchmodat2, vec![has(2, bit)?])?;
        refuse(libc::SYS_openat, vec![has(3, bit)?, creates(2)?])?;
        refuse(libc::SYS_mknodat, vec![has(2, bit)?])?;
        #[cfg(target_arch = "x86_64")]
        {
            refuse(libc::SYS_chmod, vec![has(1, bit)?])?;
            refuse(libc::SYS_open, vec![has(2, bit)?, creates(1)?])?;
            refuse(libc::SYS_creat, vec![has(1, bit)?])?;
            refuse(libc::SYS_mknod, vec![has(1, bit)?])?;
        }
    }
    Ok(rules)
}

/// The flags of an open that may make a file; without it, the mode is what happened to be in the register.
fn creates(argument: u8) -> Result<SeccompCondition, seccompiler::BackendError> {
    let bit = u64::from(libc::O_CREAT.unsigned_abs());
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bit), bit)
}

/// Says of calls that cannot be judged that there are none. Written by hand, as it compares ranges:
/// load the number; later than the last known: absent; one of [`ABSENT`]: absent; else allow.
fn unknown() -> BpfProgram {
    // Codes of `linux/bpf_common.h`: load a word at an offset, jump if greater, jump if equal, return.
    const LOAD: u16 = 0x20;
    const IF_GREATER: u16 = 0x25;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const ERROR: u32 = 0x0005_0000;
    let statement = |code, value| sock_filter { code, jt: 0, jf: 0, k: value };
    let jump = |code, value, over| sock_filter { code, jt: over, jf: 0, k: value };
    let absent = ABSENT.map(|call| u32::try_from(call).unwrap_or(u32::MAX));
    vec![
        statement(LOAD, 0),
        jump(IF_GREATER, LAST_KNOWN, 3),
        jump(IF_EQUAL, absent[0], 2),
        jump(IF_EQUAL, absent[1], 1),
        statement(RETURN, ALLOW),
        statement(RETURN, ERROR | libc::ENOSYS.unsigned_abs()),
    ]
}

/// Whether the kernel has it, and this program a filter for this architecture.
pub(super) fn mechanism() -> Mechanism {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let compiled = filters(Level::Landlock, false).is_ok();
    let detail = match (compiled, actions.trim()) {
        (false, _) => format!("no filter for {}", std::env::consts::ARCH),
        (true, "") => "the kernel has no filters".to_owned(),
        (true, actions) => format!("actions: {actions}"),
    };
    Mechanism {
        name: "seccomp".to_owned(),
        available: compiled && !actions.is_empty(),
        protects: "other processes, mounts, namespaces, keys, sockets, set-user-id bits and much of the kernel"
            .to_owned(),
        detail,
    }
}
