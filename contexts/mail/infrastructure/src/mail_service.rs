use crate::links::Links;
use crate::smtp::{MailSender, Smtp, SmtpUrl, TlsError};
use crate::templates::{TemplateError, Templates};
use contracts::SendMail;
use identity::{Email, MailId};
use mail_access::binding;
use mail_application::{Attempt, Mailer, Rendered};
use mail_domain::ServerAnswer;
use sealing::{Opener, UnsealError};
use std::path::PathBuf;
use std::time::Duration;
use use_case::{FollowUpFailure, Unavailable, async_trait};

/// Where mails go.
#[derive(Clone)]
pub enum MailServer {
    /// Nowhere: this installation sends none.
    Off,
    /// Into the database, where `/mail` shows them.
    Mailbox,
    /// To a mail server. With `requires_tls`, never unencrypted.
    Smtp { url: SmtpUrl, requires_tls: bool },
}

/// How an installation sends mail.
#[derive(Clone)]
pub struct MailConfig {
    pub server: MailServer,
    pub from: MailSender,
    pub links: Links,
    /// A directory that replaces templates.
    pub templates: Option<PathBuf>,
    /// How long the mail server may take for one mail.
    pub patience: Duration,
    /// The name of the product in mails.
    pub product: &'static str,
}

/// Renders mails and delivers them.
pub struct MailService {
    transport: Transport,
    templates: Templates,
    links: Links,
    opener: Option<Opener>,
}

enum Transport {
    Off,
    Mailbox,
    Smtp(Box<Smtp>),
}

/// Why mails cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl MailService {
    /// Reads the templates. An API process has no private keys, and so no opener; it delivers nothing.
    ///
    /// # Errors
    /// [`MailError`]
    pub fn start(config: &MailConfig, opener: Option<Opener>) -> Result<Self, MailError> {
        let transport = match &config.server {
            MailServer::Off => Transport::Off,
            MailServer::Mailbox => Transport::Mailbox,
            MailServer::Smtp { url, requires_tls } => {
                Transport::Smtp(Box::new(Smtp::new(url, &config.from, *requires_tls, config.patience)?))
            }
        };
        let templates = Templates::load(config.templates.as_deref(), config.product)?;
        Ok(Self { transport, templates, links: config.links.clone(), opener })
    }

    /// The templates, for previews.
    #[must_use]
    pub const fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Sends one mail to test the settings, past the queue. `None` if there is no mail server.
    ///
    /// # Errors
    /// [`TemplateError`]
    pub async fn send_test(&self, to: &Email) -> Result<Option<Attempt>, TemplateError> {
        let Transport::Smtp(smtp) = &self.transport else { return Ok(None) };
        let mail = self.templates.example(contracts::MailTemplate::Test, "en")?;
        Ok(Some(smtp.send(MailId::random(), to, &mail).await))
    }

    /// The mail as its recipient reads it.
    fn render(&self, mail: &SendMail) -> Result<Rendered, FollowUpFailure> {
        let link = match &mail.token {
            None => None,
            Some(sealed) => {
                let opener = self.opener.as_ref().ok_or_else(|| {
                    Unavailable::retry_later("this process has no private keys to open tokens with: a worker has them")
                })?;
                let token = opener.open(sealed, &binding(mail.id)).map_err(|error| match error {
                    UnsealError::Unknown => FollowUpFailure::Unavailable(Unavailable::retry_later(error)),
                    UnsealError::Broken => FollowUpFailure::Broken(error.into()),
                })?;
                self.links.of(mail.template, &token)
            }
        };
        self.templates.render(mail, link).map_err(|error| FollowUpFailure::Broken(error.into()))
    }
}

#[async_trait]
impl Mailer for MailService {
    fn is_on(&self) -> bool {
        !matches!(self.transport, Transport::Off)
    }

    async fn deliver(&self, mail: &SendMail) -> Result<Attempt, FollowUpFailure> {
        let rendered = self.render(mail)?;
        Ok(match &self.transport {
            Transport::Off => Attempt::Deferred(ServerAnswer::new("mail is off in the settings of this worker")),
            Transport::Mailbox => Attempt::InMailbox(rendered),
            Transport::Smtp(smtp) => smtp.send(mail.id, &mail.to, &rendered).await,
        })
    }
}
