//! Accepting commands: group commit, admission control, and the pressure on workers.

pub(crate) mod accept;
pub(crate) mod accept_pressure;
pub(crate) mod admission;
