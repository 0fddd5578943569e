-- Only a running row has a lease. See `EXPIRED` in `sweep.rs` for why the index does not name the status.
drop index ledger_leases;
create index ledger_leases on ledger_messages (lease_until) where lease_until is not null;
