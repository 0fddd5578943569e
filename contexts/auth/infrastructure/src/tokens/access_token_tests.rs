use super::{AccessTokens, LEEWAY, seconds};
use crate::tokens::{SigningKeys, signing_keys};
use auth_domain::{AuthMethod, AuthMethods, Session, SessionId, SessionLife};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use identity::UserId;
use jsonwebtoken::{Algorithm, Header};
use kernel::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

struct Fixture {
    tokens: AccessTokens,
    folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    Fixture { tokens: tokens(&folder), folder }
}

fn tokens(folder: &tempfile::TempDir) -> AccessTokens {
    let keys = sealing::Keys::in_directory(folder.path()).expect("keys");
    let keys = SigningKeys::open(keys.file().clone()).expect("signing keys");
    AccessTokens::new(Arc::new(keys), "https://accounts.example", "roster", Duration::from_secs(300))
}

fn now() -> Timestamp {
    Timestamp::from_microsecond(1_790_000_000_000_000).expect("in range")
}

fn session() -> Session {
    let methods = AuthMethods::of(AuthMethod::Password).and(AuthMethod::Totp);
    Session::open(SessionId::random(), UserId::random(), now(), SessionLife::default(), methods)
}

fn later(second: i64) -> Timestamp {
    Timestamp::from_microsecond(now().as_microsecond() + second * 1_000_000).expect("in range")
}

impl Fixture {
    fn token(&self) -> String {
        self.tokens.issue(&session()).expect("signed").expose().to_owned()
    }

    /// A token with changed header and claims, signed by our own key: only the checks of the content can refuse it.
    fn signed(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let mut parts = self.token().split('.').map(str::to_owned).collect::<Vec<_>>();
        let read = |part: &str| -> Value { serde_json::from_slice(&BASE64.decode(part).expect("b64")).expect("json") };
        let (mut head, mut claims) = (read(&parts[0]), read(&parts[1]));
        change(&mut head, &mut claims);
        parts[0] = BASE64.encode(head.to_string());
        parts[1] = BASE64.encode(claims.to_string());
        let key_set = self.tokens.keys().key_set();
        let message = format!("{}.{}", parts[0], parts[1]);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key_set.signer().signing, Algorithm::EdDSA)
            .expect("signed");
        format!("{message}.{signature}")
    }

    fn reads(&self, token: &str) -> bool {
        self.tokens.read(token).and_then(|claims| claims.valid_at(now())).is_some()
    }
}

#[test]
fn a_token_names_the_user_the_session_and_its_times() {
    let fixture = fixture();
    let session = session();
    let token = fixture.tokens.issue(&session).expect("signed");
    let claims = fixture.tokens.read(token.expose()).expect("ours").valid_at(now()).expect("valid now");
    assert_eq!((claims.sub, claims.sid), (session.user.as_uuid(), session.id.as_uuid()));
    assert_eq!((claims.acr.as_str(), claims.auth_time), ("aal2", seconds(now())));
    assert_eq!(claims.amr, ["pwd", "otp", "mfa"]);
    assert_eq!((claims.iat, claims.nbf, claims.exp), (seconds(now()), seconds(now()) - 5, seconds(now()) + 300));
    let head = jsonwebtoken::decode_header(token.expose()).expect("a header");
    assert_eq!((head.alg, head.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
    assert!(
        fixture.reads(&fixture.signed(|_, _| {})),
        "an unchanged token that is signed again is valid, so the forgeries below fail by their changes"
    );
}

#[test]
fn a_token_is_valid_from_its_first_second_until_it_expires() {
    let fixture = fixture();
    for (second, good) in
        [(0, true), (299, true), (300, false), (100_000, false), (-LEEWAY, true), (-LEEWAY - 1, false)]
    {
        let claims = fixture.tokens.read(&fixture.token()).expect("ours");
        assert_eq!(claims.valid_at(later(second)).is_some(), good, "second {second}");
    }
}

#[test]
fn a_forged_token_is_refused() {
    let fixture = fixture();
    let token = fixture.token();
    let parts: Vec<_> = token.split('.').collect();
    let none = BASE64.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let stranger = self::fixture().token();
    let mut tokens = vec![
        String::new(),
        ".".into(),
        "..".into(),
        token.replace('.', ""),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{token}."),
        format!("{token}A"),
        format!(" {token}"),
        token.to_uppercase(),
        stranger,
        format!("{token}{}", "A".repeat(5_000)),
    ];
    // Our public key as the secret of an HMAC (CVE-2015-9235).
    let key_set = fixture.tokens.keys().key_set();
    let key = jsonwebtoken::EncodingKey::from_secret(key_set.signer().x.as_bytes());
    let mut head = Header::new(Algorithm::HS256);
    (head.typ, head.kid) = (Some("at+jwt".into()), Some(key_set.signer().kid.clone()));
    let claims: Value = serde_json::from_slice(&BASE64.decode(parts[1]).expect("b64")).expect("json");
    tokens.push(jsonwebtoken::encode(&head, &claims, &key).expect("signed"));
    for (n, token) in tokens.iter().enumerate() {
        assert!(!fixture.reads(token), "number {n}");
    }
    for byte in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[byte] ^= 1;
        assert!(!String::from_utf8(bytes).is_ok_and(|token| fixture.reads(&token)), "byte {byte}");
    }
}

#[test]
fn a_token_with_our_signature_and_unusual_content_is_refused() {
    let fixture = fixture();
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 27] = [
        ("typ", |head, _| head["typ"] = json!("JWT")),
        ("no typ", |head, _| _ = head.as_object_mut().and_then(|it| it.remove("typ"))),
        ("alg none", |head, _| head["alg"] = json!("none")),
        ("alg case", |head, _| head["alg"] = json!("EDDSA")),
        ("kid", |head, _| head["kid"] = json!("other")),
        ("no kid", |head, _| _ = head.as_object_mut().and_then(|it| it.remove("kid"))),
        ("kid path", |head, _| head["kid"] = json!("../../dev/null")),
        ("crit", |head, _| head["crit"] = json!(["b64"])),
        ("b64", |head, _| head["b64"] = json!(false)),
        ("jwk", |head, _| head["jwk"] = json!({"kty": "OKP"})),
        ("jku", |head, _| head["jku"] = json!("https://evil.example/jwks.json")),
        ("x5u", |head, _| head["x5u"] = json!("https://evil.example")),
        ("x5c", |head, _| head["x5c"] = json!([])),
        ("iss", |_, claims| claims["iss"] = json!("https://evil.example")),
        ("iss array", |_, claims| claims["iss"] = json!(["https://accounts.example"])),
        ("no iss", |_, claims| _ = claims.as_object_mut().and_then(|it| it.remove("iss"))),
        ("aud", |_, claims| claims["aud"] = json!("other")),
        ("aud array", |_, claims| claims["aud"] = json!(["roster"])),
        ("no aud", |_, claims| _ = claims.as_object_mut().and_then(|it| it.remove("aud"))),
        ("sub", |_, claims| claims["sub"] = json!("root")),
        ("no sub", |_, claims| _ = claims.as_object_mut().and_then(|it| it.remove("sub"))),
        ("no exp", |_, claims| _ = claims.as_object_mut().and_then(|it| it.remove("exp"))),
        ("exp text", |_, claims| claims["exp"] = json!("9999999999")),
        ("no nbf", |_, claims| _ = claims.as_object_mut().and_then(|it| it.remove("nbf"))),
        ("nbf ahead", |_, claims| claims["nbf"] = json!(seconds(now()) + LEEWAY + 1)),
        ("iat ahead", |_, claims| claims["iat"] = json!(seconds(now()) + LEEWAY + 1)),
        ("role", |_, claims| claims["role"] = json!("admin")),
    ];
    for (what, change) in changes {
        assert!(!fixture.reads(&fixture.signed(change)), "{what}");
    }
}

#[test]
fn after_a_rotation_both_keys_verify_and_after_a_retirement_only_the_new_one() {
    let fixture = fixture();
    let reload = |tokens: &AccessTokens| tokens.keys().reload().expect("the file can be read");
    let old = fixture.token();
    let other_node = tokens(&fixture.folder);
    let file = sealing::Keys::in_directory(fixture.folder.path()).expect("keys").file().clone();
    let kid = signing_keys::rotate(&file, Timestamp::now()).expect("rotated");
    assert_eq!(fixture.tokens.keys().key_set().iter().count(), 1, "requests do not read the file");
    [&fixture.tokens, &other_node].into_iter().for_each(reload);
    let new = fixture.token();
    assert_eq!(jsonwebtoken::decode_header(&new).expect("a header").kid, Some(kid.clone()));
    for tokens in [&fixture.tokens, &other_node] {
        assert!(tokens.read(&old).is_some() && tokens.read(&new).is_some());
        assert_eq!(tokens.keys().key_set().iter().count(), 2);
    }
    assert!(signing_keys::retire(&file, &kid).is_err(), "the key signs now");
    let first = jsonwebtoken::decode_header(&old).expect("a header").kid.expect("a kid");
    signing_keys::retire(&file, &first).expect("retired");
    assert!(signing_keys::retire(&file, &first).is_err(), "the key is gone");
    [&fixture.tokens, &other_node].into_iter().for_each(reload);
    for tokens in [&fixture.tokens, &other_node] {
        assert!(tokens.read(&old).is_none() && tokens.read(&new).is_some());
    }
    // The sealing keys are unchanged.
    assert!(
        sealing::Keys::in_directory(fixture.folder.path())
            .expect("keys")
            .opener(sealing::Labels { content_key: b"", secret: b"" })
            .is_ok()
    );
}

#[tokio::test]
async fn a_running_process_takes_over_a_rotation_within_a_second_and_keeps_its_keys_without_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = sealing::Keys::in_directory(folder.path()).expect("keys").file().clone();
    let keys = Arc::new(SigningKeys::open(file.clone()).expect("signing keys"));
    let watching = tokio::spawn(keys.clone().watch());
    signing_keys::rotate(&file, Timestamp::now()).expect("rotated");
    tokio::time::timeout(Duration::from_secs(1), async {
        while keys.key_set().iter().count() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("both keys within a second");
    std::fs::remove_file(file.path()).expect("removed");
    assert!(keys.reload().is_err());
    assert_eq!(keys.key_set().iter().count(), 2);
    watching.abort();
}

#[test]
fn a_new_key_is_published_before_it_signs() {
    let fixture = fixture();
    let file = sealing::Keys::in_directory(fixture.folder.path()).expect("keys").file().clone();
    signing_keys::rotate(&file, Timestamp::now().plus(signing_keys::PUBLISH_AHEAD)).expect("rotated");
    let list = signing_keys::list(&file).expect("a list");
    assert_eq!(list.iter().map(|(_, signs)| *signs).collect::<Vec<_>>(), [true, false]);
}
