//! Hints: when to look at the ledger, within a process and across processes.

pub(crate) mod cluster_notifier;
pub(crate) mod hint;
