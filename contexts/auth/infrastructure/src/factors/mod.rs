//! Second factors: their keys, the codes of authenticator apps, recovery codes, and passkeys.

mod ceremonies;
mod codes;
pub mod factor_keys;
mod totp;

pub use ceremonies::WebauthnCeremonies;
pub(crate) use ceremonies::hash as challenge_hash;
pub use codes::InstallationFactorCodes;
pub(crate) use codes::NewRecoveryCodes;
pub use factor_keys::FactorKeys;
pub(crate) use totp::{NewTotp, TotpSecret};
