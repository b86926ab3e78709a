//! What each commit writes beside its segments, so that an index can be told from another one.
//!
//! ```text
//! zo-memory <schema version> <identity, hex> <position> <documents> <crc32 of all before it, hex>
//! ```

use crate::error::Failure;
use crate::schema::SCHEMA_VERSION;

const MAGIC: &str = "zo-memory";

/// The note a commit carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Layout and analysis that the index was written with.
    pub(crate) schema_version: u32,
    /// The home it was written for.
    pub(crate) identity: [u8; 32],
    /// Up to where it has caught up with the log.
    pub(crate) position: u64,
    /// Documents in all segments. Merging segments does not change it.
    pub(crate) documents: u64,
}

impl Payload {
    /// A payload in the present schema version.
    pub(crate) fn new(identity: [u8; 32], position: u64, documents: u64) -> Payload {
        Payload { schema_version: SCHEMA_VERSION, identity, position, documents }
    }

    /// The line that is written.
    pub(crate) fn to_line(self) -> String {
        let identity: String = self.identity.iter().map(|byte| format!("{byte:02x}")).collect();
        let content = format!("{MAGIC} {} {identity} {} {}", self.schema_version, self.position, self.documents);
        format!("{content} {:08x}", crc32fast::hash(content.as_bytes()))
    }

    /// Reads a line back.
    pub(crate) fn parse(line: &str) -> Result<Payload, Failure> {
        Payload::parse_fields(line).ok_or_else(|| Failure::Damaged("its payload is not what was written".to_owned()))
    }

    /// The position, if this index is for this version and home and has as many documents as it
    /// says.
    pub(crate) fn accept(self, identity: &[u8; 32], documents: u64) -> Result<u64, Failure> {
        let refuse = |why: String| Err(Failure::Damaged(why));
        if self.schema_version != SCHEMA_VERSION {
            let version = self.schema_version;
            return refuse(format!("it is of version {version}, this is version {SCHEMA_VERSION}"));
        }
        if self.identity != *identity {
            return refuse("it belongs to another home, or was made of other documents".to_owned());
        }
        if self.documents != documents {
            let committed = self.documents;
            return refuse(format!("it has {documents} documents, {committed} were committed"));
        }
        Ok(self.position)
    }

    fn parse_fields(line: &str) -> Option<Payload> {
        let (content, checksum) = line.rsplit_once(' ')?;
        if u32::from_str_radix(checksum, 16).ok()? != crc32fast::hash(content.as_bytes()) {
            return None;
        }
        let mut fields = content.split(' ').skip_while(|field| *field == MAGIC);
        let schema_version = fields.next()?.parse().ok()?;
        let identity = parse_hex(fields.next()?)?;
        let position = fields.next()?.parse().ok()?;
        let documents = fields.next()?.parse().ok()?;
        Some(Payload { schema_version, identity, position, documents })
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
