//! The key file: JSON that only its owner can read.
//!
//! The file may have other members, of other owners: see [`KeyFile`](crate::KeyFile).

use crate::KeysError;
use kernel::{Secret, Timestamp};
use private_files::Exposure;
use serde::{Deserialize, Serialize, Serializer};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};
use zeroize::Zeroizing;

/// The version of the file format that this version writes and reads.
pub(crate) const VERSION: u32 = 1;
/// Maximum size in bytes. A key file is far smaller; a longer file is something else.
const LONGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
pub(crate) struct KeyDocument {
    pub(crate) version: u32,
    pub(crate) sealing: Vec<StoredKey>,
}

/// One key pair, or only its public half on a node that only seals.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredKey {
    pub(crate) kid: String,
    pub(crate) public: String,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    pub(crate) private: Option<Secret>,
    pub(crate) active: bool,
    pub(crate) created_at: Timestamp,
}

/// Writes a private key into the key file. A private key is written nowhere else.
fn expose<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}

pub(crate) fn read(path: &Path) -> Result<(KeyDocument, Exposure), KeysError> {
    let (text, exposure) = text(path).map_err(|cause| unreadable(path, cause))?;
    let document: KeyDocument = serde_json::from_slice(&text).map_err(|error| malformed(path, &error))?;
    if document.version != VERSION {
        let why = format!("its version is {}, this version knows {VERSION}", document.version);
        return Err(KeysError::Malformed { path: path.to_owned(), why });
    }
    Ok((document, exposure))
}

pub(crate) fn unreadable(path: &Path, cause: io::Error) -> KeysError {
    match cause.kind() {
        io::ErrorKind::NotFound => KeysError::Missing { path: path.to_owned() },
        _ => KeysError::Unreadable { path: path.to_owned(), cause: private_files::explained(path, cause) },
    }
}

/// Reports only the position. serde's own sentence quotes the text, which may be a key.
pub(crate) fn malformed(path: &Path, error: &serde_json::Error) -> KeysError {
    let why = format!("it is not a valid key file at line {}, column {}", error.line(), error.column());
    KeysError::Malformed { path: path.to_owned(), why }
}

pub(crate) fn text(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Exposure)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(io::Error::other("it is not a key file"));
    }
    let exposure = private_files::exposure(&about);
    // Reserve room for all of it: a growing buffer leaves copies behind that are not wiped.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default() + 1));
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok((text, exposure))
}

/// Creates the file, unless another process has created it meanwhile. It appears whole and durable, or not at all.
pub(crate) fn create(directory: &Path, path: &Path, kid: &str, document: &KeyDocument) -> io::Result<()> {
    private_files::create_folder(directory)?;
    let draft = directory.join(format!(".keys-{kid}.tmp"));
    let made = write(&draft, document).and_then(|()| {
        // A hard link never replaces a file: one process is first, and the others read its keys.
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let removed = fs::remove_file(&draft);
    made.and(removed)?;
    File::open(directory)?.sync_all()
}

fn write(draft: &Path, document: &KeyDocument) -> io::Result<()> {
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer_pretty(&mut *text, document)?;
    text.push(b'\n');
    write_private(draft, &text)
}

/// Creates a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private_files::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}
