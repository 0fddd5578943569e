use crate::{ANONYMOUS, Fields, Problem};
use axum::extract::FromRequestParts;
use axum::http::{HeaderName, StatusCode, request::Parts};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use ledger::IdempotencyScope;
use sha2::Sha256;
use uuid::{Uuid, Variant};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// The value of `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a repeated request with the same key
/// is the same command. The key may be quoted, as in the draft, or bare, as is common.
///
/// All anonymous callers are one principal. So an anonymous caller's key must be a random UUID, which no other client
/// can guess or use by chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(Uuid);

impl IdempotencyKey {
    /// The scope that the ledger stores with the command. The fingerprint is a digest of the path's id and all fields
    /// except secrets: a fingerprint with a password would let an attacker test guesses faster than bcrypt does.
    pub(crate) fn scope(&self, route: &'static str, place: Option<Uuid>, fields: &Fields) -> IdempotencyScope {
        let place = place.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        // HMAC accepts a key of any length, so the constructor cannot fail.
        let key = self.0.to_string();
        let digest = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map(|hmac| {
            let hmac = hmac.chain_update(route).chain_update("\0").chain_update(place);
            hmac.chain_update(fields.transcript().as_bytes()).finalize()
        });
        let fingerprint = digest.map(|digest| BASE64_URL_SAFE_NO_PAD.encode(digest.into_bytes())).unwrap_or_default();
        IdempotencyScope { route, key, fingerprint }
    }

    /// Checks that this sender may use the key.
    ///
    /// # Errors
    /// 400 if an anonymous caller's UUID is not random: the nil UUID, or one made from a clock, a network address or a
    /// name (RFC 9562).
    pub(crate) fn check(&self, sender: &str) -> Result<(), Problem> {
        let is_random = matches!(self.0.get_version_num(), 4 | 7) && self.0.get_variant() == Variant::RFC4122;
        if is_random || sender != ANONYMOUS { Ok(()) } else { Err(weak()) }
    }

    fn parse(value: &str) -> Result<Self, Problem> {
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let well_formed =
            !bare.is_empty() && bare.len() <= LONGEST && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if !well_formed {
            return Err(bad(
                "idempotency_key_invalid",
                "The header Idempotency-Key must be one key of 1 to 255 visible characters",
            ));
        }
        // A UUID has 128 bits, enough that it cannot be guessed or repeated by chance.
        Uuid::try_parse(bare).map(Self).map_err(|_| weak())
    }
}

fn weak() -> Problem {
    bad("weak_idempotency_key", "The header Idempotency-Key must be a UUID; without a token, of version 4 or 7")
}

fn bad(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, title)
}

/// The idempotency key, if the request has one.
pub(crate) struct MaybeKey(pub(crate) Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for MaybeKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).into_iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => IdempotencyKey::parse(value.to_str().unwrap_or_default()).map(|key| Self(Some(key))),
            (Some(_), Some(_)) => Err(bad("idempotency_key_invalid", "The header Idempotency-Key must be given once")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IdempotencyKey;
    use crate::Fields;
    use uuid::Uuid;

    const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

    fn fingerprint(body: &str) -> String {
        let mut fields = Fields::from_json(body.as_bytes()).expect("an object");
        let _ = fields.required("email", |text: &str| Ok::<_, crate::NotAnId>(text.to_owned()));
        let _ = fields.secret("password");
        IdempotencyKey::parse(KEY).expect("a key").scope("users.register_user.v1", None, &fields).fingerprint
    }

    #[test]
    fn the_fingerprint_depends_on_the_id_in_the_path() {
        let key = IdempotencyKey::parse(KEY).expect("a key");
        let fields = Fields::from_json(b"{}").expect("an object");
        let of = |id: u128| key.scope("users.deactivate_user.v1", Some(Uuid::from_u128(id)), &fields).fingerprint;
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn the_quoted_and_the_bare_form_are_one_key() {
        let quoted = IdempotencyKey::parse(&format!("\"{KEY}\"")).expect("a key");
        assert_eq!(IdempotencyKey::parse(KEY).expect("a key"), quoted);
        assert_eq!(IdempotencyKey::parse(&KEY.to_uppercase()).expect("a key"), quoted);
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let code = |value: &str| IdempotencyKey::parse(value).expect_err("refused").code();
        assert_eq!(code("1"), "weak_idempotency_key");
        assert_eq!(code("my-order-number-7"), "weak_idempotency_key");
        assert_eq!(code(""), "idempotency_key_invalid");
        assert_eq!(code("\"\""), "idempotency_key_invalid");
        assert_eq!(code("two words"), "idempotency_key_invalid");
        assert_eq!(code(&"k".repeat(256)), "idempotency_key_invalid");
    }

    #[test]
    fn an_anonymous_caller_may_only_use_a_random_uuid() {
        let taken = |sender: &str, value: &str| {
            let checked = IdempotencyKey::parse(value).and_then(|key| key.check(sender));
            checked.map_err(|problem| problem.code())
        };
        for random in [KEY, "01890a5d-ac96-774b-bcce-b302099a8057", "{8E03978E-40D5-43E8-BC93-6894A57F9324}"] {
            assert_eq!(taken("anonymous", random), Ok(()), "{random}");
        }
        for weak in [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "c232ab00-9414-11ec-b3c8-9f6bdeced846",
            "000003e8-9414-21ec-b3c8-9f6bdeced846",
            "5df41881-3aed-3515-88a7-2f4a814cf09e",
            "2ed6657d-e927-568b-95e1-2665a8aea6a2",
            "1ec9414c-232a-6b00-b3c8-9f6bdeced846",
            "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0",
            "8e03978e-40d5-43e8-7c93-6894a57f9324",
            "8e03978e-40d5-43e8-cc93-6894a57f9324",
            "8e03978e-40d5-03e8-bc93-6894a57f9324",
        ] {
            assert_eq!(taken("anonymous", weak), Err("weak_idempotency_key"), "{weak}");
            assert_eq!(taken(&format!("user:{KEY}"), weak), Ok(()), "{weak}: a user has keys of their own");
        }
    }

    #[test]
    fn the_fingerprint_depends_on_the_fields_but_not_on_passwords() {
        let one = fingerprint(r#"{"email": "ada@example.org", "password": "one password"}"#);
        assert_eq!(one, fingerprint(r#"{"password": "another password", "email": "ada@example.org"}"#));
        assert_ne!(one, fingerprint(r#"{"email": "eve@example.org", "password": "one password"}"#));
        assert_eq!(one.len(), 43);
    }
}
