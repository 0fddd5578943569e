//! `roster keys`

use crate::installation::{self, HELP, explain_keys_error, fit};
use crate::output::{note, print, print_table, refused};
use crate::schema;
use crate::serve::beside;
use crate::settings::Settings;
use anyhow::bail;
use auth_application::{Authority, KeyChange, RecordKeyChange};
use auth_domain::{InstallationKey, KeyFit};
use auth_infrastructure::factor_keys;
use auth_infrastructure::key_record::{self, KeyRecord};
use auth_infrastructure::run_in_transaction;
use auth_infrastructure::tokens::{TokenError, signing_keys};
use clap::Subcommand;
use kernel::Timestamp;
use persistence::{DatabaseUrl, Db};
use sealing::Keys as Sealing;
use serde_json::json;

/// The subcommands of `roster keys`.
#[derive(Subcommand)]
pub(crate) enum KeysArgs {
    /// List the keys that sign access tokens, that seal passwords, and that seal the secrets of authenticator apps
    List,
    /// Add a key that signs access tokens
    ///
    /// /.well-known/jwks.json lists the new key at once, and the key signs ten minutes later: by then
    /// services that keep a copy of the list have fetched it. The old keys stay until they are retired.
    /// A running server picks up the change within a second. A key file without a key for second factors
    /// gets one, too.
    Rotate {
        /// Sign with the new key at once. For emergencies, when a key may have leaked: services that
        /// keep a copy of the list refuse new tokens until they fetch it again
        #[arg(long)]
        now: bool,
    },
    /// Destroy a key: tokens that it signed are refused from now on
    ///
    /// After a rotation, wait until the new key signs, and then five minutes, as long as an access token
    /// lasts. In an emergency do not wait. Exits with 1 when there is no such key, or it is the one that
    /// signs now.
    Retire {
        /// The key's id, as `roster keys list` shows it
        kid: String,
    },
    /// Replace the installation's keys when its key file is lost
    ///
    /// The keys recorded in the database are retired, and the keys of the key file take their place; a
    /// missing file is created in ROSTER_DATA_DIR. Old access tokens are refused, so clients refresh
    /// them. Passwords that wait to be hashed are lost, so those registrations fail. Restart every node
    /// afterwards. Exits with 3 without --force.
    Replace {
        /// Replace the keys; this cannot be undone
        #[arg(long)]
        force: bool,
    },
}

/// Runs one subcommand of `roster keys`.
///
/// # Errors
/// When it is refused, or the key file cannot be used.
pub(crate) async fn run(settings: &Settings, command: KeysArgs, json: bool) -> anyhow::Result<()> {
    let exists = !matches!(&settings.database, DatabaseUrl::Sqlite(path) if !path.exists());
    let db = match command {
        // Before there is a database, a key file can be listed and given its first signing key.
        _ if !exists => None,
        KeysArgs::List => Some(Db::open_to_look(&settings.database).await?),
        _ => Some(beside(settings).await?),
    };
    let done = execute(settings, db.as_ref(), command, json).await;
    if let Some(db) = db {
        db.close().await;
    }
    done
}

async fn execute(settings: &Settings, db: Option<&Db>, command: KeysArgs, json: bool) -> anyhow::Result<()> {
    match command {
        KeysArgs::List => list(&keys(settings, db).await?, json),
        KeysArgs::Rotate { now } => {
            let keys = keys(settings, db).await?;
            let at = Timestamp::now();
            let from = if now { at } else { at.plus(signing_keys::PUBLISH_AHEAD) };
            let kid = signing_keys::rotate(keys.file(), from)?;
            let Some((key, signs)) = signing_keys::list(keys.file())?.into_iter().find(|(key, _)| key.kid == kid)
            else {
                bail!("the key {kid} has been retired already");
            };
            let from = key.signs_from;
            record(db, installation::signing_key(key.kid, key.x)).await?;
            audit(db, KeyChange::Rotated, &kid).await;
            if factor_keys::list(keys.file())?.is_empty() {
                factor_keys::add_first(keys.file())?;
                for key in installation::factor_keys(keys.file())? {
                    audit(db, KeyChange::Rotated, &key.kid).await;
                    record(db, key).await?;
                }
            }
            print_signing(&kid, from, signs, json)
        }
        KeysArgs::Retire { kid } => {
            let keys = keys(settings, db).await?;
            let in_file = match signing_keys::retire(keys.file(), &kid) {
                Ok(()) => true,
                Err(TokenError::UnknownKey) => false,
                Err(why @ TokenError::LastKey) => return Err(refused(why.to_string())),
                Err(error) => return Err(error.into()),
            };
            // An earlier `retire` may have changed only the file, because the database did not answer. This finishes
            // it.
            let recorded = retire_in_record(db, &kid, &keys).await?;
            if !in_file && !recorded {
                return Err(refused(TokenError::UnknownKey.to_string()));
            }
            audit(db, KeyChange::Retired, &kid).await;
            if json {
                print(&json!({ "kid": kid, "retired": true }).to_string())
            } else {
                print(&format!("{kid} retired"))
            }
        }
        KeysArgs::Replace { force } => {
            let Some(db) = db else {
                bail!("{} does not exist yet: `roster serve` creates the database and the keys", settings.database);
            };
            list(&installation::replace(db, settings, force).await?, json)
        }
    }
}

/// Records a change of the keys in the audit log, after the key file was changed.
async fn audit(db: Option<&Db>, change: KeyChange, kid: &str) {
    let Some(db) = db else { return };
    let record = RecordKeyChange { by: Authority::operator(), change, kid: kid.to_owned() };
    if let Err(error) = run_in_transaction(db, record).await {
        note(&format!("the keys are changed, but the change could not be recorded in the audit log: {error}"));
    }
}

/// Reads the key file, and checks that it belongs to this installation.
async fn keys(settings: &Settings, db: Option<&Db>) -> anyhow::Result<Sealing> {
    let recorded = match db {
        Some(db) if schema::missing(db).await? == 0 => key_record::recorded(db).await?,
        _ => Vec::new(),
    };
    let keys = installation::read(settings).map_err(|error| explain_keys_error(error, &recorded))?;
    installation::see_exposure(&keys, settings)?;
    // A file without signing keys is valid while nothing is recorded: a rotation creates the first one.
    if !recorded.is_empty()
        && let KeyFit::Other(why) = fit(&keys, &recorded)?
    {
        bail!("the key file {} belongs to another installation: {why}: {HELP}", keys.file().path().display());
    }
    Ok(keys)
}

/// Records a new key. If the database has recorded no keys yet, the next start records all of them.
async fn record(db: Option<&Db>, key: InstallationKey) -> anyhow::Result<()> {
    let Some(db) = db else { return Ok(()) };
    let mut record = KeyRecord::lock(db).await?;
    if !record.all().await?.is_empty() {
        record.add(&[key]).await?;
    }
    Ok(record.commit().await?)
}

/// Retires a key in the database's record. `false` if there was no such key in use, or if the key file still has it as
/// a key of another kind.
async fn retire_in_record(db: Option<&Db>, kid: &str, keys: &Sealing) -> anyhow::Result<bool> {
    let Some(db) = db else { return Ok(false) };
    let is_of_factors = factor_keys::list(keys.file())?.iter().any(|(factor, _)| factor == kid);
    if is_of_factors || keys.sealing().iter().any(|key| key.kid == kid) {
        return Ok(false);
    }
    let mut record = KeyRecord::lock(db).await?;
    let was_used = record.retire(kid).await?;
    record.commit().await?;
    Ok(was_used)
}

fn list(keys: &Sealing, json: bool) -> anyhow::Result<()> {
    let signing = signing_keys::list(keys.file())?;
    let factors = factor_keys::list(keys.file())?.into_iter().map(|(kid, _)| kid);
    if json {
        let signing = signing.iter().map(|(key, signs)| in_json(&key.kid, key.signs_from, *signs));
        let sealing = keys.kids().map(|(kid, active)| json!({ "kid": kid, "active": active }));
        let factors: Vec<_> = factors.map(|kid| json!({ "kid": kid })).collect();
        let (signing, sealing): (Vec<_>, Vec<_>) = (signing.collect(), sealing.collect());
        let all = json!({ "signing": signing, "sealing": sealing, "factors": factors });
        return print(&all.to_string());
    }
    let signing = signing.iter().map(|(key, signs)| signing_row(&key.kid, key.signs_from, *signs));
    let sealing = keys.kids().map(|(kid, active)| {
        ["sealing".to_owned(), kid.to_owned(), if active { "active".to_owned() } else { String::new() }, String::new()]
    });
    let factors = factors.map(|kid| ["factors".to_owned(), kid, String::new(), String::new()]);
    print_table(HEADERS, &signing.chain(sealing).chain(factors).collect::<Vec<_>>())
}

const HEADERS: [&str; 4] = ["KIND", "KEY", "STATE", "SIGNS FROM"];

fn signing_row(kid: &str, from: Timestamp, signs: bool) -> [String; 4] {
    let state = if signs { "signs" } else { "" };
    ["signing".to_owned(), kid.to_owned(), state.to_owned(), from.to_string()]
}

fn print_signing(kid: &str, from: Timestamp, signs: bool, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&in_json(kid, from, signs).to_string());
    }
    print_table(HEADERS, &[signing_row(kid, from, signs)])
}

fn in_json(kid: &str, from: Timestamp, signs: bool) -> serde_json::Value {
    json!({ "kid": kid, "signs_from": from, "signs": signs })
}
