//! How what goes wrong inside looks from outside: one sort, one message, one hint.

use zo_embed::EmbedError;
use zo_projections::Rejection;

use crate::disk::keys::KeyError;
use crate::engine::{OpenError, ReadError};
use crate::fold::FoldError;
use crate::home::HomeError;
use crate::protocol::{Failure, FailureKind};
use crate::recall::RecallError;
use crate::store::ReadError as StoreReadError;
use crate::store::local::OpenError as StoreError;
use crate::writer::{Poisoned, SubmitError};

const AGAIN: &str = "run the command again: what was acknowledged is there, and the log is checked on opening";
const DAMAGE: &str = "`zo log verify` shows what is damaged, and `zo log restore` brings back what can be had";
const KEYS: &str = "`zo log restore --from DIR` takes the keys from a backup made with --with-keys; without one, `zo log \
                    restore --new-keys` goes on, and what was sealed stays unreadable for good";
const SPACE: &str = "make room on the disk and try again: nothing that was acknowledged is lost";
const UPGRADE: &str = "use the version of zo that wrote it, or a newer one";

/// The message of an error with those of its causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let kind = match &rejection {
            Rejection::NotFound { .. } => FailureKind::NotFound,
            Rejection::Conflict { .. } => FailureKind::Conflict,
            Rejection::State { .. } => FailureKind::Refused,
            Rejection::Forbidden { .. } => FailureKind::Forbidden,
            Rejection::Invalid { .. } => FailureKind::Invalid,
        };
        let hint = match &rejection {
            Rejection::NotFound { what, .. } => match what.as_str() {
                "memory" => Some("`zo memory list` shows the ids there are"),
                "conversation" => Some("`zo conversation list` shows the names and ids there are"),
                "key" => Some("`zo kv list` shows the keys there are"),
                _ => None,
            },
            Rejection::Conflict { .. } => Some("somebody was faster: look at it again, then decide anew"),
            _ => None,
        };
        Self { kind, message: rejection.to_string(), hint: hint.map(str::to_owned) }
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(rejection) => rejection.into(),
            SubmitError::DiskFull { .. } => Self::new(FailureKind::DiskFull, error.to_string()).hint(SPACE),
            SubmitError::Poisoned(_) => Self::new(FailureKind::Poisoned, error.to_string()).hint(AGAIN),
        }
    }
}

impl From<Poisoned> for Failure {
    fn from(error: Poisoned) -> Self {
        Self::new(FailureKind::Poisoned, error.to_string()).hint(AGAIN)
    }
}

impl From<StoreReadError> for Failure {
    fn from(error: StoreReadError) -> Self {
        match &error {
            StoreReadError::Damaged { .. } => Self::new(FailureKind::Damaged, with_causes(&error)).hint(DAMAGE),
            StoreReadError::Io(_) => Self::new(FailureKind::Io, with_causes(&error)),
        }
    }
}

impl From<FoldError> for Failure {
    fn from(error: FoldError) -> Self {
        use zo_projections::event::EventError;
        match error {
            FoldError::Read(error) => error.into(),
            FoldError::Record(_) => Self::new(FailureKind::Damaged, error.to_string()).hint(DAMAGE),
            FoldError::Event { source: EventError::Bytes { .. }, .. } => {
                Self::new(FailureKind::Damaged, error.to_string()).hint(DAMAGE)
            }
            FoldError::Event { .. } => Self::new(FailureKind::Newer, error.to_string()).hint(UPGRADE),
            FoldError::Short { .. } => Self::new(FailureKind::NotFound, error.to_string())
                .hint("`zo status` shows the last position, and `--at` takes any position up to it"),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Poisoned(error) => error.into(),
            ReadError::Fold(error) => error.into(),
        }
    }
}

impl From<RecallError> for Failure {
    fn from(error: RecallError) -> Self {
        match error {
            RecallError::Fold(error) => error.into(),
            RecallError::Poisoned(error) => error.into(),
            RecallError::Embed(error) => error.into(),
            RecallError::NoModel(_) => Self::new(FailureKind::Refused, error.to_string()),
            RecallError::NoRoom { .. } => Self::new(FailureKind::DiskFull, error.to_string()).hint(SPACE),
            RecallError::Index(_) | RecallError::File(..) | RecallError::Disk(_) => {
                Self::new(FailureKind::Io, with_causes(&error)).hint("`zo rebuild` makes the index anew from the log")
            }
        }
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        let kind = match &error {
            EmbedError::UnknownModel { .. } => FailureKind::NotFound,
            EmbedError::Network { .. } | EmbedError::CutShort { .. } | EmbedError::Disk { .. } => FailureKind::Io,
            EmbedError::Damaged { .. } => FailureKind::Damaged,
            _ => FailureKind::Refused,
        };
        Self { kind, hint: error.hint(), message: with_causes(&error) }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Home(error) => error.into(),
            OpenError::Store(error) => error.into(),
            OpenError::Fold(error) => error.into(),
            OpenError::Create(error) => error.into(),
            OpenError::Keys(KeyError::TooWide { .. }) => Self::new(FailureKind::Invalid, with_causes(&error)),
            OpenError::Keys(_) => Self::new(FailureKind::Damaged, with_causes(&error)).hint(KEYS),
            OpenError::Held { .. } => Self::new(FailureKind::Disconnected, error.to_string())
                .hint("it holds the home but does not answer: wait for it, or end it by its process id"),
            OpenError::Lock(_) | OpenError::Disk(_) => Self::new(FailureKind::Io, with_causes(&error)),
        }
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let (kind, hint) = match &error {
            HomeError::Missing { .. } => (FailureKind::NotFound, "any command that writes makes it: `zo memorize …`"),
            HomeError::NotAFolder { .. } | HomeError::Foreign { .. } => (
                FailureKind::Invalid,
                "name another folder with --home or ZO_HOME: it may be one that does not exist yet",
            ),
            HomeError::Newer { .. } => (FailureKind::Newer, UPGRADE),
            HomeError::NoId { .. } | HomeError::LogGone { .. } => {
                (FailureKind::Damaged, "bring it back from a backup: `zo log restore --from DIR`")
            }
            HomeError::Disk(_) => (FailureKind::Io, "`zo doctor` checks the home's folder"),
        };
        Self::new(kind, with_causes(&error)).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Newer { .. } => FailureKind::Newer,
            StoreError::DiskFull { .. } => FailureKind::DiskFull,
            StoreError::Damaged { .. } => FailureKind::Damaged,
            _ => FailureKind::Io,
        };
        let hint = match kind {
            FailureKind::Newer => UPGRADE,
            FailureKind::DiskFull => SPACE,
            FailureKind::Damaged => DAMAGE,
            _ => "`zo doctor` checks the home's folder",
        };
        Self::new(kind, with_causes(&error)).hint(hint)
    }
}
