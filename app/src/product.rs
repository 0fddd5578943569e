//! The names of this product. `docs/STARTING-FROM-ROSTER.md` says how to rename it.

use sealing::Labels;

/// The name that people read.
pub const TITLE: &str = "Roster";
/// The name that machines read: the command, the first part of the names of queues, the realm of challenges (RFC 9110,
/// section 11.5), the name of connections to PostgreSQL, and the channel of `NOTIFY`.
pub const NAME: &str = "roster";
/// The whole name of a setting: `setting!("LISTEN")` is `"ROSTER_LISTEN"`. The prefix stands in no other place.
macro_rules! setting {
    ($name:literal) => {
        concat!("ROSTER_", $name)
    };
}
pub(crate) use setting;
/// The prefix of the names of settings, besides `DATABASE_URL` and `AMQP_URL`.
pub(crate) const SETTINGS_PREFIX: &str = setting!("");
/// The file of settings, in the working directory.
pub(crate) const SETTINGS_FILE: &str = "roster.toml";
/// The SQLite file in `ROSTER_DATA_DIR`, unless `DATABASE_URL` names another.
pub(crate) const DATABASE_FILE: &str = "roster.db";
/// The first sentence of the front page.
pub(crate) const ABOUT: &str = "User accounts behind a REST API.";
/// The labels of what is sealed. They MUST stay when the product is renamed: sealed passwords in the ledger and in
/// backups open only under their labels.
pub const LABELS: Labels = Labels { content_key: b"roster/content-key/v1", secret: b"roster/password/v1" };
/// The label of a refresh token's successor, which is stored encrypted. If it changes, the successors that are stored
/// then cannot be decrypted.
pub(crate) const SUCCESSOR_LABEL: &[u8] = b"roster/refresh-successor/v1";
/// The label of the sealed secrets of authenticator apps. If it changes, they cannot be opened.
pub(crate) const FACTOR_LABEL: &[u8] = b"roster/totp/v1";
