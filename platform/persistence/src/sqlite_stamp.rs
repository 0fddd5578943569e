//! Telling one SQLite file from a copy of it.
//!
//! SQLite believes whatever write-ahead log lies beside a file, and whatever file lies under its name. So the process that
//! serves a file stamps it: a random number in the `user_version` of its header, 0 again when the process stops in order.
//! The lock file records the stamps that the file may bear. A file with another stamp is another file.

use crate::OpenError;
use crate::sqlite_file::{SqliteFile, identity, private};
use kernel::MessageId;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// How often a serving process looks whether the file is still its own.
const LOOK: Duration = Duration::from_millis(400);
/// Before a look that found another file is believed: a checkpoint may have been writing the header.
const AGAIN: Duration = Duration::from_millis(50);

/// What the first page says (sqlite.org/fileformat2.html, section 1.3), without what the log has on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    has_log: bool,
    change_counter: u32,
    pages: u32,
    schema_cookie: u32,
    stamp: u32,
}

impl Header {
    /// `None` when the file is empty, or no database.
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

    /// Whether the file that said `before` can say this now: schema and size only grow (but for a VACUUM, which is a
    /// change of the schema).
    fn may_follow(&self, before: &Self) -> bool {
        self.has_log
            && (self.schema_cookie > before.schema_cookie
                || self.schema_cookie == before.schema_cookie && self.pages >= before.pages)
    }
}

/// A stamp that no other start has made.
pub(crate) fn new_stamp() -> u32 {
    let bytes = MessageId::random().as_uuid().into_bytes();
    bytes[12..].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)) >> 1 | 1
}

impl SqliteFile {
    /// That the log beside the file is its own, and that a file that had one has it. Before SQLite opens them. What it
    /// tells is a doubt that is none of an error: a copy that SQLite made of a served file may look the same.
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
                "{shown} holds nothing: it was copied from under a running server without its log ({shown}-wal), which \
                 had all the data; take a copy with sqlite3 .backup instead, or remove the file for a new database"
            )));
        }
        // SQLite's own copies (.backup to a new file; VACUUM INTO has no log) begin to count anew.
        Ok((was_served && header.change_counter > 1).then(|| {
            format!(
                "{shown} was copied from under a running server, and its log ({shown}-wal) is not here: if it was copied with \
                 cp, what was written last is missing; sqlite3 .backup makes whole copies"
            )
        }))
    }

    /// The stamps that the file may bear.
    fn recorded(&self) -> Vec<u32> {
        let record = std::fs::read_to_string(self.beside(".lock")).unwrap_or_default();
        record.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    /// Notes the stamps that the file may bear from now on.
    pub(crate) fn record(&self, stamps: &[u32]) -> io::Result<()> {
        let mut record = private(&self.beside(".lock"))?;
        record.set_len(0)?;
        let texts: Vec<_> = stamps.iter().map(u32::to_string).collect();
        record.write_all(texts.join(" ").as_bytes())?;
        *self.stamps() = stamps.to_vec();
        record.sync_data()
    }

    /// What the file itself bears.
    pub(crate) fn stamp(&self) -> io::Result<u32> {
        Ok(Header::read(self.file())?.map_or(0, |header| header.stamp))
    }

    /// Resolves when the file is no longer the one that this process serves: with what has become of it.
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
        // That it cannot be read now is for those to tell who need it.
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
        // An error other than "there is none" says nothing.
        match (opened, named) {
            (Ok(opened), Ok(named)) => opened == named,
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), _) => true,
        }
    }
}
