//! The keys of the installation: found, made once, and held against those that the database has recorded.

use crate::output::wants_force;
use crate::settings::{Profile, Settings};
use anyhow::{anyhow, bail};
use auth_domain::{InstallationKey, KeyFit, KeyKind, RecordedKey, compare_keys};
use auth_infrastructure::key_record::{self, KeyRecord};
use auth_infrastructure::tokens::{SigningKeys, signing_keys};
use persistence::Db;
use private_files::{Exposure, REMEDY};
use sealing::{Keys, KeysError};

/// What helps when the key file is not the one that it should be.
pub(crate) const HELP: &str = "put the key file of the installation there, from a backup or another node; if it is lost, see `roster keys replace --help`";

/// The keys for a process that seals, signs or opens. A new installation is given some, and one whose keys are not
/// recorded yet has them recorded: of several processes the first.
///
/// # Errors
/// When the file is missing or another installation's, or cannot be used.
pub(crate) async fn keys_to_serve(db: &Db, settings: &Settings) -> anyhow::Result<Keys> {
    let recorded = key_record::recorded(db).await?;
    if !recorded.is_empty() {
        return matching_keys(db, settings, &recorded).await;
    }
    let mut record = KeyRecord::lock(db).await?;
    let recorded = record.all().await?;
    if !recorded.is_empty() {
        drop(record);
        return matching_keys(db, settings, &recorded).await;
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
    // Makes the first one in a file of ours.
    SigningKeys::open(keys.file().clone())?;
    record.add(&all_of(&keys)?).await?;
    record.commit().await?;
    Ok(keys)
}

/// The keys for a process that serves what is there already. Nothing is made.
///
/// # Errors
/// When the file is missing or another installation's, or cannot be used.
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
            bail!("the key file {} is another installation's: {why}: {HELP}", keys.file().path().display())
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

/// How the keys in the file fit the recorded ones.
///
/// # Errors
/// When the file has no signing keys, or cannot be read.
pub(crate) fn fit(keys: &Keys, recorded: &[RecordedKey]) -> anyhow::Result<KeyFit> {
    Ok(compare_keys(recorded, &all_of(keys)?))
}

/// What a file lacks or has too much, when it is an older copy.
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

/// Records what a rotation that was cut short has left in the file.
pub(crate) async fn complete(db: &Db, keys: &[InstallationKey]) -> anyhow::Result<()> {
    let mut record = KeyRecord::lock(db).await?;
    record.add(keys).await?;
    Ok(record.commit().await?)
}

/// What the error is told as: of a missing file, which keys should be in it.
pub(crate) fn explain_keys_error(error: KeysError, recorded: &[RecordedKey]) -> anyhow::Error {
    let KeysError::Missing { path } = error else { return error.into() };
    let path = path.display();
    if recorded.is_empty() {
        return anyhow!(
            "the key file {path} does not exist: `roster serve` makes it in ROSTER_DATA_DIR, and never where ROSTER_KEYS_FILE says"
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

/// The key file as it is.
///
/// # Errors
/// When it is missing, or is no key file.
pub(crate) fn read(settings: &Settings) -> Result<Keys, KeysError> {
    match &settings.keys_file {
        Some(file) => Keys::from_file(file),
        None => Keys::of_directory(&settings.data_dir),
    }
}

/// # Errors
/// When others can read the private keys, in the production profile.
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
    Ok(sealing_keys(keys).into_iter().chain(signing).collect())
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

/// The file's keys become the installation's: those recorded before are retired. A missing file is made.
///
/// # Errors
/// When it is not wanted enough, or the file is the installation's already.
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
        return Err(crate::output::refused("the key file is the installation's: there is nothing to replace"));
    }
    if !force && (!recorded.is_empty() || record.has_accounts().await?) {
        return Err(wants_force(
            "every access token, and every password that is not hashed yet, is lost with the old keys: add --force",
        ));
    }
    let keys = match found {
        Some(keys) => keys,
        None => Keys::in_directory(&settings.data_dir)?,
    };
    SigningKeys::open(keys.file().clone())?;
    record.retire_all().await?;
    record.restore(&all_of(&keys)?).await?;
    record.commit().await?;
    Ok(keys)
}
