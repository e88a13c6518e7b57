-- What the other scripts share: ids by number, and how tables are filled without their indexes.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

BEGIN;
DROP SCHEMA IF EXISTS fill CASCADE;
CREATE SCHEMA fill;

-- The n-th of a kind, as a time-ordered id (UUIDv7) that is older than any new one. The driver knows the same rule.
CREATE FUNCTION fill.nth(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ('01900000' || kind || '7000' || to_hex(n | -9223372036854775808))::uuid;
CREATE FUNCTION fill.customer(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN fill.nth('c000', n);
CREATE FUNCTION fill.exchanger(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN fill.nth('e000', n);
CREATE FUNCTION fill.listing(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN fill.nth('1000', n);

-- A number below `bound` that looks like chance and is the same every time.
CREATE FUNCTION fill.draw(n bigint, salt bigint, bound bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (hashint8extended(n, salt) & 9223372036854775807) % bound;

-- What was dropped of a table, as the catalog says it, to be made again.
CREATE TABLE fill.dropped (
    number int GENERATED ALWAYS AS IDENTITY,
    of text NOT NULL,
    again text NOT NULL
);

-- Drops all indexes of a table, with the keys that they are and the foreign keys that need these.
CREATE PROCEDURE fill.strip(_table regclass) LANGUAGE plpgsql AS $$
DECLARE
    _one record;
BEGIN
    FOR _one IN
        SELECT c.conrelid::regclass AS owner, c.conname, pg_get_constraintdef(c.oid) AS definition, c.contype
        FROM pg_constraint AS c
        WHERE c.contype IN ('p', 'u') AND c.conrelid = _table OR c.contype = 'f' AND c.confrelid = _table
        ORDER BY c.contype = 'f' DESC
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', _one.owner, _one.conname);
        INSERT INTO fill.dropped (of, again) VALUES (
            CASE _one.contype WHEN 'f' THEN 'foreign key' ELSE 'index' END,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', _one.owner, _one.conname, _one.definition));
    END LOOP;
    FOR _one IN SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition
        FROM pg_index WHERE indrelid = _table
    LOOP
        EXECUTE format('DROP INDEX %s', _one.name);
        INSERT INTO fill.dropped (of, again) VALUES ('index', _one.definition);
    END LOOP;
END $$;

-- Makes again what was dropped: indexes first, foreign keys last.
CREATE PROCEDURE fill.restore() LANGUAGE plpgsql AS $$
DECLARE
    _again text;
BEGIN
    FOR _again IN SELECT again FROM fill.dropped ORDER BY of = 'foreign key', number LOOP
        EXECUTE _again;
    END LOOP;
    DELETE FROM fill.dropped;
END $$;

COMMIT;
