//! Readers of what people bring along: Markdown, JSONL, ChatGPT exports, ZoClone databases.
//!
//! Everything here is a pure reader: files in, neutral [`Imported`] items out. Nothing is written, printed or
//! remembered between runs, and no event is made; that is the business of whoever calls. Every reader is a lazy
//! iterator whose memory is bounded by its largest single item (a file of Markdown, a line, a conversation), and goes on
//! after a bad item, so that the caller decides whether to stop or to skip.
//!
//! - [`item`]: what is yielded; [`error`]: what can be wrong, and where.
//! - [`markdown`]: a folder of Markdown and text, cut into passages.
//! - [`jsonl`]: memories one a line, and [`MetaKeys`], which says where in `meta` the time and the speaker are.
//! - [`chatgpt`]: ChatGPT's `conversations.json`, with all branches.
//! - [`zoclone`]: the SQLite tables of ZoClone, the Python program.
//! - [`time`]: the one place where a written time becomes milliseconds.
//!
//! Ids: [`ImportedMemory::name`], [`ImportedConversation::external_id`] and [`ImportedMessage::external_id`] are the
//! same on every run over the same source, so a caller that derives its own ids from them imports nothing twice.

pub mod chatgpt;
pub mod error;
pub mod item;
pub mod jsonl;
pub mod markdown;
pub mod time;
pub mod zoclone;

pub use error::{ImportError, Place, Spot};
pub use item::{Imported, ImportedConversation, ImportedMemory, ImportedMessage, ImportedRow, Role};
pub use jsonl::{MetaKeys, MetaKeysError};
