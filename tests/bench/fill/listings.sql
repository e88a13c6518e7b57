-- An order book. Variables (psql -v): listings, and exchangers, of whom each has as many as the others (default: a
-- hundredth of the listings). Needs helpers.sql.
\set ON_ERROR_STOP on
\set QUIET on
\if :{?exchangers}
\else
    SELECT greatest(1, :listings / 100) AS exchangers \gset
\endif

SET client_min_messages = warning;
SET synchronous_commit = off;
SET session_replication_role = replica;
SET maintenance_work_mem = '256MB';
BEGIN;
CALL fill.strip('listings');

-- Four exchangers of five take offers now.
INSERT INTO users (id, email, name, roles, created_at, version)
SELECT fill.exchanger(n), 'exchanger-' || n || '@example.org', 'Exchanger ' || n, 2, 0, 1
FROM generate_series(1, :exchangers) AS n;
INSERT INTO exchangers (user_id, online, unanswered, frozen_at, version)
SELECT fill.exchanger(n), fill.draw(n, 1, 5) > 0, 0, NULL, 1
FROM generate_series(1, :exchangers) AS n;

-- Of 1,000 listings 600 are about USDT, 350 about US dollars, and so on. Prices lie within five hundredths of what the
-- asset is worth, on ticks of a thousandth of it: many are equal. One of ten is sold out, 85 of a hundred are active.
INSERT INTO listings (id, exchanger_id, exchange_type, asset, fiat, price_e8, total, frozen, executed, remaining, min_fiat,
    max_fiat, available_fiat, payment_methods, payment_window_seconds, terms, state, created_at, updated_at, version)
SELECT fill.listing(n), fill.exchanger(n % :exchangers + 1), kind.name, asset.name, fiat.name, price_e8,
    total, 0, total - remaining, remaining, min_fiat, max_fiat,
    least(max_fiat, trunc(remaining::numeric * price_e8 * power(10::numeric, fiat.scale - asset.scale - 8))),
    methods.name, 1800, 'Paid within half an hour, no third parties', state.name,
    1718000000000000 + n, 1718000000000000 + n, 1
FROM generate_series(1, :listings) AS n
    CROSS JOIN LATERAL (SELECT
        (ARRAY['CRYPTO2FIAT', 'FIAT2CRYPTO'])[fill.draw(n, 1, 2) + 1] AS name
    ) AS kind
    CROSS JOIN LATERAL (SELECT width_bucket(fill.draw(n, 2, 1000), ARRAY[0, 600, 800, 920, 980]::bigint[]) AS nth) AS a
    CROSS JOIN LATERAL (SELECT
        (ARRAY['USDT', 'BTC', 'ETH', 'USDC', 'LTC'])[a.nth] AS name,
        (ARRAY[6, 8, 8, 6, 8])[a.nth] AS scale,
        (ARRAY[1, 60000, 3000, 1, 80])[a.nth] AS dollars
    ) AS asset
    CROSS JOIN LATERAL (SELECT width_bucket(fill.draw(n, 3, 1000), ARRAY[0, 350, 650, 800, 900, 970]::bigint[]) AS nth) AS f
    CROSS JOIN LATERAL (SELECT
        (ARRAY['USD', 'EUR', 'RUB', 'GBP', 'KZT', 'JPY'])[f.nth] AS name,
        (ARRAY[2, 2, 2, 2, 2, 0])[f.nth] AS scale,
        (ARRAY[100, 92, 9000, 79, 45000, 15000])[f.nth]::bigint AS per_dollar_e2
    ) AS fiat
    CROSS JOIN LATERAL (SELECT
        asset.dollars * fiat.per_dollar_e2 * 1000 * (950 + fill.draw(n, 4, 101)) AS price_e8,
        fiat.per_dollar_e2 * (ARRAY[10, 50, 100, 500])[fill.draw(n, 5, 4) + 1] * 10 ^ (fiat.scale - 2) AS min_fiat,
        fiat.per_dollar_e2 * (ARRAY[500, 1000, 5000, 20000])[fill.draw(n, 6, 4) + 1] * 10 ^ (fiat.scale - 2) AS max_fiat,
        (10 ^ asset.scale * 100000 / asset.dollars)::bigint AS total
    ) AS numbers
    CROSS JOIN LATERAL (SELECT total * (ARRAY[0, 1, 2, 5, 10, 10, 10, 10, 10, 10])[fill.draw(n, 7, 10) + 1] / 10 AS remaining) AS left_over
    CROSS JOIN LATERAL (SELECT (ARRAY['|CARD|SEPA|', '|CARD|', '|SEPA|', '|REVOLUT|SEPA|', '|CASH|', '|WISE|',
        '|CARD|REVOLUT|WISE|', '|SBP|', '|PAYPAL|', '|SKRILL|', '|PIX|', '|M-PESA|', '|CHEQUE|'])[
        width_bucket(fill.draw(n, 8, 1000), ARRAY[0, 250, 450, 600, 700, 760, 810, 860, 910, 950, 970, 985, 999]::bigint[])] AS name
    ) AS methods
    CROSS JOIN LATERAL (SELECT (ARRAY['ACTIVE', 'PAUSED', 'CLOSED'])[
        width_bucket(fill.draw(n, 9, 100), ARRAY[0, 85, 90]::bigint[])] AS name) AS state;

CALL fill.restore();
DROP SCHEMA fill CASCADE;
COMMIT;
VACUUM (ANALYZE, FREEZE) users, exchangers, listings;
