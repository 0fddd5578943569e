use super::{FactorKeys, TotpSecret};
use crate::tokens::TokenError;
use auth_application::{FactorCodes, RecoveryCodeHash, SealedTotpSecret};
use auth_domain::{RECOVERY_CODES, RecoveryCode};
use identity::UserId;
use kernel::Secret;
use use_case::Unavailable;

/// Checks codes with the keys of the installation.
pub struct InstallationFactorCodes(pub FactorKeys);

impl FactorCodes for InstallationFactorCodes {
    fn step_of_code(
        &self,
        user: UserId,
        secret: &SealedTotpSecret,
        code: &Secret,
        steps: &[i64],
    ) -> Result<Option<i64>, Unavailable> {
        let opened = self.0.unseal(user, secret).map_err(|why| {
            tracing::error!(%why, %user, "the secret of an authenticator app cannot be opened");
            Unavailable::retry_later(why)
        })?;
        Ok(TotpSecret::stored(opened).step_of_code(code.expose(), steps))
    }

    fn hash(&self, user: UserId, code: &RecoveryCode) -> Result<RecoveryCodeHash, Unavailable> {
        hash(&self.0, user, code).map_err(|why| {
            tracing::error!(%why, %user, "a recovery code cannot be compared");
            Unavailable::retry_later(why)
        })
    }
}

fn hash(keys: &FactorKeys, user: UserId, code: &RecoveryCode) -> Result<RecoveryCodeHash, TokenError> {
    keys.mac(user, code.canonical()).map(RecoveryCodeHash)
}

/// A set of new recovery codes.
pub(crate) struct NewRecoveryCodes {
    /// As the user keeps them.
    pub(crate) shown: Vec<Secret>,
    pub(crate) hashes: Vec<RecoveryCodeHash>,
}

impl NewRecoveryCodes {
    /// Makes random codes for a user.
    ///
    /// # Errors
    /// If the system gives no random bytes, or the key file has no key.
    pub(crate) fn random(keys: &FactorKeys, user: UserId) -> Result<Self, TokenError> {
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| random_code()).collect::<Result<_, _>>()?;
        let hashes = codes.iter().map(|code| hash(keys, user, code)).collect::<Result<_, _>>()?;
        Ok(Self { shown: codes.iter().map(RecoveryCode::shown).collect(), hashes })
    }
}

fn random_code() -> Result<RecoveryCode, TokenError> {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).map_err(|_| TokenError::Crypto)?;
    Ok(RecoveryCode::of_bits(u64::from_le_bytes(bits)))
}

#[cfg(test)]
mod tests {
    use super::{NewRecoveryCodes, hash};
    use crate::factors::FactorKeys;
    use crate::factors::factor_keys::add_first;
    use auth_domain::SecondFactorCode;
    use identity::UserId;
    use sealing::Keys;

    #[test]
    fn ten_codes_differ_and_their_hashes_belong_to_the_user_and_the_installation() {
        let keys = [(); 2].map(|()| {
            let folder = tempfile::tempdir().expect("a folder");
            let file = Keys::in_directory(folder.path()).expect("keys").file().clone();
            add_first(&file).expect("added");
            FactorKeys::open(file, b"test").expect("keys")
        });
        let [ada, eve] = [(); 2].map(|()| UserId::random());
        let codes = NewRecoveryCodes::random(&keys[0], ada).expect("made");
        assert_eq!(codes.shown.len(), 10);
        for (index, shown) in codes.shown.iter().enumerate() {
            assert!(!codes.shown[..index].iter().any(|other| other.expose() == shown.expose()));
            let Ok(SecondFactorCode::Recovery(code)) = SecondFactorCode::parse(shown) else { panic!("a code") };
            let hashed = |keys, user| hash(keys, user, &code).expect("hashed");
            assert_eq!(hashed(&keys[0], ada), codes.hashes[index]);
            assert_ne!(hashed(&keys[0], eve), codes.hashes[index], "another user");
            assert_ne!(hashed(&keys[1], ada), codes.hashes[index], "the database alone does not tell");
        }
    }
}
