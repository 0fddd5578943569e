//! Stamps, which distinguish an SQLite file from a copy of it.
//!
//! SQLite trusts any write-ahead log beside a file, and any file under its name. So the process that serves a file
//! stamps it with a random number in the `user_version` of its header. After an orderly stop the number is 0 again.
//! The lock file records the stamps that the file may have. A file with another stamp is another file.

use crate::OpenError;
use crate::sqlite_file::{SqliteFile, identity, private};
use kernel::MessageId;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a serving process checks whether the file is still its own.
const LOOK: Duration = Duration::from_millis(400);
/// Pause before a failed check is repeated: a checkpoint may have been writing the header.
const AGAIN: Duration = Duration::from_millis(50);

/// Fields of the file's header (sqlite.org/fileformat2.html, section 1.3), without changes that are only in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    has_log: bool,
    change_counter: u32,
    pages: u32,
    schema_cookie: u32,
    stamp: u32,
}

impl Header {
    /// Reads the header. Returns `None` when the file is empty or not a database.
    pub(crate) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; 100];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) if bytes.starts_with(b"SQLite format 3\0") => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => return Ok(None),
        }
        let number = |at: usize| bytes[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let has_log = bytes[18..20] == [2, 2];
        Ok(Some(Self {
            has_log,
            change_counter: number(24),
            pages: number(28),
            schema_cookie: number(40),
            stamp: number(60),
        }))
    }

    /// Whether this header may follow `before` in the same file. Schema version and size only grow; a VACUUM shrinks
    /// the file, but changes the schema version.
    fn may_follow(&self, before: &Self) -> bool {
        self.has_log
            && (self.schema_cookie > before.schema_cookie
                || self.schema_cookie == before.schema_cookie && self.pages >= before.pages)
    }
}

/// A random stamp, which is never 0.
pub(crate) fn new_stamp() -> u32 {
    let bytes = MessageId::random().as_uuid().into_bytes();
    bytes[12..].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)) >> 1 | 1
}

impl SqliteFile {
    /// Checks that the log beside the file belongs to it, and that a file that had a log has it. Called before SQLite
    /// opens them. Returns a doubt where there is no error: a copy that SQLite made of a served file may look the
    /// same.
    pub(crate) fn check_log(&self) -> Result<Option<String>, OpenError> {
        let shown = self.path().display();
        let cannot = |error: io::Error| OpenError::Unfit(format!("cannot use {shown}: {error}"));
        let Some(header) = Header::read(self.file()).map_err(cannot)? else { return Ok(None) };
        let recorded = self.recorded();
        let is_known = recorded.contains(&header.stamp);
        let log = std::fs::metadata(self.beside("-wal")).ok();
        if log.as_ref().is_some_and(|log| log.len() > 0) && !recorded.is_empty() && !is_known {
            return Err(OpenError::Unfit(format!(
                "{shown} is another file than the one that was served here last, and {shown}-wal is the log of that one: \
                 stop every process that uses them, move {shown}-wal and {shown}-shm away, put the backup in place once \
                 more, and start again"
            )));
        }
        let was_served = header.stamp != 0 && header.has_log && !is_known && log.is_none();
        if was_served && header.schema_cookie == 0 {
            return Err(OpenError::Unfit(format!(
                "{shown} holds nothing: it was copied from a running server without its log ({shown}-wal), which \
                 had all the data; take a copy with sqlite3 .backup instead, or remove the file for a new database"
            )));
        }
        // In SQLite's own copies the counter starts again (.backup to a new file), or there is no log (VACUUM INTO).
        Ok((was_served && header.change_counter > 1).then(|| {
            format!(
                "{shown} was copied from a running server, and its log ({shown}-wal) is not here: if it was copied with \
                 cp, what was written last is missing; sqlite3 .backup makes whole copies"
            )
        }))
    }

    /// The recorded stamps, which the file may have.
    fn recorded(&self) -> Vec<u32> {
        let record = std::fs::read_to_string(self.beside(".lock")).unwrap_or_default();
        record.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    /// Records the stamps that the file may have from now on.
    pub(crate) fn record(&self, stamps: &[u32]) -> io::Result<()> {
        let mut record = private(&self.beside(".lock"))?;
        record.set_len(0)?;
        let texts: Vec<_> = stamps.iter().map(u32::to_string).collect();
        record.write_all(texts.join(" ").as_bytes())?;
        *self.stamps() = stamps.to_vec();
        record.sync_data()
    }

    /// The stamp in the file's header.
    pub(crate) fn stamp(&self) -> io::Result<u32> {
        Ok(Header::read(self.file())?.map_or(0, |header| header.stamp))
    }

    /// Resolves with the cause when the file is no longer the one that this process serves.
    pub(crate) async fn replaced(&self) -> String {
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(why) = self.compare(&mut before) {
                tokio::time::sleep(AGAIN).await;
                if self.compare(&mut before).is_err() && !self.is_closing() {
                    return why;
                }
            }
        }
    }

    fn compare(&self, before: &mut Option<Header>) -> Result<(), String> {
        let shown = self.path().display();
        if !self.is_at(self.path()) {
            return Err(format!("{shown} was removed or replaced while it was served"));
        }
        // The code that needs the file reports that it cannot be read.
        let Ok(header) = Header::read(self.file()) else { return Ok(()) };
        let is_own = |header: &Header| {
            before.is_none_or(|before| header.may_follow(&before)) && self.stamps().contains(&header.stamp)
        };
        match header {
            Some(header) if is_own(&header) => {
                *before = Some(header);
                Ok(())
            }
            _ => Err(format!("{shown} was overwritten while it was served")),
        }
    }

    fn is_at(&self, path: &Path) -> bool {
        let opened = self.file().metadata().map(|it| identity(&it));
        let named = std::fs::metadata(path).map(|it| identity(&it));
        // Only "not found" shows that the file is gone. Other errors show nothing.
        match (opened, named) {
            (Ok(opened), Ok(named)) => opened == named,
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), _) => true,
        }
    }
}
