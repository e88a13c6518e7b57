-- The steps of the deals of `past.sql`.
\set ON_ERROR_STOP on
\set QUIET on
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO offer_history (offer_id, version, status, actor, user_id, comment, at)
SELECT d.id, s.version, s.status, s.actor, CASE s.actor WHEN 'CUSTOMER' THEN d.customer ELSE d.exchanger END, NULL,
    d.at + (s.version - 1) * 240000000
FROM (SELECT id, customer, exchanger, at, finished FROM fill.deals() OFFSET 0) AS d JOIN fill.steps AS s ON s.finished = d.finished;
