use super::*;

const ALLOWED: u32 = 0x7fff_0000;
const REFUSED_WITH_EPERM: u32 = 0x0005_0000 | libc::EPERM.unsigned_abs();
const NO_SUCH_CALL: u32 = 0x0005_0000 | libc::ENOSYS.unsigned_abs();
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// What a program answers to a call: the kernel's interpreter, as far as these programs need it.
fn answer(program: &[sock_filter], call: u32, arguments: [u64; 6]) -> u32 {
    let mut data = vec![call, ARCHITECTURE, 0, 0];
    data.extend(arguments.iter().flat_map(|value| [*value as u32, (*value >> 32) as u32]));
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let step = &program[at];
        at += 1;
        let mut jump = |taken: bool| at += usize::from(if taken { step.jt } else { step.jf });
        match step.code {
            0x20 => accumulator = data[step.k as usize / 4],
            0x54 => accumulator &= step.k,
            0x05 => at += step.k as usize,
            0x15 => jump(accumulator == step.k),
            0x25 => jump(accumulator > step.k),
            0x35 => jump(accumulator >= step.k),
            0x06 => return step.k,
            code => panic!("unknown code {code:#x}"),
        }
    }
}

/// The stricter answer of both filters.
fn verdict(level: Level, signals_stay_inside: bool, call: c_long, arguments: [u64; 6]) -> u32 {
    let filters = filters(level, signals_stay_inside).expect("they compile");
    let call = u32::try_from(call).expect("a call");
    filters.iter().map(|filter| answer(filter, call, arguments)).min().expect("two")
}

fn at_namespaces(call: c_long, arguments: [u64; 6]) -> u32 {
    verdict(Level::Namespaces, true, call, arguments)
}

#[test]
fn ordinary_calls_are_allowed() {
    for call in [libc::SYS_read, libc::SYS_mmap, libc::SYS_execve, libc::SYS_futex, libc::SYS_kill, libc::SYS_fchmod] {
        assert_eq!(at_namespaces(call, [0; 6]), ALLOWED, "{call}");
    }
    let thread = 0x003d_0f00; // what pthread_create(3) asks for
    assert_eq!(at_namespaces(libc::SYS_clone, [thread, 0, 0, 0, 0, 0]), ALLOWED);
}

#[test]
fn namespaces_are_refused_whichever_way() {
    for flag in NAMESPACE_FLAGS {
        assert_eq!(at_namespaces(libc::SYS_clone, [flag | 17, 0, 0, 0, 0, 0]), REFUSED_WITH_EPERM, "{flag:#x}");
    }
    assert_eq!(at_namespaces(libc::SYS_unshare, [0; 6]), REFUSED_WITH_EPERM);
    assert_eq!(at_namespaces(libc::SYS_clone3, [0; 6]), NO_SUCH_CALL);
}

#[test]
fn only_sockets_of_the_internet_and_pairs_are_made() {
    let family = |family: i32| [u64::from(family.unsigned_abs()), 1, 0, 0, 0, 0];
    for allowed in [libc::AF_INET, libc::AF_INET6] {
        assert_eq!(at_namespaces(libc::SYS_socket, family(allowed)), ALLOWED);
        assert_eq!(verdict(Level::Landlock, true, libc::SYS_socket, family(allowed)), REFUSED_WITH_EPERM);
    }
    for refused in [libc::AF_UNIX, libc::AF_NETLINK, libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, 45] {
        assert_eq!(at_namespaces(libc::SYS_socket, family(refused)), REFUSED_WITH_EPERM, "{refused}");
    }
    assert_eq!(at_namespaces(libc::SYS_socketpair, family(libc::AF_UNIX)), ALLOWED);
    // The upper half of an argument that the kernel takes as 32 bits does not hide what it is.
    assert_eq!(at_namespaces(libc::SYS_socket, [1 << 32 | 1, 1, 0, 0, 0, 0]), REFUSED_WITH_EPERM);
}

#[test]
fn no_call_hides_behind_another_interface_or_is_too_new() {
    const X32: u32 = 0x4000_0000;
    let filters = filters(Level::Namespaces, true).expect("they compile");
    for call in [X32 | 101, X32, u32::MAX, LAST_KNOWN + 1] {
        assert_eq!(answer(&filters[0], call, [0; 6]), NO_SUCH_CALL, "{call:#x}");
    }
}

#[test]
fn programs_that_run_as_others_are_not_made() {
    for mode in [0o4755, 0o2755, 0o6000] {
        assert_eq!(at_namespaces(libc::SYS_fchmodat, [0, 0, mode, 0, 0, 0]), REFUSED_WITH_EPERM, "{mode:o}");
        let create = u64::from(libc::O_CREAT.unsigned_abs());
        assert_eq!(at_namespaces(libc::SYS_openat, [0, 0, create, mode, 0, 0]), REFUSED_WITH_EPERM, "{mode:o}");
        assert_eq!(at_namespaces(libc::SYS_openat, [0, 0, 0, mode, 0, 0]), ALLOWED, "there is no mode without O_CREAT");
    }
    assert_eq!(at_namespaces(libc::SYS_fchmodat, [0, 0, 0o1777, 0, 0, 0]), ALLOWED);
}

#[test]
fn alone_landlock_is_helped_with_what_it_does_not_see() {
    let named = [0, 1 << 32, 0, 0, 0, 0];
    for call in [libc::SYS_fchmodat, libc::SYS_utimensat, libc::SYS_setxattr, libc::SYS_shmget] {
        assert_eq!(at_namespaces(call, named), ALLOWED);
        assert_eq!(verdict(Level::Landlock, true, call, named), REFUSED_WITH_EPERM);
    }
    assert_eq!(verdict(Level::Landlock, true, libc::SYS_utimensat, [3, 0, 0, 0, 0, 0]), ALLOWED, "a file that is open");
    assert_eq!(verdict(Level::Landlock, true, libc::SYS_kill, [0; 6]), ALLOWED);
    assert_eq!(verdict(Level::Landlock, false, libc::SYS_kill, [0; 6]), REFUSED_WITH_EPERM);
}

#[test]
fn the_limits_of_others_stay() {
    assert_eq!(at_namespaces(libc::SYS_prlimit64, [0, 7, 0, 0, 0, 0]), ALLOWED);
    assert_eq!(at_namespaces(libc::SYS_prlimit64, [1, 7, 0, 0, 0, 0]), REFUSED_WITH_EPERM);
}
