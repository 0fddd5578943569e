-- Operators list the latest messages, and those that failed or were rejected.
create index ledger_latest on ledger_messages (sequence);
create index ledger_failed on ledger_messages (sequence) where status = 'failed';
create index ledger_rejected on ledger_messages (sequence) where status = 'rejected';
