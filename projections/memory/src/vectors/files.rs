//! The two files: their headers and records, written, read back, checked and cut.
//!
//! Both start with a header; all numbers are little-endian.
//!
//! ```text
//! header    magic 8 | version u32 | dimensions u32 | home's identity 32 | embedder 32 | crc32 of all before it
//! `codes`   then for each row:  digest u128 | factor f32 | signs u64 x words | crc32 of all before it
//! `vectors` then for each row:  value i16 x dimensions | scale f32 | crc32 of all before it
//! ```
//!
//! A number of a vector is `value * scale`. The checksum of a record of `codes` starts from the checksum of the row's
//! number (u32), that of a record of `vectors` from the checksum of number and digest: so a record is good in its own
//! place only.
//!
//! A record of `codes` is written when its row of `vectors` is durable. So `codes` says which rows there are; what
//! `vectors` has behind them was not finished and is written over. Rows are dropped from `codes`, durably, before
//! their places in `vectors` are used again.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::codes::Code;
use crate::error::Failure;

/// Raised whenever a record changes its meaning: the layout, the rotation, the rounding.
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 4 + 32 + 32 + CRC_BYTES;
const CRC_BYTES: usize = 4;

const CODES: Kind = Kind { name: "codes", magic: b"zo-codes" };
const VECTORS: Kind = Kind { name: "vectors", magic: b"zo-vecs\n" };

/// Rows read at once when many are read in order.
const ROWS_AT_ONCE: usize = 1_024;

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
        if folder.is_file() {
            return Ok(Found::Unusable("it is a file, not a folder".to_owned()));
        }
        let lengths = [CODES, VECTORS].map(|kind| match fs::metadata(folder.join(kind.name)) {
            Ok(metadata) => Ok(metadata.len() as usize),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        });
        let [codes, vectors] = lengths;
        match (codes?, vectors?) {
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

    /// Reads records of `codes` in order, and says which is the first that is not what was written.
    pub(super) fn read_codes(
        &self,
        rows: Range<u32>,
        mut visit: impl FnMut(u32, CodeRecord<'_>),
    ) -> Result<u32, Failure> {
        let record_bytes = self.code_bytes();
        let mut buffer = Vec::new();
        for first in rows.clone().step_by(ROWS_AT_ONCE) {
            buffer.resize(ROWS_AT_ONCE.min((rows.end - first) as usize) * record_bytes, 0);
            self.codes.read_exact_at(&mut buffer, offset(first, record_bytes))?;
            for (row, record) in (first..).zip(buffer.chunks_exact(record_bytes)) {
                match CodeRecord::parse(row, record) {
                    Some(record) => visit(row, record),
                    None => return Ok(row),
                }
            }
        }
        Ok(rows.end)
    }

    /// Writes records to `vectors`, from row `first` on.
    pub(super) fn write_vectors(&self, first: u32, records: &[u8]) -> Result<(), Failure> {
        Ok(self.vectors.write_all_at(records, offset(first, self.vector_bytes()))?)
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

    /// Reads rows of `vectors` in the given order, several at once where they follow each other. The digests are those
    /// of all rows, from `codes`.
    pub(super) fn read_vectors(
        &self,
        rows: &[u32],
        digests: &[u128],
        mut visit: impl FnMut(u32, Values<'_>),
    ) -> Result<(), Failure> {
        let record_bytes = self.vector_bytes();
        let mut buffer = Vec::new();
        for run in rows.chunk_by(|row, next| row + 1 == *next).flat_map(|run| run.chunks(ROWS_AT_ONCE)) {
            buffer.resize(run.len() * record_bytes, 0);
            self.vectors.read_exact_at(&mut buffer, offset(run[0], record_bytes))?;
            for (row, record) in run.iter().zip(buffer.chunks_exact(record_bytes)) {
                let Some(values) = Values::parse(*row, digests[*row as usize], record) else {
                    return Err(Failure::Damaged(format!("row {row} of {} is not what was written", VECTORS.name)));
                };
                visit(*row, values);
            }
        }
        Ok(())
    }

    /// Numbers in a vector.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Bytes of a record of `codes`.
    pub(super) fn code_bytes(&self) -> usize {
        16 + 4 + self.dimensions.div_ceil(64) * 8 + CRC_BYTES
    }

    fn vector_bytes(&self) -> usize {
        self.dimensions * 2 + 4 + CRC_BYTES
    }
}

/// A record of `codes`, as it lies in the file.
pub(super) struct CodeRecord<'a> {
    pub(super) digest: u128,
    pub(super) factor: f32,
    signs: &'a [u8],
}

impl CodeRecord<'_> {
    /// Appends the record of a row.
    pub(super) fn write(records: &mut Vec<u8>, row: u32, digest: u128, code: &Code) {
        let start = records.len();
        records.extend_from_slice(&digest.to_le_bytes());
        records.extend_from_slice(&code.factor.to_le_bytes());
        code.signs.iter().for_each(|word| records.extend_from_slice(&word.to_le_bytes()));
        let checksum = checksum(&row.to_le_bytes(), &records[start..]);
        records.extend_from_slice(&checksum.to_le_bytes());
    }

    /// The words of the code.
    pub(super) fn signs(&self) -> impl Iterator<Item = u64> {
        self.signs.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("chunks of eight bytes")))
    }

    fn parse(row: u32, record: &[u8]) -> Option<CodeRecord<'_>> {
        let (content, stored) = record.split_last_chunk::<CRC_BYTES>()?;
        let (digest, rest) = content.split_first_chunk()?;
        let (factor, signs) = rest.split_first_chunk()?;
        let good = checksum(&row.to_le_bytes(), content).to_le_bytes() == *stored;
        good.then(|| CodeRecord { digest: u128::from_le_bytes(*digest), factor: f32::from_le_bytes(*factor), signs })
    }
}

/// The numbers of a row of `vectors`, as they lie in the file.
pub(super) struct Values<'a> {
    values: &'a [u8],
    scale: f32,
}

impl Values<'_> {
    /// Appends the record of a row, its numbers rounded to 1/32767 of the greatest.
    pub(super) fn write(records: &mut Vec<u8>, row: u32, digest: u128, vector: &[f32]) {
        let start = records.len();
        let greatest = vector.iter().fold(0.0_f32, |greatest, number| number.abs().max(greatest));
        let scale = greatest / f32::from(i16::MAX);
        let steps = if greatest > 0.0 { f32::from(i16::MAX) / greatest } else { 0.0 };
        let values = vector.iter().map(|number| (number * steps).round() as i16);
        values.for_each(|value| records.extend_from_slice(&value.to_le_bytes()));
        records.extend_from_slice(&scale.to_le_bytes());
        let checksum = checksum(&place(row, digest), &records[start..]);
        records.extend_from_slice(&checksum.to_le_bytes());
    }

    fn parse(row: u32, digest: u128, record: &[u8]) -> Option<Values<'_>> {
        let (content, stored) = record.split_last_chunk::<CRC_BYTES>()?;
        let (values, scale) = content.split_last_chunk()?;
        let good = checksum(&place(row, digest), content).to_le_bytes() == *stored;
        good.then(|| Values { values, scale: f32::from_le_bytes(*scale) })
    }

    /// The vector.
    pub(super) fn to_vector(&self) -> Vec<f32> {
        self.values.chunks_exact(2).map(|bytes| value(bytes) * self.scale).collect()
    }

    /// The scalar product with a query. The order of summation is fixed, so it is the same on every machine.
    pub(super) fn dot(&self, query: &[f32]) -> f32 {
        const LANES: usize = 16;
        let mut sums = [0.0_f32; LANES];
        let (values, numbers) = (self.values.chunks_exact(2 * LANES), query.chunks_exact(LANES));
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

fn offset(row: u32, record_bytes: usize) -> u64 {
    HEADER_BYTES as u64 + u64::from(row) * record_bytes as u64
}

/// The checksum of a record that stands in the place `place`.
fn checksum(place: &[u8], content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc32fast::hash(place));
    hasher.update(content);
    hasher.finalize()
}

/// A row and its digest: a vector in this place proves that the two files agree.
fn place(row: u32, digest: u128) -> [u8; 20] {
    let mut place = [0; 20];
    place[..4].copy_from_slice(&row.to_le_bytes());
    place[4..].copy_from_slice(&digest.to_le_bytes());
    place
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
