use crate::{CommandRequest, Resource, View as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use use_case::Message;

/// The kind of resource that a command is about, by the command's wire name.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResourceLinks {
    by_name: BTreeMap<&'static str, Resource>,
    /// The path below which a proxy serves all routes, or an empty text.
    base: Arc<str>,
}

impl ResourceLinks {
    pub(crate) fn below(base: &Arc<str>) -> Self {
        Self { by_name: BTreeMap::new(), base: Arc::clone(base) }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn add<R: CommandRequest>(&mut self) {
        self.by_name.insert(R::Message::NAME, R::View::RESOURCE);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.by_name.extend(other.by_name);
    }

    pub(crate) fn for_message(&self, name: &str) -> Option<Resource> {
        self.by_name.get(name).copied()
    }
}
