//! The answers of the browser, as `PublicKeyCredential.toJSON()` writes them (section 5.1).
//!
//! Unknown members are ignored, because browsers add some. Reading a response bounds the size of each part.

use crate::base64url;
use crate::client_data;
use crate::error::CeremonyError;
use serde::{Deserialize, Deserializer};

const MAX_ID: usize = 1023;
/// Client data has about 200 bytes; a long origin and future members may add some.
const MAX_CLIENT_DATA: usize = 4096;
/// Attestation with a chain of certificates has about 6,000 bytes.
const MAX_ATTESTATION: usize = 32 * 1024;
/// Without attested data there are 37 bytes, and the results of extensions.
const MAX_AUTHENTICATOR_DATA: usize = 4096;
/// A signature of a 4096-bit RSA key.
const MAX_SIGNATURE: usize = 512;
/// Section 5.4.3.
const MAX_HANDLE: usize = 64;
/// There are six transports today.
const MOST_TRANSPORTS: usize = 12;

/// The answer to [`CreationOptions`](crate::CreationOptions): a `RegistrationResponseJSON`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    #[serde(deserialize_with = "base64url::bounded::<MAX_ID, _>")]
    id: Vec<u8>,
    #[serde(deserialize_with = "base64url::bounded::<MAX_ID, _>")]
    raw_id: Vec<u8>,
    #[serde(rename = "type")]
    _kind: Kind,
    pub(crate) response: AttestationPart,
    #[serde(default)]
    client_extension_results: ExtensionResults,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttestationPart {
    #[serde(rename = "clientDataJSON", deserialize_with = "base64url::bounded::<MAX_CLIENT_DATA, _>")]
    pub(crate) client_data: Vec<u8>,
    #[serde(deserialize_with = "base64url::bounded::<MAX_ATTESTATION, _>")]
    pub(crate) attestation_object: Vec<u8>,
    #[serde(default, deserialize_with = "transports")]
    pub(crate) transports: Vec<String>,
}

/// The answer to [`RequestOptions`](crate::RequestOptions): an `AuthenticationResponseJSON`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationResponse {
    #[serde(deserialize_with = "base64url::bounded::<MAX_ID, _>")]
    id: Vec<u8>,
    #[serde(deserialize_with = "base64url::bounded::<MAX_ID, _>")]
    raw_id: Vec<u8>,
    #[serde(rename = "type")]
    _kind: Kind,
    pub(crate) response: AssertionPart,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AssertionPart {
    #[serde(rename = "clientDataJSON", deserialize_with = "base64url::bounded::<MAX_CLIENT_DATA, _>")]
    pub(crate) client_data: Vec<u8>,
    #[serde(deserialize_with = "base64url::bounded::<MAX_AUTHENTICATOR_DATA, _>")]
    pub(crate) authenticator_data: Vec<u8>,
    #[serde(deserialize_with = "base64url::bounded::<MAX_SIGNATURE, _>")]
    pub(crate) signature: Vec<u8>,
    #[serde(default, deserialize_with = "base64url::optional::<MAX_HANDLE, _>")]
    user_handle: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Deserialize)]
enum Kind {
    #[serde(rename = "public-key")]
    PublicKey,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults {
    #[serde(default)]
    cred_props: Option<CredentialProperties>,
}

#[derive(Debug, Clone, Deserialize)]
struct CredentialProperties {
    #[serde(default)]
    rk: Option<bool>,
}

impl RegistrationResponse {
    /// The id of the new credential, as the browser gives it.
    pub(crate) fn credential_id(&self) -> Result<&[u8], CeremonyError> {
        same(&self.id, &self.raw_id)
    }

    /// The result `rk` of the extension `credProps` (section 10.1.3).
    /// The challenge that the response answers, by which the caller finds the one that it has stored.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`] when the client data cannot be read.
    pub fn challenge(&self) -> Result<Vec<u8>, CeremonyError> {
        client_data::challenge(&self.response.client_data)
    }

    pub(crate) fn discoverable(&self) -> Option<bool> {
        self.client_extension_results.cred_props.as_ref()?.rk
    }
}

impl AuthenticationResponse {
    /// The id of the credential, to look it up.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.raw_id
    }

    /// The [`UserEntity::id`](crate::UserEntity::id) of the registration. A discoverable credential always brings it.
    /// The caller MUST compare it with the owner of the stored credential if it is there, and require it if the
    /// options named no credentials.
    #[must_use]
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.response.user_handle.as_deref()
    }

    /// The challenge that the response answers, by which the caller finds the one that it has stored.
    ///
    /// # Errors
    /// [`CeremonyError::Malformed`] when the client data cannot be read.
    pub fn challenge(&self) -> Result<Vec<u8>, CeremonyError> {
        client_data::challenge(&self.response.client_data)
    }

    pub(crate) fn check_id(&self) -> Result<(), CeremonyError> {
        same(&self.id, &self.raw_id).map(|_| ())
    }
}

fn same<'a>(id: &'a [u8], raw_id: &[u8]) -> Result<&'a [u8], CeremonyError> {
    (id == raw_id && !id.is_empty()).then_some(id).ok_or(CeremonyError::Malformed("credential id"))
}

/// Reads the transports. They are hints for later options, so unusable ones are left out.
fn transports<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let is_name = |text: &String| {
        let letters = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        (1..=32).contains(&text.len()) && text.bytes().all(letters)
    };
    let mut all = Option::<Vec<String>>::deserialize(from)?.unwrap_or_default();
    all.retain(is_name);
    all.truncate(MOST_TRANSPORTS);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}
