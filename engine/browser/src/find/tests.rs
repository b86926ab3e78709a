use std::fs;

use super::*;

#[test]
fn the_best_that_can_be_run_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    for (folder, name, mode) in
        [(&first, "google-chrome", 0o755), (&first, "chromium-browser", 0o644), (&second, "chromium", 0o755)]
    {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), "#!/bin/sh\necho Chromium 1.2\n").unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = env::join_paths([&first, &second]).unwrap();
    assert_eq!(program_in(None, &path, &[]).unwrap(), second.join("chromium"));
    assert_eq!(program_in(Some(Path::new("google-chrome")), &path, &[]).unwrap(), first.join("google-chrome"));
    assert_eq!(program_in(None, first.as_os_str(), &[]).unwrap(), first.join("google-chrome"));

    let nothing = program_in(None, OsStr::new("/nowhere"), &[]).unwrap_err();
    assert!(nothing.to_string().starts_with("no browser was found: chromium, chromium-browser"), "{nothing}");
    let named = program_in(Some(&first.join("chromium-browser")), &path, &[]).unwrap_err();
    assert!(named.looked_for.ends_with("is not there, or cannot be run"), "{named}");
    assert!(program_in(Some(folder.path()), &path, &[]).is_err(), "a folder is no program");
}
