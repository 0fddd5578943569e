/// The schema of one context, embedded in the binary. Each context records its applied migrations in a table of its
/// own.
///
/// A release only expands the schema; a later release removes old parts. A node that is older than the schema keeps
/// working, so unknown newer migrations are tolerated.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// The context's name, which is the prefix of all its tables.
    pub context: &'static str,
    /// The number under which the database records the first of them: 1, or more for those that only some installations
    /// have.
    pub first: i64,
    /// The migrations in order.
    pub all: &'static [Migration],
}

/// One migration, in both dialects.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The name that the database records: the file's name without its number.
    pub name: &'static str,
    pub postgres: &'static str,
    pub sqlite: &'static str,
}

/// The [`Migrations`] of a context, from the files below `migrations/` in the calling crate. A migration has two files,
/// `NAME.postgres.sql` and `NAME.sqlite.sql`. A migration `in_both` has one text for both dialects, `NAME.sql`. The
/// names are numbered from `0001`, without a gap, or the call does not compile.
///
/// `pub const MIGRATIONS: Migrations = migrations!("users": "0001_users", "0002_nickname" in_both);`
#[macro_export]
macro_rules! migrations {
    ($context:literal: $($file:literal $($both:ident)?),+ $(,)?) => {
        $crate::Migrations {
            context: $context,
            first: 1,
            all: &const {
                $crate::check_numbers(&[$($file),+]);
                [$($crate::Migration {
                    name: $crate::without_number($file),
                    postgres: $crate::migration_text!($file, ".postgres.sql" $($both)?),
                    sqlite: $crate::migration_text!($file, ".sqlite.sql" $($both)?),
                }),+]
            },
        }
    };
}

/// The text of a migration in one dialect.
#[doc(hidden)]
#[macro_export]
macro_rules! migration_text {
    ($file:literal, $dialect:literal in_both) => {
        $crate::migration_text!($file, ".sql")
    };
    ($file:literal, $end:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $file, $end))
    };
}

/// The name of a migration that is in the file `0001_NAME`.
#[doc(hidden)]
#[must_use]
pub const fn without_number(file: &str) -> &str {
    match file.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'_', _, ..] => file.split_at(5).1,
        _ => panic!("the name of a migration begins with four digits and `_`, like `0001_users`"),
    }
}

/// Refuses files that are not numbered from `0001` without a gap. The database records the position as the version.
#[doc(hidden)]
pub const fn check_numbers(files: &[&str]) {
    let mut n = 0;
    while n < files.len() {
        let (mut number, mut at) = (0, 0);
        while at < 4 && at < files[n].len() {
            number = number * 10 + files[n].as_bytes()[at].wrapping_sub(b'0') as usize;
            at += 1;
        }
        assert!(number == n + 1, "migrations are numbered from 0001, in order and without a gap");
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{check_numbers, without_number};

    #[test]
    fn the_recorded_name_has_no_number() {
        assert_eq!(without_number("0001_users"), "users");
        assert_eq!(without_number("0012_refresh_grace"), "refresh_grace");
    }

    #[test]
    #[should_panic = "begins with four digits"]
    fn a_migration_without_a_number_is_refused() {
        let _ = without_number("users");
    }

    #[test]
    fn migrations_are_numbered_in_order() {
        check_numbers(&["0001_a", "0002_b", "0003_c"]);
        for wrong in [&["0002_a"][..], &["0001_a", "0003_b"], &["0002_a", "0001_b"], &["0001_a", "0001_b"]] {
            assert!(std::panic::catch_unwind(|| check_numbers(wrong)).is_err(), "{wrong:?}");
        }
    }
}
