//! Skill folders: read, checked, found.
//!
//! A skill is a folder with a `SKILL.md`, by the Agent Skills specification (agentskills.io/specification, November
//! 2026):
//!
//! ```text
//! csv-report/
//!     SKILL.md         frontmatter (YAML between two lines `---`), then instructions for the model
//!     scripts/*        what can be run
//!     references/*, …  what the instructions point at
//! ```
//!
//! Two readers share every check. [`validate()`] is strict: what the specification's reference validator rejects is an
//! error, with its line. [`load()`] is lenient: everything that can be used is, and what is wrong are the skill's
//! `problems`.
//!
//! - [`skill`]: what a skill is. Start there.
//! - [`validate()`], [`load()`], [`scaffold()`]: one folder, checked, read, made.
//! - [`catalogue`]: many folders: where they are looked for, which goes before which, and which fits a text.
//! - [`invocation()`]: how a script is called, and [`result_of`] what it said. [`missing()`]: what it needs and is not
//!   there.
//! - [`shipped`]: the skills within the binary.
//! - `frontmatter`, `yaml`, `fields`, `names`: a SKILL.md from its bytes inwards. Only `yaml` knows the parser.
//! - `folder`: the files of a skill, and the digest over them.
//!
//! What does not live here: trust, versions and permissions, which are events; the sandbox that scripts run in; models.
//!
//! **Everything is bounded**: files, their sizes, depth and number have named limits, so that a folder that somebody
//! else made is a problem and not a hang. **Nothing is executed by reading**, with one exception that says so:
//! [`missing()`] asks Python which modules it finds.

pub mod catalogue;
mod check;
mod fields;
mod folder;
mod frontmatter;
mod invocation;
mod missing;
mod names;
mod outcome;
mod problem;
mod programs;
mod scaffold;
mod scripts;
pub mod shipped;
pub mod skill;
#[cfg(test)]
mod testing;
mod yaml;

pub use catalogue::search::{SearchPath, project_folders, project_folders_within, user_folders};
pub use catalogue::{Catalogue, Shadowed, discover};
pub use check::{load, validate};
pub use invocation::{Invocation, InvocationError, invocation, invocation_in};
pub use missing::{Missing, MissingKind, missing, missing_in};
pub use outcome::{ScriptResult, result_of};
pub use problem::{Problem, Severity};
pub use programs::Surroundings;
pub use scaffold::{ScaffoldError, scaffold};
pub use shipped::materialise_shipped;
pub use skill::{Digest, Origin, Requires, Script, ScriptKind, Skill};
