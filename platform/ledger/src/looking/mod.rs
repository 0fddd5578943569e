//! Reading the ledger: the status of a command, waiting for it, dead letters.

pub(crate) mod ahead;
pub mod dead_letters;
pub(crate) mod status;
pub(crate) mod wait;
