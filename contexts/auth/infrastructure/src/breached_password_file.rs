//! A file of breached passwords, as Have I Been Pwned offers it.

use auth_domain::BreachedPasswords;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use kernel::Secret;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// The bytes of one read: about ninety lines.
const BLOCK: u16 = 4096;
/// How many places between the first and the last line are checked when the file is opened.
const SAMPLES: u64 = 256;
/// How many reads estimate the place of a hash. Further reads halve the range, so that a file with unusual hashes costs
/// no more than a binary search.
const ESTIMATES: u32 = 6;
/// The most digits of a count.
const COUNT_DIGITS: usize = 20;
/// At most one warning is logged in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

type Sha1 = [u8; 20];

/// [`BreachedPasswords`] in a file: Pwned Passwords (SHA-1), ordered by hash, or an ordered part of them.
///
/// A line is the SHA-1 of a password in hex, a colon and a count. Roster searches the file where it is, with a handful
/// of reads for each password. It keeps the file open, so a file that replaces it takes effect at the next start.
#[derive(Debug)]
pub struct BreachedPasswordFile {
    file: File,
    size: u64,
    first: Sha1,
    last: Sha1,
    warnings: Warnings,
}

/// Why a file of breached passwords cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BreachedFileError {
    /// The operating system's error.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is a directory, a device or a pipe.
    #[error("is not a regular file")]
    NotAFile,
    /// It has no line.
    #[error("is empty")]
    Empty,
    /// A line has another form. The number is the offset of the block that has the line.
    #[error("has a line near byte {0} that is not a SHA-1 in hex, a colon and a count")]
    Malformed(u64),
    /// A line follows one with a higher hash. The number is the offset of the block that has the line.
    #[error("is not ordered by hash near byte {0}")]
    Unordered(u64),
}

impl BreachedPasswordFile {
    /// Opens a file, and checks its first and last lines and 255 places between them.
    ///
    /// # Errors
    /// [`BreachedFileError`]
    pub fn open(path: &Path) -> Result<Self, BreachedFileError> {
        // Before it is opened: opening a pipe would wait for its writer.
        if !fs::metadata(path)?.is_file() {
            return Err(BreachedFileError::NotAFile);
        }
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        if size == 0 {
            return Err(BreachedFileError::Empty);
        }
        let start = Lines::read(&file, &(0..size), 0)?;
        let mut before = start.clone();
        for sample in 1..=SAMPLES {
            let lines = Lines::read(&file, &(0..size), size / SAMPLES * sample)?;
            if lines.first < before.first || lines.last < before.last {
                return Err(BreachedFileError::Unordered(lines.span.start));
            }
            before = lines;
        }
        Ok(Self { file, size, first: start.first, last: before.last, warnings: Warnings::default() })
    }

    /// Whether the file has this hash, and how many reads it took to know.
    fn find(&self, wanted: &Sha1) -> Result<(bool, u32), BreachedFileError> {
        if !(self.first..=self.last).contains(wanted) {
            return Ok((false, 0));
        }
        // The lines that may have the hash, and the keys of the hashes around them.
        let (mut within, mut keys) = (0..self.size, key(&self.first)..key(&self.last));
        let mut reads = 0;
        while !within.is_empty() {
            let at = if reads < ESTIMATES { estimate(&within, &keys, key(wanted)) } else { middle(&within) };
            let lines = Lines::read(&self.file, &within, at)?;
            reads += 1;
            if *wanted < lines.first {
                (within.end, keys.end) = (lines.span.start, key(&lines.first));
            } else if *wanted > lines.last {
                (within.start, keys.start) = (lines.span.end, key(&lines.last));
            } else {
                return Ok((lines.hashes.contains(wanted), reads));
            }
        }
        Ok((false, reads))
    }
}

impl BreachedPasswords for BreachedPasswordFile {
    /// Logs a warning if the file cannot be read.
    fn contains(&self, password: &Secret) -> bool {
        let mut wanted = Sha1::default();
        wanted.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes()).as_ref());
        match beside_other_tasks(|| self.find(&wanted)) {
            Ok((is_found, _)) => is_found,
            Err(why) => {
                if self.warnings.is_due(Instant::now()) {
                    tracing::warn!(%why, "cannot search the file of breached passwords: accepting passwords without it");
                }
                false
            }
        }
    }
}

/// Complete lines that follow each other in the file.
#[derive(Debug, Clone)]
struct Lines {
    span: Range<u64>,
    hashes: Vec<Sha1>,
    first: Sha1,
    last: Sha1,
}

impl Lines {
    /// Reads a block around `at`, at least one line of it. `within` MUST be a range of complete lines.
    fn read(file: &File, within: &Range<u64>, at: u64) -> Result<Self, BreachedFileError> {
        let (block, mut buffer) = (u64::from(BLOCK), vec![0; usize::from(BLOCK)]);
        let start = at.saturating_sub(block / 2).min(within.end.saturating_sub(block)).max(within.start);
        let malformed = || BreachedFileError::Malformed(start);
        let bytes = match usize::try_from(within.end - start) {
            Ok(size) if size < buffer.len() => &mut buffer[..size],
            _ => &mut buffer[..],
        };
        file.read_exact_at(bytes, start)?;
        let size = bytes.len() as u64;
        let is_end = |byte: &u8| *byte == b'\n';
        let from = if start == within.start { 0 } else { bytes.iter().position(is_end).ok_or_else(malformed)? + 1 };
        let to = if start + size == within.end {
            bytes.len()
        } else {
            bytes.iter().rposition(is_end).ok_or_else(malformed)? + 1
        };
        let lines = bytes[from..to].split_inclusive(is_end).map(hash);
        let hashes: Vec<_> = lines.collect::<Option<_>>().ok_or_else(malformed)?;
        let (Some(&first), Some(&last)) = (hashes.first(), hashes.last()) else { return Err(malformed()) };
        if !hashes.is_sorted() {
            return Err(BreachedFileError::Unordered(start));
        }
        Ok(Self { span: start + from as u64..start + to as u64, hashes, first, last })
    }
}

/// The hash of a line, with its line break if it has one. `None` if it is malformed.
fn hash(line: &[u8]) -> Option<Sha1> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (hex, count) = line.split_at_checked(2 * Sha1::default().len())?;
    let count = count.strip_prefix(b":")?;
    if !(1..=COUNT_DIGITS).contains(&count.len()) || !count.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut hash = Sha1::default();
    for (byte, digits) in hash.iter_mut().zip(hex.chunks(2)) {
        for digit in digits {
            *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(hash)
}

/// The first eight bytes of a hash, as a number.
fn key(hash: &Sha1) -> u128 {
    hash.iter().take(8).fold(0, |key, byte| key << 8 | u128::from(*byte))
}

/// Where the hash of a key is if the hashes are evenly distributed, as those of many passwords are.
fn estimate(within: &Range<u64>, keys: &Range<u128>, wanted: u128) -> u64 {
    let size = u128::from(within.end - within.start);
    let share = size * (wanted - keys.start) / (keys.end - keys.start + 1);
    u64::try_from(share).map_or(within.end, |share| within.start + share)
}

const fn middle(within: &Range<u64>) -> u64 {
    within.start + (within.end - within.start) / 2
}

/// Reads a file on a thread of the runtime. Other tasks move to another thread meanwhile: a disk may be slow.
fn beside_other_tasks<T>(read: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => block_in_place(read),
        _ => read(),
    }
}

/// When the latest warning was logged.
#[derive(Debug, Default)]
struct Warnings(Mutex<Option<Instant>>);

impl Warnings {
    /// Whether a warning may be logged now. It then counts as logged.
    fn is_due(&self, now: Instant) -> bool {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = latest.is_none_or(|latest| now.saturating_duration_since(latest) >= WARN_EVERY);
        if is_due {
            *latest = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
#[path = "breached_password_file_tests.rs"]
mod tests;
