-- The deals of `past.sql`.
\set ON_ERROR_STOP on
\set QUIET on
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO offers (id, listing_id, customer_id, exchanger_id, exchange_type, asset, amount, fiat, fiat_amount, price_e8,
    fee_basis_points, payment_window_seconds, conditions, created_at, status, deadline, cancel_proposed, disputed_at,
    closed_at, payment_reference, version)
SELECT id, listing, customer, exchanger, 'CRYPTO2FIAT', 'USDT', amount, 'USD', price_e8 * 25 / 1000000, price_e8, 10, 1800,
    'Bank transfer, please', at, CASE WHEN finished THEN 'FINISHED' ELSE 'CANCELLED' END, NULL, false, NULL,
    at + 1200000000, CASE WHEN finished THEN 'SEPA 2025-04-18 4711' END, CASE WHEN finished THEN 5 ELSE 2 END
FROM fill.deals();
