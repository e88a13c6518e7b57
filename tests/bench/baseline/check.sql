-- Proves after a run that nothing is wrong: each line counts the rows that break a law. Ends with an error if any does.
\set ON_ERROR_STOP on
\pset footer off

CREATE TEMP VIEW laws AS
WITH sums AS (
    SELECT a.id, a.asset, a.owner_id, a.available, a.held, a.version,
        coalesce(sum(j.amount) FILTER (WHERE j.bucket = 'AVAILABLE'), 0) AS entered_available,
        coalesce(sum(j.amount) FILTER (WHERE j.bucket = 'HELD'), 0) AS entered_held
    FROM accounts AS a LEFT JOIN journal_entries AS j ON j.account_id = a.id
    GROUP BY a.id
), escrow AS (
    SELECT CASE exchange_type WHEN 'CRYPTO2FIAT' THEN customer_id ELSE exchanger_id END AS owner_id, asset,
        sum(amount) AS amount
    FROM offers WHERE closed_at IS NULL GROUP BY 1, 2
), dealt AS (
    SELECT listing_id, coalesce(sum(amount) FILTER (WHERE closed_at IS NULL), 0) AS frozen,
        coalesce(sum(amount) FILTER (WHERE status = 'FINISHED'), 0) AS executed
    FROM offers GROUP BY 1
), told AS (
    SELECT aggregate_id, max(version) AS version, count(*) AS messages,
        bool_and(body::json ->> 'event' = name AND body::json #>> '{data,offerId}' = aggregate_id::text) AS readable
    FROM outbox GROUP BY 1
), passed AS (
    SELECT offer_id, max(version) AS version, count(*) AS steps, (array_agg(status ORDER BY version DESC))[1] AS status
    FROM offer_history GROUP BY 1
), paid AS (
    SELECT subject_id, count(*) AS entries, min(amount) AS taken, max(amount) AS given,
        (array_agg(account_id ORDER BY amount))[1] AS payer, (array_agg(account_id ORDER BY amount))[2] AS payee,
        bool_and(bucket = 'AVAILABLE') AS available, count(DISTINCT transfer_id) AS transfers
    FROM journal_entries WHERE kind = 'PAYMENT' GROUP BY 1
)
SELECT 'assets whose entries do not sum to zero' AS law, count(*) AS broken FROM (
    SELECT FROM sums GROUP BY asset HAVING sum(entered_available + entered_held) <> 0) AS s
UNION ALL SELECT 'transfers that do not sum to zero', count(*) FROM (
    SELECT FROM journal_entries GROUP BY transfer_id HAVING sum(amount) <> 0) AS t
UNION ALL SELECT 'balances that are not the sum of their entries', count(*) FROM sums
    WHERE available <> entered_available OR held <> entered_held
UNION ALL SELECT 'balances below zero', count(*) FROM sums
    WHERE held < 0 OR (available < 0 AND owner_id <> '00000000-0000-0000-0000-000000000001')
UNION ALL SELECT 'accounts that hold something else than their open deals', count(*)
    FROM sums LEFT JOIN escrow USING (owner_id, asset) WHERE sums.held <> coalesce(escrow.amount, 0)
UNION ALL SELECT 'listings whose amounts do not add up', count(*) FROM listings
    WHERE remaining + frozen + executed <> total OR remaining < 0
UNION ALL SELECT 'listings whose amounts are not those of their deals', count(*)
    FROM listings AS l LEFT JOIN dealt AS d ON d.listing_id = l.id
    WHERE l.frozen <> coalesce(d.frozen, 0) OR l.executed <> coalesce(d.executed, 0)
UNION ALL SELECT 'deals whose columns contradict their status', count(*) FROM offers
    WHERE (deadline IS NOT NULL) <> (status IN ('PENDING', 'APPROVED', 'PAYMENT_CONFIRMED'))
        OR (disputed_at IS NOT NULL) <> (status = 'DISPUTE_OPEN')
        OR (closed_at IS NOT NULL) <> (status IN ('FINISHED', 'DECLINED', 'CANCELLED'))
        OR (payment_reference IS NOT NULL) <> (status IN ('PAYMENT_CONFIRMED', 'FINISHED'))
        OR amount <= 0 OR fiat_amount <= 0 OR customer_id = exchanger_id
UNION ALL SELECT 'deals whose history is not theirs', count(*)
    FROM offers AS o LEFT JOIN passed AS p ON p.offer_id = o.id
    WHERE (p.version, p.steps, p.status) IS DISTINCT FROM (o.version, o.version, o.status)
UNION ALL SELECT 'deals whose messages are missing or unreadable', count(*)
    FROM offers AS o LEFT JOIN told AS t ON t.aggregate_id = o.id
    WHERE (t.version, t.messages, t.readable) IS DISTINCT FROM (o.version, o.version, true)
UNION ALL SELECT 'payments that have moved something else', count(*)
    FROM payments AS p FULL JOIN paid AS m ON m.subject_id = p.id
    WHERE (m.entries, m.transfers, m.available, m.payer, m.payee, m.taken, m.given) IS DISTINCT FROM
        (2, 1, true, p.payer_account_id, p.payee_account_id, -p.amount, p.amount) OR p.status <> 'AUTHORIZED';

SELECT (SELECT count(*) FROM offers) AS deals, (SELECT count(*) FROM offers WHERE status = 'FINISHED') AS finished,
    (SELECT count(*) FROM journal_entries) AS entries, (SELECT count(*) FROM outbox) AS messages,
    (SELECT count(*) FROM payments) AS payments;
SELECT * FROM laws;
SELECT CASE WHEN sum(broken) = 0 THEN 'in order' ELSE 'BROKEN' END AS verdict, sum(broken) > 0 AS any_broken
FROM laws \gset
\echo :verdict
\if :any_broken
SELECT 1 / 0 AS a_law_is_broken;
\endif
