//! The address of the broker. Its password is never shown.

use lapin::uri::{AMQPScheme, AMQPUri, SASLMechanism};
use std::{fmt, net::Ipv6Addr, str::FromStr};

/// In seconds. With the default of 60, a dead peer goes unnoticed for two minutes.
const HEARTBEAT: u16 = 10;
/// In bytes: the smallest size that RabbitMQ 4 accepts. A hint fits. lapin keeps room for 64 frames per connection,
/// which are 8 MiB with the default of 128 KiB.
const FRAME_MAX: u32 = 8192;

/// The text is not an AMQP URL. The error does not quote it, because it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be like amqp://user:password@host:5672/vhost, or amqps:// for TLS; in user and password write @ : / ? # % as \
     %40 %3A %2F %3F %23 %25"
)]
pub struct AddressError;

/// A parsed AMQP URL. `Display` shows neither user nor password.
pub struct Address(AMQPUri);

impl Address {
    pub(crate) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }

    /// The host, as it is looked up.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.authority.host
    }

    /// Whether the connection is TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme == AMQPScheme::AMQPS
    }

    /// The user and the password, each `guest` where the URL has none. `None` when the URL asks for a mechanism
    /// without a password.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        let user = &self.0.authority.userinfo;
        let by_password =
            matches!(self.0.query.auth_mechanism, None | Some(SASLMechanism::Plain | SASLMechanism::AMQPlain));
        by_password.then_some((&user.username, &user.password))
    }

    /// Whether any client could sign in like this, or the mechanism is only for demonstrations.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(self.0.query.auth_mechanism, Some(SASLMechanism::Anonymous | SASLMechanism::RabbitCrDemo))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        // lapin's own error quotes the whole URL.
        let mut uri: AMQPUri = url.parse().map_err(|_| AddressError)?;
        let (_, after) = url.split_once("://").ok_or(AddressError)?;
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if host.is_empty() || host.starts_with(':') {
            return Err(AddressError);
        }
        // lapin ignores an IPv6 address, and would connect to localhost.
        if let Some((literal, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            uri.authority.host = literal.parse::<Ipv6Addr>().map_err(|_| AddressError)?.to_string();
        }
        // By the letter of the specification, a final `/` names a virtual host with an empty name. No broker has one.
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat = Some(HEARTBEAT);
        uri.query.frame_max = Some(FRAME_MAX);
        Ok(Self(uri))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.0;
        let scheme = if *scheme == AMQPScheme::AMQPS { "amqps" } else { "amqp" };
        write!(f, "{scheme}://{}:{} (virtual host {vhost})", authority.host, authority.port)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    fn shown(url: &str) -> Result<String, AddressError> {
        url.parse::<Address>().map(|address| address.to_string())
    }

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        let plain = "amqp://broker.example:5672 (virtual host /)";
        for url in [
            "amqp://broker.example",
            "amqp://broker.example/",
            "amqp://broker.example/%2f",
            "amqp://me:hunter2@broker.example:5672",
            "amqp://me:hunter%402@broker.example/?heartbeat=600",
        ] {
            assert_eq!(shown(url).as_deref(), Ok(plain), "{url}");
        }
        assert_eq!(shown("amqps://b.example/x").as_deref(), Ok("amqps://b.example:5671 (virtual host x)"));
    }

    #[test]
    fn an_ipv6_address_is_used() {
        assert_eq!(shown("amqp://me:pw@[fd00::1]:5673/").as_deref(), Ok("amqp://fd00::1:5673 (virtual host /)"));
        assert_eq!(shown("amqp://127.0.0.1:5673").as_deref(), Ok("amqp://127.0.0.1:5673 (virtual host /)"));
    }

    #[test]
    fn credentials_and_host_are_those_that_lapin_uses() {
        for url in [
            "amqps://guest:guest@b.example",
            "amqps://guest@b.example",
            "amqps://guest:@b.example",
            "amqps://:guest@b.example",
            "amqps://:@b.example",
            "amqps://b.example",
            "AMQPS://%67uest:gues%74@b.example",
        ] {
            let address: Address = url.parse().expect("a URL");
            assert_eq!(address.credentials(), Some(("guest", "guest")), "{url}");
            assert!(address.is_encrypted() && address.host() == "b.example" && !address.is_anonymous(), "{url}");
        }
        let address: Address = "amqp://me:p%40ss@%6cocalhost?auth_mechanism=amqplain".parse().expect("a URL");
        assert_eq!((address.credentials(), address.host()), (Some(("me", "p@ss")), "localhost"));
        assert!(!address.is_encrypted());
        for (mechanism, anonymous) in [("anonymous", true), ("rabbit-cr-demo", true), ("external", false)] {
            let address = format!("amqps://me:pw@b.example?auth_mechanism={mechanism}").parse::<Address>();
            let address = address.expect("a URL");
            assert_eq!((address.credentials(), address.is_anonymous()), (None, anonymous), "{mechanism}");
        }
    }

    #[test]
    fn the_heartbeat_and_the_frame_size_are_fixed() {
        let query = "amqp://localhost?heartbeat=600&frame_max=131072".parse().map(|it: Address| it.uri().query);
        assert_eq!(query.map(|it| (it.heartbeat, it.frame_max)), Ok((Some(10), Some(8192))));
    }

    #[test]
    fn an_invalid_url_is_refused_without_being_quoted() {
        for url in [
            "",
            "hunter2",
            "broker.example:5672",
            "me:hunter2@broker.example",
            "http://me:hunter2@broker.example",
            "amqp:me:hunter2",
            "amqp://",
            "amqp:///vhost",
            "amqp://me:hunter2@",
            "amqp://me:hunter2@:5672",
            "amqp://me:hunter2@host:port",
            "amqp://me:hunter2@host:99999",
            "amqp://me:hunter2@[fd00::zz]/",
            "amqp://host/?channel_max=many",
        ] {
            assert_eq!(shown(url), Err(AddressError), "{url}");
        }
        assert!(!AddressError.to_string().contains("hunter2"));
    }
}
