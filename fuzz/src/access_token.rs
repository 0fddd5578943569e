use auth_domain::{AuthMethod, AuthMethods, Session, SessionId, SessionLife};
use auth_infrastructure::tokens::{AccessTokens, SigningKeys};
use identity::UserId;
use kernel::Timestamp;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;

/// A signer with a key of this process, and the one token that it has signed.
struct Signer {
    tokens: AccessTokens,
    genuine: String,
    _folder: TempDir,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = sealing::Keys::in_directory(folder.path()).expect("keys");
    let keys = SigningKeys::open(keys.file().clone()).expect("signing keys");
    let tokens = AccessTokens::new(Arc::new(keys), "roster", "roster", Duration::from_secs(300));
    let methods = AuthMethods::of(AuthMethod::Password);
    let (id, user, now) = (SessionId::random(), UserId::random(), Timestamp::now());
    let session = Session::open(id, user, now, SessionLife::default(), methods);
    let genuine = tokens.issue(&session).expect("signed");
    Signer { tokens, genuine: genuine.expose().to_owned(), _folder: folder }
});

/// The only genuine token. Seeds build forgeries from its parts.
#[must_use]
pub fn genuine() -> &'static str {
    &SIGNER.genuine
}

/// Checks that the reader accepts only the genuine token, byte for byte. In the input, `{head}`, `{claims}` and
/// `{signature}` are replaced by the parts of the genuine token.
///
/// # Panics
/// When the property does not hold.
pub fn access_token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut parts = genuine().split('.');
    let token = ["{head}", "{claims}", "{signature}"]
        .iter()
        .fold(text.to_owned(), |text, name| text.replace(name, parts.next().unwrap_or_default()));
    let reads = SIGNER.tokens.read(&token).is_some();
    assert_eq!(reads, token == genuine(), "{token:?}");
}
