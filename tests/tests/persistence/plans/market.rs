//! A market with a long past.

use p2p_domain::{TypedId, UserId};

pub(crate) const USER: u128 = 0x1000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const LISTING: u128 = 0x2000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const OFFER: u128 = 0x3000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const DISPUTE: u128 = 0x4000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const TRANSFER: u128 = 0x5000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const NOTIFICATION: u128 = 0x8000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const ACCOUNT: u128 = 0x6000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const REPORT: u128 = 0x9000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const DEAD: u128 = 0xb000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const ORDER: u128 = 0xc000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const PAYMENT: u128 = 0xd000_0000_0000_0000_0000_0000_0000_0000;
pub(crate) const WITHDRAWAL: u128 = 0xe000_0000_0000_0000_0000_0000_0000_0000;

pub(crate) const SESSION: u128 = 0xf000_0000_0000_0000_0000_0000_0000_0000;

/// Users 1 to 500 are exchangers, the rest customers. User 1000 has made half of all deals, user 1 has answered as many;
/// all but a few of them long ago. Every other listing is active: of those to sell USDT for USD, one in five has the same
/// price, and five of all take cheques. User 1000 has been told most of all, and has read all but every hundredth; one in
/// five hundred payment reports names no deal. User 1000 has made half of all orders and withdrawals; of the orders one in
/// a thousand is cancelled and the last hundred are new, of the withdrawals one in a hundred is requested and one in two
/// hundred rejected. User 1000 has begun half of all sessions, of which one in eleven goes on, and done half of all that the
/// audit trail tells: it is a log-in but once in a thousand times. Every other payment is for an order, the rest are of 2,500 callers.
pub(crate) const MARKET: &str = "
CREATE FUNCTION nth(kind int, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT (to_hex(kind) || '0000000-0000-0000-0000-' || lpad(to_hex(i), 12, '0'))::uuid $$;
INSERT INTO users (id, email, name, roles, created_at, roles_changed_at, version)
  SELECT nth(1, i), i || '@example.com', 'user ' || i, 1, 1, CASE WHEN i % 100 = 0 THEN i * 4 END, 1 FROM generate_series(1, 6000) i;
INSERT INTO accounts (id, owner_id, asset, available, held, version)
  SELECT nth(6, i * 16 + n), nth(1, i), asset, 0, 0, 1 FROM generate_series(1, 6000) i,
    unnest(ARRAY['BTC', 'ETH', 'USDT']) WITH ORDINALITY AS a (asset, n);
INSERT INTO exchangers (user_id, online, unanswered, frozen_at, version)
  SELECT nth(1, i), i % 2 = 0, 0, CASE WHEN i % 25 = 1 THEN i END, 1 FROM generate_series(1, 500) i;
INSERT INTO listings (id, exchanger_id, exchange_type, asset, fiat, price_e8, total, frozen, executed, remaining,
    min_fiat, max_fiat, available_fiat, payment_methods, payment_window_seconds, terms, state, created_at, updated_at, version)
  SELECT nth(2, i), nth(1, i % 500 + 1), CASE WHEN i % 20 < 10 THEN 'CRYPTO2FIAT' ELSE 'FIAT2CRYPTO' END,
    (ARRAY['BTC', 'ETH', 'USDT'])[i % 3 + 1], (ARRAY['USD', 'EUR'])[i % 2 + 1],
    CASE WHEN i % 60 = 20 THEN 1500000 ELSE 1000000 + i * 7919 % 1000000 END,
    1000, 0, 0, 1000, 100, 100000, 100000, CASE WHEN i % 4000 = 0 THEN '|CHEQUE|' ELSE '|CARD|SEPA|' END, 1800, 'terms', CASE WHEN i % 2 = 0 THEN 'ACTIVE' ELSE 'CLOSED' END, i, i, 1
  FROM generate_series(1, 20000) i;
INSERT INTO offers (id, listing_id, customer_id, exchanger_id, exchange_type, asset, amount, fiat, fiat_amount, price_e8,
    fee_basis_points, payment_window_seconds, conditions, created_at, status, deadline, cancel_proposed, closed_at, version)
  SELECT nth(3, i), nth(2, i % 20000 + 1), nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END),
    nth(1, CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + i % 499 END), 'FIAT2CRYPTO', 'USDT', 1, 'USD', 1, 1, 10, 1800, '', i,
    CASE WHEN i > 39960 THEN 'PENDING' WHEN i % 3 = 0 THEN 'FINISHED' WHEN i % 3 = 1 THEN 'DECLINED' ELSE 'CANCELLED' END,
    CASE WHEN i > 39960 THEN i END, false, CASE WHEN i <= 39960 THEN i END, 1
  FROM generate_series(1, 40000) i;
INSERT INTO offer_history (offer_id, version, status, actor, at)
  SELECT nth(3, i), v, 'PENDING', 'SYSTEM', 1 FROM generate_series(1, 40000) i, generate_series(1, 2) v;
INSERT INTO disputes (id, offer_id, customer_id, exchanger_id, opened_by, opener_id, reason, opened_at, state,
    resolution, resolved_by, resolution_comment, resolved_at, version)
  SELECT nth(4, i), o.id, o.customer_id, o.exchanger_id, 'CUSTOMER', o.customer_id, '', 1,
    CASE WHEN i > 11950 THEN 'OPEN' ELSE 'RESOLVED' END, CASE WHEN i <= 11950 THEN 'RESOLVED_FINISHED' END,
    CASE WHEN i <= 11950 THEN nth(1, 1) END, CASE WHEN i <= 11950 THEN '' END, CASE WHEN i <= 11950 THEN 1 END, 1
  FROM generate_series(1, 12000) i JOIN offers o ON o.id = nth(3, i);
INSERT INTO dispute_comments (dispute_id, id, author_id, text, at)
  SELECT nth(4, i), nth(7, i * 2 + n), nth(1, 1), 'text', 1 FROM generate_series(1, 12000) i, generate_series(0, 1) n;
INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, offer_id, posted_at)
  SELECT nth(6, CASE WHEN i % 2 = 0 THEN 1000 ELSE i % 6000 + 1 END * 16 + i / 2 % 2 + 2), nth(5, i), bucket, 1, 'HOLD', nth(3, 1), i
  FROM generate_series(1, 40000) i, unnest(ARRAY['AVAILABLE', 'HELD']) AS bucket;
INSERT INTO mailboxes (user_id, last, read_to, version)
  SELECT nth(1, i), CASE WHEN i = 1000 THEN 20000 ELSE 5 END, CASE WHEN i = 1000 THEN 10000 ELSE 0 END, 1
  FROM generate_series(1, 5000) i;
INSERT INTO notifications (id, user_id, number, event, at, read_at, version)
  SELECT nth(8, i), nth(1, 1000), i, 'ExchangeOfferCreated', i, CASE WHEN i % 100 > 0 THEN i END, 1
  FROM generate_series(1, 20000) i
  UNION ALL SELECT nth(8, 30000 + i), nth(1, CASE WHEN i / 5 = 999 THEN 5500 ELSE i / 5 + 1 END), i % 5 + 1, 'ExchangeOfferCreated', i, NULL, 1
  FROM generate_series(0, 19999) i;
INSERT INTO inbox (consumer, message, taken_at)
  SELECT consumer, 'message ' || i, i FROM generate_series(1, 10000) i, unnest(ARRAY['notifications', 'orders']) AS consumer;
INSERT INTO payment_reports (id, provider, callback, deal_reference, payment_reference, paid, currency, offer_id, outcome, received_at)
  SELECT nth(9, i), 'bank', i, '', '', 1, 'EUR', CASE WHEN i % 500 > 0 THEN nth(3, i) END,
    CASE WHEN i % 500 > 0 THEN 'APPLIED' ELSE 'UNKNOWN_DEAL' END, i FROM generate_series(1, 20000) i;
INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at)
  SELECT nth(10, i), 'ExchangeOfferCreated', 'OFFER', nth(3, i), 1, '{}', i FROM generate_series(1, 20000) i;
INSERT INTO dead_letters (message_id, queue, name, aggregate_type, aggregate_id, version, body, created_at, reason, died_at)
  SELECT nth(11, i), 'p2p.notifications', 'ExchangeOfferCreated', 'OFFER', nth(3, i), 1, '{}', i, 'reason', i
  FROM generate_series(1, 20000) i;
INSERT INTO orders (id, user_id, asset, amount, description, status, payment_id, reason, settled_at, created_at, version)
  SELECT nth(12, i), nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END), 'RUB', 1, '', status,
    CASE WHEN status = 'FINISHED' THEN nth(13, i) END, CASE WHEN status = 'CANCELLED' THEN 'INSUFFICIENT_FUNDS' END,
    CASE WHEN status <> 'NEW' THEN i END, i, 1
  FROM (SELECT i, CASE WHEN i > 39900 THEN 'NEW' WHEN i % 1000 < 2 THEN 'CANCELLED' ELSE 'FINISHED' END AS status
    FROM generate_series(1, 40000) i) AS made;
INSERT INTO payments (id, order_id, caller_id, key, payer_account_id, payee_account_id, amount, asset, description,
    status, processed_at, version)
  SELECT nth(13, i), CASE WHEN i % 2 = 0 THEN nth(12, i) END, CASE WHEN i % 2 = 1 THEN nth(1, i % 5000) END,
    CASE WHEN i % 2 = 1 THEN 'key ' || i END, nth(6, 17), nth(6, 33), 1, 'BTC', '', 'AUTHORIZED', i, 1
  FROM generate_series(1, 20000) i;
INSERT INTO withdrawals (id, user_id, asset, amount, destination, status, decided_by, decided_at, note, created_at, version)
  SELECT nth(14, i), nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END), 'RUB', 1, '', status,
    CASE WHEN status <> 'REQUESTED' THEN nth(1, 1) END, CASE WHEN status <> 'REQUESTED' THEN i END,
    CASE WHEN status <> 'REQUESTED' THEN '' END, i, 1
  FROM (SELECT i, CASE WHEN i % 100 < 2 THEN 'REQUESTED' WHEN i % 200 < 4 THEN 'REJECTED' ELSE 'APPROVED' END AS status
    FROM generate_series(1, 20000) i) AS made;
INSERT INTO idempotency_keys (caller, operation, key, fingerprint, tag, body, created_at)
  SELECT nth(1, i % 2 * 1000), 'POST /api/orders', 'key ' || i, nth(1, i), 201, '{}', i FROM generate_series(1, 20000) i;
INSERT INTO sessions (id, user_id, client, started_at, last_used_at, expires_at, generation, ended_at, ended_why, version)
  SELECT nth(15, i), nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END), 'a browser', i, i, i + 50000, 1,
    CASE WHEN i % 11 > 0 THEN i END, CASE WHEN i % 11 > 0 THEN 'LOGGED_OUT' END, 1 FROM generate_series(1, 20000) i;
INSERT INTO log_in_attempts (key, failed, last_failed_at, version) SELECT nth(1, i), 1, i, 1 FROM generate_series(1, 20000) i;
INSERT INTO second_factors (user_id, secret, active_since, last_step, recovery, version)
  SELECT nth(1, i), 'sealed', i, i, '', 1 FROM generate_series(1, 6000) i;
INSERT INTO conducts (user_id, cancels, counted_from, version) SELECT nth(1, i), 1, i, 1 FROM generate_series(1, 6000) i;
INSERT INTO audit_trail (number, at, actor_id, action, subject, detail, hash)
  SELECT i, i, CASE WHEN i % 10 > 0 THEN nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END) END,
    CASE WHEN i % 1000 IN (2, 3, 500) THEN 'ROLES_CHANGED' ELSE 'LOGGED_IN' END, 'user ' || i % 900, '{}', repeat('0', 64)
  FROM generate_series(1, 20000) i;
UPDATE audit_head SET count = 20000;
ANALYZE";

pub(crate) fn user(i: u128) -> UserId {
    UserId::from_u128(USER + i)
}
