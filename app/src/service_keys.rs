//! `roster service-keys`

use crate::output::{print, print_table, refused};
use crate::serve::{beside, open_read_only};
use crate::settings::Settings;
use anyhow::anyhow;
use auth_application::{Authority, CreateServiceKey, RevokeServiceKey};
use auth_domain::{Days, Scopes, ServiceKeyId, ServiceName};
use auth_infrastructure::queries::get_service_keys;
use auth_infrastructure::run_in_transaction;
use auth_infrastructure::tokens::{OpaqueToken, TokenKind};
use clap::Subcommand;
use persistence::Db;
use serde_json::json;

/// The subcommands of `roster service-keys`.
#[derive(Subcommand)]
pub(crate) enum ServiceKeysArgs {
    /// Create a key for another service, and show it once
    Create {
        /// The service's name, 1 to 100 characters
        #[arg(value_parser = ServiceName::parse)]
        name: ServiceName,
        /// What the key allows: one or more of introspect, audit:read and users:read, as in "introspect users:read"
        #[arg(long, value_parser = str::parse::<Scopes>)]
        scope: Scopes,
        /// The key expires after this many days, 1 to 366
        #[arg(long, default_value = "90", value_parser = Days::parse)]
        days: Days,
    },
    /// List the valid keys, newest first
    List,
    /// Revoke a key, effective at once
    ///
    /// Exits with 1 when no valid key has this id.
    Revoke {
        /// The key's id
        id: ServiceKeyId,
    },
}

/// Runs one subcommand of `roster service-keys`.
///
/// # Errors
/// When it is refused, or the database cannot be used.
pub(crate) async fn run(settings: &Settings, command: ServiceKeysArgs, json: bool) -> anyhow::Result<()> {
    let db = match command {
        ServiceKeysArgs::List => open_read_only(settings).await?,
        _ => beside(settings).await?,
    };
    let done = execute(&db, command, json).await;
    db.close().await;
    done
}

async fn execute(db: &Db, command: ServiceKeysArgs, json: bool) -> anyhow::Result<()> {
    let by = Authority::operator();
    match command {
        ServiceKeysArgs::Create { name, scope: scopes, days } => {
            let OpaqueToken { text, hash } = OpaqueToken::random(TokenKind::ServiceKey)?;
            let create = CreateServiceKey { by, name, scopes, days, hash };
            let it = run_in_transaction(db, create).await.map_err(|why| anyhow!("{why}"))?;
            let (name, scope, key) = (it.name.as_str(), it.scopes.to_string(), text.expose());
            if json {
                let shown =
                    json!({ "id": it.id, "name": name, "scope": scope, "expires_at": it.expires_at, "key": key });
                return print(&shown.to_string());
            }
            print(&format!("{}  until {}  {name}: {scope}\n{key}", it.id, it.expires_at))
        }
        ServiceKeysArgs::List => {
            let keys = get_service_keys::all(db).await?;
            if json {
                return print(&json!(keys).to_string());
            }
            let rows = keys.iter().map(|it| {
                [
                    it.id.to_string(),
                    it.expires_at.to_string(),
                    it.scope.to_string(),
                    it.created_by.clone().unwrap_or_else(|| "unknown".to_owned()),
                    it.name.to_string(),
                ]
            });
            print_table(["ID", "EXPIRES", "SCOPE", "MADE BY", "NAME"], &rows.collect::<Vec<_>>())
        }
        ServiceKeysArgs::Revoke { id } => {
            let revoke = RevokeServiceKey { by, key: id };
            if !run_in_transaction(db, revoke).await.map_err(|why| anyhow!("{why}"))? {
                return Err(refused("no valid service key has this id: `roster service-keys list` shows them"));
            }
            if json {
                print(&json!({ "id": id, "revoked": true }).to_string())
            } else {
                print(&format!("{id} revoked"))
            }
        }
    }
}
