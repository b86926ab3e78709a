//! Where skills are looked for.

use std::env;
use std::path::{Path, PathBuf};

use crate::skill::Origin;

/// The folders of skills within a project or a home, nearest first: ours, the one that several programs share, and the
/// one that most skills were written for.
const FOLDERS: [&str; 3] = [".zo/skills", ".agents/skills", ".claude/skills"];
/// Most folders from where one stands up to the root of the repository.
const MAX_PARENTS: usize = 64;

/// Where skills are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// Folders of skills, the nearest first.
    pub folders: Vec<(PathBuf, Origin)>,
}

impl SearchPath {
    /// The project's before the user's before those that came with the program.
    pub fn new(project: Vec<PathBuf>, user: Vec<PathBuf>, shipped: Option<PathBuf>) -> Self {
        let owned = |origin| move |folder| (folder, origin);
        let project = project.into_iter().map(owned(Origin::Project));
        let user = user.into_iter().map(owned(Origin::User));
        Self { folders: project.chain(user).chain(shipped.map(owned(Origin::Shipped))).collect() }
    }
}

/// Where the skills of the project are that `cwd` belongs to: see [`project_folders_within`], with the home of the
/// user.
pub fn project_folders(cwd: &Path) -> Vec<PathBuf> {
    project_folders_within(cwd, env::home_dir().as_deref())
}

/// Where the skills of the project are that `cwd` belongs to: `.zo/skills`, `.agents/skills` and `.claude/skills` of
/// `cwd` and of its parents up to the root of the repository (what has a `.git`), short of `home`, whose are the user's
/// own. Outside of a repository only `cwd` itself counts: anybody may write in the parents of a scratch folder.
///
/// The folders need not exist.
pub fn project_folders_within(cwd: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let parents: Vec<&Path> = cwd.ancestors().take(MAX_PARENTS).take_while(|folder| Some(*folder) != home).collect();
    let root = parents.iter().position(|folder| folder.join(".git").exists());
    let folders = parents.iter().take(root.unwrap_or(0) + 1);
    folders.flat_map(|folder| FOLDERS.map(|below| folder.join(below))).collect()
}

/// Where the skills of a user are: `zo/skills` below `config` (`$XDG_CONFIG_HOME`, `~/.config`), `~/.agents/skills` and
/// `~/.claude/skills`. The folders need not exist.
pub fn user_folders(config: &Path, home: &Path) -> Vec<PathBuf> {
    vec![config.join("zo/skills"), home.join(".agents/skills"), home.join(".claude/skills")]
}
