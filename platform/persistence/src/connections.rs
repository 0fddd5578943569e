/// The maximum number of connections of one process to PostgreSQL. One listens, and one accepts commands. Two thirds
/// of the rest write, and one third reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections(u32);

impl Connections {
    /// Two that write, one that reads, one that listens and one that accepts commands.
    pub const LEAST: u32 = 5;
    /// More connections would only queue inside PostgreSQL.
    pub const MOST: u32 = 1_000;
    const OWN_PURPOSE: u32 = 2;

    /// Creates a number from [`LEAST`](Self::LEAST) to [`MOST`](Self::MOST). Returns `None` for any other.
    #[must_use]
    pub fn new(all: u32) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&all).then_some(Self(all))
    }

    /// The total number.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.0
    }

    pub(crate) const fn readers(self) -> usize {
        ((self.0 - Self::OWN_PURPOSE) / 3) as usize
    }

    pub(crate) const fn writers(self) -> usize {
        (self.0 - Self::OWN_PURPOSE) as usize - self.readers()
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self(26)
    }
}
