use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use identity::{MailId, MailTokenHash};
use kernel::{MessageId, Sealed, Secret};
use sealing::{Binding, Sealer};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use web::Problem;
use zeroize::Zeroizing;

/// The random bytes of a token: 256 bits.
const BYTES: usize = 32;
/// So that a leaked token can be recognised.
const PREFIX: &str = "rm_";
/// The purpose that a sealed token is bound to.
const PURPOSE: &str = "mail";

/// Issues the tokens of the links in mails. The composition root passes it to the routes that cause mails.
#[derive(Clone)]
pub struct MailTokens {
    sealer: Arc<Sealer>,
    is_mail_on: bool,
}

/// A new token: its hash, to be stored, and its text, sealed for one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    pub mail: MailId,
    pub hash: MailTokenHash,
    pub sealed: Sealed,
}

impl MailTokens {
    /// `sealer` holds the public key of the workers.
    #[must_use]
    pub fn new(sealer: Sealer, is_mail_on: bool) -> Self {
        Self { sealer: Arc::new(sealer), is_mail_on }
    }

    /// Whether this installation sends mail.
    #[must_use]
    pub const fn is_mail_on(&self) -> bool {
        self.is_mail_on
    }

    /// Refuses a request that makes no sense without mail.
    ///
    /// # Errors
    /// 503 `mail_not_configured`.
    pub fn require_mail(&self) -> Result<(), Problem> {
        if self.is_mail_on {
            return Ok(());
        }
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "mail_not_configured", "This server sends no mail"))
    }

    /// Issues a random token for the link of a new mail.
    ///
    /// # Errors
    /// 500 when the system gives no random bytes, or the token cannot be sealed. Both are logged.
    pub fn issue(&self) -> Result<IssuedToken, Problem> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut bytes[..]).map_err(|error| {
            tracing::error!(%error, "the system gives no random bytes");
            Problem::internal()
        })?;
        let text = Secret::new(format!("{PREFIX}{}", BASE64.encode(&bytes[..])));
        let mail = MailId::random();
        let sealed = self.sealer.seal(&text, &binding(mail)).map_err(|error| {
            tracing::error!(%error, "could not seal the token of a mail");
            Problem::internal()
        })?;
        Ok(IssuedToken { mail, hash: hash(text.expose()), sealed })
    }
}

/// What a sealed token is bound to: the mail, also if another command sends it again.
#[must_use]
pub const fn binding(mail: MailId) -> Binding {
    Binding { root: MessageId::new(mail.as_uuid()), subject: mail.as_uuid(), purpose: PURPOSE }
}

/// The hash of a token that a client has sent; `None` if the text is no token. The text must match exactly.
#[must_use]
pub fn parse_token(text: &str) -> Option<MailTokenHash> {
    let bytes = Zeroizing::new(BASE64.decode(text.strip_prefix(PREFIX)?).ok()?);
    (bytes.len() == BYTES).then(|| hash(text))
}

fn hash(text: &str) -> MailTokenHash {
    MailTokenHash(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::parse_token;

    #[test]
    fn only_the_exact_text_of_a_token_has_its_hash() {
        let text = format!("rm_{}", "A".repeat(43));
        let hash = parse_token(&text);
        assert!(hash.is_some());
        for other in ["", "rm_", &text[..45], &format!("{text}A"), &format!(" {text}"), &text.to_uppercase()] {
            assert_eq!(parse_token(other), None, "{other}");
        }
        assert_ne!(parse_token(&format!("rm_B{}", &text[4..])), hash);
    }
}
