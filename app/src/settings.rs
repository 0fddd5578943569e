//! The settings, read from the environment, and from `roster.toml` where the environment sets nothing.

mod injected;
mod listen;
mod mail;
mod names;
mod passkeys;
mod production;
mod raw;
mod text;
mod url;

pub use raw::RawSettings;

use crate::compose::{FirstAdministrator, Issuer};
use crate::password_services::policy_without_file;
use crate::product::{self, setting};
use auth_domain::{AssuranceRules, BcryptCost, LONGEST_GRACE, SecondFactorPolicy};
use identity::Email;
use kernel::Secret;
use mail_infrastructure::MailConfig;
use messaging::Address;
use persistence::{Connections, DatabaseUrl};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;
use std::time::Duration;
use users_infrastructure::RegistrationMode;
use web::{CorsOrigins, NotAPublicUrl, NotCorsOrigins, NotProxies, Proxies, PublicUrl};
use webauthn::RelyingParty;

/// Settings without a choice so far: each accepts the one value that describes what Roster does.
const WITHOUT_CHOICE: [(&str, &str); 2] = [(setting!("METRICS_LISTEN"), "off"), (setting!("EVENTS"), "off")];

/// The settings of this process.
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
    /// `ROSTER_ADMIN_EMAIL`, `ROSTER_ADMIN_PASSWORD`
    pub first_administrator: Option<FirstAdministrator>,
    /// `ROSTER_IDLE_TIMEOUT`
    pub idle_timeout: Duration,
    /// `ROSTER_SHUTDOWN_DELAY`
    pub shutdown_delay: Duration,
    pub service: ServiceOptions,
}

/// The settings of the service itself. Every process that answers or works needs them.
#[derive(Clone)]
pub struct ServiceOptions {
    /// `ROSTER_BCRYPT_COST`
    pub bcrypt_cost: BcryptCost,
    /// `ROSTER_BREACHED_FILE`
    pub breached_file: Option<PathBuf>,
    /// `ROSTER_LIMITS`
    pub limits: bool,
    /// `ROSTER_ISSUER`, `ROSTER_AUDIENCE`
    pub tokens: Issuer,
    /// `ROSTER_TRUSTED_PROXIES`
    pub proxies: Proxies,
    /// `ROSTER_REFRESH_GRACE`; zero for off.
    pub refresh_grace: Duration,
    /// `ROSTER_MAX_DELAY`
    pub max_delay: Duration,
    /// `ROSTER_DOCS`
    pub docs: bool,
    /// `ROSTER_PUBLIC_URL`
    pub public_url: Option<PublicUrl>,
    /// `ROSTER_CORS_ORIGINS`
    pub cors: CorsOrigins,
    /// `ROSTER_CONNECTIONS_PER_ADDRESS`
    pub connections_per_address: usize,
    /// `ROSTER_IMPORT_MAX`, in bytes
    pub import_max: u64,
    /// `ROSTER_REGISTRATION`
    pub registration: RegistrationMode,
    /// `ROSTER_WEBAUTHN_RP_ID`, `ROSTER_WEBAUTHN_ORIGINS`; `None` if there is no domain for passkeys.
    pub passkeys: Option<Arc<RelyingParty>>,
    /// `ROSTER_SECOND_FACTOR`, `ROSTER_STEP_UP_MAX_AGE`
    pub assurance: AssuranceRules,
    /// `ROSTER_MAIL`, `ROSTER_MAIL_FROM`, `ROSTER_LINK_…`, `ROSTER_TEMPLATES_DIR`
    pub mail: MailConfig,
}

impl ServiceOptions {
    /// The values without any setting.
    ///
    /// # Panics
    /// When a default value is refused, which is a bug.
    #[must_use]
    pub fn default_values() -> Self {
        Self::read(&RawSettings::default()).unwrap_or_else(|problem| panic!("{}", problem.says))
    }

    fn read(raw: &RawSettings) -> Result<Self, SettingProblem> {
        let public_url = raw
            .get(setting!("PUBLIC_URL"))
            .map(|text| {
                text.parse().map_err(|why: NotAPublicUrl| raw.problem(setting!("PUBLIC_URL"), &why.to_string()))
            })
            .transpose()?;
        Ok(Self {
            mail: mail::mail(raw, profile(raw)?, listening(raw)?, public_url.as_ref())?,
            registration: raw.one_of(
                setting!("REGISTRATION"),
                &[
                    ("open", RegistrationMode::Open),
                    ("verified", RegistrationMode::Verified),
                    ("invited", RegistrationMode::Invited),
                    ("closed", RegistrationMode::Closed),
                ],
            )?,
            passkeys: passkeys::party(raw, profile(raw)?, listening(raw)?, public_url.as_ref())?,
            assurance: AssuranceRules {
                second_factor: raw.one_of(
                    setting!("SECOND_FACTOR"),
                    &[
                        ("optional", SecondFactorPolicy::Optional),
                        ("administrators", SecondFactorPolicy::Administrators),
                        ("everybody", SecondFactorPolicy::Everybody),
                    ],
                )?,
                step_up_max_age: raw.parsed(setting!("STEP_UP_MAX_AGE"), "15m", step_up_max_age)?,
            },
            bcrypt_cost: raw.parsed(setting!("BCRYPT_COST"), "12", |text| {
                let cost: Option<u8> = text.parse().ok();
                cost.and_then(|cost| BcryptCost::try_from(cost).ok())
                    .ok_or_else(|| "must be a number from 10 to 15".into())
            })?,
            breached_file: raw.get(setting!("BREACHED_FILE")).map(PathBuf::from),
            limits: raw.one_of(setting!("LIMITS"), &[("on", true), ("off", false)])?,
            tokens: Issuer {
                issuer: raw.parsed(setting!("ISSUER"), product::NAME, name)?,
                audience: raw.parsed(setting!("AUDIENCE"), product::NAME, name)?,
            },
            proxies: raw.parsed(setting!("TRUSTED_PROXIES"), "", |text| {
                text.parse().map_err(|why: NotProxies| why.to_string())
            })?,
            refresh_grace: raw.parsed(setting!("REFRESH_GRACE"), "10s", grace)?,
            max_delay: raw.parsed(setting!("MAX_DELAY"), "1h", duration)?,
            docs: raw.one_of(setting!("DOCS"), &[("on", true), ("off", false)])?,
            public_url,
            cors: raw.parsed(setting!("CORS_ORIGINS"), "", |text| {
                text.parse().map_err(|why: NotCorsOrigins| why.to_string())
            })?,
            connections_per_address: raw.parsed(setting!("CONNECTIONS_PER_ADDRESS"), "2000", |text| {
                let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
                number.ok_or_else(|| "must be a number from 1 to 10000".into())
            })?,
            import_max: raw.parsed(setting!("IMPORT_MAX"), "1GiB", size)?,
        })
    }
}

/// Reads a number of bytes, such as `1GiB`.
fn size(text: &str) -> Result<u64, String> {
    let unit = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[unit..] {
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let size = factor.zip(text[..unit].parse::<u64>().ok()).and_then(|(factor, number)| number.checked_mul(factor));
    size.filter(|size| *size > 0).ok_or_else(|| "must be a size such as 512MiB or 1GiB".into())
}

/// How strict Roster is with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Every setting has a default, and `serve` applies migrations.
    Development,
    /// Refuses weak or missing secrets and unencrypted connections over a network. Only `roster migrate` applies
    /// migrations.
    Production,
}

/// Invalid settings: one line for each, which names the setting and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl std::fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for InvalidSettings {}

/// One line of [`InvalidSettings`], and the settings that it is about.
#[derive(Debug)]
struct SettingProblem {
    settings: Vec<&'static str>,
    says: String,
}

impl SettingProblem {
    const fn general(says: String) -> Self {
        Self { settings: Vec::new(), says }
    }

    fn of(setting: &'static str, says: String) -> Self {
        Self { settings: vec![setting], says }
    }

    fn between(settings: &[&'static str], says: &str) -> Self {
        Self { settings: settings.to_vec(), says: says.to_owned() }
    }
}

/// Adds problems, except those about a setting that has a problem already: its value is not known.
fn add(problems: &mut Vec<SettingProblem>, more: Vec<SettingProblem>) {
    let unread: BTreeSet<_> = problems.iter().flat_map(|problem| problem.settings.clone()).collect();
    problems.extend(more.into_iter().filter(|problem| problem.settings.iter().all(|name| !unread.contains(name))));
}

impl Settings {
    /// Reads the environment and `roster.toml` in the working directory.
    ///
    /// # Errors
    /// When settings are unknown, malformed, or refused by the profile. The error lists all of them.
    pub fn load() -> Result<Self, InvalidSettings> {
        Self::of(RawSettings::load())
    }

    /// The settings of raw values.
    ///
    /// # Errors
    /// See [`Settings::load`].
    pub fn of(mut raw: RawSettings) -> Result<Self, InvalidSettings> {
        let mut problems = raw.take_problems();
        let settings = loop {
            match Self::read(&raw) {
                Ok(settings) => break settings,
                // Try again with the default, to find the next problem.
                Err(problem) => {
                    problem.settings.iter().for_each(|name| raw.forget(name));
                    add(&mut problems, vec![problem]);
                }
            }
        };
        add(&mut problems, settings.misfits());
        if settings.profile == Profile::Production {
            add(&mut problems, raw.exposed());
        }
        if problems.is_empty() {
            return Ok(settings);
        }
        Err(InvalidSettings(problems.into_iter().map(|problem| problem.says).collect()))
    }

    fn read(raw: &RawSettings) -> Result<Self, SettingProblem> {
        for (name, value) in WITHOUT_CHOICE {
            raw.one_of(name, &[(value, ())])?;
        }
        let data_dir = PathBuf::from(raw.get(setting!("DATA_DIR")).unwrap_or("data"));
        let default_database = format!("sqlite://{}", data_dir.join(product::DATABASE_FILE).display());
        let connections = raw.parsed(setting!("DB_CONNECTIONS"), "26", |text| {
            let connections = text.parse().ok().and_then(Connections::new);
            connections.ok_or_else(|| "must be a number from 5 to 1000".into())
        })?;
        Ok(Self {
            database: raw
                .parsed("DATABASE_URL", &default_database, |text| {
                    if raw.get("DATABASE_URL").is_some() {
                        url::unambiguous(text)?;
                    }
                    text.parse::<DatabaseUrl>()
                })?
                .with_connections(connections)
                .with_application(product::NAME),
            amqp: amqp(raw)?,
            listen: listening(raw)?,
            data_dir,
            keys_file: keys_file(raw)?,
            profile: profile(raw)?,
            first_administrator: first_administrator(raw)?,
            idle_timeout: raw.parsed(setting!("IDLE_TIMEOUT"), "75s", duration)?,
            shutdown_delay: raw.parsed(setting!("SHUTDOWN_DELAY"), "0s", duration_or_none)?,
            service: ServiceOptions::read(raw)?,
        })
    }

    /// Problems of well-formed settings that do not fit together.
    fn misfits(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        if self.is_embedded() && self.amqp.is_some() {
            problems.push(SettingProblem::between(
                &["AMQP_URL", "DATABASE_URL"],
                "AMQP_URL needs PostgreSQL, since SQLite serves one process: set DATABASE_URL=postgres://…, or unset AMQP_URL",
            ));
        }
        if let Some(folder) = self.missing_folder() {
            problems.push(SettingProblem::between(
                &["DATABASE_URL", setting!("DATA_DIR")],
                &format!(
                    "DATABASE_URL names a file in {}, which is no directory: create it, or correct the path (only \
                     {} is created)",
                    describe_folder(&folder),
                    setting!("DATA_DIR"),
                ),
            ));
        }
        if let Some(who) = &self.first_administrator {
            // The registration asks the file of breached passwords, too.
            let flaws = policy_without_file(&self.service.tokens).flaws(&who.password, Some(&who.email), None);
            if !flaws.is_empty() {
                let flaws: Vec<_> = flaws.iter().map(ToString::to_string).collect();
                problems.push(SettingProblem::between(
                    &[setting!("ADMIN_PASSWORD"), setting!("ADMIN_EMAIL"), setting!("ISSUER"), setting!("AUDIENCE")],
                    &format!("{} {}", setting!("ADMIN_PASSWORD"), flaws.join(", and ")),
                ));
            }
        }
        if self.profile == Profile::Production {
            problems.extend(production::refusals(self));
        }
        problems
    }

    /// The directory of the SQLite file, if it does not exist and is not `ROSTER_DATA_DIR`, the only one that is
    /// created.
    fn missing_folder(&self) -> Option<PathBuf> {
        let DatabaseUrl::Sqlite(file) = &self.database else { return None };
        // A file name without a directory means the working directory.
        let folder = Path::new(".").join(file.parent()?);
        (!self.is_data_dir(&folder) && !folder.is_dir()).then_some(folder)
    }

    fn is_data_dir(&self, folder: &Path) -> bool {
        absolute(folder).ok() == absolute(&self.data_dir).ok()
    }

    /// Whether the database is a SQLite file that does not exist yet.
    #[must_use]
    pub fn makes_a_file(&self) -> bool {
        matches!(&self.database, DatabaseUrl::Sqlite(file) if !file.exists())
    }

    /// Whether that file is outside of `ROSTER_DATA_DIR`, perhaps because of a typing error.
    #[must_use]
    pub fn makes_a_file_elsewhere(&self) -> bool {
        let DatabaseUrl::Sqlite(file) = &self.database else { return false };
        !file.exists() && !file.parent().is_some_and(|folder| self.is_data_dir(&Path::new(".").join(folder)))
    }

    /// Whether the database is a SQLite file.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self.database, DatabaseUrl::Sqlite(_))
    }
}

fn profile(raw: &RawSettings) -> Result<Profile, SettingProblem> {
    let words = [("development", Profile::Development), ("production", Profile::Production)];
    raw.one_of(setting!("PROFILE"), &words)
}

fn listening(raw: &RawSettings) -> Result<SocketAddr, SettingProblem> {
    raw.parsed(setting!("LISTEN"), "127.0.0.1:8000", listen::listen)
}

fn keys_file(raw: &RawSettings) -> Result<Option<PathBuf>, SettingProblem> {
    match raw.get(setting!("KEYS_FILE")) {
        // This is the content of a key file. Refuse it here, since errors about a path quote the path.
        Some(text) if text.starts_with(['{', '[', '-']) => {
            Err(raw.problem(setting!("KEYS_FILE"), "must be the path of a file, not its content"))
        }
        path => Ok(path.map(PathBuf::from)),
    }
}

fn amqp(raw: &RawSettings) -> Result<Option<String>, SettingProblem> {
    let Some(text) = raw.get("AMQP_URL") else { return Ok(None) };
    let fits = url::unambiguous(text).and_then(|()| text.parse::<Address>().map_err(|why| why.to_string()));
    fits.map_err(|why| raw.problem("AMQP_URL", &why))?;
    Ok(Some(text.to_owned()))
}

fn first_administrator(raw: &RawSettings) -> Result<Option<FirstAdministrator>, SettingProblem> {
    const BOTH: [&str; 2] = [setting!("ADMIN_EMAIL"), setting!("ADMIN_PASSWORD")];
    let [for_email, for_password] = BOTH;
    match BOTH.map(|name| raw.get(name)) {
        [None, None] => Ok(None),
        [Some(_), None] => {
            let says = format!("{for_email} needs {for_password}_FILE (or {for_password}) beside it");
            Err(SettingProblem::between(&BOTH, &says))
        }
        [None, Some(_)] => Err(SettingProblem::between(&BOTH, &format!("{for_password} needs {for_email} beside it"))),
        [Some(email), Some(password)] => match Email::parse(email) {
            Ok(email) => Ok(Some(FirstAdministrator { email, password: Secret::new(password.to_owned()) })),
            Err(why) => Err(SettingProblem { settings: BOTH.to_vec(), ..raw.problem(for_email, &why.to_string()) }),
        },
    }
}

/// Checks an issuer or an audience.
fn name(text: &str) -> Result<String, String> {
    let fits = (1..=500).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 500 visible characters, such as a URL".into()) }
}

/// The path of a directory for an error message. A path with an `@` is not shown: it may be a URL with a mistyped
/// scheme and a password.
fn describe_folder(folder: &Path) -> String {
    let shown = folder.display().to_string();
    if shown.contains('@') {
        "a directory that is not shown, since its name has an @ and may be a URL with a password".to_owned()
    } else {
        shown
    }
}

/// Parses `0`, or a duration of a minute at most.
fn grace(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let fits = duration(text).ok().filter(|grace| *grace <= LONGEST_GRACE);
    fits.ok_or_else(|| "must be 0 for off, or a time of 1s to 60s".to_owned())
}

/// The longest [`AssuranceRules::step_up_max_age`].
const LONGEST_STEP_UP: Duration = Duration::from_secs(24 * 60 * 60);

fn step_up_max_age(text: &str) -> Result<Duration, String> {
    let fits = duration(text).ok().filter(|age| (Duration::from_secs(60)..=LONGEST_STEP_UP).contains(age));
    fits.ok_or_else(|| "must be a time of 1m to 24h".to_owned())
}

/// Parses a duration such as `90s`, `30m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = duration_or_none(text)?;
    if duration.is_zero() { Err("must be longer than 0, such as 90s, 30m or 1h".into()) } else { Ok(duration) }
}

/// Parses a duration, or `0s`.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    let malformed = || "must be a number with a unit, such as 90s, 30m or 1h".to_owned();
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
