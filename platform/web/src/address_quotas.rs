use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much of something may be in use at once: in all, and by one address.
///
/// Counted in the memory of this process, since what it protects is this process's, too.
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

/// One of them is in use, until this is dropped.
#[must_use = "it is given back when it is dropped"]
pub struct QuotaSlot {
    in_use: Arc<Mutex<SlotsInUse>>,
    /// The client that it counts for; none when it counts in all only.
    address: Option<Vec<u8>>,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QuotaExceeded {
    /// All are in use.
    Exhausted,
    /// This address has its share.
    OverShare,
}

impl AddressQuotas {
    pub(crate) fn new(in_all: usize, per_address: usize) -> Self {
        Self { in_use: Arc::default(), in_all, per_address }
    }

    /// Takes one for this address, by its [`key`](crate::ClientAddress::key).
    pub(crate) fn acquire(&self, address: Vec<u8>) -> Result<QuotaSlot, QuotaExceeded> {
        self.take_for(Some(address))
    }

    /// Takes one for many clients at once, such as a proxy.
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
            // Addresses come and go: the map holds those that have something in use.
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
    fn an_address_over_its_share_takes_nothing_from_another() {
        let shares = AddressQuotas::new(4, 2);
        let mine: Vec<_> = (0..2).map(|_| shares.acquire(one()).expect("within the share")).collect();
        assert_eq!(shares.acquire(one()).err(), Some(QuotaExceeded::OverShare));
        let theirs = shares.acquire(other()).expect("it has a share of its own");
        drop(mine);
        assert!(shares.acquire(one()).is_ok(), "what was given back can be taken again");
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
    fn a_proxy_is_held_to_the_limit_in_all_alone() {
        let shares = AddressQuotas::new(3, 1);
        let held: Vec<_> = (0..3).map(|_| shares.take_in_all().ok()).collect();
        assert!(held.iter().all(Option::is_some));
        assert_eq!(shares.take_in_all().err(), Some(QuotaExceeded::Exhausted));
    }
}
