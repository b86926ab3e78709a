//! Programs that are spoken to through pipes, and that do not outlive who started them.
//!
//! ```text
//! zo ──stdin──► tether ──stdin──► the program ──stdout, stderr──► zo
//!                 └ zo's end of its stdin is gone: the program's is closed, then SIGTERM, then SIGKILL to all it has started
//! ```
//!
//! Nothing is confined here: this is for programs that a user has chosen to trust as they trust their shell. What is kept is the
//! promise that nothing of them is left, whichever way `zo` ends.

use std::ffi::OsString;
use std::process::Command;

use crate::STAGE_ARGUMENT;
use crate::sandbox::Sandbox;

/// The word that begins the stage which passes stdin on.
pub(crate) const TETHER: &str = "tether";
/// The word that begins the stage which becomes the program.
pub(crate) const TETHERED: &str = "tethered";

impl Sandbox {
    /// A command that runs `argv`, unconfined, in a session of its own, for as long as the write end of its stdin is open. Its environment is
    /// empty; whoever spawns it says what it has, and pipes stdin. Where a program cannot be executed, that is said on stderr, and the code
    /// is 127. The code of a program that was killed by a signal is 128 and the signal.
    ///
    /// On systems other than Linux the program leads a process group of its own, and ends if it heeds the end of its stdin.
    #[must_use]
    pub fn tethered(&self, argv: &[OsString]) -> Command {
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new(self.supervisor());
            command.args([STAGE_ARGUMENT, TETHER]).args(argv);
            command
        } else {
            let (program, arguments) =
                argv.split_first().map_or((OsString::new(), &[][..]), |(first, rest)| (first.clone(), rest));
            let mut command = Command::new(program);
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            command.args(arguments);
            command
        };
        command.env_clear();
        command
    }
}
