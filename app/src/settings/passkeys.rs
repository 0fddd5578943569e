//! The settings of passkeys.

use super::raw::RawSettings;
use super::{Profile, SettingProblem};
use crate::product::{self, setting};
use std::net::SocketAddr;
use std::sync::Arc;
use web::PublicUrl;
use webauthn::RelyingParty;

/// Reads the domain that passkeys are made for, and the origins whose pages use them. Without settings they follow from
/// the public URL; in development, from the port on this machine. An address is no domain, so there may be none.
pub(super) fn party(
    raw: &RawSettings,
    profile: Profile,
    listen: SocketAddr,
    public_url: Option<&PublicUrl>,
) -> Result<Option<Arc<RelyingParty>>, SettingProblem> {
    const ID: &str = setting!("WEBAUTHN_RP_ID");
    const ORIGINS: &str = setting!("WEBAUTHN_ORIGINS");
    let own_origin = match public_url {
        Some(url) => Some(url.origin().to_owned()),
        None if profile == Profile::Development => Some(format!("http://localhost:{}", listen.port())),
        None => None,
    };
    let given: Option<Vec<_>> = raw.get(ORIGINS).map(|text| text.split(',').map(str::trim).collect());
    let origins = match (&given, &own_origin) {
        (Some(given), _) => given.clone(),
        (None, Some(own)) => vec![own.as_str()],
        (None, None) => match raw.get(ID) {
            None => return Ok(None),
            Some(_) => {
                let says = format!("{ID} needs {ORIGINS}, or {}, beside it", setting!("PUBLIC_URL"));
                return Err(SettingProblem::between(&[ID, ORIGINS], &says));
            }
        },
    };
    let id = match raw.get(ID) {
        Some(id) => id,
        None => own_origin.as_deref().or(origins.first().copied()).map_or("", host),
    };
    match RelyingParty::parse(id, product::TITLE, &origins) {
        Ok(party) => Ok(Some(Arc::new(party))),
        // Nothing was set: an address as the public URL gives no domain.
        Err(_) if given.is_none() && raw.get(ID).is_none() => Ok(None),
        Err(why) => {
            let label = if given.is_some() { ORIGINS } else { ID };
            Err(raw.problem(label, &why.to_string()))
        }
    }
}

/// The host of an origin, without the port.
fn host(origin: &str) -> &str {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    host.split(':').next().unwrap_or(host)
}
