use crate::CommandRequest;
use std::collections::BTreeMap;
use use_case::Message;

/// What commands are about, by their wire names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets(BTreeMap<&'static str, (&'static str, &'static str)>);

impl Targets {
    pub(crate) fn add<R: CommandRequest>(&mut self) {
        self.0.insert(R::Message::NAME, R::TARGET);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn of(&self, name: &str) -> Option<(&'static str, &'static str)> {
        self.0.get(name).copied()
    }
}
