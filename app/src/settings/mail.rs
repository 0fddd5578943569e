//! The settings of mail.

use super::raw::RawSettings;
use super::{Profile, SettingProblem};
use crate::product::{self, setting};
use mail_infrastructure::{
    LinkPattern, Links, MailConfig, MailServer, NotALinkPattern, NotASender, NotAnSmtpUrl, SmtpUrl,
};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use web::PublicUrl;

/// How long a mail server may take for one mail.
const PATIENCE: Duration = Duration::from_secs(60);
/// The sender where none is set. Only the mailbox may have it.
const NO_SENDER: &str = "roster@localhost";

/// Reads the settings of mail. `public_url` is where links lead; without it, they lead to the address that this process
/// listens on.
pub(super) fn mail(
    raw: &RawSettings,
    profile: Profile,
    listen: SocketAddr,
    public_url: Option<&PublicUrl>,
) -> Result<MailConfig, SettingProblem> {
    let default = if profile == Profile::Development { "mailbox" } else { "off" };
    let server = raw.parsed(setting!("MAIL"), default, |text| match text {
        "off" => Ok(MailServer::Off),
        "mailbox" => Ok(MailServer::Mailbox),
        url => {
            let url: SmtpUrl = url.parse().map_err(|why: NotAnSmtpUrl| why.to_string())?;
            let is_local = super::production::is_local(url.host());
            let requires_tls = !is_local && (profile == Profile::Production || url.has_credentials());
            Ok(MailServer::Smtp { url, requires_tls })
        }
    })?;
    if matches!(server, MailServer::Smtp { .. }) && raw.get(setting!("MAIL_FROM")).is_none() {
        let says = concat!(
            setting!("MAIL"),
            " needs the sender of mails in ",
            setting!("MAIL_FROM"),
            ", such as Example <accounts@example.org>"
        );
        return Err(SettingProblem::between(&[setting!("MAIL"), setting!("MAIL_FROM")], says));
    }
    let link = |name| {
        raw.get(name)
            .map(|text| text.parse::<LinkPattern>().map_err(|why: NotALinkPattern| raw.problem(name, &why.to_string())))
            .transpose()
    };
    Ok(MailConfig {
        server,
        from: raw
            .parsed(setting!("MAIL_FROM"), NO_SENDER, |text| text.parse().map_err(|why: NotASender| why.to_string()))?,
        links: Links {
            base: public_url.map_or_else(|| own_url(listen), |url| url.as_str().to_owned()),
            confirm: link(setting!("LINK_CONFIRM"))?,
            reset: link(setting!("LINK_RESET"))?,
            invitation: link(setting!("LINK_INVITATION"))?,
            email: link(setting!("LINK_EMAIL"))?,
        },
        templates: raw.get(setting!("TEMPLATES_DIR")).map(PathBuf::from),
        patience: PATIENCE,
        product: product::TITLE,
    })
}

/// The URL of this process, for a browser on the same machine.
fn own_url(listen: SocketAddr) -> String {
    match listen.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{}", listen.port()),
        IpAddr::V4(ip) => format!("http://{ip}:{}", listen.port()),
        IpAddr::V6(ip) => format!("http://[{ip}]:{}", listen.port()),
    }
}
