//! Hashes per second on one core, by the number of lanes.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::crate_hashes::{COST, one_hash, seconds};
use crate::shared::setting::Setting;
use crate::shared::statistics::number;
use anyhow::Result;
use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;

pub(super) const LANES: Comparison = Comparison {
    name: "lanes",
    title: "Hashes in lanes on one core",
    explanation: "One thread computes 1 to 5 bcrypt hashes of cost 12 at once. The `bcrypt` crate computes one hash \
                  before each batch.",
    pictured: "hashes/s",
    is_long: false,
    run,
};

const CRATE: &str = "`bcrypt` crate";

fn run(setting: &Setting, results: &mut Results) -> Result<()> {
    let cost = Cost::try_from(COST)?;
    let name = |lanes| if lanes == 1 { "Roster, 1 lane".to_owned() } else { format!("Roster, {lanes} lanes") };
    setting.each_round(|| {
        let theirs = one_hash(COST);
        results.add(CRATE, "hashes/s", 1.0 / theirs);
        results.add(CRATE, "ms per batch", theirs * 1000.0);
        for lanes in 1..=MAX_LANES {
            let jobs: Vec<_> =
                (0..).take(lanes).map(|i| Job { key: b"a rather long pass phrase", salt: [i; 16] }).collect();
            let ours = seconds(|| drop(black_box(bcrypt(cost, black_box(&jobs)))));
            results.add(&name(lanes), "hashes/s", number(lanes) / ours);
            results.add(&name(lanes), "ms per batch", ours * 1000.0);
        }
        Ok(())
    })?;
    for lanes in 1..=MAX_LANES {
        results.ratio("hashes/s", &name(lanes), CRATE, (lanes == MAX_LANES).then_some(Wanted::AtLeast(4.5)));
    }
    Ok(())
}
