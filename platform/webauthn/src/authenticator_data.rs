use crate::cbor::Cbor;
use crate::error::CeremonyError;
use crate::options::UserVerification;
use crate::relying_party::RelyingParty;
use aws_lc_rs::digest::{SHA256, digest};
use std::ops::RangeInclusive;
use uuid::Uuid;

/// The length of a credential id in bytes (section 4, "credential id").
pub(crate) const CREDENTIAL_ID: RangeInclusive<usize> = 1..=1023;

/// The authenticator data (section 6.1).
pub(crate) struct AuthenticatorData<'a> {
    rp_id_hash: [u8; 32],
    flags: u8,
    pub(crate) counter: u32,
    pub(crate) attested: Option<AttestedCredential<'a>>,
}

/// The attested credential data (section 6.5.1).
pub(crate) struct AttestedCredential<'a> {
    pub(crate) aaguid: Uuid,
    pub(crate) id: &'a [u8],
    pub(crate) key: Cbor<'a>,
}

/// The bits of the flags. The specification reserves the others.
mod flag {
    pub(super) const USER_PRESENT: u8 = 1;
    pub(super) const USER_VERIFIED: u8 = 1 << 2;
    pub(super) const BACKUP_ELIGIBLE: u8 = 1 << 3;
    pub(super) const BACKUP_STATE: u8 = 1 << 4;
    pub(super) const ATTESTED_CREDENTIAL: u8 = 1 << 6;
    pub(super) const EXTENSIONS: u8 = 1 << 7;
}

impl<'a> AuthenticatorData<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        Self::read(bytes).ok_or(CeremonyError::Malformed("authenticator data"))
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let has = |flag| flags & flag != 0;
        let mut attested = None;
        if has(flag::ATTESTED_CREDENTIAL) {
            let (aaguid, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            CREDENTIAL_ID.contains(&id.len()).then_some(())?;
            let (key, after) = Cbor::read_first(after).ok()?;
            attested = Some(AttestedCredential { aaguid: Uuid::from_bytes(*aaguid), id, key });
            rest = after;
        }
        if has(flag::EXTENSIONS) {
            let (extensions, after) = Cbor::read_first(rest).ok()?;
            matches!(extensions, Cbor::Map(_)).then_some(())?;
            rest = after;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(Self { rp_id_hash: *rp_id_hash, flags, counter, attested })
    }

    /// Verifies what both ceremonies have in common (sections 7.1 and 7.2).
    pub(crate) fn check(&self, party: &RelyingParty, wanted: UserVerification) -> Result<(), CeremonyError> {
        if self.rp_id_hash != digest(&SHA256, party.id().as_bytes()).as_ref() {
            return Err(CeremonyError::WrongRelyingParty);
        }
        if !self.has(flag::USER_PRESENT) {
            return Err(CeremonyError::UserNotPresent);
        }
        if wanted == UserVerification::Required && !self.user_verified() {
            return Err(CeremonyError::UserNotVerified);
        }
        if self.backup_state() && !self.backup_eligible() {
            return Err(CeremonyError::InconsistentBackup);
        }
        Ok(())
    }

    pub(crate) const fn user_verified(&self) -> bool {
        self.has(flag::USER_VERIFIED)
    }

    pub(crate) const fn backup_eligible(&self) -> bool {
        self.has(flag::BACKUP_ELIGIBLE)
    }

    pub(crate) const fn backup_state(&self) -> bool {
        self.has(flag::BACKUP_STATE)
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
