/// The maximum number of connections of one process to PostgreSQL. One listens, and one accepts commands. Two thirds
/// of the rest write, and one third reads; of those, one or two read for many requests at once.
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

    const fn all_readers(self) -> usize {
        ((self.0 - Self::OWN_PURPOSE) / 3) as usize
    }

    /// Those that read for one request each.
    pub(crate) const fn readers(self) -> usize {
        self.all_readers() - self.batches()
    }

    /// Those that read for many requests at once. If 0, they share the other readers.
    pub(crate) const fn batches(self) -> usize {
        match self.all_readers() {
            1 => 0,
            2 | 3 => 1,
            _ => 2,
        }
    }

    pub(crate) const fn writers(self) -> usize {
        (self.0 - Self::OWN_PURPOSE) as usize - self.all_readers()
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self(26)
    }
}
