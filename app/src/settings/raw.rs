use super::Invalid;
use std::collections::BTreeMap;
use std::path::Path;

/// The file beside the process.
const FILE: &str = "roster.toml";

/// A setting: its variable, and whether it is a secret, which may stand in a file of its own (`…_FILE`).
struct Known {
    name: &'static str,
    secret: bool,
    supported: Support,
}

enum Support {
    Yes,
    /// Not yet; this one value says so, too, and is accepted.
    Only(&'static str),
    No,
}

const fn known(name: &'static str) -> Known {
    Known { name, secret: false, supported: Support::Yes }
}

const fn secret(name: &'static str) -> Known {
    Known { name, secret: true, supported: Support::Yes }
}

const fn later(name: &'static str) -> Known {
    Known { name, secret: false, supported: Support::No }
}

const fn only(name: &'static str, value: &'static str) -> Known {
    Known { name, secret: false, supported: Support::Only(value) }
}

const SETTINGS: &[Known] = &[
    secret("DATABASE_URL"),
    later("DATABASE_READ_URL"),
    later("DATABASE_READ_URL_FILE"),
    secret("AMQP_URL"),
    known("ROSTER_LISTEN"),
    only("ROSTER_METRICS_LISTEN", "off"),
    known("ROSTER_DATA_DIR"),
    known("ROSTER_KEYS_FILE"),
    known("ROSTER_PROFILE"),
    known("ROSTER_BCRYPT_COST"),
    known("ROSTER_LIMITS"),
    known("ROSTER_TRUSTED_PROXIES"),
    known("ROSTER_ADMIN_EMAIL"),
    secret("ROSTER_ADMIN_PASSWORD"),
    known("ROSTER_DB_CONNECTIONS"),
    known("ROSTER_MAX_DELAY"),
    known("ROSTER_DOCS"),
    known("ROSTER_IDLE_TIMEOUT"),
    known("ROSTER_SHUTDOWN_DELAY"),
    known("ROSTER_CONNECTIONS_PER_ADDRESS"),
    only("ROSTER_REGISTRATION", "open"),
    only("ROSTER_MAIL", "off"),
    later("ROSTER_MAIL_FROM"),
    later("ROSTER_PUBLIC_URL"),
    known("ROSTER_ISSUER"),
    known("ROSTER_AUDIENCE"),
    only("ROSTER_EVENTS", "off"),
];

/// The settings as they were given: by variable, whether they came from there or from the file.
#[derive(Debug, Default)]
pub struct Raw(BTreeMap<&'static str, String>);

impl Raw {
    pub(super) fn load() -> Result<Self, Invalid> {
        let file = match std::fs::read_to_string(FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Invalid(format!("{FILE} cannot be read: {error}"))),
        };
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().map_err(drop)))
        });
        Self::of(&file, environment)
    }

    /// From the text of the file, and the variables of the environment, which come first. A
    /// variable whose value is no UTF-8 is an error only if it is a setting.
    pub(super) fn of(
        file: &str,
        environment: impl Iterator<Item = (String, Result<String, ()>)>,
    ) -> Result<Self, Invalid> {
        let mut raw = Self::default();
        for (name, value) in environment {
            let ours = name.starts_with("ROSTER_") || SETTINGS.iter().any(|it| name_of(it, &name).is_some());
            if !ours || value.as_ref().is_ok_and(String::is_empty) || is_injected(&name) {
                continue;
            }
            let value = value.map_err(|()| Invalid(format!("{name} is not UTF-8")))?;
            raw.set(&name, value, "")?;
        }
        let table: toml::Table = file.parse().map_err(|error: toml::de::Error| {
            // The message alone: the rest of the error quotes the file.
            Invalid(format!("{FILE} is not TOML: {}", error.message().replace('\n', " ")))
        })?;
        for (key, value) in table {
            let name = variable(&key);
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(true) => "on".to_owned(),
                toml::Value::Boolean(false) => "off".to_owned(),
                _ => return Err(Invalid(format!("{FILE}: {key} must be a text or a number"))),
            };
            raw.set(&name, value, FILE)?;
        }
        Ok(raw)
    }

    /// A value by its variable. What was set before stays.
    fn set(&mut self, name: &str, value: String, source: &str) -> Result<(), Invalid> {
        let at = |what: String| Invalid(if source.is_empty() { what } else { format!("{source}: {what}") });
        let Some((setting, in_file)) = SETTINGS.iter().find_map(|it| Some((it, name_of(it, name)?))) else {
            let nearest = SETTINGS
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(a.name, name).total_cmp(&strsim::jaro_winkler(b.name, name)));
            let hint = nearest.map(|it| format!(" (did you mean {}?)", it.name)).unwrap_or_default();
            return Err(at(format!("unknown setting {name}{hint}")));
        };
        match setting.supported {
            Support::No => return Err(at(format!("{name} is not yet supported: unset it"))),
            Support::Only(one) if value != one => {
                return Err(at(format!("{name}: only \"{one}\" is supported yet: set that, or unset it")));
            }
            _ => {}
        }
        let value = if in_file { from_file(name, Path::new(&value))? } else { value };
        self.0.entry(setting.name).or_insert(value);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Never quotes the value: it may be a secret.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Invalid> {
        parse(self.get(name).unwrap_or(default)).map_err(|why| Invalid(format!("{name} {why}")))
    }

    /// One of a few words; the first is the default.
    pub(super) fn one_of<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<T, Invalid> {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.parsed(name, all[0], |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| format!("must be one of: {}", all.join(", ")))
        })
    }
}

/// Whether a variable names this setting, and whether it names a file that holds it.
fn name_of(setting: &Known, variable: &str) -> Option<bool> {
    if variable == setting.name {
        return Some(false);
    }
    (setting.secret && variable.strip_suffix("_FILE") == Some(setting.name)).then_some(true)
}

/// `listen` and `roster_listen` → `ROSTER_LISTEN`; `database_url` → `DATABASE_URL`.
fn variable(key: &str) -> String {
    let upper = key.to_uppercase();
    if upper.starts_with("ROSTER_") || upper.starts_with("DATABASE_") || upper.starts_with("AMQP_") {
        upper
    } else {
        format!("ROSTER_{upper}")
    }
}

/// What Kubernetes sets for a service that is called roster.
fn is_injected(name: &str) -> bool {
    let port = |text: &str| {
        let mut parts = text.splitn(2, '_');
        parts.next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) && parts.next().is_some()
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| port(rest))
}

fn from_file(name: &str, path: &Path) -> Result<String, Invalid> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|error| Invalid(format!("{name} names a file that cannot be read: {error}")))
}
