//! The installation's keys: finds or creates the key file, and compares it with the keys recorded in the database.

use crate::output::wants_force;
use crate::product::setting;
use crate::settings::{Profile, Settings};
use anyhow::{anyhow, bail};
use auth_domain::{InstallationKey, KeyFit, KeyKind, RecordedKey, compare_keys};
use auth_infrastructure::factor_keys;
use auth_infrastructure::key_record::{self, KeyRecord};
use auth_infrastructure::tokens::{SigningKeys, signing_keys};
use persistence::Db;
use private_files::{Exposure, REMEDY};
use sealing::{KeyFile, Keys, KeysError};

/// What to do when the key file is missing or wrong.
pub(crate) const HELP: &str = "copy the installation's key file there, from a backup or another node; if it is lost, \
                               see `roster keys replace --help`";

/// The keys for a process that serves. In a new installation this creates them. If the database has not recorded any
/// keys yet, this records them; among several processes, the first one does.
///
/// # Errors
/// When the file is missing, belongs to another installation, or cannot be used.
pub(crate) async fn keys_to_serve(db: &Db, settings: &Settings) -> anyhow::Result<Keys> {
    let recorded = key_record::recorded(db).await?;
    if !recorded.is_empty() {
        return keys_of_installation(db, settings, &recorded).await;
    }
    let mut record = KeyRecord::lock(db).await?;
    let recorded = record.all().await?;
    if !recorded.is_empty() {
        drop(record);
        return keys_of_installation(db, settings, &recorded).await;
    }
    let keys = match read(settings) {
        Err(KeysError::Missing { path }) if settings.keys_file.is_none() => {
            if record.has_accounts().await? {
                bail!("the key file {} does not exist, and the database has users: {HELP}", path.display());
            }
            Keys::in_directory(&settings.data_dir)?
        }
        found => found.map_err(|error| explain_keys_error(error, &[]))?,
    };
    see_exposure(&keys, settings)?;
    add_first_keys(&keys)?;
    record.add(&all_of(&keys)?).await?;
    record.commit().await?;
    Ok(keys)
}

/// Creates the first signing key and the key for second factors, if the file has none and is in the data directory.
fn add_first_keys(keys: &Keys) -> anyhow::Result<()> {
    SigningKeys::open(keys.file().clone())?;
    if keys.file().is_ours() {
        factor_keys::add_first(keys.file())?;
    }
    Ok(())
}

async fn keys_of_installation(db: &Db, settings: &Settings, recorded: &[RecordedKey]) -> anyhow::Result<Keys> {
    let keys = matching_keys(db, settings, recorded).await?;
    add_factor_key(db, &keys).await?;
    Ok(keys)
}

/// Adds the key for second factors to an installation that is older than second factors. Among several processes, the
/// first one does.
async fn add_factor_key(db: &Db, keys: &Keys) -> anyhow::Result<()> {
    if !factor_keys::list(keys.file())?.is_empty() {
        return Ok(());
    }
    let mut record = KeyRecord::lock(db).await?;
    if record.all().await?.iter().any(|it| it.key.kind == KeyKind::Factors && !it.retired) {
        // The file is an older copy, which has been reported.
        return Ok(());
    }
    if !keys.file().is_ours() {
        tracing::warn!(
            path = %keys.file().path().display(),
            "the key file has no key for second factors, so no user can enrol an authenticator app: run `roster keys rotate` on it once"
        );
        return Ok(());
    }
    factor_keys::add_first(keys.file())?;
    record.add(&all_of(keys)?).await?;
    Ok(record.commit().await?)
}

/// The keys for a process that needs an existing installation. This creates nothing.
///
/// # Errors
/// When the file is missing, belongs to another installation, or cannot be used.
pub(crate) async fn keys_to_work(db: &Db, settings: &Settings) -> anyhow::Result<Keys> {
    let recorded = key_record::recorded(db).await?;
    if recorded.is_empty() {
        let keys = read(settings).map_err(|error| explain_keys_error(error, &[]))?;
        see_exposure(&keys, settings)?;
        return Ok(keys);
    }
    matching_keys(db, settings, &recorded).await
}

async fn matching_keys(db: &Db, settings: &Settings, recorded: &[RecordedKey]) -> anyhow::Result<Keys> {
    let keys = read(settings).map_err(|error| explain_keys_error(error, recorded))?;
    see_exposure(&keys, settings)?;
    match fit(&keys, recorded)? {
        KeyFit::Other(why) => {
            bail!("the key file {} belongs to another installation: {why}: {HELP}", keys.file().path().display())
        }
        KeyFit::Unrecorded => {}
        KeyFit::Ours { new, missing, retired } => {
            if !new.is_empty() {
                complete(db, &all_of(&keys)?).await?;
            }
            if let Some(why) = lags(&missing, &retired) {
                tracing::warn!(path = %keys.file().path().display(), "{why}");
            }
        }
    }
    Ok(keys)
}

/// Compares the keys in the file with the recorded ones.
///
/// # Errors
/// When the file has no signing keys, or cannot be read.
pub(crate) fn fit(keys: &Keys, recorded: &[RecordedKey]) -> anyhow::Result<KeyFit> {
    Ok(compare_keys(recorded, &all_of(keys)?))
}

/// A message about keys that are missing in the file, or retired, as in an older copy of it. `None` if there are none.
pub(crate) fn lags(missing: &[String], retired: &[String]) -> Option<String> {
    let mut what = Vec::new();
    if !missing.is_empty() {
        what.push(format!("lacks {}, which this database has recorded", missing.join(", ")));
    }
    if !retired.is_empty() {
        what.push(format!("still has {}, which has been retired", retired.join(", ")));
    }
    (!what.is_empty())
        .then(|| format!("the key file {}: copy it from the node where the keys were changed", what.join(" and ")))
}

/// Records keys that are only in the file, as after a rotation that was interrupted.
pub(crate) async fn complete(db: &Db, keys: &[InstallationKey]) -> anyhow::Result<()> {
    let mut record = KeyRecord::lock(db).await?;
    record.add(keys).await?;
    Ok(record.commit().await?)
}

/// Explains why the key file cannot be read. If it is missing, the message names the keys that it should have.
pub(crate) fn explain_keys_error(error: KeysError, recorded: &[RecordedKey]) -> anyhow::Error {
    let KeysError::Missing { path } = error else { return error.into() };
    let path = path.display();
    if recorded.is_empty() {
        return anyhow!(
            "the key file {path} does not exist: `roster serve` creates it in {}, but never at the path of {}",
            setting!("DATA_DIR"),
            setting!("KEYS_FILE"),
        );
    }
    let used = |kind: KeyKind| {
        let used = recorded.iter().filter(|it| it.key.kind == kind && !it.retired);
        used.map(|it| &*it.key.kid).collect::<Vec<_>>().join(", ")
    };
    let (sealing, signing) = (used(KeyKind::Sealing), used(KeyKind::Signing));
    anyhow!(
        "the key file {path} does not exist: this database has the sealing key {sealing} and the signing key {signing}: {HELP}"
    )
}

/// Reads the key file.
///
/// # Errors
/// When it is missing or malformed.
pub(crate) fn read(settings: &Settings) -> Result<Keys, KeysError> {
    match &settings.keys_file {
        Some(file) => Keys::from_file(file),
        None => Keys::of_directory(&settings.data_dir),
    }
}

/// Warns if others on this machine can read or change the private keys.
///
/// # Errors
/// In the production profile, this is an error instead of a warning.
pub(crate) fn see_exposure(keys: &Keys, settings: &Settings) -> anyhow::Result<()> {
    if keys.exposure() > Exposure::Owner {
        let path = keys.file().path().display();
        if settings.profile == Profile::Production {
            bail!("others on this machine can read or change {path}: {REMEDY}");
        }
        tracing::warn!(%path, "others on this machine can read or change the private keys: {REMEDY}");
    }
    Ok(())
}

/// All keys of a file, by their public halves.
fn all_of(keys: &Keys) -> anyhow::Result<Vec<InstallationKey>> {
    let signing = signing_keys::list(keys.file())?;
    let signing = signing.into_iter().map(|(key, _)| signing_key(key.kid, key.x));
    Ok(sealing_keys(keys).into_iter().chain(signing).chain(factor_keys(keys.file())?).collect())
}

/// The keys for second factors, by their fingerprints.
pub(crate) fn factor_keys(file: &KeyFile) -> anyhow::Result<Vec<InstallationKey>> {
    let keys = factor_keys::list(file)?.into_iter();
    Ok(keys.map(|(kid, public)| InstallationKey { kind: KeyKind::Factors, kid, public }).collect())
}

/// The sealing keys, by their public halves.
pub(crate) fn sealing_keys(keys: &Keys) -> Vec<InstallationKey> {
    let all = keys.sealing().iter();
    all.map(|key| InstallationKey { kind: KeyKind::Sealing, kid: key.kid.clone(), public: key.public.clone() })
        .collect()
}

/// A signing key, by its public half.
pub(crate) fn signing_key(kid: String, public: String) -> InstallationKey {
    InstallationKey { kind: KeyKind::Signing, kid, public }
}

/// Records the file's keys as the installation's, and retires those recorded before. Creates a missing file.
///
/// # Errors
/// When keys would be lost and `force` is false, or the file belongs to the installation already.
pub(crate) async fn replace(db: &Db, settings: &Settings, force: bool) -> anyhow::Result<Keys> {
    let mut record = KeyRecord::lock(db).await?;
    let recorded = record.all().await?;
    let found = match read(settings) {
        Err(KeysError::Missing { .. }) if settings.keys_file.is_none() => None,
        found => Some(found.map_err(|error| explain_keys_error(error, &recorded))?),
    };
    if let Some(keys) = &found
        && let KeyFit::Ours { .. } = fit(keys, &recorded)?
    {
        return Err(crate::output::refused("the key file belongs to this installation: there is nothing to replace"));
    }
    if !force && (!recorded.is_empty() || record.has_accounts().await?) {
        return Err(wants_force(
            "every access token, and every password that is not hashed yet, will be lost with the old keys: add \
             --force",
        ));
    }
    let keys = match found {
        Some(keys) => keys,
        None => Keys::in_directory(&settings.data_dir)?,
    };
    add_first_keys(&keys)?;
    record.retire_all().await?;
    record.restore(&all_of(&keys)?).await?;
    record.commit().await?;
    Ok(keys)
}
