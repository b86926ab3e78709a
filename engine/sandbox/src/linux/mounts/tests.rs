use super::*;

#[test]
fn mounts_are_read_with_the_flags_they_have() {
    let table = b"22 1 0:20 / /old rw,relatime - ext4 /dev/x rw\n\
        23 22 0:21 / /new/home/a\\040b ro,nosuid,noexec,relatime master:1 - tmpfs tmpfs rw\n\
        24 22 0:22 / /newer rw - tmpfs tmpfs rw\n";
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    assert_eq!(mounts_below(table, Path::new("/new")), [(PathBuf::from("/home/a b"), flags)]);
    assert_eq!(mounts_below(b"garbage\n\n", Path::new("/new")), []);
}

#[test]
fn the_nearest_path_decides() {
    let bound = |path: &str, access| Bound { path: path.into(), access };
    let all =
        [bound("/project", Access::Write), bound("/project/git", Access::Read), bound("/dev/null", Access::Device)];
    let read_only = |path: &str| flags_of(Path::new(path), &all).map(|flags| flags.contains(MsFlags::MS_RDONLY));
    assert_eq!(read_only("/project"), Some(false));
    assert_eq!(read_only("/project/mounted"), Some(false));
    assert_eq!(read_only("/project/git/below"), Some(true));
    assert_eq!(read_only("/projects"), None, "nobody asked for it");
    let device = flags_of(Path::new("/dev/null"), &all).expect("it was mounted");
    assert!(!device.contains(MsFlags::MS_NODEV), "it must work as one");
}

#[test]
fn escapes_are_undone_and_nothing_else() {
    assert_eq!(unescape(b"/a\\040b\\134c\\9"), Path::new("/a b\\c\\9"));
    assert_eq!(unescape(b"\\04"), Path::new("\\04"));
}

#[test]
fn paths_stay_below_their_root() {
    assert_eq!(outside(Path::new("/usr/lib")), Path::new("/old/usr/lib"));
    assert_eq!(inside(Path::new("/")), Path::new("/new/"));
}
