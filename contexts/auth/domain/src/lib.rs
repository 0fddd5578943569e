//! The domain of the `auth` context: password hashes, the password policy, second factors, sessions, roles, and keys.

mod administrators;
mod argon2;
mod assurance;
mod base64;
mod bcrypt;
mod common_passwords;
mod cost;
mod device;
mod firebase_scrypt;
mod hash_text;
mod imported_hash;
mod installation_keys;
mod normalization;
mod passkey;
mod password_hash;
mod password_policy;
mod pbkdf2;
mod peppered_bcrypt;
mod phpass;
mod recovery;
mod role;
mod scrypt;
mod second_factor;
mod sequences;
mod service_key;
mod session;
mod sha_crypt;
mod totp;
mod weak_digest;

pub use administrators::{Administrators, LastAdministrator};
pub use argon2::{Argon2, Argon2Variant};
pub use assurance::{
    AssuranceLevel, AssuranceRules, AuthMethod, AuthMethods, Need, SecondFactorPolicy, SessionStanding, Shortfall,
};
pub use bcrypt::{Bcrypt, BcryptFormat, Revision};
pub use cost::{BcryptCost, BcryptCostOutOfRange};
pub use device::Device;
pub use firebase_scrypt::FirebaseScrypt;
pub use imported_hash::ImportedHash;
pub use installation_keys::{ForeignKeys, InstallationKey, KeyFit, KeyKind, RecordedKey, compare_keys};
pub use normalization::{compatible, normalised, spellings};
pub use passkey::{MOST_PASSKEYS, PasskeyConflict, PasskeyId, PasskeyName};
pub use password_hash::{HashError, PasswordHash};
pub use password_policy::{BreachedPasswords, MinCharsOutOfRange, PasswordFlaw, PasswordPolicy};
pub use pbkdf2::{Pbkdf2, Prf};
pub use peppered_bcrypt::PepperedBcrypt;
pub use phpass::Phpass;
pub use recovery::NotRecoverable;
pub use role::{Role, UnknownRole};
pub use scrypt::{Scrypt, ScryptCosts};
pub use second_factor::{FactorConflict, NoCode, RECOVERY_CODES, RecoveryCode, ResetReason, SecondFactorCode};
pub use service_key::{Days, Scope, Scopes, ServiceKeyFlaw, ServiceKeyId, ServiceName};
pub use session::{
    Authentication, LONGEST_GRACE, MOST_SESSIONS, RefreshDecision, Session, SessionId, SessionLife, ShownToken,
};
pub use sha_crypt::{ShaCrypt, ShaCryptVariant};
pub use totp::{TOTP_DIGITS, TOTP_PERIOD, acceptable_steps};
pub use weak_digest::{DigestAlgorithm, DigestRecipe, WeakDigest, WrappedDigest};
