-- The tables that the four commands of a deal, and payments, read and write, with what our own schema (`migration/`) stores in them,
-- as one would lay them out for stored procedures. Run once in an empty database.
\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

-- A CHECK is parsed anew by every statement that writes to its table, which costs a statement for one row more than
-- writing the row. So names are enums, amounts that must not be negative are a domain (parsed once in a session), and of
-- CHECKs only the one is left that guards people's money. What else our own schema checks, `check.sql` does afterwards.
CREATE TYPE exchange_type AS ENUM ('CRYPTO2FIAT', 'FIAT2CRYPTO');
CREATE TYPE listing_state AS ENUM ('ACTIVE', 'PAUSED', 'CLOSED');
CREATE TYPE offer_status AS ENUM ('PENDING', 'APPROVED', 'PAYMENT_CONFIRMED', 'RECEIPT_CONFIRMED', 'DISPUTE_OPEN',
    'FINISHED', 'DECLINED', 'CANCELLED');
CREATE TYPE actor AS ENUM ('CUSTOMER', 'EXCHANGER', 'MODERATOR', 'SYSTEM', 'PROVIDER');
CREATE TYPE bucket AS ENUM ('AVAILABLE', 'HELD');
CREATE TYPE posting_kind AS ENUM ('DEPOSIT', 'HOLD', 'RELEASE', 'CAPTURE', 'SPLIT', 'PAYMENT', 'REFUND');
CREATE TYPE payment_status AS ENUM ('AUTHORIZED', 'DECLINED', 'REFUNDED');
CREATE TYPE aggregate_type AS ENUM ('OFFER', 'DISPUTE', 'EXCHANGER');
CREATE TYPE asset AS ENUM ('BTC', 'ETH', 'LTC', 'USDT', 'USDC', 'USD', 'EUR', 'GBP', 'RUB', 'KZT', 'JPY');
CREATE DOMAIN amount AS bigint CHECK (VALUE >= 0);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    roles smallint NOT NULL,
    password_hash text,
    created_at bigint NOT NULL,
    version bigint NOT NULL
);

-- Only `external` may be below zero.
CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users,
    asset asset NOT NULL,
    available bigint NOT NULL CHECK (available >= 0 OR owner_id = '00000000-0000-0000-0000-000000000001'),
    held amount NOT NULL,
    version bigint NOT NULL,
    UNIQUE (owner_id, asset)
) WITH (fillfactor = 50);

CREATE TABLE exchangers (
    user_id uuid PRIMARY KEY REFERENCES users,
    online boolean NOT NULL,
    unanswered bigint NOT NULL,
    frozen_at bigint,
    version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX exchangers_frozen ON exchangers (frozen_at, user_id) WHERE frozen_at IS NOT NULL;

CREATE TABLE listings (
    id uuid PRIMARY KEY,
    exchanger_id uuid NOT NULL REFERENCES exchangers,
    exchange_type exchange_type NOT NULL,
    asset asset NOT NULL,
    fiat asset NOT NULL,
    price_e8 bigint NOT NULL,
    total bigint NOT NULL,
    frozen amount NOT NULL,
    executed amount NOT NULL,
    remaining amount NOT NULL,
    min_fiat bigint NOT NULL,
    max_fiat bigint NOT NULL,
    available_fiat amount NOT NULL,
    payment_methods text NOT NULL,
    payment_window_seconds bigint NOT NULL,
    terms text NOT NULL,
    state listing_state NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX listings_book_buy ON listings (asset, fiat, price_e8, id)
    WHERE state = 'ACTIVE' AND exchange_type = 'FIAT2CRYPTO';
CREATE INDEX listings_book_sell ON listings (asset, fiat, price_e8 DESC, id)
    WHERE state = 'ACTIVE' AND exchange_type = 'CRYPTO2FIAT';
CREATE INDEX listings_newest ON listings (id) WHERE state = 'ACTIVE';
CREATE INDEX listings_of_exchanger ON listings (exchanger_id, id) WHERE state <> 'CLOSED';

CREATE TABLE offers (
    id uuid PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES listings,
    customer_id uuid NOT NULL REFERENCES users,
    exchanger_id uuid NOT NULL REFERENCES exchangers,
    exchange_type exchange_type NOT NULL,
    asset asset NOT NULL,
    amount bigint NOT NULL,
    fiat asset NOT NULL,
    fiat_amount bigint NOT NULL,
    price_e8 bigint NOT NULL,
    fee_basis_points integer NOT NULL,
    payment_window_seconds bigint NOT NULL,
    conditions text NOT NULL,
    created_at bigint NOT NULL,
    status offer_status NOT NULL,
    deadline bigint,
    cancel_proposed boolean NOT NULL,
    disputed_at bigint,
    closed_at bigint,
    payment_reference text,
    version bigint NOT NULL
);
CREATE INDEX offers_due ON offers (deadline, id) WHERE deadline IS NOT NULL;
CREATE INDEX offers_of_customer ON offers (customer_id, id);
CREATE INDEX offers_of_exchanger ON offers (exchanger_id, id);
CREATE INDEX offers_active_of_customer ON offers (customer_id, closed_at, id)
    WHERE status NOT IN ('DECLINED', 'CANCELLED');
CREATE INDEX offers_active_of_exchanger ON offers (exchanger_id, closed_at, id)
    WHERE status NOT IN ('DECLINED', 'CANCELLED');

CREATE TABLE offer_history (
    offer_id uuid NOT NULL REFERENCES offers,
    version bigint NOT NULL,
    status offer_status NOT NULL,
    actor actor NOT NULL,
    user_id uuid REFERENCES users,
    comment text,
    at bigint NOT NULL,
    PRIMARY KEY (offer_id, version)
);

CREATE TABLE journal_entries (
    account_id uuid NOT NULL REFERENCES accounts,
    transfer_id uuid NOT NULL,
    bucket bucket NOT NULL,
    amount bigint NOT NULL,
    kind posting_kind NOT NULL,
    offer_id uuid,
    staff_id uuid,
    posted_at bigint NOT NULL,
    subject_id uuid,
    PRIMARY KEY (account_id, transfer_id, bucket)
);

CREATE TABLE payments (
    id uuid PRIMARY KEY,
    order_id uuid,
    caller_id uuid,
    key text,
    payer_account_id uuid,
    payee_account_id uuid,
    amount bigint NOT NULL,
    asset asset NOT NULL,
    description text NOT NULL,
    status payment_status NOT NULL,
    decline text,
    refunded_by uuid,
    refunded_at bigint,
    processed_at bigint NOT NULL,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX payments_of_order ON payments (order_id) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX payments_of_caller ON payments (caller_id, key) WHERE caller_id IS NOT NULL;

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    aggregate_type aggregate_type NOT NULL,
    aggregate_id uuid NOT NULL,
    version bigint NOT NULL,
    body text NOT NULL,
    created_at bigint NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON offer_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- From the number that a script draws to the id of a row. Inlined by the planner.
CREATE FUNCTION customer_id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01900000-c000-7000-8000-' || lpad(number::text, 12, '0'))::uuid;
CREATE FUNCTION exchanger_id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01900000-e000-7000-8000-' || lpad(number::text, 12, '0'))::uuid;
CREATE FUNCTION listing_id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01900000-1000-7000-8000-' || lpad(number::text, 12, '0'))::uuid;
CREATE FUNCTION account_id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01900000-a000-7000-8000-' || lpad(number::text, 12, '0'))::uuid;
CREATE FUNCTION fees_id(number int) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-0000-0002-' || lpad(number::text, 12, '0'))::uuid;

-- What one minor unit is in whole units of its asset.
CREATE FUNCTION unit_of(asset asset) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN asset <= 'LTC' THEN 0.00000001 WHEN asset <= 'USDC' THEN 0.000001
        WHEN asset = 'JPY' THEN 1 ELSE 0.01 END;

-- What an amount of crypto costs in minor units of fiat, rounded half to even.
CREATE FUNCTION half_even(x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN round(x) - (x % 2 = 0.5)::int;
CREATE FUNCTION worth_of(amount bigint, price_e8 bigint, asset asset, fiat asset) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN half_even(amount::numeric * price_e8 * CASE
        WHEN fiat = 'JPY' THEN CASE WHEN asset <= 'LTC' THEN 0.0000000000000001 ELSE 0.00000000000001 END
        WHEN asset <= 'LTC' THEN 0.00000000000001
        ELSE 0.000000000001 END);

-- A time-ordered id (UUIDv7): the milliseconds, and random bits at half the cost of gen_random_uuid().
CREATE FUNCTION fresh_id(micros bigint) RETURNS uuid LANGUAGE sql VOLATILE
    RETURN ('0' || to_hex((micros / 1000) << 16 | 28672 | (random() * 4095)::int)
        || to_hex((random() * 4611686018427387903)::bigint | -9223372036854775808))::uuid;

-- A moment in microseconds since 1970.
CREATE FUNCTION micros(at timestamptz) RETURNS bigint LANGUAGE sql STABLE
    RETURN (extract(epoch FROM at) * 1000000)::bigint;

COMMIT;
