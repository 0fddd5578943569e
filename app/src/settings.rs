//! Settings: from the environment, and from `roster.toml` for what the environment leaves open.

mod raw;

pub use raw::Raw;

use crate::compose::{FirstAdministrator, Issuer};
use auth_domain::Cost;
use kernel::{Email, Secret};
use persistence::{Connections, DatabaseUrl};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use web::{NotProxies, Proxies};

/// What this process is told.
#[derive(Clone)]
pub struct Settings {
    /// `DATABASE_URL`, `ROSTER_DB_CONNECTIONS`
    pub database: DatabaseUrl,
    /// `AMQP_URL`
    pub amqp: Option<String>,
    /// `ROSTER_LISTEN`
    pub listen: SocketAddr,
    /// `ROSTER_DATA_DIR`
    pub data_dir: PathBuf,
    /// `ROSTER_KEYS_FILE`
    pub keys_file: Option<PathBuf>,
    /// `ROSTER_PROFILE`
    pub profile: Profile,
    /// `ROSTER_BCRYPT_COST`
    pub bcrypt_cost: Cost,
    /// `ROSTER_LIMITS`
    pub limits: bool,
    /// `ROSTER_ISSUER`, `ROSTER_AUDIENCE`
    pub tokens: Issuer,
    /// `ROSTER_TRUSTED_PROXIES`
    pub proxies: Proxies,
    /// `ROSTER_ADMIN_EMAIL`, `ROSTER_ADMIN_PASSWORD`
    pub first_administrator: Option<FirstAdministrator>,
    /// `ROSTER_MAX_DELAY`
    pub max_delay: Duration,
    /// `ROSTER_DOCS`
    pub docs: bool,
    /// `ROSTER_CONNECTIONS_PER_ADDRESS`
    pub connections_per_address: usize,
    /// `ROSTER_IDLE_TIMEOUT`
    pub idle_timeout: Duration,
    /// `ROSTER_SHUTDOWN_DELAY`
    pub shutdown_delay: Duration,
}

/// How much is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Everything has a default, and the schema is applied at start.
    Development,
    /// Weak or missing secrets and plain links over a network are refused; `roster migrate` applies the schema.
    Production,
}

/// A setting that is not as it should be: one line that names it and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl Settings {
    /// Reads the environment and `roster.toml` in the working directory.
    ///
    /// # Errors
    /// At the first setting that is unknown, malformed, not supported, or refused by the profile.
    pub fn load() -> Result<Self, Invalid> {
        Self::of(&Raw::load()?)
    }

    /// # Errors
    /// See [`Settings::load`].
    pub fn of(raw: &Raw) -> Result<Self, Invalid> {
        let data_dir = PathBuf::from(raw.get("ROSTER_DATA_DIR").unwrap_or("data"));
        let default_database = format!("sqlite://{}", data_dir.join("roster.db").display());
        let settings = Self {
            database: raw.parsed("DATABASE_URL", &default_database, str::parse::<DatabaseUrl>)?.with_connections(
                raw.parsed("ROSTER_DB_CONNECTIONS", "26", |text| {
                    let connections = text.parse().ok().and_then(Connections::new);
                    connections.ok_or_else(|| "must be a number from 5 to 1000".into())
                })?,
            ),
            amqp: raw.get("AMQP_URL").map(str::to_owned),
            listen: raw.parsed("ROSTER_LISTEN", "127.0.0.1:8000", |text| {
                text.parse()
                    .map_err(|_| "must be an address and a port such as 127.0.0.1:8000; port 0 takes any".into())
            })?,
            data_dir,
            keys_file: raw.get("ROSTER_KEYS_FILE").map(PathBuf::from),
            profile: raw.one_of(
                "ROSTER_PROFILE",
                &[("development", Profile::Development), ("production", Profile::Production)],
            )?,
            bcrypt_cost: raw.parsed("ROSTER_BCRYPT_COST", "12", |text| {
                let cost: Option<u8> = text.parse().ok();
                cost.and_then(|cost| Cost::try_from(cost).ok()).ok_or_else(|| "must be a number from 10 to 15".into())
            })?,
            limits: raw.one_of("ROSTER_LIMITS", &[("on", true), ("off", false)])?,
            tokens: Issuer {
                issuer: raw.parsed("ROSTER_ISSUER", "roster", name)?,
                audience: raw.parsed("ROSTER_AUDIENCE", "roster", name)?,
            },
            proxies: raw
                .parsed("ROSTER_TRUSTED_PROXIES", "", |text| text.parse().map_err(|why: NotProxies| why.to_string()))?,
            first_administrator: first_administrator(raw)?,
            max_delay: raw.parsed("ROSTER_MAX_DELAY", "1h", duration)?,
            docs: raw.one_of("ROSTER_DOCS", &[("on", true), ("off", false)])?,
            connections_per_address: raw.parsed("ROSTER_CONNECTIONS_PER_ADDRESS", "2000", |text| {
                let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
                number.ok_or_else(|| "must be a number from 1 to 10000".into())
            })?,
            idle_timeout: raw.parsed("ROSTER_IDLE_TIMEOUT", "75s", duration)?,
            shutdown_delay: raw.parsed("ROSTER_SHUTDOWN_DELAY", "0s", duration_or_none)?,
        };
        settings.fit_together()?;
        if settings.profile == Profile::Production {
            settings.fit_for_production()?;
        }
        Ok(settings)
    }

    fn fit_together(&self) -> Result<(), Invalid> {
        if self.is_embedded() && self.amqp.is_some() {
            return refuse(
                "AMQP_URL needs PostgreSQL, since SQLite serves one process: set DATABASE_URL=postgres://…, or unset AMQP_URL",
            );
        }
        Ok(())
    }

    fn fit_for_production(&self) -> Result<(), Invalid> {
        if !self.limits {
            return refuse("ROSTER_LIMITS=off is for load tests: the production profile refuses it");
        }
        if !self.listen.ip().is_loopback() && self.proxies.is_empty() {
            return refuse(
                "ROSTER_LISTEN is reached over a network, and Roster speaks no TLS: put a proxy before it and name it in \
                 ROSTER_TRUSTED_PROXIES, or listen on 127.0.0.1",
            );
        }
        if let DatabaseUrl::Postgres(to) = &self.database
            && !is_local(to.get_host())
            && !self.database.insists_on_tls()
        {
            return refuse("DATABASE_URL crosses a network without encryption: add ?sslmode=verify-full (or require)");
        }
        if let Some(url) = &self.amqp {
            let rest = url.split_once("://").map_or("", |(_, rest)| rest);
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let (user, host) = authority.rsplit_once('@').unwrap_or(("guest:guest", authority));
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            if !is_local(host) && !url.starts_with("amqps://") {
                return refuse("AMQP_URL crosses a network without encryption: use amqps://");
            }
            if !is_local(host) && user == "guest:guest" {
                return refuse("AMQP_URL has the default credentials guest:guest: give Roster a user of its own");
            }
        }
        Ok(())
    }

    /// Whether one SQLite file holds everything.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self.database, DatabaseUrl::Sqlite(_))
    }
}

fn first_administrator(raw: &Raw) -> Result<Option<FirstAdministrator>, Invalid> {
    match (raw.get("ROSTER_ADMIN_EMAIL"), raw.get("ROSTER_ADMIN_PASSWORD")) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Invalid(
            "ROSTER_ADMIN_EMAIL needs ROSTER_ADMIN_PASSWORD_FILE (or ROSTER_ADMIN_PASSWORD) beside it".to_owned(),
        )),
        (None, Some(_)) => Err(Invalid("ROSTER_ADMIN_PASSWORD needs ROSTER_ADMIN_EMAIL beside it".to_owned())),
        (Some(email), Some(password)) => Ok(Some(FirstAdministrator {
            email: Email::parse(email).map_err(|why| Invalid(format!("ROSTER_ADMIN_EMAIL {why}")))?,
            password: Secret::new(password.to_owned()),
        })),
    }
}

fn refuse(why: &str) -> Result<(), Invalid> {
    Err(Invalid(why.to_owned()))
}

fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    host.is_empty() || host == "localhost" || host.starts_with('/') || is_loopback
}

/// What may stand in a token.
fn name(text: &str) -> Result<String, String> {
    let fits = (1..=500).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 500 visible characters, such as a URL".into()) }
}

/// `90s`, `30m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration_or_none(text)?;
    if duration.is_zero() { Err("must be longer than nothing: 90s, 30m or 1h".into()) } else { Ok(duration) }
}

/// As a duration, or `0s`.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    let malformed = || "must be a number with a unit: 90s, 30m or 1h".to_owned();
    let unit = text.chars().last().ok_or_else(malformed)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(malformed()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| malformed())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(malformed)
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
