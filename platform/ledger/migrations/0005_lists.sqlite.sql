-- Operators list the messages that failed or were rejected. The latest ones are in the order of the table.
create index ledger_failed on ledger_messages (sequence) where status = 'failed';
create index ledger_rejected on ledger_messages (sequence) where status = 'rejected';
