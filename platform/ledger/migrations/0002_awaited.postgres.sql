-- Whether the command waits for what this subscription makes, and for this row. A row that a row which is not awaited
-- sets in motion is not awaited either.
alter table ledger_subscriptions add column awaited boolean not null default true;
alter table ledger_messages add column awaited boolean not null default true;
