//! What a skill is, once it is read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::Problem;

/// A skill that can be used: what its `SKILL.md` says and what lies beside it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skill {
    /// What it is called: 1 to 64 characters; NFKC.
    pub name: String,
    /// What it does and when to use it: 1 to 1024 characters.
    pub description: String,
    /// The name of a licence, or of the file that has it.
    pub license: Option<String>,
    /// What it says about where it works, for people.
    pub compatibility: Option<String>,
    /// Anything else, texts by texts; `zo.…` are read as [`Requires`] and triggers.
    pub metadata: BTreeMap<String, String>,
    /// Tools that it may use without asking, in whatever words; which of them are granted is decided elsewhere.
    pub allowed_tools: Vec<String>,
    /// Words that call for this skill, from `triggers` or `zo.triggers`.
    pub triggers: Vec<String>,
    /// What has to be there for it to work.
    pub requires: Requires,
    /// The instructions: everything behind the frontmatter.
    pub body: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Whose it is.
    pub origin: Origin,
    /// Of all its files: which version this is.
    pub digest: Digest,
    /// What can be run, by name.
    pub scripts: Vec<Script>,
    /// The other files but `SKILL.md`, relative to the folder, in order.
    pub resources: Vec<PathBuf>,
    /// What is not as it should be and did not keep it from being read; all are warnings.
    pub problems: Vec<Problem>,
}

impl Skill {
    /// The script that is called so: by its name, or by its file's name where two scripts differ in the ending alone.
    pub fn script(&self, name: &str) -> Option<&Script> {
        let file_name = |script: &&Script| script.path.file_name().is_some_and(|file| file == name);
        self.scripts.iter().find(file_name).or_else(|| self.scripts.iter().find(|script| script.name == name))
    }
}

/// Whose a skill is, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It lies in the project that is worked on, and may be anybody's: it is used when the folder is trusted.
    Project,
    /// It lies in a folder of the user.
    User,
    /// It came with `zo`.
    Shipped,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Project => "project",
            Self::User => "user",
            Self::Shipped => "shipped",
        })
    }
}

/// What a skill declares to need. The specification has no field for it, so it lies below `metadata`, where every other
/// reader of the file accepts it: `zo.programs: "jq git"`, `zo.python: "yaml"`, `zo.environment: "TOKEN"`,
/// `zo.network: "example.org"`, `zo.write: "true"`; words are separated by spaces or commas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requires {
    /// Programs that have to be on the path.
    pub programs: Vec<String>,
    /// Python modules that have to be importable.
    pub python: Vec<String>,
    /// Environment variables that have to be set, and are handed to it.
    pub environment: Vec<String>,
    /// Hosts it talks to, lower case, as `example.org`, `*.example.org` or `example.org:8443`.
    pub network: Vec<String>,
    /// Whether it writes in the folder it works in.
    pub write: bool,
}

/// Something that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Its file's name without the ending.
    pub name: String,
    /// Its file, relative to the skill's folder.
    pub path: PathBuf,
    /// How it is run.
    pub kind: ScriptKind,
}

/// How a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptKind {
    /// By `python3`.
    Python {
        /// Whether its function `run` or `execute` is called, rather than the file run from top to bottom.
        shim: bool,
    },
    /// By `sh`, or by `bash` if its first line or its ending says so.
    Shell,
    /// By `node`.
    JavaScript,
    /// By itself.
    Executable,
}

/// Which version of a skill this is: blake3 over the relative paths, kinds, executable bits and bytes of all its files,
/// in the order of their paths. Any change to what could be run or read changes it; times, owners and other mode bits
/// do not.
///
/// ```text
///   "zo skill 1\n"
///   per file  u8 kind: f file, x executable file, l link | u64 length, path, '/' between parts | u64 length, bytes or target
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Its first twelve digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = blake3::HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(*blake3::Hash::from_hex(text)?.as_bytes()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
