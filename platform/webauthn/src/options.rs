use crate::base64url;
use crate::credential_key::CredentialAlgorithm;
use crate::relying_party::RelyingParty;
use serde::Serialize;
use std::time::Duration;

/// Whether the authenticator verifies the person, by a PIN or a fingerprint for example (section 5.8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    /// A response without it is rejected.
    Required,
    /// The response says whether it was done.
    Preferred,
    /// As `Preferred`, but browsers leave it out if they can.
    Discouraged,
}

/// The kind of authenticator that the browser should offer first (`PublicKeyCredentialHint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthenticatorHint {
    /// A separate device, such as a USB key.
    SecurityKey,
    /// The device that the browser runs on.
    ClientDevice,
    /// A phone.
    Hybrid,
}

/// A known credential (section 5.8.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "public-key")]
pub struct CredentialDescriptor {
    /// The credential id.
    #[serde(serialize_with = "base64url::serialize")]
    pub id: Vec<u8>,
    /// The transports of the registration. Browsers use them to ask for the right device.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<String>,
}

/// The person that a credential is made for (section 5.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserEntity {
    /// 1 to 64 bytes that identify the person and say nothing about them. Authenticators store them, and return them
    /// as the user handle.
    #[serde(serialize_with = "base64url::serialize")]
    pub id: Vec<u8>,
    /// The name by which the person tells their own credentials apart, such as an address.
    pub name: String,
    /// The name of the person, if known. It may be empty.
    pub display_name: String,
}

/// What [`creation_options`] needs beside the relying party.
#[derive(Debug, Clone)]
pub struct CreationRequest {
    /// Random bytes for this ceremony: [`CHALLENGE_BYTES`](crate::CHALLENGE_BYTES).
    pub challenge: Vec<u8>,
    /// The person that the credential is made for.
    pub user: UserEntity,
    /// The credentials that the person already has. Their authenticators make no second one.
    pub exclude: Vec<CredentialDescriptor>,
    /// Whether the authenticator must verify the person.
    pub user_verification: UserVerification,
    /// The kinds of authenticators to offer first. May be empty.
    pub hints: Vec<AuthenticatorHint>,
    /// How long the browser waits for the person.
    pub timeout: Duration,
}

/// A `PublicKeyCredentialCreationOptionsJSON`, the input of `PublicKeyCredential.parseCreationOptionsFromJSON()`.
/// It asks for a discoverable credential if the authenticator can store one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    rp: PartyEntity,
    user: UserEntity,
    #[serde(serialize_with = "base64url::serialize")]
    challenge: Vec<u8>,
    pub_key_cred_params: [CredentialParameters; 3],
    timeout: u64,
    exclude_credentials: Vec<CredentialDescriptor>,
    authenticator_selection: AuthenticatorSelection,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<AuthenticatorHint>,
    attestation: &'static str,
    extensions: CreationExtensions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct PartyEntity {
    id: String,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "public-key")]
struct CredentialParameters {
    alg: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticatorSelection {
    resident_key: &'static str,
    /// For browsers of Level 1: true only if the credential has to be discoverable.
    require_resident_key: bool,
    user_verification: UserVerification,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationExtensions {
    cred_props: bool,
}

/// A `PublicKeyCredentialRequestOptionsJSON`, the input of `PublicKeyCredential.parseRequestOptionsFromJSON()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    #[serde(serialize_with = "base64url::serialize")]
    challenge: Vec<u8>,
    timeout: u64,
    rp_id: String,
    allow_credentials: Vec<CredentialDescriptor>,
    user_verification: UserVerification,
}

/// Makes the options of a registration.
#[must_use]
pub fn creation_options(party: &RelyingParty, request: CreationRequest) -> CreationOptions {
    CreationOptions {
        rp: PartyEntity { id: party.id().to_owned(), name: party.name().to_owned() },
        user: request.user,
        challenge: request.challenge,
        pub_key_cred_params: CredentialAlgorithm::ALL
            .map(|algorithm| CredentialParameters { alg: algorithm.cose_id() }),
        timeout: milliseconds(request.timeout),
        exclude_credentials: request.exclude,
        authenticator_selection: AuthenticatorSelection {
            resident_key: "preferred",
            require_resident_key: false,
            user_verification: request.user_verification,
        },
        hints: request.hints,
        attestation: "none",
        extensions: CreationExtensions { cred_props: true },
    }
}

/// Makes the options of an authentication. With no credentials in `allow`, the browser offers the discoverable
/// credentials of the relying party.
#[must_use]
pub fn request_options(
    party: &RelyingParty,
    challenge: &[u8],
    allow: Vec<CredentialDescriptor>,
    user_verification: UserVerification,
    timeout: Duration,
) -> RequestOptions {
    RequestOptions {
        challenge: challenge.to_vec(),
        timeout: milliseconds(timeout),
        rp_id: party.id().to_owned(),
        allow_credentials: allow,
        user_verification,
    }
}

fn milliseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
}
