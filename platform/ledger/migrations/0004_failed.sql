-- The failed messages about a subject, which an erasure discards.
create index ledger_failed_of_subject on ledger_messages (subject) where status = 'failed';
