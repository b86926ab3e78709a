//! What servers tell unasked: progress, and that their tools are others now.

use rmcp::ClientHandler;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressNotificationParam, ProgressToken};
use rmcp::service::{NotificationContext, RoleClient};
use tokio::sync::{broadcast, watch};

use super::call::Progress;

/// Pieces of progress that wait to be told; of more, the oldest are left out.
const MAX_WAITING: usize = 256;
/// Bytes of what is said with progress.
const MESSAGE_BYTES: usize = 1000;

/// Listens to one connection.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    progress: broadcast::Sender<(ProgressToken, Progress)>,
    /// Counts the times that the tools were changed.
    changes: watch::Sender<u64>,
}

impl Handler {
    pub(super) fn new() -> Self {
        Self { progress: broadcast::channel(MAX_WAITING).0, changes: watch::channel(0).0 }
    }

    pub(super) fn progress(&self) -> broadcast::Receiver<(ProgressToken, Progress)> {
        self.progress.subscribe()
    }

    pub(super) fn changes(&self) -> u64 {
        *self.changes.borrow()
    }
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        // Neither sampling nor questions to the user: an agent that calls a tool is not there to answer for its server.
        let own = Implementation::new("zo", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let message = told.message.map(|text| text.chars().take(MESSAGE_BYTES).collect());
        // Nobody may be listening.
        let _ = self.progress.send((told.progress_token, Progress { done: told.progress, total: told.total, message }));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changes.send_modify(|changes| *changes += 1);
    }
}
