//! The comparisons, in the order of the document.

mod accepts;
mod cost;
mod drain;
mod growth;
mod lanes;
mod reads;
mod sign_in;
mod starvation;

use crate::report::Results;
use crate::shared::setting::Setting;
use anyhow::Result;

/// One comparison.
pub(crate) struct Comparison {
    /// The name for `--only` and for its files.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the document says about it.
    pub(crate) explanation: &'static str,
    /// The measure that the picture shows.
    pub(crate) pictured: &'static str,
    /// Whether `--quick` leaves it out.
    pub(crate) is_long: bool,
    pub(crate) run: fn(&Setting, &mut Results) -> Result<()>,
}

pub(crate) const COMPARISONS: &[Comparison] = &[
    reads::ON_POSTGRES,
    reads::ON_SQLITE,
    accepts::ON_POSTGRES,
    accepts::ON_SQLITE,
    lanes::LANES,
    drain::DRAIN,
    sign_in::SIGN_IN,
    starvation::ON_POSTGRES,
    starvation::ON_SQLITE,
    growth::ON_POSTGRES,
    growth::ON_SQLITE,
    cost::COST,
];
