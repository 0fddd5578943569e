/// Writes a statement once for both databases. The result is a `(postgres, sqlite)` pair, as
/// [`DialectSql`](crate::DialectSql) takes it.
///
/// The compiler replaces these words:
///
/// | word | PostgreSQL | SQLite |
/// |---|---|---|
/// | `{now}` | `now()`, the time when the transaction began | the time when the statement runs, in microseconds |
/// | `{clock}` | `clock_timestamp()`, also after the wait for a lock | the same as `{now}` |
/// | `{15 s}`, `{$2 us}` | an `interval` | microseconds |
/// | `{for update}` | `for update` | nothing: the transaction is the only writer |
/// | `{for update skip locked}` | `for update skip locked` | nothing |
/// | `{in $1}` | `= any($1)`, for a [`UuidList`](crate::UuidList) | the same condition |
/// | `{least}`, `{greatest}` | `least`, `greatest` | `min`, `max` |
///
/// A length of time is a number or a parameter, and one of the units `us`, `s`, `min` and `d`.
///
/// ```
/// const LEASE: (&str, &str) = persistence::sql!("update t set until = {now} + {15 s} where id = $1");
/// assert_eq!(LEASE.0, "update t set until = now() + (15 * interval '1 s') where id = $1");
/// ```
///
/// Constants share a part of several statements. `sql!` joins its texts with one space:
///
/// ```
/// const LIVE: &str = "ended_at is null and expires_at > {clock}";
/// let sql = persistence::sql!("select id from t where", LIVE, "order by id");
/// ```
///
/// Where the dialects differ in more than words, each gets its own texts, which may use the words, too:
///
/// ```
/// let sql = persistence::sql!(
///     postgres: "select extract(year from at)::bigint from t where until < {now}";
///     sqlite: "select cast(strftime('%Y', at / 1000000, 'unixepoch') as integer) from t where until < {now}"
/// );
/// ```
///
/// An unknown word does not compile. Neither does a single brace, so SQL with braces of its own, such as JSON, must be
/// a plain text or a pair.
///
/// ```compile_fail
/// const LEASE: (&str, &str) = persistence::sql!("update t set until = {nwo} + {15 s} where id = $1");
/// ```
#[macro_export]
macro_rules! sql {
    (postgres: $($postgres:expr),+; sqlite: $($sqlite:expr),+ $(,)?) => {
        ($crate::expanded!(Postgres, $($postgres),+), $crate::expanded!(Sqlite, $($sqlite),+))
    };
    ($($text:expr),+ $(,)?) => { $crate::sql!(postgres: $($text),+; sqlite: $($text),+) };
}

/// The text of a statement in one dialect, as a constant.
#[doc(hidden)]
#[macro_export]
macro_rules! expanded {
    ($dialect:ident, $($text:expr),+) => {
        const {
            const EXPANDED: &[u8] = &$crate::words::expand::<{
                $crate::words::length(&[$($text),+], $crate::words::Dialect::$dialect)
            }>(&[$($text),+], $crate::words::Dialect::$dialect);
            $crate::words::text(EXPANDED)
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::words::{Dialect, length};

    const NOW: &str = "cast(unixepoch('subsec') * 1000000 as integer)";

    #[test]
    fn every_word_becomes_the_text_of_each_dialect() {
        assert_eq!(crate::sql!("a{now}b"), ("anow()b", &*format!("a{NOW}b")));
        assert_eq!(crate::sql!("{clock}{now}"), ("clock_timestamp()now()", &*format!("{NOW}{NOW}")));
        assert_eq!(crate::sql!("a {for update}"), ("a for update", "a "));
        assert_eq!(crate::sql!("a {for update skip locked}"), ("a for update skip locked", "a "));
        assert_eq!(crate::sql!("{least}(a, {greatest}(b, c))"), ("least(a, greatest(b, c))", "min(a, max(b, c))"));
        assert_eq!(crate::sql!("{15 s}"), ("(15 * interval '1 s')", "(15 * 1000000)"));
        assert_eq!(crate::sql!("{6 min}"), ("(6 * interval '1 min')", "(6 * 60000000)"));
        assert_eq!(crate::sql!("{31 d}"), ("(31 * interval '1 d')", "(31 * 86400000000)"));
        assert_eq!(crate::sql!("{$12 us}"), ("($12 * interval '1 us')", "($12 * 1)"));
        let many = ("id = any($2)", "id in (select unhex(value) from json_each($2))");
        assert_eq!(crate::sql!("id {in $2}"), many);
        assert_eq!(crate::sql!("é = 'ü' {now}").0, "é = 'ü' now()");
    }

    #[test]
    fn texts_are_joined_with_a_space_and_may_be_constants() {
        const PART: &str = concat!("at > {now}", " or b");
        let sql = crate::sql!("select", PART, "limit 1");
        assert_eq!(sql, ("select at > now() or b limit 1", &*format!("select at > {NOW} or b limit 1")));
    }

    #[test]
    fn each_dialect_may_have_texts_of_its_own() {
        const PART: &str = "{now}";
        assert_eq!(crate::sql!(postgres: "a", PART; sqlite: PART, "b"), ("a now()", &*format!("{NOW} b")));
    }

    #[test]
    #[should_panic = "`{nwo}` is not a word of `sql!`. The words are {now} {clock} {for update} {for update skip locked} \
                      {least} {greatest} {in $1} and lengths of time like {15 s} or {$2 us}, in us, s, min or d."]
    fn an_unknown_word_is_refused() {
        let _ = length(&["select {nwo}"], Dialect::Postgres);
    }

    #[test]
    #[should_panic = "`{15 h}` is not a word"]
    fn an_unknown_unit_is_refused() {
        let _ = length(&["{15 h}"], Dialect::Sqlite);
    }

    #[test]
    #[should_panic = "`{15}` is not a word"]
    fn a_time_without_a_unit_is_refused() {
        let _ = length(&["{15}"], Dialect::Sqlite);
    }

    #[test]
    #[should_panic = "a `{` in this SQL is not closed"]
    fn an_unclosed_brace_is_refused() {
        let _ = length(&["select {now"], Dialect::Postgres);
    }

    #[test]
    #[should_panic = "no `{` stands before a `}` in this SQL"]
    fn an_unopened_brace_is_refused() {
        let _ = length(&["select now}"], Dialect::Postgres);
    }
}
