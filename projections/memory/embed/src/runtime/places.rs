//! Where ONNX Runtime is looked for.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The places to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The file that `ORT_DYLIB_PATH` names: then no other is considered, whatever it turns out to be.
    pub(crate) explicit: Option<PathBuf>,
    /// The folders, in order of preference; each exists and is listed once.
    pub(crate) folders: Vec<PathBuf>,
}

impl Places {
    /// What this process's environment says: beside the program, the loader's folders, Python's packages.
    pub(crate) fn from_environment() -> Self {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = variable("ORT_DYLIB_PATH") {
            // ort would take a relative path from the program's folder, and a bare name from the loader's.
            let path = std::path::absolute(&path).unwrap_or_else(|_| path.into());
            return Self { explicit: Some(path), folders: Vec::new() };
        }
        let home = variable("HOME").map(PathBuf::from);
        let mut folders = Vec::new();
        if let Some(folder) = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned())) {
            folders.push(folder);
        }
        let listed = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        folders.extend(variable(listed).iter().flat_map(env::split_paths));
        folders.extend(loader_folders(Path::new("/")));

        // Environments that are active come first, then the user's own, then the system's.
        let mut pythons: Vec<PathBuf> =
            ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(variable).map(PathBuf::from).collect();
        folders.extend(pythons.iter().map(|prefix| prefix.join("lib")));
        pythons.extend(home.iter().map(|home| home.join(".local")));
        let pyenv = variable("PYENV_ROOT").map(PathBuf::from).or_else(|| Some(home?.join(".pyenv")));
        pythons.extend(pyenv.iter().flat_map(|root| entries(&root.join("versions"), "")));
        pythons.extend(["/usr/local", "/usr", "/opt/homebrew"].map(PathBuf::from));
        folders.extend(pythons.iter().flat_map(|prefix| python_folders(prefix)));
        Self { explicit: None, folders: unique_folders(folders) }
    }
}

/// The folders that the dynamic loader of the system at `root` knows.
fn loader_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for file in entries(&root.join("etc/ld.so.conf.d"), "") {
        let text = fs::read_to_string(file).unwrap_or_default();
        folders
            .extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(|line| root.join(&line[1..])));
    }
    let triplet = format!("{}-linux-gnu", env::consts::ARCH);
    for folder in ["usr/local/lib", "usr/lib", "lib"] {
        folders.push(root.join(folder));
        folders.push(root.join(folder).join(&triplet));
    }
    folders.extend(
        ["usr/local/lib64", "usr/lib64", "lib64", "opt/onnxruntime/lib", "opt/homebrew/lib"]
            .map(|folder| root.join(folder)),
    );
    folders
}

/// The folders in which the `onnxruntime` package of a Python at `prefix` has its library.
fn python_folders(prefix: &Path) -> Vec<PathBuf> {
    let mut pythons = entries(&prefix.join("lib"), "python3");
    // 3.12 before 3.9: the longer name has the later version, then the later name.
    pythons.sort_by_key(|path| std::cmp::Reverse((path.as_os_str().len(), path.clone())));
    let packages = |python: &PathBuf| ["site-packages", "dist-packages"].map(|folder| python.join(folder));
    pythons.iter().flat_map(packages).map(|folder| folder.join("onnxruntime/capi")).collect()
}

/// What is in a folder and begins with `prefix`, in order of name; nothing if it cannot be read.
pub(super) fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// The folders that exist, each once, however many names it has.
fn unique_folders(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    folders
        .into_iter()
        .filter(|folder| {
            let Ok(real) = folder.canonicalize() else { return false };
            let is_new = real.is_dir() && !seen.contains(&real);
            seen.push(real);
            is_new
        })
        .collect()
}

#[cfg(test)]
mod tests;
