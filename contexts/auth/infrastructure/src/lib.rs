//! Auth: routes, SQL, tokens and password hashing.

mod access;
mod breached_password_file;
mod factors;
mod hashing;
mod http;
mod imported_credentials;
mod policy_and_seal;
pub mod queries;
mod sql;
pub mod tokens;

pub use access::authenticator::Authenticator;
pub use access::login_throttle::SqlLoginThrottle;
pub use breached_password_file::{BreachedFileError, BreachedPasswordFile};
pub use factors::{FactorKeys, InstallationFactorCodes, WebauthnCeremonies, factor_keys};
pub use hashing::credentials::SqlCredentials;
pub use hashing::hash_pool::HashPool;
pub use hashing::hash_queue::Overloaded;
pub use hashing::passwords::Hashing;
pub use http::{AuthState, FactorServices};
pub use imported_credentials::ImportedCredentials;
pub use policy_and_seal::PolicyAndSeal;
pub use sql::administration::DepartureConsent;
pub use sql::key_record;
pub use sql::tidy::tidy_now;
pub use sql::unit_of_work::{SqlUnitOfWork, run_in_transaction};

pub(crate) use sql::auth::SqlAuth;

#[cfg(test)]
mod use_case_tests;

use crate::queries::export_account::ExportedAccount;
use auth_application::{Passwords, handlers};
use persistence::{Migrations, migrations};
use std::sync::Arc;
use web::{BoundedContext, SubjectExport};

/// The bounded context `auth`. Its handlers hash passwords.
pub const CONTEXT: BoundedContext<Arc<dyn Passwords>, AuthState> = BoundedContext {
    migrations: MIGRATIONS,
    messages: || handlers().messages(),
    handlers: |passwords| ledger::handlers(handlers(), passwords, SqlAuth),
    tags: &[
        ("auth", "Sign in and out, refresh tokens, manage sessions, passwords and roles."),
        ("factors", "Second factors: authenticator apps, passkeys and recovery codes."),
        (
            "services",
            "For other services: verify access tokens by public key or by introspection. Administrators manage service \
             keys.",
        ),
        ("audit", "The audit log: who did what to which user, from which address, and with which outcome."),
    ],
    operations: || http::routes().into_openapi(),
    routes: |_, commands, auth| http::routes().with_state(http::AuthRoutes { auth, commands: commands.clone() }),
    export: Some(SubjectExport::of::<ExportedAccount>()),
    upkeep: |db| Box::pin(sql::tidy::tidy(db.clone())),
};

/// The purpose that a sealed password is bound to.
const PURPOSE: &str = "set_credential";

/// The tables of this context.
pub const MIGRATIONS: Migrations = migrations!(
    "auth": "0001_credentials", "0002_sessions", "0003_deactivation" in_both, "0004_authority", "0005_refresh_grace", "0006_keys", "0007_role_versions",
    "0008_erasure", "0009_email_verified", "0010_recovery", "0011_factors", "0012_passkeys",
);
