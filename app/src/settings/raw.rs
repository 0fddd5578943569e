use super::SettingProblem;
use super::injected::is_injected;
use super::names::{name_of, spelling_in_file, suggestion, variable};
use super::text::{Hidden, clean, without_line_breaks};
use crate::product::{SETTINGS_FILE as FILE, SETTINGS_PREFIX, setting};
use private_files::{Exposure, REMEDY, explained, exposure};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A setting that Roster knows.
pub(super) struct SettingSpec {
    /// Its environment variable.
    pub(super) name: &'static str,
    pub(super) holds: Holds,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A value that may be shown.
    Plain,
    /// A value that is never shown, and that may be in a file of its own (`…_FILE`).
    Secret,
    /// A secret whose white space is significant, since users type it elsewhere.
    Password,
}

impl SettingSpec {
    pub(super) fn is_secret(&self) -> bool {
        self.holds != Holds::Plain
    }
}

const fn spec(name: &'static str) -> SettingSpec {
    SettingSpec { name, holds: Holds::Plain }
}

const fn secret(name: &'static str) -> SettingSpec {
    SettingSpec { name, holds: Holds::Secret }
}

const fn password(name: &'static str) -> SettingSpec {
    SettingSpec { name, holds: Holds::Password }
}

pub(super) const SETTINGS: &[SettingSpec] = &[
    secret("DATABASE_URL"),
    secret("AMQP_URL"),
    spec(setting!("LISTEN")),
    spec(setting!("METRICS_LISTEN")),
    spec(setting!("DATA_DIR")),
    spec(setting!("KEYS_FILE")),
    spec(setting!("PROFILE")),
    spec(setting!("BCRYPT_COST")),
    spec(setting!("BREACHED_FILE")),
    spec(setting!("LIMITS")),
    spec(setting!("TRUSTED_PROXIES")),
    spec(setting!("ADMIN_EMAIL")),
    password(setting!("ADMIN_PASSWORD")),
    spec(setting!("DB_CONNECTIONS")),
    spec(setting!("MAX_DELAY")),
    spec(setting!("REFRESH_GRACE")),
    spec(setting!("DOCS")),
    spec(setting!("IDLE_TIMEOUT")),
    spec(setting!("SHUTDOWN_DELAY")),
    spec(setting!("CONNECTIONS_PER_ADDRESS")),
    spec(setting!("IMPORT_MAX")),
    spec(setting!("REGISTRATION")),
    spec(setting!("SECOND_FACTOR")),
    spec(setting!("WEBAUTHN_RP_ID")),
    spec(setting!("WEBAUTHN_ORIGINS")),
    spec(setting!("STEP_UP_MAX_AGE")),
    secret(setting!("MAIL")),
    spec(setting!("MAIL_FROM")),
    spec(setting!("TEMPLATES_DIR")),
    spec(setting!("LINK_CONFIRM")),
    spec(setting!("LINK_RESET")),
    spec(setting!("LINK_INVITATION")),
    spec(setting!("LINK_EMAIL")),
    spec(setting!("PUBLIC_URL")),
    spec(setting!("CORS_ORIGINS")),
    spec(setting!("ISSUER")),
    spec(setting!("AUDIENCE")),
    spec(setting!("EVENTS")),
];

/// The settings as they were given, by the name of the variable, from the environment and from the file.
#[derive(Debug, Default)]
pub struct RawSettings {
    given: BTreeMap<&'static str, Given>,
    problems: Vec<SettingProblem>,
    /// Files with secrets that others can read.
    exposed: Vec<String>,
    /// The secrets that are in the file of settings itself.
    secrets_in_file: Vec<&'static str>,
}

/// A value, and the name of its setting as it was written there.
#[derive(Debug)]
struct Given {
    source: Source,
    label: String,
    value: String,
    /// Whether others can read the value's own file (`…_FILE`); `None` if it has no such file.
    own_file_is_exposed: Option<bool>,
}

/// The source of a setting. The environment takes precedence over the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Environment,
    File,
}

impl RawSettings {
    pub(super) fn load() -> Self {
        let (file, is_exposed) = match read_bytes(Path::new(FILE)) {
            Ok((bytes, is_exposed)) => {
                (String::from_utf8(bytes).map_err(|_| format!("{FILE} is not UTF-8")), is_exposed)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Ok(String::new()), false),
            Err(error) => (Err(format!("{FILE} cannot be read: {error}")), false),
        };
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            Some((name, value.into_string().map_err(drop)))
        });
        let mut raw = Self::from_sources(file.as_deref().unwrap_or_default(), environment);
        raw.problems.extend(file.err().map(SettingProblem::general));
        if is_exposed && let [name, ..] = raw.secrets_in_file[..] {
            raw.exposed.push(format!("{FILE}, which has {name}"));
        }
        raw
    }

    /// Reads the text of the file and the variables of the environment. The environment takes precedence. A variable
    /// whose value is not UTF-8 is a problem only if it is a setting.
    pub(super) fn from_sources(file: &str, environment: impl Iterator<Item = (String, Result<String, ()>)>) -> Self {
        let mut raw = Self::default();
        for (name, value) in environment {
            let is_setting =
                name.starts_with(SETTINGS_PREFIX) || SETTINGS.iter().any(|it| name_of(it, &name).is_some());
            if !is_setting || value.as_ref().is_ok_and(|value| clean(value).is_empty() || is_injected(&name, value)) {
                continue;
            }
            match value {
                Ok(value) => raw.set(Source::Environment, &name, &name, value),
                Err(()) => raw.problems.push(SettingProblem::general(format!("{} is not UTF-8", quoted(&name)))),
            }
        }
        raw.read_file(file);
        raw
    }

    fn read_file(&mut self, text: &str) {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return self.problems.push(SettingProblem::general(not_toml(text, &error))),
        };
        for (key, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(true) => "on".to_owned(),
                toml::Value::Boolean(false) => "off".to_owned(),
                _ => {
                    let says = format!("{FILE}: {} must be a string, a number, true or false", quoted(&key));
                    self.problems.push(SettingProblem::general(says));
                    continue;
                }
            };
            self.set(Source::File, &variable(&key), &key, value);
        }
    }

    /// Stores a value. `written` is the spelling of the name where it was given.
    fn set(&mut self, source: Source, name: &str, written: &str, value: String) {
        match read(source, name, written, value) {
            Err(problem) => self.problems.push(problem),
            Ok((setting, given)) => self.store(setting, written, given),
        }
    }

    fn store(&mut self, setting: &'static str, written: &str, given: Given) {
        let is_secret = SETTINGS.iter().any(|it| it.name == setting && it.is_secret()) && !is_path(&given.value);
        match given.own_file_is_exposed {
            Some(true) if is_secret => self.exposed.push(format!("the file that {written} names")),
            None if is_secret && given.source == Source::File => self.secrets_in_file.push(setting),
            _ => {}
        }
        match self.given.get(setting) {
            Some(before) if before.source == given.source => self.problems.push(SettingProblem::of(
                setting,
                format!("{} and {} are the same setting: remove one of them", before.label, given.label),
            )),
            Some(_) => {}
            None => {
                self.given.insert(setting, given);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|given| given.value.as_str())
    }

    /// One problem for each file with secrets that others on this machine can read or change.
    pub(super) fn exposed(&self) -> Vec<SettingProblem> {
        let refused =
            |file| SettingProblem::general(format!("others on this machine can read or change {file}: {REMEDY}"));
        self.exposed.iter().map(refused).collect()
    }

    /// Removes a value, so that the default is used.
    pub(super) fn forget(&mut self, name: &str) {
        self.given.remove(name);
    }

    pub(super) fn take_problems(&mut self) -> Vec<SettingProblem> {
        std::mem::take(&mut self.problems)
    }

    /// A problem with the value of a setting. The message uses the name as it was written, and never quotes the value,
    /// which may be a secret.
    pub(super) fn problem(&self, name: &'static str, why: &str) -> SettingProblem {
        let label = self.given.get(name).map_or(name, |given| &given.label);
        SettingProblem::of(name, format!("{label} {why}"))
    }

    /// Parses a setting, or its default.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingProblem> {
        parse(self.get(name).unwrap_or(default)).map_err(|why| self.problem(name, &why))
    }

    /// Reads a setting that is one of a few words; the first is the default.
    pub(super) fn one_of<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<T, SettingProblem> {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.parsed(name, all[0], |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| format!("must be one of: {}", all.join(", ")))
        })
    }
}

fn read(source: Source, name: &str, written: &str, value: String) -> Result<(&'static str, Given), SettingProblem> {
    let at = |what: String| if source == Source::File { format!("{FILE}: {what}") } else { what };
    let Some((setting, in_file)) = SETTINGS.iter().find_map(|it| Some((it, name_of(it, name)?))) else {
        let hint = suggestion(name).map(|nearest| match source {
            Source::File => format!(" (did you mean {}?)", spelling_in_file(&nearest)),
            Source::Environment => format!(" (did you mean {nearest}?)"),
        });
        return Err(SettingProblem::general(at(format!(
            "unknown setting {}{}",
            quoted(written),
            hint.unwrap_or_default()
        ))));
    };
    let problem = |says: String| SettingProblem::of(setting.name, at(says));
    let (label, value, own_file_is_exposed) = if in_file {
        let (text, is_exposed) =
            from_file(Path::new(clean(&value))).map_err(|why| problem(format!("{written} {why}")))?;
        (format!("the content of {written}"), text, Some(is_exposed))
    } else {
        (written.to_owned(), value, None)
    };
    let value = if setting.holds == Holds::Password { without_line_breaks(&value) } else { clean(&value) };
    if clean(value) != value {
        return Err(problem(format!("{label} begins or ends with white space: remove it, or choose another password")));
    }
    if value.is_empty() {
        return Err(problem(format!("{label} is empty")));
    }
    check_text(setting, value).map_err(|why| problem(format!("{label} {why}")))?;
    Ok((setting.name, Given { source, label: at(label), value: value.to_owned(), own_file_is_exposed }))
}

/// Refuses invisible characters.
fn check_text(setting: &SettingSpec, value: &str) -> Result<(), String> {
    let found = if setting.holds == Holds::Password { Hidden::find(value) } else { Hidden::find_with_blanks(value) };
    match found {
        None => Ok(()),
        // For a secret, do not even show which character it is.
        Some(_) if setting.is_secret() => Err("has an invisible character inside: type it again".to_owned()),
        Some(hidden) => Err(hidden.to_string()),
    }
}

/// A setting's name as it was given, made safe to print on one line.
fn quoted(name: &str) -> String {
    let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_name { name.to_owned() } else { "(not shown: a name has only letters, digits and _)".to_owned() }
}

/// The error of a file that is not TOML: the line, without the file's text.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!("{FILE} is not TOML: line {line}: {}", error.message().replace(['\n', '\r'], " "))
}

/// Reads a file; the second value tells whether others can read or change it.
fn from_file(path: &Path) -> Result<(String, bool), String> {
    let (bytes, is_exposed) = read_bytes(path).map_err(|error| format!("names a file that cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "names a file that is not UTF-8".to_owned())?;
    Ok((text, is_exposed))
}

fn read_bytes(path: &Path) -> std::io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path).map_err(|error| explained(path, error))?;
    let is_exposed = exposure(&file.metadata()?) > Exposure::Owner;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((bytes, is_exposed))
}

/// Whether a database URL has no password because it is the path of a SQLite file.
fn is_path(value: &str) -> bool {
    value.starts_with("sqlite:")
}
