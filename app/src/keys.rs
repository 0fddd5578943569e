//! `roster keys`

use crate::output::{print, refused};
use crate::serve;
use crate::settings::Settings;
use anyhow::bail;
use auth_application::{Authority, KeyChange, RecordKeyChange};
use auth_infrastructure::perform;
use auth_infrastructure::tokens::{TokenError, signing_keys};
use clap::Subcommand;
use kernel::Timestamp;
use sealing::Keys as Sealing;
use serde_json::json;
use std::io::Write as _;

/// What an operator does with the keys of the installation.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// List the keys: which sign access tokens, since when, and which passwords are sealed with
    List,
    /// Add a key that signs access tokens
    ///
    /// Others are shown it at once, in /.well-known/jwks.json, and it signs ten minutes later: by
    /// then whoever keeps a copy of the list has it. The old keys stay until they are retired. A
    /// running server picks the change up within a second.
    Rotate {
        /// Let it sign at once. For emergencies, when a key may be known to others: services that
        /// keep a copy of the list refuse new tokens until they fetch it again
        #[arg(long)]
        now: bool,
    },
    /// Destroy a key: the tokens that it signed are refused from now on
    ///
    /// After a rotation, wait until the new key signs and then as long as an access token lasts, five
    /// minutes; in an emergency do not wait. Exits with 1 when there is no such key, or it signs now.
    Retire {
        /// The key's name, as `roster keys list` shows it
        kid: String,
    },
}

/// # Errors
/// When it is refused, or the key file cannot be used.
pub(crate) async fn run(settings: &Settings, command: Keys, json: bool) -> anyhow::Result<()> {
    if settings.keys_file.is_none() && !settings.data_dir.join("keys.json").exists() {
        bail!("there are no keys in {} yet: `roster serve` makes them", settings.data_dir.display());
    }
    let keys = serve::keys(settings)?;
    match command {
        Keys::List => list(&keys, json),
        Keys::Rotate { now } => {
            let at = Timestamp::now();
            let from = if now { at } else { at.plus(signing_keys::SHOWN_BEFORE) };
            let kid = signing_keys::rotate(keys.file(), from)?;
            record(settings, KeyChange::Rotated, &kid).await;
            let Some((key, signs)) = signing_keys::list(keys.file())?.into_iter().find(|(key, _)| key.kid == kid)
            else {
                bail!("the key {kid} has been retired already");
            };
            tell_signing(&kid, key.signs_from, signs, json)
        }
        Keys::Retire { kid } => match signing_keys::retire(keys.file(), &kid) {
            Ok(()) => {
                record(settings, KeyChange::Retired, &kid).await;
                let done = json!({ "kid": kid, "retired": true });
                print(&if json { done.to_string() } else { format!("{kid} retired") })
            }
            Err(why @ (TokenError::UnknownKey | TokenError::LastKey)) => Err(refused(why.to_string())),
            Err(error) => Err(error.into()),
        },
    }
}

/// Puts it on record, after it was done: in an emergency a key changes whether or not the database answers.
async fn record(settings: &Settings, change: KeyChange, kid: &str) {
    let recorded = async {
        let db = serve::beside(settings).await?;
        let record = RecordKeyChange { by: Authority::operator(), change, kid: kid.to_owned() };
        let done = perform(&db, record).await;
        db.close().await;
        anyhow::Ok(done?)
    };
    if let Err(error) = recorded.await {
        // Where the standard error is closed, nobody can be told.
        let _ =
            writeln!(std::io::stderr(), "roster: this is done, and could not be put on the audit record: {error:#}");
    }
}

fn list(keys: &Sealing, json: bool) -> anyhow::Result<()> {
    let signing = signing_keys::list(keys.file())?;
    if json {
        let signing = signing.iter().map(|(key, signs)| in_json(&key.kid, key.signs_from, *signs));
        let sealing = keys.kids().map(|(kid, active)| json!({ "kid": kid, "active": active }));
        let all = json!({ "signing": signing.collect::<Vec<_>>(), "sealing": sealing.collect::<Vec<_>>() });
        return print(&all.to_string());
    }
    for (key, signs) in &signing {
        tell_signing(&key.kid, key.signs_from, *signs, false)?;
    }
    for (kid, active) in keys.kids() {
        print(&format!("sealing  {kid}{}", if active { "  active" } else { "" }))?;
    }
    Ok(())
}

fn tell_signing(kid: &str, from: Timestamp, signs: bool, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&in_json(kid, from, signs).to_string());
    }
    print(&format!("signing  {kid}  from {from}{}", if signs { "  signs now" } else { "" }))
}

fn in_json(kid: &str, from: Timestamp, signs: bool) -> serde_json::Value {
    json!({ "kid": kid, "signs_from": from, "signs": signs })
}
