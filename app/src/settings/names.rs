//! The names of settings, and suggestions for misspelt ones.

use super::raw::{SETTINGS, SettingSpec};
use crate::product::{SETTINGS_PREFIX, setting};

/// Names that other programs use for the same settings.
const CALLED_ELSEWHERE: &[(&str, &str)] = &[
    ("ADDR", setting!("LISTEN")),
    ("ADDRESS", setting!("LISTEN")),
    ("BIND", setting!("LISTEN")),
    ("HOST", setting!("LISTEN")),
    ("PORT", setting!("LISTEN")),
    ("DB_URL", "DATABASE_URL"),
    ("POSTGRES_URL", "DATABASE_URL"),
    ("BROKER_URL", "AMQP_URL"),
    ("RABBITMQ_URL", "AMQP_URL"),
    ("ENV", setting!("PROFILE")),
    ("PROXIES", setting!("TRUSTED_PROXIES")),
    ("CORS", setting!("CORS_ORIGINS")),
];

/// A name with more typing errors than one in this many characters gets no suggestion.
const ONE_ERROR_IN: usize = 4;

/// `None` if the variable is another setting; `Some(true)` if it names a file that has the value.
pub(super) fn name_of(setting: &SettingSpec, variable: &str) -> Option<bool> {
    if variable == setting.name {
        return Some(false);
    }
    (setting.is_secret() && variable.strip_suffix("_FILE") == Some(setting.name)).then_some(true)
}

/// `listen` and `roster_listen` → `ROSTER_LISTEN`; `database_url` → `DATABASE_URL`.
pub(super) fn variable(key: &str) -> String {
    let upper = key.to_uppercase();
    if upper.starts_with(SETTINGS_PREFIX) || upper.starts_with("DATABASE_") || upper.starts_with("AMQP_") {
        upper
    } else {
        format!("{SETTINGS_PREFIX}{upper}")
    }
}

/// `ROSTER_LISTEN` → `listen`
pub(super) fn spelling_in_file(variable: &str) -> String {
    bare(variable).to_lowercase()
}

/// The setting that an unknown name may mean, if one is similar enough.
pub(super) fn suggestion(unknown: &str) -> Option<String> {
    let unknown = bare(unknown);
    if let Some((_, meant)) = CALLED_ELSEWHERE.iter().find(|(name, _)| *name == unknown) {
        return Some((*meant).to_owned());
    }
    let near = |name: String| {
        let errors = strsim::osa_distance(bare(&name), unknown);
        (errors <= (unknown.len() / ONE_ERROR_IN).max(1)).then_some((errors, name))
    };
    let names = SETTINGS.iter().flat_map(|it| {
        let file = it.is_secret().then(|| format!("{}_FILE", it.name));
        std::iter::once(it.name.to_owned()).chain(file)
    });
    names.filter_map(near).min_by_key(|(errors, _)| *errors).map(|(_, name)| name)
}

fn bare(variable: &str) -> &str {
    variable.strip_prefix(SETTINGS_PREFIX).unwrap_or(variable)
}

#[cfg(test)]
mod tests {
    use super::{SETTINGS, SETTINGS_PREFIX};

    #[test]
    fn every_setting_has_the_prefix_of_the_product_or_the_name_of_a_server() {
        for setting in SETTINGS {
            let is_of_a_server = ["DATABASE_URL", "AMQP_URL"].contains(&setting.name);
            assert!(setting.name.starts_with(SETTINGS_PREFIX) || is_of_a_server, "{}", setting.name);
        }
    }
}
