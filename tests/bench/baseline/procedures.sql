-- The four commands of a deal, and a payment, one call each: every check, lock and write that the server's command makes.
--
-- All lock in one order (offer, exchanger, listing, accounts by owner with the fee account last), so they cannot
-- deadlock; the rows that many may want at once, the accounts, are taken last and so held shortest.
--
-- The expected case is one UPDATE with all the conditions. Only if it finds no row, the reason is looked
-- for. A refusal raises its code and leaves nothing behind. Policy, as the server has it by default: 30 minutes to
-- answer, 24 hours to confirm the receipt, a fee of 10 basis points.
\set ON_ERROR_STOP on
\set QUIET on

BEGIN;

-- Why a listing takes no such offer.
CREATE OR REPLACE FUNCTION refuse_offer(_listing uuid, _customer uuid, _amount bigint, _direction exchange_type)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    l listings;
    e exchangers;
BEGIN
    SELECT * INTO l FROM listings WHERE id = _listing;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'NOT_FOUND';
    END IF;
    SELECT * INTO e FROM exchangers WHERE user_id = l.exchanger_id;
    RAISE EXCEPTION '%', CASE
        WHEN l.exchange_type <> _direction THEN 'WRONG_EXCHANGE_TYPE'
        WHEN l.state <> 'ACTIVE' THEN 'LISTING_' || l.state
        WHEN l.exchanger_id = _customer THEN 'SELF_DEAL'
        WHEN e.frozen_at IS NOT NULL THEN 'EXCHANGER_FROZEN'
        WHEN NOT e.online THEN 'EXCHANGER_OFFLINE'
        WHEN _amount <= 0 THEN 'INVALID_AMOUNT'
        WHEN _amount > l.remaining THEN 'OVER_REMAINING'
        ELSE 'CONFLICT' END;
END $$;

-- Why a deal does not move. For users other than its two sides it does not exist.
CREATE OR REPLACE FUNCTION refuse_move(_offer uuid, _caller uuid, _move text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _status offer_status;
BEGIN
    SELECT status INTO _status FROM offers WHERE id = _offer AND _caller IN (customer_id, exchanger_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'NOT_FOUND';
    END IF;
    RAISE EXCEPTION 'ILLEGAL_TRANSITION: % in %', _move, _status;
END $$;

-- What every event of a deal but the first says of it.
CREATE OR REPLACE FUNCTION told(
    _event text, _offer uuid, _customer uuid, _exchanger uuid, _listing uuid, _amount bigint, _asset asset,
    _more text, _now timestamptz
) RETURNS text LANGUAGE sql STABLE
    RETURN '{"event":"' || _event || '","data":{"offerId":"' || _offer || '","customerId":"' || _customer
        || '","exchangerId":"' || _exchanger || '","listingId":"' || _listing || '","amount":' || _amount * unit_of(_asset)
        || ',"asset":"' || _asset || '"' || _more || ',"timestamp":' || to_json(_now) || '}}';

CREATE OR REPLACE FUNCTION create_offer(
    _listing uuid, _customer uuid, _amount bigint, _direction exchange_type, _conditions text
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _at bigint := micros(_now);
    _offer uuid := fresh_id(_at);
    _transfer uuid := fresh_id(_at);
    _exchanger uuid;
    _asset asset;
    _fiat asset;
    _worth bigint;
    _price_e8 bigint;
    _min bigint;
    _max bigint;
    _payment_window bigint;
BEGIN
    UPDATE listings AS l
    SET frozen = frozen + _amount, remaining = remaining - _amount,
        available_fiat = least(max_fiat, worth_of(remaining - _amount, price_e8, asset, fiat)),
        version = l.version + 1
    FROM exchangers AS e
    WHERE l.id = _listing AND e.user_id = l.exchanger_id
        AND l.exchange_type = _direction AND l.state = 'ACTIVE' AND l.exchanger_id <> _customer
        AND e.frozen_at IS NULL AND e.online
        AND _amount > 0 AND _amount <= l.remaining
    RETURNING l.exchanger_id, l.asset, l.fiat, worth_of(_amount, l.price_e8, l.asset, l.fiat), l.price_e8, l.min_fiat,
        l.max_fiat, l.payment_window_seconds
    INTO _exchanger, _asset, _fiat, _worth, _price_e8, _min, _max, _payment_window;
    IF NOT FOUND THEN
        PERFORM refuse_offer(_listing, _customer, _amount, _direction);
    ELSIF _worth < _min THEN
        RAISE EXCEPTION 'BELOW_MINIMUM';
    ELSIF _worth > _max THEN
        RAISE EXCEPTION 'ABOVE_MAXIMUM';
    END IF;

    INSERT INTO offers VALUES (
        _offer, _listing, _customer, _exchanger, _direction, _asset, _amount, _fiat,
        _worth, _price_e8, 10, _payment_window, _conditions, _at,
        'PENDING', _at + 1800000000, false, NULL, NULL, NULL, 1);
    INSERT INTO offer_history VALUES (_offer, 1, 'PENDING', 'CUSTOMER', _customer, NULL, _at);
    INSERT INTO outbox VALUES (
        fresh_id(_at), 'ExchangeOfferCreated', 'OFFER', _offer, 1,
        '{"event":"ExchangeOfferCreated","data":{"offerId":"' || _offer || '","customerId":"' || _customer
            || '","listingId":"' || _listing || '","amount":' || _amount * unit_of(_asset)
            || ',"timestamp":' || to_json(_now) || '}}',
        _at);

    WITH held AS (
        UPDATE accounts
        SET available = available - _amount, held = held + _amount, version = version + 1
        WHERE owner_id = CASE _direction WHEN 'CRYPTO2FIAT' THEN _customer ELSE _exchanger END
            AND asset = _asset AND available >= _amount
        RETURNING id
    )
    INSERT INTO journal_entries
    SELECT held.id, _transfer, leg.bucket, leg.amount, 'HOLD', _offer, NULL, _at
    FROM held, (VALUES ('AVAILABLE'::bucket, -_amount), ('HELD', _amount)) AS leg (bucket, amount);
    IF NOT FOUND THEN
        RAISE EXCEPTION '%', CASE _direction WHEN 'CRYPTO2FIAT' THEN 'INSUFFICIENT_FUNDS' ELSE 'COUNTERPARTY_FUNDS' END;
    END IF;
    RETURN _offer;
END $$;

CREATE OR REPLACE FUNCTION accept_offer(_offer uuid, _exchanger uuid) RETURNS offer_status LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _at bigint := micros(_now);
    _listing uuid;
    _customer uuid;
    _asset asset;
    _amount bigint;
    _version bigint;
BEGIN
    UPDATE offers
    SET status = 'APPROVED', deadline = _at + payment_window_seconds * 1000000, version = version + 1
    WHERE id = _offer AND status = 'PENDING' AND exchanger_id = _exchanger
    RETURNING listing_id, customer_id, asset, amount, version INTO _listing, _customer, _asset, _amount, _version;
    IF NOT FOUND THEN
        PERFORM refuse_move(_offer, _exchanger, 'accept');
    END IF;
    UPDATE exchangers SET unanswered = 0, version = version + 1 WHERE user_id = _exchanger AND unanswered <> 0;
    INSERT INTO offer_history VALUES (_offer, _version, 'APPROVED', 'EXCHANGER', _exchanger, NULL, _at);
    INSERT INTO outbox VALUES (
        fresh_id(_at), 'ExchangeOfferApproved', 'OFFER', _offer, _version,
        told('ExchangeOfferApproved', _offer, _customer, _exchanger, _listing, _amount, _asset, '', _now), _at);
    RETURN 'APPROVED';
END $$;

CREATE OR REPLACE FUNCTION confirm_payment(_offer uuid, _payer uuid, _reference text)
RETURNS offer_status LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _at bigint := micros(_now);
    _listing uuid;
    _customer uuid;
    _exchanger uuid;
    _asset asset;
    _amount bigint;
    _version bigint;
BEGIN
    UPDATE offers
    SET status = 'PAYMENT_CONFIRMED', deadline = _at + 86400000000, cancel_proposed = false,
        payment_reference = _reference, version = version + 1
    WHERE id = _offer AND status = 'APPROVED'
        AND CASE exchange_type WHEN 'CRYPTO2FIAT' THEN exchanger_id ELSE customer_id END = _payer
    RETURNING listing_id, customer_id, exchanger_id, asset, amount, version
    INTO _listing, _customer, _exchanger, _asset, _amount, _version;
    IF NOT FOUND THEN
        PERFORM refuse_move(_offer, _payer, 'confirm payment');
    END IF;
    INSERT INTO offer_history VALUES (
        _offer, _version, 'PAYMENT_CONFIRMED',
        CASE WHEN _payer = _customer THEN 'CUSTOMER' ELSE 'EXCHANGER' END::actor, _payer, NULL, _at);
    INSERT INTO outbox VALUES (
        fresh_id(_at), 'PaymentConfirmed', 'OFFER', _offer, _version,
        told('PaymentConfirmed', _offer, _customer, _exchanger, _listing, _amount, _asset,
            ',"paymentReference":' || to_json(_reference), _now),
        _at);
    RETURN 'PAYMENT_CONFIRMED';
END $$;

CREATE OR REPLACE FUNCTION confirm_receipt(_offer uuid, _holder uuid) RETURNS offer_status LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := clock_timestamp();
    _at bigint := micros(_now);
    _transfer uuid := fresh_id(_at);
    _listing uuid;
    _customer uuid;
    _exchanger uuid;
    _payer uuid;
    _actor actor;
    _asset asset;
    _amount bigint;
    _fee bigint;
    _version bigint;
    _legs bigint;
BEGIN
    UPDATE offers
    SET status = 'FINISHED', deadline = NULL, closed_at = _at, cancel_proposed = false, version = version + 2
    WHERE id = _offer AND status = 'PAYMENT_CONFIRMED'
        AND CASE exchange_type WHEN 'CRYPTO2FIAT' THEN customer_id ELSE exchanger_id END = _holder
    RETURNING listing_id, customer_id, exchanger_id, asset, amount, div(amount::numeric * fee_basis_points, 10000), version
    INTO _listing, _customer, _exchanger, _asset, _amount, _fee, _version;
    IF NOT FOUND THEN
        PERFORM refuse_move(_offer, _holder, 'confirm receipt');
    END IF;
    IF _holder = _customer THEN
        _payer := _exchanger;
        _actor := 'CUSTOMER';
    ELSE
        _payer := _customer;
        _actor := 'EXCHANGER';
    END IF;

    UPDATE listings SET frozen = frozen - _amount, executed = executed + _amount, version = version + 1
    WHERE id = _listing;
    INSERT INTO offer_history VALUES
        (_offer, _version - 1, 'RECEIPT_CONFIRMED', _actor, _holder, NULL, _at),
        (_offer, _version, 'FINISHED', _actor, _holder, NULL, _at);
    INSERT INTO outbox VALUES
        (fresh_id(_at), 'ReceiptConfirmed', 'OFFER', _offer, _version - 1,
            told('ReceiptConfirmed', _offer, _customer, _exchanger, _listing, _amount, _asset, '', _now), _at),
        (fresh_id(_at), 'ExchangeOfferFinished', 'OFFER', _offer, _version,
            told('ExchangeOfferFinished', _offer, _customer, _exchanger, _listing, _amount, _asset,
                ',"paidOut":' || (_amount - _fee) * unit_of(_asset) || ',"fee":' || _fee * unit_of(_asset), _now), _at);

    -- A nested loop over these lines, in their order: that is the order in which the accounts are locked.
    WITH moved AS (
        UPDATE accounts AS a
        SET available = a.available + line.available, held = a.held + line.held, version = a.version + 1
        FROM (VALUES
            (least(_holder, _payer),
                CASE WHEN _payer < _holder THEN _amount - _fee ELSE 0 END, CASE WHEN _payer < _holder THEN 0 ELSE -_amount END),
            (greatest(_holder, _payer),
                CASE WHEN _payer < _holder THEN 0 ELSE _amount - _fee END, CASE WHEN _payer < _holder THEN -_amount ELSE 0 END),
            (fees_owner(), _fee, 0)
        ) AS line (owner_id, available, held)
        WHERE a.owner_id = line.owner_id AND a.asset = _asset AND (line.available <> 0 OR line.held <> 0)
        RETURNING a.id, line.available, line.held
    )
    INSERT INTO journal_entries
    SELECT id, _transfer, CASE WHEN held = 0 THEN 'AVAILABLE' ELSE 'HELD' END::bucket, available + held, 'CAPTURE',
        _offer, NULL, _at
    FROM moved;
    GET DIAGNOSTICS _legs = ROW_COUNT;
    IF _legs <> 2 + (_fee > 0)::int THEN
        RAISE EXCEPTION 'NOT_FOUND: an account';
    END IF;
    RETURN 'FINISHED';
END $$;

-- Why a payment can't be made.
CREATE OR REPLACE FUNCTION decline_payment(
    _caller uuid, _payer uuid, _payee uuid, _amount bigint, _asset asset
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    payer accounts;
    payee accounts;
BEGIN
    SELECT * INTO payer FROM accounts WHERE id = _payer AND owner_id = _caller;
    SELECT * INTO payee FROM accounts WHERE id = _payee;
    RAISE EXCEPTION '%', CASE
        WHEN _amount <= 0 THEN 'INVALID_AMOUNT'
        WHEN _payer = _payee THEN 'SAME_ACCOUNT'
        WHEN payer.id IS NULL OR payee.id IS NULL THEN 'ACCOUNT_NOT_FOUND'
        WHEN payer.asset <> _asset OR payee.asset <> _asset THEN 'CURRENCY_MISMATCH'
        WHEN payer.available < _amount THEN 'INSUFFICIENT_FUNDS'
        ELSE 'CONFLICT' END;
END $$;

-- Pays once for the caller's key; the same again is told of the same payment.
CREATE OR REPLACE FUNCTION authorize_payment(
    _caller uuid, _key text, _payer uuid, _payee uuid, _amount bigint, _asset asset, _description text
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    _at bigint := micros(clock_timestamp());
    _payment uuid := fresh_id(_at);
    _transfer uuid := fresh_id(_at);
    _legs bigint;
    p payments;
BEGIN
    INSERT INTO payments VALUES (
        _payment, NULL, _caller, _key, _payer, _payee, _amount, _asset, _description, 'AUTHORIZED', NULL, NULL, NULL,
        _at, 1)
    ON CONFLICT (caller_id, key) WHERE caller_id IS NOT NULL DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO p FROM payments WHERE caller_id = _caller AND key = _key;
        IF (p.payer_account_id, p.payee_account_id, p.amount, p.asset, p.description)
            IS DISTINCT FROM (_payer, _payee, _amount, _asset, _description) THEN
            RAISE EXCEPTION 'IDEMPOTENCY_KEY_REUSED';
        END IF;
        RETURN p.id;
    END IF;

    -- A nested loop over these lines, in their order: that is the order in which the accounts are locked.
    WITH moved AS (
        UPDATE accounts AS a SET available = a.available + line.amount, version = a.version + 1
        FROM (VALUES
            (least(_payer, _payee), CASE WHEN _payer < _payee THEN -_amount ELSE _amount END),
            (greatest(_payer, _payee), CASE WHEN _payer < _payee THEN _amount ELSE -_amount END)
        ) AS line (id, amount)
        WHERE a.id = line.id AND a.asset = _asset AND _amount > 0 AND _payer <> _payee
            AND (line.amount > 0 OR (a.owner_id = _caller AND a.available >= _amount))
        RETURNING a.id, line.amount
    )
    INSERT INTO journal_entries
    SELECT id, _transfer, 'AVAILABLE', amount, 'PAYMENT', NULL, NULL, _at, _payment FROM moved;
    GET DIAGNOSTICS _legs = ROW_COUNT;
    IF _legs <> 2 THEN
        PERFORM decline_payment(_caller, _payer, _payee, _amount, _asset);
    END IF;
    RETURN _payment;
END $$;

COMMIT;
