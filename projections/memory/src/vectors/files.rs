//! The two files: their headers and records, written, read back, checked and cut.
//!
//! Both start with a header; all numbers are little-endian.
//!
//! ```text
//! header    magic 8 | version u32 | dimensions u32 | home's identity 32 | embedder 32 | crc32 of all before it
//! `vectors` then for each row:  value i16 x dimensions | scale f32 | crc32 of (row u32, digest u128, all before it)
//! `codes`   then for each row:  digest u128 | factor f32 | code u64 x words | crc32 of (row u32, all before it)
//! ```
//!
//! A number of a vector is `value * scale`. A record of `codes` is written when its row of `vectors` is durable, so
//! the file `codes` says which rows there are; what follows in `vectors` was not finished and is written over.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::Failure;

/// Raised whenever a record changes its meaning: the layout, the rotation, the rounding.
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 4 + 32 + 32 + CRC_BYTES;
const CRC_BYTES: usize = 4;

const CODES: Kind = Kind { name: "codes", magic: b"zo-codes" };
const VECTORS: Kind = Kind { name: "vectors", magic: b"zo-vecs\n" };

/// Rows read at once when many are read in order.
const ROWS_AT_ONCE: u32 = 1_024;

/// Which of the two files.
struct Kind {
    name: &'static str,
    magic: &'static [u8; 8],
}

/// Whose vectors these are, and of how many numbers each consists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) identity: &'a [u8; 32],
    pub(super) embedder: &'a [u8; 32],
    pub(super) dimensions: usize,
}

/// What `codes` says of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Code {
    pub(super) digest: u128,
    pub(super) factor: f32,
    pub(super) words: Vec<u64>,
}

/// A vector as it is kept: each number is `value * scale`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rounded {
    pub(super) values: Vec<i16>,
    pub(super) scale: f32,
}

/// The two open files.
#[derive(Debug)]
pub(super) struct Files {
    codes: File,
    vectors: File,
    dimensions: usize,
}

/// What there was to open.
pub(super) enum Found {
    Files(Files),
    Nothing,
    Unusable(String),
}

impl Files {
    /// Opens the files in a folder and checks their headers.
    pub(super) fn find(folder: &Path, owner: Owner<'_>) -> Result<Found, Failure> {
        let lengths = [CODES, VECTORS].map(|kind| match fs::metadata(folder.join(kind.name)) {
            Ok(metadata) => Ok(Some(metadata.len() as usize)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let [codes, vectors] = lengths;
        match (codes?.unwrap_or(0), vectors?.unwrap_or(0)) {
            (codes, vectors) if codes < HEADER_BYTES && vectors <= HEADER_BYTES => return Ok(Found::Nothing),
            (codes, _) if codes < HEADER_BYTES => return Ok(Found::Unusable(format!("{} is cut", CODES.name))),
            (_, vectors) if vectors < HEADER_BYTES => return Ok(Found::Unusable(format!("{} is cut", VECTORS.name))),
            _ => {}
        }
        let files = Files::open(folder, owner.dimensions, false)?;
        for (file, kind) in [(&files.codes, CODES), (&files.vectors, VECTORS)] {
            let mut header = [0; HEADER_BYTES];
            file.read_exact_at(&mut header, 0)?;
            if let Err(why) = check_header(&header, &kind, owner) {
                return Ok(Found::Unusable(why));
            }
        }
        Ok(Found::Files(files))
    }

    /// Begins two empty files.
    pub(super) fn create(folder: &Path, owner: Owner<'_>) -> Result<Files, Failure> {
        fs::create_dir_all(folder)?;
        let files = Files::open(folder, owner.dimensions, true)?;
        // The header of `codes` is written last: without it there is nothing.
        for (file, kind) in [(&files.vectors, VECTORS), (&files.codes, CODES)] {
            file.set_len(0)?;
            file.write_all_at(&header(&kind, owner), 0)?;
            file.sync_all()?;
        }
        File::open(folder)?.sync_all()?;
        Ok(files)
    }

    fn open(folder: &Path, dimensions: usize, create: bool) -> Result<Files, Failure> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).truncate(false);
        let open = |kind: Kind| options.open(folder.join(kind.name));
        Ok(Files { codes: open(CODES)?, vectors: open(VECTORS)?, dimensions })
    }

    /// Whole records that `codes` and `vectors` have room for.
    pub(super) fn lengths(&self) -> Result<(u32, u32), Failure> {
        let records = |file: &File, record_bytes: usize| -> Result<u32, Failure> {
            let bytes = file.metadata()?.len().saturating_sub(HEADER_BYTES as u64);
            u32::try_from(bytes / record_bytes as u64).map_err(|_| Failure::Damaged("it is too long".to_owned()))
        };
        Ok((records(&self.codes, self.code_bytes())?, records(&self.vectors, self.vector_bytes())?))
    }

    /// Reads records of `codes` in order, up to the first that is not what was written.
    pub(super) fn for_each_code(&self, rows: u32, mut visit: impl FnMut(Code)) -> Result<u32, Failure> {
        let record_bytes = self.code_bytes();
        let mut buffer = Vec::new();
        for first in (0..rows).step_by(ROWS_AT_ONCE as usize) {
            let count = ROWS_AT_ONCE.min(rows - first);
            buffer.resize(count as usize * record_bytes, 0);
            self.codes.read_exact_at(&mut buffer, offset(first, record_bytes))?;
            for (row, record) in (first..).zip(buffer.chunks_exact(record_bytes)) {
                let Some(code) = parse_code(row, record) else { return Ok(row) };
                visit(code);
            }
        }
        Ok(rows)
    }

    /// The record of a row for `codes`.
    pub(super) fn code_record(row: u32, code: &Code) -> Vec<u8> {
        let mut record = Vec::with_capacity(24 + code.words.len() * 8);
        record.extend_from_slice(&code.digest.to_le_bytes());
        record.extend_from_slice(&code.factor.to_le_bytes());
        code.words.iter().for_each(|word| record.extend_from_slice(&word.to_le_bytes()));
        let checksum = checksum(row, &[], &record);
        record.extend_from_slice(&checksum.to_le_bytes());
        record
    }

    /// Writes rows to `vectors`, from row `first` on.
    pub(super) fn write_vectors(&self, first: u32, rows: &[(u128, Rounded)]) -> Result<(), Failure> {
        let record_bytes = self.vector_bytes();
        let mut records = Vec::with_capacity(rows.len() * record_bytes);
        for (row, (digest, vector)) in (first..).zip(rows) {
            let start = records.len();
            vector.values.iter().for_each(|value| records.extend_from_slice(&value.to_le_bytes()));
            records.extend_from_slice(&vector.scale.to_le_bytes());
            let checksum = checksum(row, &digest.to_le_bytes(), &records[start..]);
            records.extend_from_slice(&checksum.to_le_bytes());
        }
        Ok(self.vectors.write_all_at(&records, offset(first, record_bytes))?)
    }

    /// Makes what was written to `vectors` durable.
    pub(super) fn sync_vectors(&self) -> Result<(), Failure> {
        Ok(self.vectors.sync_data()?)
    }

    /// Writes records to `codes`, from row `first` on.
    pub(super) fn write_codes(&self, first: u32, records: &[u8]) -> Result<(), Failure> {
        Ok(self.codes.write_all_at(records, offset(first, self.code_bytes()))?)
    }

    /// Makes what was written to `codes` durable.
    pub(super) fn sync_codes(&self) -> Result<(), Failure> {
        Ok(self.codes.sync_data()?)
    }

    /// Drops the records of `codes` from row `rows` on, durably: their places in `vectors` are about to be written
    /// over.
    pub(super) fn cut_codes(&self, rows: u32) -> Result<(), Failure> {
        self.codes.set_len(offset(rows, self.code_bytes()))?;
        Ok(self.codes.sync_all()?)
    }

    /// Reads `count` rows of `vectors` from `first` on. The digests are those that `codes` has for these rows.
    pub(super) fn read_vectors(
        &self,
        first: u32,
        digests: &[u128],
        mut visit: impl FnMut(u32, Values<'_>),
    ) -> Result<(), Failure> {
        let record_bytes = self.vector_bytes();
        let mut buffer = vec![0; digests.len() * record_bytes];
        self.vectors.read_exact_at(&mut buffer, offset(first, record_bytes))?;
        for ((row, digest), record) in (first..).zip(digests).zip(buffer.chunks_exact(record_bytes)) {
            let (content, stored) = record.split_at(record_bytes - CRC_BYTES);
            if checksum(row, &digest.to_le_bytes(), content).to_le_bytes() != stored {
                return Err(Failure::Damaged(format!("row {row} of {} is not what was written", VECTORS.name)));
            }
            let (values, scale) = content.split_at(self.dimensions * 2);
            visit(row, Values { bytes: values, scale: float(scale) });
        }
        Ok(())
    }

    /// Bytes of a record of `codes`.
    pub(super) fn code_bytes(&self) -> usize {
        16 + 4 + self.dimensions.div_ceil(64) * 8 + CRC_BYTES
    }

    fn vector_bytes(&self) -> usize {
        self.dimensions * 2 + 4 + CRC_BYTES
    }
}

/// The numbers of a row, as they lie in the file.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    bytes: &'a [u8],
    scale: f32,
}

impl Values<'_> {
    /// The vector.
    pub(super) fn to_vector(self) -> Vec<f32> {
        self.bytes.chunks_exact(2).map(|bytes| value(bytes) * self.scale).collect()
    }

    /// The scalar product with a query. The order of summation is fixed, so it is the same on every machine.
    pub(super) fn dot(self, query: &[f32]) -> f32 {
        const LANES: usize = 16;
        let mut sums = [0.0_f32; LANES];
        let (values, numbers) = (self.bytes.chunks_exact(2 * LANES), query.chunks_exact(LANES));
        let rest = values.remainder().chunks_exact(2).zip(numbers.remainder());
        let rest: f32 = rest.map(|(bytes, number)| value(bytes) * number).sum();
        for (bytes, numbers) in values.zip(numbers) {
            for ((sum, bytes), number) in sums.iter_mut().zip(bytes.chunks_exact(2)).zip(numbers) {
                *sum += value(bytes) * number;
            }
        }
        (sums.iter().sum::<f32>() + rest) * self.scale
    }
}

fn value(bytes: &[u8]) -> f32 {
    f32::from(i16::from_le_bytes([bytes[0], bytes[1]]))
}

fn float(bytes: &[u8]) -> f32 {
    f32::from_le_bytes(bytes.try_into().expect("split to four bytes"))
}

fn offset(row: u32, record_bytes: usize) -> u64 {
    HEADER_BYTES as u64 + u64::from(row) * record_bytes as u64
}

fn checksum(row: u32, digest: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&row.to_le_bytes());
    hasher.update(digest);
    hasher.update(content);
    hasher.finalize()
}

fn parse_code(row: u32, record: &[u8]) -> Option<Code> {
    let (content, stored) = record.split_at(record.len() - CRC_BYTES);
    if checksum(row, &[], content).to_le_bytes() != stored {
        return None;
    }
    let (digest, rest) = content.split_at(16);
    let (factor, words) = rest.split_at(4);
    Some(Code {
        digest: u128::from_le_bytes(digest.try_into().expect("split to sixteen bytes")),
        factor: float(factor),
        words: words
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight")))
            .collect(),
    })
}

fn header(kind: &Kind, owner: Owner<'_>) -> [u8; HEADER_BYTES] {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(kind.magic);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&(owner.dimensions as u32).to_le_bytes());
    header.extend_from_slice(owner.identity);
    header.extend_from_slice(owner.embedder);
    let checksum = crc32fast::hash(&header);
    header.extend_from_slice(&checksum.to_le_bytes());
    header.try_into().expect("as many bytes as the constant says")
}

/// Says why a header is not the one that would be written now.
fn check_header(found: &[u8; HEADER_BYTES], kind: &Kind, owner: Owner<'_>) -> Result<(), String> {
    let expected = header(kind, owner);
    let (content, stored) = found.split_at(HEADER_BYTES - CRC_BYTES);
    if crc32fast::hash(content).to_le_bytes() != stored || found[..8] != expected[..8] {
        return Err(format!("the header of {} is not what was written", kind.name));
    }
    let number = |at: usize| u32::from_le_bytes(found[at..at + 4].try_into().expect("four bytes of a longer header"));
    if number(8) != VERSION {
        return Err(format!("it is of version {}, this is version {VERSION}", number(8)));
    }
    if found[16..48] != expected[16..48] {
        return Err("it belongs to another home".to_owned());
    }
    if found[48..80] != expected[48..80] {
        return Err("it was made by another embedder".to_owned());
    }
    if number(12) != owner.dimensions as u32 {
        return Err(format!("its vectors have {} dimensions, not {}", number(12), owner.dimensions));
    }
    Ok(())
}

/// The folder's mark of damage, and where it lies.
pub(super) fn mark(folder: &Path) -> PathBuf {
    folder.join(crate::folder::DAMAGE_MARK)
}
