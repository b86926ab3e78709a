use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn flags_of(change: impl FnOnce(&mut SessionOptions)) -> Vec<String> {
    let mut options = SessionOptions::new("/x/chromium", "/x/profile", "/x/downloads");
    change(&mut options);
    flags::flags(&options, &options.profile)
}

#[test]
fn everything_goes_through_the_proxy_if_there_is_one() {
    let flags = flags_of(|options| options.proxy = Some("127.0.0.1:4000".parse().unwrap()));
    assert!(flags.contains(&"--proxy-server=http://127.0.0.1:4000".to_owned()));
    assert!(flags.contains(&"--proxy-bypass-list=<-loopback>".to_owned()));
    assert!(flags_of(|_| ()).contains(&"--no-proxy-server".to_owned()));
}

#[test]
fn the_sandbox_is_off_only_for_root_and_there_is_a_window_only_if_asked_for() {
    let flags = flags_of(|_| ());
    assert_eq!(flags.contains(&"--no-sandbox".to_owned()), nix::unistd::geteuid().is_root());
    assert!(flags.contains(&"--headless=new".to_owned()));
    assert!(!flags_of(|options| options.visible = true).contains(&"--headless=new".to_owned()));
    assert_eq!(
        flags.iter().filter(|flag| flag.starts_with("--disable-features=")).count(),
        1,
        "a second one replaces the first"
    );
}

#[test]
fn a_profile_belongs_to_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Profile::take(folder.path()).unwrap();
    assert!(matches!(Profile::take(folder.path()), Err(OpenError::InUse { .. })));
    drop(first);
    Profile::take(folder.path()).unwrap();
}

#[test]
fn the_lock_of_a_dead_browser_is_removed_and_that_of_another_machine_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::take(folder.path()).unwrap();
    let lock = folder.path().join("SingletonLock");
    let host = process::host_name().unwrap();

    symlink(format!("{host}-{}", std::process::id()), &lock).unwrap();
    profile.take_over().unwrap();
    assert!(fs::symlink_metadata(&lock).is_err(), "this process is no browser, so the number was used again");

    symlink("elsewhere-12", &lock).unwrap();
    let error = profile.take_over().unwrap_err();
    assert!(error.to_string().ends_with("is in use by process 12 on elsewhere"), "{error}");
}

#[test]
fn a_program_that_is_not_there_or_ends_at_once_is_an_error_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::take(folder.path()).unwrap();
    let start = |program: &str| {
        Running::start(&SessionOptions::new(program, folder.path(), folder.path()), &profile).unwrap_err()
    };
    let missing = start("/nowhere/chromium").to_string();
    assert!(missing.starts_with("/nowhere/chromium cannot be run: No such file"), "{missing}");

    let program = folder.path().join("browser");
    fs::write(&program, "#!/bin/sh\necho 'no display' >&2\nexit 3\n").unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let ended = start(program.to_str().unwrap());
    assert!(ended.to_string().contains("ended with exit status: 3 before it was ready: no display"), "{ended}");
    assert_eq!(ended.hint().as_deref(), Some("there is no display here for a visible window"));
}
