use kernel::Timestamp;

/// How long a code of an authenticator app is shown, in seconds (RFC 6238, section 5.2).
pub const TOTP_PERIOD: i64 = 30;
/// How many digits a code has.
pub const TOTP_DIGITS: usize = 6;
/// How many steps before and after the present one are accepted, for clocks that differ and codes that are typed late.
const SKEW: i64 = 1;
/// A used step that lies further ahead was written while the clock was wrong.
const AHEAD: i64 = 10;

/// The steps whose codes are accepted at `now`, the earliest first. A code works once: only steps after the last used
/// one are accepted, so that neither its code nor an earlier one works again.
pub fn acceptable_steps(now: Timestamp, last_used: Option<i64>) -> impl Iterator<Item = i64> {
    let present = now.as_microsecond().div_euclid(1_000_000 * TOTP_PERIOD);
    let last_used = last_used.filter(|step| *step <= present + AHEAD);
    (present - SKEW..=present + SKEW).filter(move |step| last_used.is_none_or(|last| *step > last))
}

#[cfg(test)]
mod tests {
    use super::acceptable_steps;
    use kernel::Timestamp;

    fn steps(second: i64, last_used: Option<i64>) -> Vec<i64> {
        let now = Timestamp::from_microsecond(second * 1_000_000).expect("in range");
        acceptable_steps(now, last_used).collect()
    }

    #[test]
    fn the_present_step_and_its_neighbours_are_accepted() {
        for second in [3_000, 3_029] {
            assert_eq!(steps(second, None), [99, 100, 101], "second {second}");
        }
        assert_eq!(steps(3_030, None), [100, 101, 102]);
    }

    #[test]
    fn a_used_step_and_all_earlier_ones_are_not_accepted_again() {
        assert_eq!(steps(3_000, Some(98)), [99, 100, 101]);
        assert_eq!(steps(3_000, Some(99)), [100, 101]);
        assert_eq!(steps(3_000, Some(100)), [101]);
        assert!(steps(3_000, Some(101)).is_empty());
        assert_eq!(steps(3_030, Some(101)), [102]);
    }

    #[test]
    fn after_the_clock_was_set_back_a_used_step_counts_for_five_minutes_only() {
        assert!(steps(3_000, Some(110)).is_empty());
        assert_eq!(steps(3_000, Some(111)), [99, 100, 101]);
    }
}
