use std::fmt;

/// The cost of a bcrypt hash: the base-2 logarithm of its rounds, 4 to 31.
///
/// Every step doubles the time. 31 takes a day: a caller that reads costs from storage sets
/// narrower bounds of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u32);

/// A cost below 4 or above 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostOutOfRange;

impl Cost {
    /// The logarithm, 4 to 31.
    #[must_use]
    pub fn log2(self) -> u32 {
        self.0
    }

    /// The number of rounds, 2^cost.
    pub(crate) fn rounds(self) -> u32 {
        1 << self.0
    }
}

impl TryFrom<u32> for Cost {
    type Error = CostOutOfRange;
    fn try_from(log2: u32) -> Result<Self, CostOutOfRange> {
        if (4..=31).contains(&log2) { Ok(Self(log2)) } else { Err(CostOutOfRange) }
    }
}

impl fmt::Display for CostOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bcrypt cost must be 4 to 31")
    }
}

impl std::error::Error for CostOutOfRange {}

#[cfg(test)]
mod tests {
    use super::{Cost, CostOutOfRange};

    #[test]
    fn a_cost_is_4_to_31() {
        assert_eq!(Cost::try_from(3), Err(CostOutOfRange));
        assert_eq!(Cost::try_from(4).map(Cost::log2), Ok(4));
        assert_eq!(Cost::try_from(31).map(Cost::log2), Ok(31));
        assert_eq!(Cost::try_from(32), Err(CostOutOfRange));
        assert_eq!(Cost::try_from(36), Err(CostOutOfRange), "a shift by 36 would be one by 4");
    }

    #[test]
    fn every_step_doubles_the_rounds() {
        assert_eq!(Cost::try_from(4).map(Cost::rounds), Ok(16));
        assert_eq!(Cost::try_from(31).map(Cost::rounds), Ok(2_147_483_648));
    }

    #[test]
    fn the_error_names_the_bounds() {
        assert_eq!(CostOutOfRange.to_string(), "a bcrypt cost must be 4 to 31");
    }
}
