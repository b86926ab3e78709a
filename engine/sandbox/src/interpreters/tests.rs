use std::os::unix::fs::symlink;

use super::*;

fn make(root: &Path, file: &str, content: &str) -> PathBuf {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    fs::write(&path, content).expect("a file");
    path
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("there is scratch space");
    let root = fs::canonicalize(scratch.path()).expect("it is there");
    (scratch, root)
}

#[test]
fn programs_of_the_system_need_nothing() {
    assert_eq!(interpreter_roots(Path::new("/bin/sh")), Vec::<PathBuf>::new());
    assert_eq!(interpreter_roots(Path::new("/no/such/program")), Vec::<PathBuf>::new());
}

#[test]
fn an_installation_is_needed_as_a_whole_and_a_lone_program_alone() {
    let (_scratch, root) = scratch();
    let installed = make(&root, "python/bin/python3", "");
    make(&root, "python/lib/python3/os.py", "");
    assert_eq!(interpreter_roots(&installed), [root.join("python")]);
    let alone = make(&root, "bin/tool", "");
    assert_eq!(interpreter_roots(&alone), [alone], "not all that lies around it");
}

#[test]
fn a_virtual_environment_needs_the_interpreter_it_stands_on() {
    let (_scratch, root) = scratch();
    let base = make(&root, "python/bin/python3", "");
    make(&root, "python/lib/python3/os.py", "");
    make(&root, "venv/pyvenv.cfg", &format!("home = {}\nversion = 3.12\n", root.join("python/bin").display()));
    fs::create_dir_all(root.join("venv/bin")).expect("a folder");
    symlink(base, root.join("venv/bin/python")).expect("a link");
    assert_eq!(interpreter_roots(&root.join("venv/bin/python")), [root.join("python"), root.join("venv")]);
}

#[test]
fn a_launcher_of_pyenv_stands_for_what_it_launches() {
    let (_scratch, root) = scratch();
    let shim = make(&root, "shims/python3", "#!/usr/bin/env bash\n");
    make(&root, "version", "3.12.1\n");
    let real = make(&root, "versions/3.12.1/bin/python3", "");
    make(&root, "versions/3.12.1/lib/python3/os.py", "");
    if env::var_os("PYENV_VERSION").is_none() {
        assert_eq!(interpreter(&shim), Some(real));
        assert_eq!(interpreter_roots(&shim), [root.join("versions/3.12.1")]);
    }
}
