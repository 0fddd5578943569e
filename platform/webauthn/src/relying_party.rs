/// The website that passkeys are made for: its relying party id, its name, and the origins of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    name: String,
    origins: Vec<String>,
}

/// Why a relying party cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelyingPartyError {
    /// The id is not a domain in lower case.
    #[error("the relying party id {0:?} is not a domain: write it in lower case, without scheme, port or path")]
    NotADomain(String),
    /// The name is empty.
    #[error("the name of the relying party is empty: give the name that a browser shows")]
    NoName,
    /// An origin is not of the form that browsers send.
    #[error("{0:?} is not an origin: write https://HOST or https://HOST:PORT; only localhost may use http")]
    NotAnOrigin(String),
    /// No origin belongs to the domain of the id.
    #[error("no origin is on the domain {0:?} of the relying party id, or on a subdomain of it")]
    NoOriginOfTheDomain(String),
}

impl RelyingParty {
    /// Checks the parts.
    ///
    /// `id` is a domain such as `example.com`, or `localhost`. Passkeys are bound to it for ever. `origins` are the
    /// accepted values of the browser's origin, such as `https://accounts.example.com`. At least one is on the domain
    /// of `id` or on a subdomain of it. Others are related origins (section 5.11), which a browser accepts only if
    /// `https://ID/.well-known/webauthn` lists them.
    ///
    /// # Errors
    /// When the id is not a domain, the name is empty, an origin has another form, or no origin is on the domain.
    pub fn parse(id: &str, name: &str, origins: &[&str]) -> Result<Self, RelyingPartyError> {
        if !is_domain(id) {
            return Err(RelyingPartyError::NotADomain(id.to_owned()));
        }
        if name.trim().is_empty() {
            return Err(RelyingPartyError::NoName);
        }
        if let Some(wrong) = origins.iter().find(|origin| host(origin).is_none()) {
            return Err(RelyingPartyError::NotAnOrigin((*wrong).to_owned()));
        }
        let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        let party = Self { id: id.to_owned(), name: name.to_owned(), origins };
        if party.origins.iter().all(|origin| party.is_related(origin)) {
            return Err(RelyingPartyError::NoOriginOfTheDomain(party.id));
        }
        Ok(party)
    }

    /// The relying party id: a domain.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that browsers may show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The accepted origins.
    #[must_use]
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// The origins on other domains than the id's. If there are any, `https://ID/.well-known/webauthn` has to answer
    /// `{"origins": […]}` with them.
    pub fn related_origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(String::as_str).filter(|origin| self.is_related(origin))
    }

    pub(crate) fn accepts(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }

    fn is_related(&self, origin: &str) -> bool {
        let within =
            |host: &str| host.strip_suffix(&self.id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !host(origin).is_some_and(within)
    }
}

/// Whether a text is a domain as browsers write it: in lower case, international names in their ASCII form.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let letters = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(letters)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // The last label of an IPv4 address is a number, and that of a domain is none.
    let is_number = |label: &str| label.bytes().all(|letter| letter.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(is_label) && !text.rsplit('.').next().is_some_and(is_number)
}

/// The host of an origin in the serialisation of browsers, or `None` for any other text.
fn host(origin: &str) -> Option<&str> {
    let (scheme, authority) = origin.split_once("://")?;
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let (is_secure, default) = match scheme {
        "https" => (true, 443),
        "http" => (host == "localhost", 80),
        _ => return None,
    };
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port != default && port.to_string() == text);
    (is_secure && is_domain(host) && port.is_none_or(is_port)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::{RelyingParty, RelyingPartyError};

    fn parse(id: &str, origins: &[&str]) -> Result<RelyingParty, RelyingPartyError> {
        RelyingParty::parse(id, "Example", origins)
    }

    #[test]
    fn subdomains_and_ports_belong_to_the_domain() {
        let origins = ["https://example.com", "https://www.example.com", "https://a.b.example.com:8443"];
        let party = parse("example.com", &origins).unwrap();
        assert_eq!(party.related_origins().count(), 0);
        assert!(origins.iter().all(|origin| party.accepts(origin)));
    }

    #[test]
    fn origins_on_other_domains_are_related() {
        let party = parse("example.com", &["https://example.com", "https://example.de", "https://notexample.com"]);
        let related: Vec<_> = party.as_ref().unwrap().related_origins().collect();
        assert_eq!(related, ["https://example.de", "https://notexample.com"]);
    }

    #[test]
    fn an_origin_of_the_domain_is_needed() {
        for origins in [&[][..], &["https://example.de"], &["https://notexample.com"], &["https://com"]] {
            let refused = Err(RelyingPartyError::NoOriginOfTheDomain("example.com".into()));
            assert_eq!(parse("example.com", origins), refused, "{origins:?}");
        }
    }

    #[test]
    fn only_localhost_may_use_http() {
        assert!(parse("localhost", &["http://localhost:8080"]).is_ok());
        assert!(parse("localhost", &["http://localhost", "https://localhost"]).is_ok());
        assert!(parse("example.com", &["http://example.com"]).is_err());
        assert!(parse("example.com", &["https://example.com", "http://localhost.example.com"]).is_err());
    }

    #[test]
    fn only_what_browsers_send_is_an_origin() {
        for wrong in [
            "",
            "example.com",
            "https://",
            "https://example.com/",
            "https://example.com/path",
            "https://example.com?",
            "https://EXAMPLE.com",
            "HTTPS://example.com",
            "https://example.com.",
            "https://example.com:443",
            "https://example.com:08443",
            "https://example.com:",
            "https://example.com:65536",
            "https://example.com:+80",
            "https://me@example.com",
            "https://*.example.com",
            "https://exämple.com",
            "https://192.0.2.1",
            "https://[::1]",
            "http://localhost:80",
            "android:apk-key-hash:aGFzaA",
            "null",
        ] {
            let refused = Err(RelyingPartyError::NotAnOrigin(wrong.into()));
            assert_eq!(parse("example.com", &["https://example.com", wrong]), refused, "{wrong:?}");
        }
    }

    #[test]
    fn an_id_is_a_domain_in_lower_case() {
        for id in ["", ".", "Example.com", "example.com.", ".example.com", "-a.com", "a-.com", "1.2.3.4", "a_b.com"] {
            let refused = Err(RelyingPartyError::NotADomain(id.into()));
            assert_eq!(parse(id, &["https://example.com"]), refused, "{id:?}");
        }
        let long = format!("{}.com", "a".repeat(64));
        assert!(parse(&long, &["https://example.com"]).is_err());
    }

    #[test]
    fn a_name_is_needed() {
        assert_eq!(RelyingParty::parse("example.com", " ", &["https://example.com"]), Err(RelyingPartyError::NoName));
    }
}
