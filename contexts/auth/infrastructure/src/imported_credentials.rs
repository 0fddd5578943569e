use crate::factors::{FactorKeys, TotpSecret};
use auth_access::{CredentialReader, UnusableCredential};
use auth_domain::ImportedHash;
use identity::UserId;
use kernel::Secret;

/// Checks imported credentials by the rules of sign-in: what is accepted here can be verified there. A weak digest is
/// wrapped before it is stored.
pub struct ImportedCredentials {
    /// `None` if nothing will be stored: secrets are then only checked.
    pub factor_keys: Option<FactorKeys>,
}

impl CredentialReader for ImportedCredentials {
    fn password_hash(&self, hash: &str) -> Result<String, UnusableCredential> {
        let parsed = ImportedHash::parse(hash).map_err(|why| UnusableCredential {
            field: "password_hash",
            code: why.import_code(),
            reason: why.to_string(),
        })?;
        Ok(match parsed {
            ImportedHash::Ready(hash) => hash.expose(),
            ImportedHash::Weak(digest) => digest.expose(),
        })
    }

    fn totp_secret(&self, user: UserId, secret: &Secret) -> Result<String, UnusableCredential> {
        let unusable =
            |code, reason: &str| UnusableCredential { field: "totp_secret", code, reason: reason.to_owned() };
        let secret = TotpSecret::from_base32(secret.expose())
            .ok_or_else(|| unusable("totp_secret_invalid", "it is not Base32 of 10 to 128 bytes"))?;
        let Some(keys) = &self.factor_keys else { return Ok(String::new()) };
        let sealed = keys.seal(user, secret.bytes()).map_err(|why| {
            tracing::error!(%why, "the secret of an authenticator app cannot be imported");
            unusable(
                "totp_secret_not_sealed",
                "this installation has no key for second factors: run `roster keys rotate`",
            )
        })?;
        Ok(sealed.0.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialReader as _, ImportedCredentials};
    use identity::UserId;
    use kernel::DomainError as _;
    use kernel::Secret;

    const READER: ImportedCredentials = ImportedCredentials { factor_keys: None };

    #[test]
    fn a_secret_of_an_app_is_checked() {
        let read = |text: &str| READER.totp_secret(UserId::random(), &Secret::new(text.to_owned()));
        assert!(read("JBSW Y3DP EHPK 3PXP").is_ok());
        assert_eq!(read("not Base32!").map_err(|why| why.code()), Err("totp_secret_invalid"));
    }

    #[test]
    fn an_imported_hash_is_stored_in_the_text_that_a_sign_in_reads() {
        let django = "pbkdf2_sha256$1000$a salt of Django$tevAQZ8ijxANuRb9USwbn2mF01JtQP4OZxBj4kkh8b0=";
        let stored = "$pbkdf2-sha256$i=1000,l=32$YSBzYWx0IG9mIERqYW5nbw$tevAQZ8ijxANuRb9USwbn2mF01JtQP4OZxBj4kkh8b0";
        assert_eq!(READER.password_hash(django).as_deref(), Ok(stored));
    }

    #[test]
    fn a_refused_hash_has_the_code_of_its_reason() {
        let code = |hash: &str| READER.password_hash(hash).err().map(|why| why.code());
        assert_eq!(code("password"), Some("password_hash_unsupported"));
        assert_eq!(code("$5$salt$x"), Some("password_hash_invalid"));
        assert_eq!(
            code("$2b$31$n79VH.0Q2TMWmt3Oqt9ukucaBph7ZMs5acGQ2rFt35r307YJ5/VV."),
            Some("password_hash_too_costly")
        );
    }
}
