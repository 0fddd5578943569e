//! A person adds a passkey that their browser has made.

use crate::second_factors::complete_factor_change;
use crate::{
    Action, AuditEvent, Auth, Authority, FactorChange, MadePasskey, Notice, Passkey, PasskeyCeremonies, PasskeyPurpose,
    PasskeyRefused, PasskeyResponse, RecoveryCodeHash, UseCase,
};
use auth_domain::{MOST_PASSKEYS, PasskeyConflict, PasskeyId, PasskeyName, SessionId};
use identity::UserId;
use kernel::DomainError as _;
use std::sync::Arc;
use use_case::Unavailable;

/// A use case: add a passkey.
#[derive(Clone)]
pub struct AddPasskey {
    pub user: UserId,
    pub session: SessionId,
    pub response: PasskeyResponse,
    /// `None` for the name of the authenticator's model.
    pub name: Option<PasskeyName>,
    /// New recovery codes, which a user gets with the first second factor.
    pub recovery: Vec<RecoveryCodeHash>,
    pub ceremonies: Arc<dyn PasskeyCeremonies>,
    pub by: Authority,
    pub notice: Option<Notice>,
}

/// A passkey that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedPasskey {
    pub passkey: Passkey,
    /// Whether the new recovery codes are stored.
    pub has_new_codes: bool,
}

/// Why no passkey was added.
#[derive(Debug, thiserror::Error)]
pub enum AddPasskeyError {
    #[error(transparent)]
    Refused(#[from] PasskeyRefused),
    #[error(transparent)]
    Conflict(#[from] PasskeyConflict),
}

impl UseCase for AddPasskey {
    type Outcome = Result<AddedPasskey, AddPasskeyError>;

    fn authority(&self) -> Option<&Authority> {
        Some(&self.by)
    }

    async fn execute(self, store: &mut dyn Auth) -> Result<Self::Outcome, Unavailable> {
        let actor = self.by.actor();
        let event =
            AuditEvent::own(Action::AddFactor, self.user, self.by.client.clone()).within(self.session).about("passkey");
        let (user, session, notice) = (self.user, self.session, self.notice.clone());
        let added = self.add(store).await?;
        match &added {
            Ok(_) => {
                complete_factor_change(store, user, Some(session), FactorChange::PasskeyAdded, notice, actor).await?;
                store.record(event).await?;
            }
            Err(AddPasskeyError::Refused(PasskeyRefused(code))) => store.record(event.refused(code)).await?,
            Err(AddPasskeyError::Conflict(why)) => store.record(event.refused(why.code())).await?,
        }
        Ok(added)
    }
}

impl AddPasskey {
    async fn add(self, store: &mut dyn Auth) -> Result<Result<AddedPasskey, AddPasskeyError>, Unavailable> {
        let Self { user, response, name, recovery, ceremonies, .. } = self;
        let challenge = match ceremonies.challenge_of(&response) {
            Ok(challenge) => challenge,
            Err(why) => return Ok(Err(why.into())),
        };
        // The challenge is used up, whatever comes next.
        if !store.use_passkey_challenge(&challenge, PasskeyPurpose::Register(user)).await? {
            return Ok(Err(PasskeyRefused("wrong_challenge").into()));
        }
        let made = match ceremonies.verify_new(&response) {
            Ok(made) => made,
            Err(why) => return Ok(Err(why.into())),
        };
        if store.count_passkeys(user).await? >= MOST_PASSKEYS {
            return Ok(Err(PasskeyConflict::TooMany.into()));
        }
        let has_factors = !store.second_factors(user).await?.is_empty();
        let passkey = passkey(user, name, made);
        if !store.add_passkey(&passkey).await? {
            return Ok(Err(PasskeyConflict::Registered.into()));
        }
        if !has_factors {
            store.set_recovery_codes(user, &recovery).await?;
        }
        Ok(Ok(AddedPasskey { passkey, has_new_codes: !has_factors }))
    }
}

fn passkey(user: UserId, name: Option<PasskeyName>, made: MadePasskey) -> Passkey {
    let MadePasskey { credential, public_key, counter, aaguid, backup_eligible, backed_up, transports, model } = made;
    let name = name.or_else(|| model.and_then(|model| PasskeyName::parse(model).ok())).unwrap_or_default();
    let id = PasskeyId::random();
    Passkey { id, user, name, credential, public_key, counter, aaguid, backup_eligible, backed_up, transports }
}
