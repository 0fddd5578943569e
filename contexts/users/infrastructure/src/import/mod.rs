//! Reads the files of other systems, row by row and in constant memory.

mod auth0;
mod csv_file;
mod django;
mod firebase;
mod json_items;
mod keycloak;
mod ndjson;
mod staging;
mod supabase;

pub use csv_file::{Columns, ColumnsError};
pub use staging::{Import, ImportError};

use serde::Deserialize;
use std::io::{self, BufRead};
use users_domain::{ImportRow, RowError};

/// The system that a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportSource {
    /// One JSON object a line, in Roster's own form.
    Ndjson,
    /// A table, whose columns are fields of Roster's own form.
    Csv,
    /// `firebase auth:export --format=json`
    Firebase,
    /// The export of password hashes by the support, or the schema of bulk imports.
    Auth0,
    /// `kc.sh export`
    Keycloak,
    /// `manage.py dumpdata auth.user`
    Django,
    /// The rows of `auth.users` as JSON.
    Supabase,
}

impl ImportSource {
    /// All sources.
    pub const ALL: [Self; 7] =
        [Self::Ndjson, Self::Csv, Self::Firebase, Self::Auth0, Self::Keycloak, Self::Django, Self::Supabase];

    /// The name on the command line and in requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Firebase => "firebase",
            Self::Auth0 => "auth0",
            Self::Keycloak => "keycloak",
            Self::Django => "django",
            Self::Supabase => "supabase",
        }
    }
}

/// The text names no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ndjson, csv, firebase, auth0, keycloak, django or supabase")]
pub struct UnknownSource;

impl kernel::DomainError for UnknownSource {
    fn code(&self) -> &'static str {
        "source_unknown"
    }
}

impl std::str::FromStr for ImportSource {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        Self::ALL.into_iter().find(|source| source.as_str() == text).ok_or(UnknownSource)
    }
}

/// What the file itself does not say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Firebase: `base64_signer_key` of the project's password hash parameters.
    pub base64_signer_key: Option<String>,
    /// Firebase: `base64_salt_separator`.
    pub base64_salt_separator: Option<String>,
    /// Firebase: `rounds`.
    pub rounds: Option<u32>,
    /// Firebase: `mem_cost`.
    pub mem_cost: Option<u32>,
    /// The text that the other system appends to each password before it hashes it with bcrypt.
    pub pepper: Option<String>,
}

/// A file and how to read it.
pub struct ImportFile<R> {
    pub source: ImportSource,
    pub columns: Option<Columns>,
    pub parameters: Parameters,
    pub content: R,
}

/// A row with its line, or why it is none. In a table, the number of the row stands for the line, in a file that is one
/// JSON document the number of the element.
pub type ReadRow = Result<(i64, ImportRow), RowError>;

/// Why a file cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not what the source makes.
    #[error("{0}")]
    Malformed(String),
    /// The receiver of the rows wants no more.
    #[error("cancelled")]
    Stopped,
}

/// Takes the rows of a file; `false` stops the reading.
pub type EachRow<'a> = &'a mut dyn FnMut(ReadRow) -> bool;

impl<R: BufRead> ImportFile<R> {
    /// Reads the rows of the file in order.
    ///
    /// # Errors
    /// [`ReadError`] when the file as a whole cannot be read. The rows before were read.
    pub fn read(self, each: EachRow<'_>) -> Result<(), ReadError> {
        let Self { source, columns, parameters, mut content } = self;
        skip_byte_order_mark(&mut content)?;
        match source {
            ImportSource::Ndjson => ndjson::read(content, each),
            ImportSource::Csv => csv_file::read(content, columns.as_ref(), &parameters, each),
            ImportSource::Firebase => firebase::read(content, &parameters, each),
            ImportSource::Auth0 => auth0::read(content, each),
            ImportSource::Keycloak => keycloak::read(content, each),
            ImportSource::Django => django::read(content, each),
            ImportSource::Supabase => supabase::read(content, each),
        }
    }
}

fn skip_byte_order_mark(content: &mut impl BufRead) -> io::Result<()> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if content.fill_buf()?.starts_with(MARK) {
        content.consume(MARK.len());
    }
    Ok(())
}

/// A time as databases write it, in the form of RFC 3339: `2023-01-02 03:04:05.6+00` or `2023-01-02 03:04:05`. A time
/// without an offset counts as UTC.
fn rfc_3339(text: &str) -> String {
    let text = text.trim().replacen(' ', "T", 1);
    let Some((_, time)) = text.split_once('T') else { return text };
    match time.rsplit_once(['+', '-']) {
        Some((_, offset)) if offset.len() == 2 => format!("{text}:00"),
        None if !time.ends_with(['Z', 'z']) => format!("{text}Z"),
        _ => text,
    }
}

/// Stands for a password hash that cannot be read: the row is then refused, rather than imported without a password.
const UNREADABLE: &str = "unreadable";

/// A row error with a constant text.
fn row_error(line: i64, code: &str, message: impl Into<String>) -> RowError {
    RowError { line, code: code.to_owned(), message: message.into() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
