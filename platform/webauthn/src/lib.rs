//! Passkeys: the part of a relying party in Web Authentication Level 3 (W3C, <https://www.w3.org/TR/webauthn-3/>).
//!
//! The crate makes the options for the browser (sections 5.4 and 5.5, in their JSON form). It verifies the answers: a
//! registration by section 7.1, an assertion by section 7.2. All functions are pure. The caller brings the challenge,
//! and MUST accept each challenge once, for a limited time, and only for the ceremony that it was made for.
//!
//! Choices that the specification leaves to the relying party:
//!
//! - **Algorithms**: ES256, EdDSA with Ed25519, and RS256 with 2048 to 4096 bits and the exponent 65537.
//! - **Attestation**: the options ask for none. The format `none` must have an empty statement. The crate reads the
//!   statement of any other format, but does not verify it: such a credential is as trusted as one without
//!   attestation. So a caller MUST NOT treat the AAGUID as proven; it is good for a name to show.
//! - **Frames**: the crate rejects a ceremony in a frame of another origin (`crossOrigin`, `topOrigin`).
//! - **Origins**: the list of the [`RelyingParty`] must contain the origin, letter for letter.
//! - **Counters**: a counter that does not grow is an error of its own, [`CeremonyError::CounterBackwards`].
//! - **Extensions**: only the result of `credProps` is read. Other results, asked for or not, are ignored.
//!
//! What is left to the caller:
//!
//! - A new credential id MUST belong to no stored credential (section 7.1).
//! - The credential that an assertion names MUST be one that the options allowed, if they named any. Its owner MUST be
//!   the one of [`AuthenticationResponse::user_handle`] (section 7.2).

mod authentication;
mod authenticator_data;
mod authenticators;
mod base64url;
mod cbor;
mod client_data;
mod credential_key;
mod error;
mod options;
mod registration;
mod relying_party;
mod response;
#[cfg(feature = "testing")]
pub mod testing;

pub use authentication::{StoredCredential, VerifiedAssertion, verify_authentication};
pub use authenticators::authenticator_name;
pub use credential_key::CredentialAlgorithm;
pub use error::CeremonyError;
pub use options::{
    AuthenticatorHint, CreationOptions, CreationRequest, CredentialDescriptor, RequestOptions, UserEntity,
    UserVerification, creation_options, request_options,
};
pub use registration::{RegisteredCredential, verify_registration};
pub use relying_party::{RelyingParty, RelyingPartyError};
pub use response::{AuthenticationResponse, RegistrationResponse};

/// The length of a challenge in bytes that callers should use. The specification demands at least 16 (section
/// 13.4.3), and the crate accepts no shorter one.
pub const CHALLENGE_BYTES: usize = 32;
/// The least length of a challenge in bytes.
const SHORTEST_CHALLENGE: usize = 16;
