use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limits how many slots are in use at once, in total and per address, such as connections or waiting requests.
///
/// The counts are in the memory of the process, because the slots protect resources of the process.
#[derive(Clone)]
pub(crate) struct AddressQuotas {
    in_use: Arc<Mutex<SlotsInUse>>,
    in_all: usize,
    per_address: usize,
}

#[derive(Default)]
struct SlotsInUse {
    in_all: usize,
    by_address: HashMap<Vec<u8>, usize>,
}

/// A slot that is in use until it is dropped.
#[must_use = "the slot is free again when this is dropped"]
pub struct QuotaSlot {
    in_use: Arc<Mutex<SlotsInUse>>,
    /// The address that the slot counts for; `None` if it counts in the total only.
    address: Option<Vec<u8>>,
}

/// The reason why no slot is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QuotaExceeded {
    /// All slots are in use.
    Exhausted,
    /// This address uses as many slots as one address may have.
    OverShare,
}

impl AddressQuotas {
    pub(crate) fn new(in_all: usize, per_address: usize) -> Self {
        Self { in_use: Arc::default(), in_all, per_address }
    }

    /// Takes a slot for an address, given the address's [`key`](crate::ClientAddress::key).
    pub(crate) fn acquire(&self, address: Vec<u8>) -> Result<QuotaSlot, QuotaExceeded> {
        self.take_for(Some(address))
    }

    /// Takes a slot that counts in the total only, for a peer with many clients, such as a proxy.
    pub(crate) fn take_in_all(&self) -> Result<QuotaSlot, QuotaExceeded> {
        self.take_for(None)
    }

    fn take_for(&self, address: Option<Vec<u8>>) -> Result<QuotaSlot, QuotaExceeded> {
        let mut in_use = lock(&self.in_use);
        if let Some(address) = &address
            && in_use.by_address.get(address).is_some_and(|mine| *mine >= self.per_address)
        {
            return Err(QuotaExceeded::OverShare);
        }
        if in_use.in_all >= self.in_all {
            return Err(QuotaExceeded::Exhausted);
        }
        in_use.in_all += 1;
        if let Some(address) = &address {
            *in_use.by_address.entry(address.clone()).or_default() += 1;
        }
        Ok(QuotaSlot { in_use: Arc::clone(&self.in_use), address })
    }
}

impl Drop for QuotaSlot {
    fn drop(&mut self) {
        let mut in_use = lock(&self.in_use);
        in_use.in_all -= 1;
        let Some(address) = self.address.take() else { return };
        if let Some(mine) = in_use.by_address.get_mut(&address) {
            *mine -= 1;
            // Remove the entry, so that the map only has addresses with slots in use.
            if *mine == 0 {
                in_use.by_address.remove(&address);
            }
        }
    }
}

fn lock(in_use: &Mutex<SlotsInUse>) -> MutexGuard<'_, SlotsInUse> {
    in_use.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{AddressQuotas, QuotaExceeded, lock};

    fn one() -> Vec<u8> {
        vec![192, 0, 2, 1]
    }

    fn other() -> Vec<u8> {
        vec![192, 0, 2, 2]
    }

    #[test]
    fn an_address_over_its_share_takes_no_slot_from_another_address() {
        let shares = AddressQuotas::new(4, 2);
        let mine: Vec<_> = (0..2).map(|_| shares.acquire(one()).expect("within the share")).collect();
        assert_eq!(shares.acquire(one()).err(), Some(QuotaExceeded::OverShare));
        let theirs = shares.acquire(other()).expect("it has a share of its own");
        drop(mine);
        assert!(shares.acquire(one()).is_ok(), "a freed slot can be taken again");
        drop(theirs);
        assert!(lock(&shares.in_use).by_address.is_empty(), "an address with nothing in use is forgotten");
        assert_eq!(lock(&shares.in_use).in_all, 0);
    }

    #[test]
    fn all_addresses_together_stay_below_the_limit_in_all() {
        let shares = AddressQuotas::new(3, 2);
        let _held = [shares.acquire(one()), shares.acquire(one()), shares.acquire(other())].map(Result::ok);
        assert_eq!(shares.acquire(other()).err(), Some(QuotaExceeded::Exhausted));
        assert_eq!(shares.take_in_all().err(), Some(QuotaExceeded::Exhausted));
    }

    #[test]
    fn only_the_total_limit_applies_to_a_proxy() {
        let shares = AddressQuotas::new(3, 1);
        let held: Vec<_> = (0..3).map(|_| shares.take_in_all().ok()).collect();
        assert!(held.iter().all(Option::is_some));
        assert_eq!(shares.take_in_all().err(), Some(QuotaExceeded::Exhausted));
    }
}
