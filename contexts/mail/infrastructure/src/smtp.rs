//! Sending over SMTP (RFC 5321): one connection for each mail.

use identity::{Email, MailId};
use kernel::Secret;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use lettre::{Address, Message};
use mail_application::{Attempt, Rendered};
use mail_domain::ServerAnswer;
use std::error::Error;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// The time for connecting, TLS included.
const CONNECT: Duration = Duration::from_secs(15);
/// How long the server may take to end the connection after it has taken a mail.
const FAREWELL: Duration = Duration::from_secs(1);
/// Replies about the credentials (RFC 4954, section 6). They say nothing about the mail, and an operator will mend them.
const ABOUT_CREDENTIALS: [u16; 4] = [530, 534, 535, 538];

/// The sender of mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender(Mailbox);

/// The text is not a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address, such as accounts@example.org or Example <accounts@example.org>")]
pub struct NotASender;

impl FromStr for MailSender {
    type Err = NotASender;

    fn from_str(text: &str) -> Result<Self, NotASender> {
        text.parse().map(Self).map_err(|_| NotASender)
    }
}

/// How to reach a mail server: `smtp://user:password@host:587`, or `smtps://…` for TLS from the first byte.
#[derive(Clone)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    credentials: Option<(String, Secret)>,
    /// Whether TLS begins with the connection, and not by STARTTLS.
    is_wrapped: bool,
}

/// The text is not the URL of a mail server. The error does not quote the text, which may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be off, mailbox, or the URL of a mail server, such as smtp://user:password@mail.example.org:587")]
pub struct NotAnSmtpUrl;

impl FromStr for SmtpUrl {
    type Err = NotAnSmtpUrl;

    fn from_str(text: &str) -> Result<Self, NotAnSmtpUrl> {
        let (is_wrapped, rest) = match text.split_once("://") {
            Some(("smtp", rest)) => (false, rest),
            Some(("smtps", rest)) => (true, rest),
            _ => return Err(NotAnSmtpUrl),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials.split_once(':').ok_or(NotAnSmtpUrl)?), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| NotAnSmtpUrl)?),
            _ => (place, if is_wrapped { 465 } else { 587 }),
        };
        let is_host = !host.is_empty() && host.bytes().all(|it| it.is_ascii_alphanumeric() || b".-[]:".contains(&it));
        if !is_host {
            return Err(NotAnSmtpUrl);
        }
        let credentials = credentials
            .map(|(user, password)| Some((web::form_decoded(user)?, Secret::new(web::form_decoded(password)?))))
            .map(|decoded| decoded.ok_or(NotAnSmtpUrl))
            .transpose()?;
        Ok(Self { host: host.to_owned(), port, credentials, is_wrapped })
    }
}

impl SmtpUrl {
    /// The name or address of the server.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether it signs in to the server.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }
}

impl std::fmt::Display for SmtpUrl {
    /// The URL without the credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", if self.is_wrapped { "smtps" } else { "smtp" }, self.host, self.port)
    }
}

/// Sends mails to one server.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    /// The name by which Roster greets the server.
    hello: ClientId,
    from: Mailbox,
    /// The time until the server has taken the mail. lettre's own timeout covers only connecting.
    patience: Duration,
}

/// The settings of the mail server cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("no TLS connection can be prepared: {0}")]
pub struct TlsError(#[from] lettre::transport::smtp::Error);

impl Smtp {
    /// With `requires_tls`, a server that offers no STARTTLS gets no mail; without, the mail goes unencrypted.
    pub(crate) fn new(
        url: &SmtpUrl,
        from: &MailSender,
        requires_tls: bool,
        patience: Duration,
    ) -> Result<Self, TlsError> {
        let tls = TlsParameters::builder(url.host().to_owned()).build_rustls()?;
        let tls = match (url.is_wrapped, requires_tls) {
            (true, _) => Tls::Wrapper(tls),
            (false, true) => Tls::Required(tls),
            (false, false) => Tls::Opportunistic(tls),
        };
        let credentials = url.credentials.as_ref();
        Ok(Self {
            host: url.host().to_owned(),
            port: url.port,
            tls,
            credentials: credentials.map(|(user, it)| Credentials::new(user.clone(), it.expose().to_owned())),
            hello: ClientId::Domain(from.0.email.domain().to_owned()),
            from: from.0.clone(),
            patience,
        })
    }

    /// Attempts to send a mail once.
    pub(crate) async fn send(&self, id: MailId, to: &Email, mail: &Rendered) -> Attempt {
        let message = match self.message(id, to, mail) {
            Ok(message) => message,
            Err(why) => return Attempt::Refused(ServerAnswer::new(&format!("the mail cannot be written: {why}"))),
        };
        match timeout(self.patience, self.hand_over(&message)).await {
            Ok(Ok((reply, mut connection))) => {
                // The server has the mail, whatever follows. An attempt that failed here would send it again.
                let _ = timeout(FAREWELL, connection.quit()).await;
                let text = reply.message().collect::<Vec<_>>().join(" ");
                Attempt::Sent(ServerAnswer::new(&format!("{} {text}", reply.code())))
            }
            Ok(Err(error)) if is_final(&error) => Attempt::Refused(answer(&error)),
            Ok(Err(error)) => Attempt::Deferred(answer(&error)),
            Err(_) => Attempt::Deferred(ServerAnswer::new("the server did not answer in time")),
        }
    }

    /// Returns the server's reply to the mail, and the open connection.
    async fn hand_over(
        &self,
        message: &Message,
    ) -> Result<(Response, AsyncSmtpConnection), lettre::transport::smtp::Error> {
        let wrapped = if let Tls::Wrapper(tls) = &self.tls { Some(tls.clone()) } else { None };
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &self.hello, wrapped, None).await?;
        match &self.tls {
            Tls::Required(tls) => connection.starttls(tls.clone(), &self.hello).await?,
            Tls::Opportunistic(tls) if connection.can_starttls() => {
                connection.starttls(tls.clone(), &self.hello).await?;
            }
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        let reply = connection.send(message.envelope(), &message.formatted()).await?;
        Ok((reply, connection))
    }

    fn message(&self, id: MailId, to: &Email, mail: &Rendered) -> Result<Message, Box<dyn Error + Send + Sync>> {
        // The local part as it is stored, and the domain as its A-labels: servers need not know SMTPUTF8.
        let local = to.as_str().rsplit_once('@').map(|(local, _)| local).unwrap_or_default();
        let domain = to.canonical().rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .from(self.from.clone())
            .to(Mailbox::new(None, Address::new(local, domain)?))
            .subject(mail.subject.clone())
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))?;
        Ok(message)
    }
}

/// Whether a repetition cannot help.
fn is_final(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_none_or(|code| !ABOUT_CREDENTIALS.contains(&code))
}

/// The reply of the server, or what went wrong instead.
fn answer(error: &lettre::transport::smtp::Error) -> ServerAnswer {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(why) = source {
        let why_text = why.to_string();
        if !text.contains(&why_text) {
            text = format!("{text}: {why_text}");
        }
        source = why.source();
    }
    let reply = text.strip_prefix("permanent error ").or_else(|| text.strip_prefix("transient error "));
    ServerAnswer::new(reply.unwrap_or(&text))
}

/// Tells automatic responders not to answer (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{MailSender, SmtpUrl};

    #[test]
    fn a_url_has_a_host_and_may_have_a_port_and_credentials() {
        for (text, shown, host, user) in [
            ("smtp://mail.example.org", "smtp://mail.example.org:587", "mail.example.org", None),
            ("smtps://mail.example.org/", "smtps://mail.example.org:465", "mail.example.org", None),
            ("smtp://a%40b:p%3Aw@localhost:2525", "smtp://localhost:2525", "localhost", Some(("a@b", "p:w"))),
            ("smtp://[::1]:25", "smtp://[::1]:25", "::1", None),
            ("smtp://[::1]", "smtp://[::1]:587", "::1", None),
        ] {
            let url: SmtpUrl = text.parse().expect(text);
            assert_eq!((url.to_string().as_str(), url.host()), (shown, host));
            let credentials = url.credentials.as_ref().map(|(user, password)| (user.as_str(), password.expose()));
            assert_eq!(credentials, user, "{text}");
        }
        for text in [
            "",
            "on",
            "smtp://",
            "http://mail.example.org",
            "smtp://user@host",
            "smtp://host:port",
            "smtp://a b",
            "smtp://host/path",
        ] {
            assert!(text.parse::<SmtpUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for text in
            ["accounts@example.org", "Example <accounts@example.org>", "\"Example, Inc.\" <accounts@example.org>"]
        {
            assert!(text.parse::<MailSender>().is_ok(), "{text}");
        }
        for text in ["", "example.org", "Example <accounts>", "a@example.org\r\nBcc: b@example.org"] {
            assert!(text.parse::<MailSender>().is_err(), "{text}");
        }
    }
}
