//! The services that issue tokens for mails and deliver them.

use crate::compose::{ComposeError, ProcessRole};
use crate::product;
use mail_access::MailTokens;
use mail_infrastructure::{MailConfig, MailServer, MailService};
use sealing::Keys;
use std::sync::Arc;

/// The services that issue tokens for mails and deliver them.
pub(crate) struct MailServices {
    pub(crate) service: Arc<MailService>,
    pub(crate) tokens: MailTokens,
    /// Whether `/mail` shows mails.
    pub(crate) mailbox: bool,
}

impl MailServices {
    /// Reads the templates. Without the role of a worker, it cannot open the tokens of links.
    ///
    /// # Errors
    /// [`ComposeError`]
    pub(crate) fn start(config: &MailConfig, keys: &Keys, role: ProcessRole) -> Result<Self, ComposeError> {
        let opener = if role.works() { Some(keys.opener(product::LABELS)?) } else { None };
        let is_on = !matches!(config.server, MailServer::Off);
        Ok(Self {
            service: Arc::new(MailService::start(config, opener)?),
            tokens: MailTokens::new(keys.sealer(product::LABELS), is_on),
            mailbox: matches!(config.server, MailServer::Mailbox),
        })
    }
}
