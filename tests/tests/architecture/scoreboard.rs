//! The tests that the security scoreboard names exist.

use crate::source::{files, root};
use std::collections::BTreeSet;

/// The names of all tests of the workspace: the functions after a test attribute, and those that a macro makes tests
/// of.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files("", "rs") {
        let text = std::fs::read_to_string(file).unwrap();
        let (mut is_test, mut is_list) = (false, false);
        for line in text.lines().map(str::trim) {
            is_list = makes_tests(line) || (is_list && line != "}");
            if let Some(name) = line.strip_suffix(',').filter(|_| is_list) {
                names.insert(name.to_owned());
            }
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                names.extend(rest.split('(').next().map(str::to_owned));
                is_test = false;
            }
        }
    }
    names
}

/// Whether the line begins the list of a macro such as `in_each_world!`.
fn makes_tests(line: &str) -> bool {
    let name = line.strip_suffix("! {").unwrap_or_default();
    name == "both" || (name.starts_with("in_") && (name.contains("_world") || name.contains("_database")))
}

fn scoreboard() -> String {
    std::fs::read_to_string(root().join("docs/SECURITY-SCOREBOARD.md")).unwrap()
}

/// The names in backticks in table rows that contain the word `test`.
fn named(scoreboard: &str) -> BTreeSet<String> {
    let cells = scoreboard.lines().filter(|line| line.contains("test `")).filter_map(|line| line.rsplit('|').nth(1));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    words.filter(|word| word.matches('_').count() > 1 && !word.contains(['.', '=', ' '])).collect()
}

#[test]
fn each_test_that_the_security_scoreboard_names_exists() {
    let (named, tests) = (named(&scoreboard()), tests());
    assert!(named.len() > 50 && tests.len() > 300, "{} named, {} tests are not all", named.len(), tests.len());
    let missing: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_security_scoreboard_counts_its_own_rows() {
    let scoreboard = scoreboard();
    for level in ["L1", "L2", "L3"] {
        let rows: Vec<_> = scoreboard.lines().filter(|line| line.contains(&format!(" | {level} | "))).collect();
        let open = rows.iter().filter(|line| line.contains("**open**")).count();
        let total = format!("| {level} | {} | {} | {open} |", rows.len(), rows.len() - open);
        assert!(scoreboard.contains(&total), "{total}");
    }
}
