use super::*;

#[test]
fn python_packages_are_looked_for_the_latest_python_first() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for python in ["python3.9", "python3.12", "python3.11", "python2.7"] {
        fs::create_dir_all(folder.path().join("lib").join(python)).expect("it is writable");
    }
    let found = python_folders(folder.path());
    let found: Vec<_> = found.iter().map(|path| path.strip_prefix(folder.path()).expect("it is inside")).collect();
    assert_eq!(found[0], Path::new("lib/python3.12/site-packages/onnxruntime/capi"));
    assert_eq!(found[1], Path::new("lib/python3.12/dist-packages/onnxruntime/capi"));
    assert_eq!(found[4], Path::new("lib/python3.9/site-packages/onnxruntime/capi"));
    assert_eq!(found.len(), 6);
}

#[test]
fn folders_of_the_loader_are_read_from_its_configuration() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    fs::create_dir_all(root.path().join("etc/ld.so.conf.d")).expect("it is writable");
    fs::write(root.path().join("etc/ld.so.conf.d/a.conf"), "# ours\n/opt/ours\n\n").expect("it is writable");
    let folders = loader_folders(root.path());
    assert_eq!(folders[0], root.path().join("opt/ours"));
    assert!(folders.contains(&root.path().join("usr/local/lib")));
}

#[test]
fn folder_with_two_names_is_listed_once_and_one_that_is_missing_never() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = root.path().join("lib");
    fs::create_dir(&folder).expect("it is writable");
    std::os::unix::fs::symlink(&folder, root.path().join("lib64")).expect("it is writable");
    let folders = vec![folder.clone(), root.path().join("lib64"), root.path().join("gone")];
    assert_eq!(unique_folders(folders), [folder]);
}
