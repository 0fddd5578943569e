//! An authenticator in software, together with the browser in front of it. For tests only: it keeps its keys in
//! memory, and does what its fields say, also what a real authenticator would never do.
#![expect(clippy::expect_used, reason = "a step that does not work fails the test")]

use crate::base64url;
use crate::cbor::Cbor;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

/// An authenticator for ES256, and its browser.
#[derive(Debug)]
pub struct SoftAuthenticator {
    /// The origin of the page.
    pub origin: String,
    /// Whether the page is in a frame of another origin.
    pub cross_origin: bool,
    /// The origin of the outermost page, if it is another one.
    pub top_origin: Option<String>,
    /// The relying party id to use instead of that of the options.
    pub rp_id: Option<String>,
    /// The type to write into the client data instead of that of the ceremony.
    pub ceremony: Option<&'static str>,
    /// Flag UP.
    pub user_present: bool,
    /// Flag UV.
    pub user_verified: bool,
    /// Flag BE.
    pub backup_eligible: bool,
    /// Flag BS.
    pub backup_state: bool,
    /// Whether the counter grows with each ceremony. Authenticators of synchronised passkeys do not count.
    pub counts: bool,
    /// The counter of the last ceremony.
    pub counter: u32,
    /// The model.
    pub aaguid: Uuid,
    passkeys: Vec<Passkey>,
}

#[derive(Debug)]
struct Passkey {
    id: Vec<u8>,
    rp_id: String,
    handle: Vec<u8>,
    key: EcdsaKeyPair,
}

impl SoftAuthenticator {
    /// An authenticator without passkeys, which verifies the person and does not count, on a page of the origin.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            cross_origin: false,
            top_origin: None,
            rp_id: None,
            ceremony: None,
            user_present: true,
            user_verified: true,
            backup_eligible: true,
            backup_state: true,
            counts: false,
            counter: 0,
            aaguid: Uuid::nil(),
            passkeys: Vec::new(),
        }
    }

    /// Does what `navigator.credentials.create()` does. Takes the JSON of
    /// [`CreationOptions`](crate::CreationOptions), and returns that of a
    /// [`RegistrationResponse`](crate::RegistrationResponse).
    ///
    /// # Errors
    /// The name of the exception that a browser throws.
    ///
    /// # Panics
    /// When the options have another form.
    pub fn create(&mut self, options: &Value) -> Result<Value, &'static str> {
        let offered = options["pubKeyCredParams"].as_array().expect("algorithms");
        if !offered.iter().any(|offer| offer["alg"] == -7) {
            return Err("NotSupportedError");
        }
        let rp_id = self.rp_id.clone().unwrap_or_else(|| text(&options["rp"]["id"]));
        let excluded = ids(&options["excludeCredentials"]);
        if self.passkeys.iter().any(|passkey| passkey.rp_id == rp_id && excluded.contains(&passkey.id)) {
            return Err("InvalidStateError");
        }
        let mut id = vec![0; 32];
        rand::fill(&mut id).expect("randomness");
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let point = key.public_key().as_ref();
        let cose = Cbor::Map(vec![
            (Cbor::Integer(1), Cbor::Integer(2)),
            (Cbor::Integer(3), Cbor::Integer(-7)),
            (Cbor::Integer(-1), Cbor::Integer(1)),
            (Cbor::Integer(-2), Cbor::Bytes(&point[1..33])),
            (Cbor::Integer(-3), Cbor::Bytes(&point[33..])),
        ]);
        let mut data = self.authenticator_data(&rp_id, 1 << 6);
        data.extend_from_slice(self.aaguid.as_bytes());
        data.extend_from_slice(&[0, 32]);
        data.extend_from_slice(&id);
        cose.write(&mut data);
        let object = Cbor::Map(vec![
            (Cbor::Text("fmt"), Cbor::Text("none")),
            (Cbor::Text("attStmt"), Cbor::Map(Vec::new())),
            (Cbor::Text("authData"), Cbor::Bytes(&data)),
        ]);
        let mut attestation = Vec::new();
        object.write(&mut attestation);
        let response = json!({
            "id": base64url::encode(&id),
            "rawId": base64url::encode(&id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": base64url::encode(&self.client_data("webauthn.create", options)),
                "attestationObject": base64url::encode(&attestation),
                "authenticatorData": base64url::encode(&data),
                "publicKeyAlgorithm": -7,
                "transports": ["internal", "hybrid"],
            },
        });
        self.passkeys.push(Passkey { id, rp_id, handle: bytes(&options["user"]["id"]), key });
        Ok(response)
    }

    /// Does what `navigator.credentials.get()` does, with the newest passkey that the options allow. Takes the JSON of
    /// [`RequestOptions`](crate::RequestOptions), and returns that of an
    /// [`AuthenticationResponse`](crate::AuthenticationResponse).
    ///
    /// # Errors
    /// The name of the exception that a browser throws.
    ///
    /// # Panics
    /// When the options have another form.
    pub fn get(&mut self, options: &Value) -> Result<Value, &'static str> {
        let wanted = text(&options["rpId"]);
        let allowed = ids(&options["allowCredentials"]);
        let fits = |passkey: &&Passkey| {
            let is_party = self.rp_id.is_some() || passkey.rp_id == wanted;
            is_party && (allowed.is_empty() || allowed.contains(&passkey.id))
        };
        let place = self.passkeys.iter().rposition(|passkey| fits(&passkey)).ok_or("NotAllowedError")?;
        let data = self.authenticator_data(&self.rp_id.clone().unwrap_or(wanted), 0);
        let client_data = self.client_data("webauthn.get", options);
        let passkey = &self.passkeys[place];
        let signed = [&*data, digest(&SHA256, &client_data).as_ref()].concat();
        let signature = passkey.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        Ok(json!({
            "id": base64url::encode(&passkey.id),
            "rawId": base64url::encode(&passkey.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url::encode(&client_data),
                "authenticatorData": base64url::encode(&data),
                "signature": base64url::encode(signature.as_ref()),
                "userHandle": base64url::encode(&passkey.handle),
            },
        }))
    }

    /// Forgets all passkeys, as a lost device.
    pub fn forget(&mut self) {
        self.passkeys.clear();
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let mut data = json!({
            "type": self.ceremony.unwrap_or(ceremony),
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        if let Some(top) = &self.top_origin {
            data["topOrigin"] = json!(top);
        }
        data.to_string().into_bytes()
    }

    /// The part that both ceremonies have, with the counter of this ceremony.
    fn authenticator_data(&mut self, rp_id: &str, flags: u8) -> Vec<u8> {
        self.counter = self.counter.wrapping_add(self.counts.into());
        let flags = flags
            | u8::from(self.user_present)
            | (u8::from(self.user_verified) << 2)
            | (u8::from(self.backup_eligible) << 3)
            | (u8::from(self.backup_state) << 4);
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(value.as_str().expect("a text")).expect("base64url")
}

/// The ids of credentials in options.
fn ids(descriptors: &Value) -> Vec<Vec<u8>> {
    descriptors.as_array().into_iter().flatten().map(|descriptor| bytes(&descriptor["id"])).collect()
}
