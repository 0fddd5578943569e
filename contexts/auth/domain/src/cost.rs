/// The cost of a bcrypt hash: the base-2 logarithm of its rounds, 10 to 15. The bounds also hold for stored and
/// imported hashes, because a cost of 31 would occupy a thread for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BcryptCost(u8);

/// A cost is below 10 or above 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cost of a password hash must be 10 to 15")]
pub struct BcryptCostOutOfRange;

impl BcryptCost {
    /// The base-2 logarithm of the rounds, 10 to 15.
    #[must_use]
    pub const fn log2(self) -> u8 {
        self.0
    }
}

impl Default for BcryptCost {
    fn default() -> Self {
        Self(12)
    }
}

impl TryFrom<u8> for BcryptCost {
    type Error = BcryptCostOutOfRange;
    fn try_from(log2: u8) -> Result<Self, BcryptCostOutOfRange> {
        if (10..=15).contains(&log2) { Ok(Self(log2)) } else { Err(BcryptCostOutOfRange) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BcryptCost, BcryptCostOutOfRange};

    #[test]
    fn a_cost_is_10_to_15_and_12_by_default() {
        assert_eq!(BcryptCost::try_from(9), Err(BcryptCostOutOfRange));
        assert_eq!(BcryptCost::try_from(10).map(BcryptCost::log2), Ok(10));
        assert_eq!(BcryptCost::try_from(15).map(BcryptCost::log2), Ok(15));
        assert_eq!(BcryptCost::try_from(16), Err(BcryptCostOutOfRange));
        assert_eq!(BcryptCost::default().log2(), 12);
        assert!(BcryptCost::try_from(11).is_ok_and(|lower| lower < BcryptCost::default()), "costs are ordered");
    }

    #[test]
    fn the_error_names_the_bounds() {
        assert_eq!(BcryptCostOutOfRange.to_string(), "the cost of a password hash must be 10 to 15");
    }
}
