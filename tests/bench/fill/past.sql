-- A long past: deals between the customers, exchangers and listings that are there, one of four finished, the others
-- cancelled. What happened in which deal is said here, once; `offers.sql`, `history.sql` and `journal.sql` write it
-- down, each by itself, so that they can do it at the same time; `past_done.sql` ends it.
-- Variables (psql -v): offers; busy, how many of them the first customer has (default: as many as the others).
-- Needs helpers.sql. Customers sell USDT for USD, and must have enough of it; listings must be large enough.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?busy}
\else
    \set busy 0
\endif

BEGIN;

CREATE TABLE fill.customers AS
SELECT row_number() OVER (ORDER BY a.owner_id) - 1 AS number, a.owner_id AS id, a.id AS account
FROM accounts AS a JOIN users AS u ON u.id = a.owner_id
WHERE a.asset = 'USDT' AND u.roles & 3 = 1;
CREATE TABLE fill.listings AS
SELECT row_number() OVER (ORDER BY l.id) - 1 AS number, l.id, l.price_e8, l.exchanger_id AS exchanger, a.id AS account
FROM listings AS l JOIN accounts AS a ON a.owner_id = l.exchanger_id AND a.asset = l.asset
WHERE l.state = 'ACTIVE' AND l.exchange_type = 'CRYPTO2FIAT' AND l.asset = 'USDT' AND l.fiat = 'USD';

-- One deal every three seconds, the last one three days ago; each is about 25 USDT, of which a thousandth is the fee.
CREATE TABLE fill.past AS
SELECT :offers::bigint AS offers, CASE WHEN :busy > 0 THEN :offers / :busy END AS busy_every,
    (SELECT count(*) FROM fill.customers) AS customers, (SELECT count(*) FROM fill.listings) AS listings,
    (SELECT a.id FROM accounts AS a JOIN users AS u ON u.id = a.owner_id
        WHERE a.asset = 'USDT' AND u.email = 'system:fees') AS fees,
    (extract(epoch FROM now() - interval '3 days') * 1000000)::bigint AS until,
    25000000::bigint AS amount, 25000::bigint AS fee;

-- Everything about the deals, in the order of their ids.
CREATE FUNCTION fill.deals() RETURNS TABLE (
    id uuid, hold uuid, outcome uuid, at bigint, finished boolean, customer uuid, customer_account uuid,
    listing uuid, price_e8 bigint, exchanger uuid, exchanger_account uuid, fees uuid, amount bigint, fee bigint
) LANGUAGE sql STABLE AS $$
    SELECT fill.nth('0ffe', n), fill.nth('7a00', 2 * n), fill.nth('7a00', 2 * n + 1),
        until - (offers - n) * 3000000, (draw >> 60) & 3 = 0, c.id, c.account, l.id, l.price_e8, l.exchanger, l.account,
        fees, amount, fee
    FROM fill.past
        CROSS JOIN LATERAL (SELECT n, hashint8extended(n, 1) & 9223372036854775807 AS draw
            FROM generate_series(1, offers) AS n OFFSET 0) AS drawn
        JOIN fill.customers AS c ON c.number = CASE WHEN n % busy_every = 0 THEN 0 ELSE draw % customers END
        JOIN fill.listings AS l ON l.number = (draw >> 24) % listings
$$;

-- The steps of a deal, and the entries of its transfers.
CREATE TABLE fill.steps (finished boolean, version bigint, status text, actor text);
INSERT INTO fill.steps VALUES (false, 1, 'PENDING', 'CUSTOMER'), (false, 2, 'CANCELLED', 'CUSTOMER'),
    (true, 1, 'PENDING', 'CUSTOMER'), (true, 2, 'APPROVED', 'EXCHANGER'), (true, 3, 'PAYMENT_CONFIRMED', 'EXCHANGER'),
    (true, 4, 'RECEIPT_CONFIRMED', 'CUSTOMER'), (true, 5, 'FINISHED', 'CUSTOMER');
CREATE TABLE fill.entries (finished boolean, kind text, whose text, bucket text, part int);
INSERT INTO fill.entries VALUES
    (false, 'HOLD', 'customer', 'AVAILABLE', -1), (false, 'HOLD', 'customer', 'HELD', 1),
    (false, 'RELEASE', 'customer', 'AVAILABLE', 1), (false, 'RELEASE', 'customer', 'HELD', -1),
    (true, 'HOLD', 'customer', 'AVAILABLE', -1), (true, 'HOLD', 'customer', 'HELD', 1),
    (true, 'CAPTURE', 'customer', 'HELD', -1), (true, 'CAPTURE', 'exchanger', 'AVAILABLE', 1),
    (true, 'CAPTURE', 'fees', 'AVAILABLE', 0);

CALL fill.strip('offers');
CALL fill.strip('offer_history');
CALL fill.strip('journal_entries');

COMMIT;
ANALYZE fill.customers, fill.listings, fill.past, fill.steps, fill.entries;
