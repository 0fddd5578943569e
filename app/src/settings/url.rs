//! Checks server URLs before the client libraries parse them.

/// Query parameters whose values may have an `@`.
const NAMES_AND_PASSWORDS: [&str; 3] = ["user", "password", "application_name"];

/// Refuses an ambiguous URL. In `postgres://u:p@ss/w#rd@host/db` a library takes `ss` for the host, and looks up and
/// logs this piece of the password.
///
/// # Errors
/// When it is ambiguous. The message says what to do and quotes nothing.
pub(super) fn unambiguous(url: &str) -> Result<(), String> {
    const ENCODE: &str = "must have the characters @ : / ? # % in user and password encoded as %40 %3A %2F %3F %23 %25";
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    let is_parameter = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-[].".contains(&b));
        is_name && (!value.contains('@') || (NAMES_AND_PASSWORDS.contains(&name) && !authority.contains('@')))
    };
    let is_clear = !rest.contains('#') && !path.contains('@') && query.split('&').all(is_parameter);
    if is_clear { Ok(()) } else { Err(ENCODE.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::unambiguous;

    #[test]
    fn a_url_whose_password_could_be_its_host_is_refused() {
        for url in [
            "postgres://odd:p@ss/w#rd@host/db",
            "postgres://odd:p@ss/word@host/db",
            "postgres://odd:p@ss?word@host/db",
            "postgres://odd:p@ss?w=rd@host/db",
            "postgres://odd:12/34@host/db",
            "postgres://odd:12?34@host/db",
            "postgres://odd:12?user=34@host/db#",
            "postgres://odd:12?34=5@host/db",
            "postgres://odd:p@ss?password=rd@host/db",
            "postgres://odd:12#34@host/db",
            "postgres://host/d#b",
            "amqps://odd:p@ss/w#rd@host/%2f",
        ] {
            assert!(unambiguous(url).is_err_and(|why| why.contains("%40") && !why.contains("odd")), "{url}");
        }
    }

    #[test]
    fn an_unambiguous_url_is_accepted() {
        for url in [
            "postgres://u:p%40ss%2Fw%23rd@host:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://u:p@ss@host/db",
            "postgres:///db?host=/run/postgresql&user=me@server&password=p@ss",
            "postgres://host/db?options[search_path]=a&options=-c%20x=1",
            "postgres://%2Frun%2Fpostgresql/db",
            "amqps://u:p@host:5671/%2f?heartbeat=10",
            "sqlite://data/roster.db",
            "",
        ] {
            assert_eq!(unambiguous(url), Ok(()), "{url}");
        }
    }
}
