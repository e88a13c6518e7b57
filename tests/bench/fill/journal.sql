-- The money of the deals of `past.sql`.
\set ON_ERROR_STOP on
\set QUIET on
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, offer_id, staff_id, posted_at)
SELECT CASE e.whose WHEN 'customer' THEN d.customer_account WHEN 'exchanger' THEN d.exchanger_account ELSE d.fees END,
    CASE e.kind WHEN 'HOLD' THEN d.hold ELSE d.outcome END, e.bucket,
    CASE e.whose WHEN 'customer' THEN e.part * d.amount WHEN 'exchanger' THEN d.amount - d.fee ELSE d.fee END,
    e.kind, d.id, NULL, CASE e.kind WHEN 'HOLD' THEN d.at ELSE d.at + 1200000000 END
FROM (
    SELECT id, hold, outcome, at, finished, customer_account, exchanger_account, fees, amount, fee FROM fill.deals() OFFSET 0
) AS d JOIN fill.entries AS e ON e.finished = d.finished;
