use contracts::MailTemplate;
use kernel::Secret;
use std::str::FromStr;

/// The place of the token in the pattern of a link.
const TOKEN: &str = "{token}";

/// Where the links of mails lead: to pages of the service itself below its public URL, or where the operator says.
#[derive(Debug, Clone, Default)]
pub struct Links {
    /// The public URL, without a slash at the end.
    pub base: String,
    pub confirm: Option<LinkPattern>,
    pub reset: Option<LinkPattern>,
    pub invitation: Option<LinkPattern>,
    pub email: Option<LinkPattern>,
}

/// A URL with `{token}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPattern(String);

/// The text is not the pattern of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a URL with {{token}} once in it, such as https://app.example/reset?token={{token}}")]
pub struct NotALinkPattern;

impl FromStr for LinkPattern {
    type Err = NotALinkPattern;

    fn from_str(text: &str) -> Result<Self, NotALinkPattern> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(NotALinkPattern)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let is_host = !host.is_empty() && !host.contains(['{', '@']);
        let is_url = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`|".contains(&byte));
        let has_one_token = text.matches(TOKEN).count() == 1 && text.replace(TOKEN, "").bytes().all(|it| it != b'{');
        if is_host && is_url && has_one_token { Ok(Self(text.to_owned())) } else { Err(NotALinkPattern) }
    }
}

impl LinkPattern {
    /// Whether it is encrypted, or leads to this machine.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        let local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        self.0.starts_with("https://") || local.iter().any(|local| self.0.starts_with(local))
    }
}

impl Links {
    /// The patterns of the operator that are not [safe](LinkPattern::is_safe).
    pub fn unsafe_ones(&self) -> impl Iterator<Item = &LinkPattern> {
        [&self.confirm, &self.reset, &self.invitation, &self.email].into_iter().flatten().filter(|it| !it.is_safe())
    }

    /// The link of a mail with its token; `None` if mails of this kind have no link. A token has only letters, digits,
    /// `-` and `_`, so it needs no escapes.
    pub(crate) fn of(&self, template: MailTemplate, token: &Secret) -> Option<String> {
        let (pattern, path) = match template {
            MailTemplate::ConfirmRegistration => (&self.confirm, "confirm"),
            MailTemplate::ResetPassword => (&self.reset, "reset"),
            MailTemplate::Invitation => (&self.invitation, "invitation"),
            MailTemplate::ConfirmEmail => (&self.email, "email"),
            MailTemplate::EmailChanged => (&None, "revert"),
            MailTemplate::AlreadyRegistered
            | MailTemplate::PasswordChanged
            | MailTemplate::NewDevice
            | MailTemplate::FactorsChanged
            | MailTemplate::Test => return None,
        };
        let token = token.expose();
        Some(match pattern {
            Some(LinkPattern(pattern)) => pattern.replace(TOKEN, token),
            None => format!("{}/{path}?token={token}", self.base),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkPattern, Links};
    use contracts::MailTemplate;
    use kernel::Secret;

    #[test]
    fn a_pattern_is_a_url_with_one_token() {
        for text in ["https://app.example/reset?token={token}", "http://localhost:3000/#/reset/{token}"] {
            assert!(text.parse::<LinkPattern>().is_ok_and(|it| it.is_safe()), "{text}");
        }
        assert!(!"http://app.example/{token}".parse::<LinkPattern>().expect("a pattern").is_safe());
        for text in [
            "",
            "/reset?token={token}",
            "https://app.example/reset",
            "https://app.example/{token}/{token}",
            "https://{token}/",
            "https://user@app.example/{token}",
            "https://app.example/{token} x",
            "javascript:alert({token})",
            "https:///{token}",
            "https://app.example/{token}/{other}",
        ] {
            assert!(text.parse::<LinkPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_leads_to_the_operators_page_or_to_one_of_the_service() {
        let reset = "https://app.example/r/{token}".parse().ok();
        let links = Links { base: "https://example.org/accounts".to_owned(), reset, ..Links::default() };
        let token = Secret::new("rm_x".to_owned());
        assert_eq!(links.of(MailTemplate::ResetPassword, &token).as_deref(), Some("https://app.example/r/rm_x"));
        let own = links.of(MailTemplate::ConfirmRegistration, &token);
        assert_eq!(own.as_deref(), Some("https://example.org/accounts/confirm?token=rm_x"));
        assert_eq!(links.of(MailTemplate::PasswordChanged, &token), None);
    }
}
