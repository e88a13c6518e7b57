-- People, money and listings. Variables (psql -v): customers, exchangers, listings; fee_accounts, which spreads the
-- market's earnings over that many accounts (default 64: no deal ever waits for another's fee; 1 is how we store it).
\set ON_ERROR_STOP on
\set QUIET on
\if :{?customers} \else \set customers 10000 \endif
\if :{?exchangers} \else \set exchangers 1000 \endif
\if :{?listings} \else \set listings 1000 \endif
\if :{?fee_accounts} \else \set fee_accounts 64 \endif

BEGIN;

-- Which of the fee accounts the session at hand uses.
CREATE FUNCTION fees_owner() RETURNS uuid LANGUAGE sql STABLE
    RETURN fees_id(pg_backend_pid() % :fee_accounts);

INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000001', 'system:external', 'External', 0, NULL, 0, 1);
INSERT INTO users SELECT fees_id(n), 'system:fees:' || n, 'Fees', 0, NULL, 0, 1
    FROM generate_series(0, :fee_accounts - 1) AS n;
INSERT INTO users SELECT customer_id(n), 'customer-' || n || '@example.org', 'Customer ' || n, 1, NULL, 0, 1
    FROM generate_series(1, :customers) AS n;
INSERT INTO users SELECT exchanger_id(n), 'exchanger-' || n || '@example.org', 'Exchanger ' || n, 2, NULL, 0, 1
    FROM generate_series(1, :exchangers) AS n;
INSERT INTO exchangers SELECT exchanger_id(n), true, 0, NULL, 1 FROM generate_series(1, :exchangers) AS n;

-- Every customer has an account in USDT, customer n the one of that number, with an equal part in it of all that 64 bits can hold of what came from outside.
SELECT 4000000000000000000 / (:customers + :exchangers) AS each \gset
INSERT INTO accounts
    SELECT CASE roles WHEN 1 THEN overlay(id::text PLACING 'a000' FROM 10)::uuid
            ELSE fresh_id(1704067200000000 + row_number() OVER (ORDER BY id) * 1000) END, id, 'USDT',
        CASE WHEN id = '00000000-0000-0000-0000-000000000001' THEN -:each * (:customers + :exchangers)
             WHEN roles > 0 THEN :each ELSE 0 END, 0, 1
    FROM users;
INSERT INTO journal_entries
    SELECT unnest(ARRAY[a.id, e.id]), t.id, 'AVAILABLE', unnest(ARRAY[:each, -:each]), 'DEPOSIT', NULL,
        '00000000-0000-0000-0000-000000000001', 0
    FROM accounts AS a
    JOIN users AS u ON u.id = a.owner_id AND u.roles > 0
    JOIN accounts AS e ON e.owner_id = '00000000-0000-0000-0000-000000000001'
    CROSS JOIN LATERAL (SELECT fresh_id(1704067200000000) AS id WHERE a.id IS NOT NULL) AS t;

-- Listing n belongs to exchanger (n - 1) % exchangers + 1; the customer gives the crypto. 1 USDT is between 0.90 and
-- 0.99 USD, an offer between 1.00 and 100,000.00 USD.
INSERT INTO listings
    SELECT listing_id(n), exchanger_id((n - 1) % :exchangers + 1), 'CRYPTO2FIAT', 'USDT', 'USD',
        90000000 + n % 10 * 1000000, 4000000000000000000, 0, 0, 4000000000000000000, 100, 10000000, 10000000,
        '|CARD|SEPA|', 1800, 'Paid within half an hour', 'ACTIVE', 0, 0, 1
    FROM generate_series(1, :listings) AS n;

COMMIT;

-- Not the tables that are still empty: the planner would take them for small for ever.
VACUUM (ANALYZE, FREEZE) users, accounts, exchangers, listings, journal_entries;
