//! The key file: JSON that only its owner can read.
//!
//! Other members than these may stand in it, of other owners: see [`KeyFile`](crate::KeyFile).

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

/// The version of the file that is written and understood.
pub(crate) const VERSION: u32 = 1;
/// A key file is far smaller; anything longer is some other file. In bytes.
const LONGEST: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
pub(crate) struct KeyDocument {
    pub(crate) version: u32,
    pub(crate) sealing: Vec<StoredKey>,
}

/// One key pair; where only sealing is done, its public half.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredKey {
    pub(crate) kid: String,
    pub(crate) public: String,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    pub(crate) private: Option<Secret>,
    pub(crate) active: bool,
    pub(crate) created_at: Timestamp,
}

/// The one place where a private key is written: into the key file.
fn expose<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}

pub(crate) fn read(path: &Path) -> Result<(KeyDocument, Exposure), KeysError> {
    let (text, exposure) = text(path).map_err(|cause| unreadable(path, cause))?;
    let document: KeyDocument = serde_json::from_slice(&text).map_err(|error| malformed(path, &error))?;
    if document.version != VERSION {
        let why = format!("its version is {}, this Roster knows {VERSION}", document.version);
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

/// The position only: serde's sentence quotes what it found, and that may be a key.
pub(crate) fn malformed(path: &Path, error: &serde_json::Error) -> KeysError {
    let why = format!("it is no key file from line {}, column {} on", error.line(), error.column());
    KeysError::Malformed { path: path.to_owned(), why }
}

pub(crate) fn text(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Exposure)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(io::Error::other("it is no key file"));
    }
    let exposure = private_files::exposure(&about);
    // Room for all of it at once: a buffer that grows leaves copies behind that are not wiped.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default() + 1));
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok((text, exposure))
}

/// Makes the file, unless there is one by then. It appears whole and durable, or not at all.
pub(crate) fn create(directory: &Path, path: &Path, kid: &str, document: &KeyDocument) -> io::Result<()> {
    private_files::create_folder(directory)?;
    let draft = directory.join(format!(".keys-{kid}.tmp"));
    let made = write(&draft, document).and_then(|()| {
        // A link never replaces: of several processes one is first, and the others read its keys.
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

/// Makes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private_files::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}
