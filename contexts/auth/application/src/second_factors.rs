//! What use cases about second factors share: comparing a code, and what follows every change of a user's factors.

use crate::notices::notify_of_factors;
use crate::{
    Actor, Auth, FactorCodes, Notice, Passkey, PasskeyCeremonies, PasskeyPurpose, PasskeyRefused, PasskeyResponse,
    PasskeyUse,
};
use auth_domain::{AuthMethod, SecondFactorCode, SessionId, acceptable_steps};
use identity::UserId;
use use_case::Unavailable;

/// A change of a user's second factors, of which the user is told by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorChange {
    TotpAdded,
    TotpRemoved,
    PasskeyAdded,
    PasskeyRemoved,
    RecoveryCodesRenewed,
    RecoveryCodeUsed,
    /// An administrator or an operator has removed all factors.
    Reset,
}

impl FactorChange {
    /// The name, for the audit log and the template of the mail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TotpAdded => "totp_added",
            Self::TotpRemoved => "totp_removed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::Reset => "reset",
        }
    }
}

/// Compares a code with the factors of a user, and uses it up if it is right. The account MUST be locked. Returns what
/// the code belongs to.
pub(crate) async fn use_code(
    store: &mut dyn Auth,
    codes: &dyn FactorCodes,
    user: UserId,
    code: &SecondFactorCode,
) -> Result<Option<AuthMethod>, Unavailable> {
    match code {
        SecondFactorCode::Totp(digits) => {
            let Some(factor) = store.totp(user).await? else { return Ok(None) };
            let steps: Vec<_> = acceptable_steps(store.now().await?, factor.used_step).collect();
            let Some(step) = codes.step_of_code(user, &factor.secret, digits, &steps)? else { return Ok(None) };
            Ok(store.use_totp_step(user, step, factor.used_step).await?.then_some(AuthMethod::Totp))
        }
        SecondFactorCode::Recovery(code) => {
            let hash = codes.hash(user, code)?;
            Ok(store.use_recovery_code(user, &hash).await?.then_some(AuthMethod::RecoveryCode))
        }
    }
}

/// Why a response of a browser does not prove a user.
pub(crate) struct PasskeyFailure {
    /// The user of the passkey, if there is one.
    pub(crate) user: Option<UserId>,
    /// `None` if the passkey is unknown.
    pub(crate) why: Option<PasskeyRefused>,
}

/// Verifies a response to a challenge, which it uses up, and stores the use of the passkey. Locks the account of its user.
pub(crate) async fn use_passkey(
    store: &mut dyn Auth,
    ceremonies: &dyn PasskeyCeremonies,
    response: &PasskeyResponse,
) -> Result<Result<(Passkey, PasskeyUse), PasskeyFailure>, Unavailable> {
    let refused = |user, why| Ok(Err(PasskeyFailure { user, why: Some(why) }));
    let named = ceremonies.challenge_of(response).and_then(|hash| Ok((hash, ceremonies.credential_of(response)?)));
    let (challenge, credential) = match named {
        Ok(named) => named,
        Err(why) => return refused(None, why),
    };
    let Some(passkey) = store.lock_passkey(&credential).await? else {
        return Ok(Err(PasskeyFailure { user: None, why: None }));
    };
    let user = Some(passkey.user);
    // The challenge is used up, whatever comes next.
    if !store.use_passkey_challenge(&challenge, PasskeyPurpose::Assert).await? {
        return refused(user, PasskeyRefused("wrong_challenge"));
    }
    match ceremonies.verify_use(&passkey, response) {
        Ok(used) => {
            store.record_passkey_use(passkey.id, &used).await?;
            Ok(Ok((passkey, used)))
        }
        Err(why) => refused(user, why),
    }
}

/// Tells the user that a recovery code was used, and how many are left.
pub(crate) async fn notice_recovery_code(
    store: &mut dyn Auth,
    user: UserId,
    notice: Option<Notice>,
) -> Result<(), Unavailable> {
    let left = store.recovery_codes_left(user).await?;
    notify_of_factors(store, user, FactorChange::RecoveryCodeUsed, left, notice, Actor::User(user)).await
}

/// Does what follows every change of a user's factors: recovery codes go with the last factor, as does the level of the
/// session itself; all other sessions lose their level; sign-ins that wait begin again, and the user gets a notice.
pub(crate) async fn complete_factor_change(
    store: &mut dyn Auth,
    user: UserId,
    but: Option<SessionId>,
    change: FactorChange,
    notice: Option<Notice>,
    actor: Actor,
) -> Result<(), Unavailable> {
    let has_second_factor = store.recount_factors(user).await?;
    if !has_second_factor {
        store.set_recovery_codes(user, &[]).await?;
    }
    store.lower_sessions(user, but, has_second_factor).await?;
    store.end_challenges(user).await?;
    let left = store.recovery_codes_left(user).await?;
    notify_of_factors(store, user, change, left, notice, actor).await
}
