-- What the deals of `past.sql` have left behind: balances, what listings have executed; then indexes and keys again.
-- Variable (psql -v): vacuum (true or false). Without, nothing of the past is vacuumed, now or later, which would take
-- longer than all the rest; for what only adds to the past it makes no difference.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';

BEGIN;
CREATE TEMPORARY TABLE finished ON COMMIT DROP AS
SELECT customer_account, exchanger_account, listing, count(*) AS deals, min(amount) AS amount, min(fee) AS fee
FROM fill.deals() WHERE finished
GROUP BY GROUPING SETS ((customer_account), (exchanger_account), (listing), ());
UPDATE accounts AS a SET available = a.available - f.deals * f.amount, version = a.version + f.deals
FROM finished AS f WHERE a.id = f.customer_account;
UPDATE accounts AS a SET available = a.available + f.deals * (f.amount - f.fee), version = a.version + f.deals
FROM finished AS f WHERE a.id = f.exchanger_account;
UPDATE accounts AS a SET available = a.available + f.deals * f.fee, version = a.version + f.deals
FROM finished AS f CROSS JOIN fill.past
WHERE a.id = past.fees AND num_nulls(f.customer_account, f.exchanger_account, f.listing) = 3;
UPDATE listings AS l SET executed = l.executed + f.deals * f.amount, remaining = l.remaining - f.deals * f.amount,
    version = l.version + f.deals
FROM finished AS f WHERE l.id = f.listing;
COMMIT;

CALL fill.restore();
DROP SCHEMA fill CASCADE;
\if :vacuum
    VACUUM (ANALYZE, FREEZE) offers, offer_history, journal_entries;
\else
    ALTER TABLE offers SET (autovacuum_enabled = false);
    ALTER TABLE offer_history SET (autovacuum_enabled = false);
    ALTER TABLE journal_entries SET (autovacuum_enabled = false);
    ANALYZE offers, offer_history, journal_entries;
\endif
VACUUM (ANALYZE) accounts, listings;
