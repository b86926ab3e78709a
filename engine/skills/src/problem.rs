//! What is wrong with a skill, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Something about a skill folder that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, or the folder if it is about no single file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What was found and what was expected: lower case, no full stop.
    pub message: String,
    /// Whether the skill is rejected for it.
    pub severity: Severity,
}

/// Whether a skill is rejected for a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It can be used as it is.
    Warning,
    /// It does not comply with the specification, or cannot be used.
    Error,
}

impl Problem {
    /// An error about a whole file or folder.
    pub(crate) fn error(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, message: message.into(), severity: Severity::Error }
    }

    /// A warning about a whole file or folder.
    pub(crate) fn warning(file: &Path, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, message) }
    }
}

impl fmt::Display for Problem {
    /// `csv-report/SKILL.md:3: …`, as compilers say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.message),
            None => write!(f, "{}: {}", self.file.display(), self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// A problem within a file that is named later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) line: Option<u32>,
    pub(crate) message: String,
    pub(crate) severity: Severity,
}

impl Remark {
    pub(crate) fn error(line: u32, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into(), severity: Severity::Error }
    }

    pub(crate) fn warning(line: u32, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(line, message) }
    }

    /// About the file as a whole: something is missing in it, or it is not what it should be.
    pub(crate) fn about_the_file(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into(), severity: Severity::Error }
    }

    pub(crate) fn within(self, file: &Path) -> Problem {
        Problem { file: file.to_owned(), line: self.line, message: self.message, severity: self.severity }
    }
}
