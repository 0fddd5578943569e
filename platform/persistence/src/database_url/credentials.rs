//! Properties of a database URL as sqlx has read it, with its defaults and `PGUSER`, `PGPASSWORD`, `PGHOST` and the
//! like.

use crate::DatabaseUrl;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;

impl DatabaseUrl {
    /// The host to reach over TCP. `None` for a file and for a Unix socket.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let Self::Postgres(to) = self else { return None };
        // A socket takes precedence over any host.
        let is_tcp = to.get_socket().is_none() && !to.get_host().starts_with('/');
        is_tcp.then(|| to.get_host())
    }

    /// Whether the URL has credentials: a password, or a client certificate.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        let Self::Postgres(to) = self else { return false };
        let url = without_address(to).to_url_lossy();
        url.password().is_some() || url.query_pairs().any(|(key, _)| key == "sslcert")
    }

    /// Whether the URL has this password.
    #[must_use]
    pub fn has_password(&self, password: &str) -> bool {
        let Self::Postgres(to) = self else { return false };
        let to = without_address(to);
        // sqlx exposes the password only within a URL.
        let url = |to: &PgConnectOptions| to.to_url_lossy().password().map(str::to_owned);
        url(&to).is_some() && url(&to) == url(&to.clone().password(password))
    }

    /// Whether the password is the name of the user.
    #[must_use]
    pub fn has_user_as_password(&self) -> bool {
        let Self::Postgres(to) = self else { return false };
        self.has_password(to.get_username()) || self.has_password(&to.get_username().to_lowercase())
    }
}

impl DatabaseUrl {
    /// The file on this machine that only its owner may read: the SQLite database, or the private key of the client
    /// certificate. The file need not exist.
    #[must_use]
    pub fn secret_file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite(path) => Some(path.clone()),
            Self::Postgres(to) => {
                let url = without_address(to).to_url_lossy();
                let (_, value) = url.query_pairs().find(|(key, _)| key == "sslkey")?;
                // As sqlx shows a path; a key that stands in the URL itself is no file.
                value.strip_prefix("file: ").map(PathBuf::from)
            }
        }
    }
}

/// Replaces user and host, because sqlx panics when they form no valid URL.
pub(crate) fn without_address(to: &PgConnectOptions) -> PgConnectOptions {
    to.clone().username("user").host("localhost")
}

#[cfg(test)]
mod tests {
    use crate::DatabaseUrl;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().expect("a URL")
    }

    #[test]
    fn only_a_connection_over_tcp_has_a_host() {
        for (text, host) in [
            ("postgres://u:p@db.example/app", Some("db.example")),
            ("postgres://u:p@127.0.0.1/app?host=db.example", Some("db.example")),
            ("postgres://u:p@127.0.0.1/app?hostaddr=192.0.2.1", Some("192.0.2.1")),
            ("postgres://u:p@%2Frun%2Fpostgresql/app", None),
            ("postgres://u:p@db.example/app?host=/run/postgresql", None),
            ("postgres://u:p@%2Frun%2Fpostgresql/app?host=db.example", None),
            ("postgres://u:p@[::1]/app", Some("[::1]")),
            ("sqlite://x.db", None),
        ] {
            assert_eq!(url(text).host(), host, "{text}");
        }
    }

    #[test]
    fn the_password_is_the_one_that_sqlx_uses() {
        for text in [
            "postgres://u:p%40ss@db.example/app",
            "postgres://u:other@db.example/app?password=p%40ss",
            "postgres://db.example/app?user=a%2Fb&password=p@ss",
            "postgres://u:p%40ss@db.example/app?host=::1",
            "postgres://u:p@ss@db.example/app",
        ] {
            assert!(url(text).has_password("p@ss") && url(text).has_credentials(), "{text}");
            assert!(!url(text).has_password("p") && !url(text).has_password("") && !url(text).has_user_as_password());
        }
        for text in ["postgres://odd:odd@h/d", "postgres://Odd:%6fdd@h/d", "postgres://h/d?user=a%40b&password=a@b"] {
            assert!(url(text).has_user_as_password(), "{text}");
        }
    }

    #[test]
    fn a_client_certificate_counts_as_credentials() {
        for text in ["postgres://u:@h.invalid/d", "postgres://u@h.invalid/d", "postgres://u@h.invalid/d?password="] {
            assert!(
                !url(text).has_credentials() && !url(text).has_password("") && !url(text).has_password("u"),
                "{text}"
            );
        }
        let certified = url("postgres://u@h.invalid/d?sslcert=/c.pem&sslkey=/k.pem");
        assert!(certified.has_credentials());
        assert_eq!(certified.secret_file(), Some("/k.pem".into()));
        assert_eq!(url("postgres://u:p@h.invalid/d").secret_file(), None);
        assert_eq!(url("sqlite://x.db").secret_file(), Some("x.db".into()));
        assert!(!url("sqlite://x.db").has_credentials() && !url("sqlite://x.db").has_user_as_password());
    }
}
