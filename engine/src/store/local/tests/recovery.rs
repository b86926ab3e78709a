//! What open makes of files as a crash, a power cut or damage left them.

use super::*;
