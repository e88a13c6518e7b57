//! Looking without locking, on PostgreSQL: each kind of glance is one statement, so that all it finds is of one moment.

use std::collections::HashSet;
use std::sync::LazyLock;

use p2p_application::ports::{Snapshot, SnapshotQuery, StorageError};
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{Listing, Offer, OfferId, Payment, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement};

use crate::joined_rows::{columns, conduct_of, exchanger_of, is_there};
use crate::ledger::account;
use crate::table::{StatementLimit, id_array, number_array, text_array, unnest_in_step};
use crate::{conduct, error, exchanger, idempotency, listing, offer, payment, quota, row, user};

/// Who gives the crypto of a deal or answer.
const HOLDER: &str =
    "CASE WHEN d.exchange_type = 'CRYPTO2FIAT' THEN d.customer_id ELSE d.exchanger_id END";
/// Who gets it.
const PAYER: &str =
    "CASE WHEN d.exchange_type = 'CRYPTO2FIAT' THEN d.exchanger_id ELSE d.customer_id END";

pub(crate) async fn read_snapshot(
    connection: &impl ConnectionTrait,
    snapshot_query: &SnapshotQuery,
) -> Result<Snapshot, StorageError> {
    let mut snapshot = Snapshot::default();
    if !snapshot_query.answers.is_empty() {
        answers(connection, snapshot_query, &mut snapshot).await?;
    }
    if !snapshot_query.deals.is_empty() {
        for found in rows(connection, &DEALS, [ids(&snapshot_query.deals)]).await? {
            offer_of(&found, &mut snapshot)?;
            snapshot.exchangers.push(exchanger_of(&found)?);
        }
    }
    if !snapshot_query.settled.is_empty() {
        let fees = Value::from(row::FEES);
        for found in rows(connection, &SETTLED, [ids(&snapshot_query.settled), fees]).await? {
            offer_of(&found, &mut snapshot)?;
            listing_of(&found, &mut snapshot)?;
            for account in ["h_", "c_", "f_"] {
                account_of(&found, account, &mut snapshot)?;
            }
        }
    }
    if !snapshot_query.conducts.is_empty() {
        let users = snapshot_query.conducts.iter().copied().map(row::uuid);
        for found in rows(connection, &CONDUCTS, [id_array(users)]).await? {
            snapshot.conducts.extend(conduct_of(&found)?);
        }
    }
    if !snapshot_query.users.is_empty() {
        snapshot.users =
            user::known(connection, StatementLimit::Unlimited, &snapshot_query.users).await?;
    }
    if !snapshot_query.payments.is_empty() || !snapshot_query.accounts.is_empty() {
        payments(connection, snapshot_query, &mut snapshot).await?;
    }
    if !snapshot_query.replies.is_empty() {
        snapshot.replies = idempotency::known(
            connection,
            StatementLimit::Unlimited,
            &snapshot_query.replies,
        )
        .await?;
    }
    Ok(snapshot)
}

/// Listings that somebody answers, and how whoever does has behaved.
async fn answers(
    connection: &impl ConnectionTrait,
    snapshot_query: &SnapshotQuery,
    snapshot: &mut Snapshot,
) -> Result<(), StorageError> {
    let listings = snapshot_query.answers.iter().map(|(listing, _)| *listing);
    let customers = snapshot_query.answers.iter().map(|(_, customer)| *customer);
    // Each customer's open deals are counted once.
    let mut known = HashSet::new();
    let most = customers
        .clone()
        .map(|customer| match known.insert(customer) {
            true => i64::from(snapshot_query.open_offers),
            false => 0,
        });
    let values = [
        id_array(listings.map(row::uuid)),
        id_array(customers.map(row::uuid)),
        number_array(most),
    ];
    for found in rows(connection, &ANSWERS, values).await? {
        listing_of(&found, snapshot)?;
        account_of(&found, "h_", snapshot)?;
        account_of(&found, "c_", snapshot)?;
        snapshot.conducts.extend(conduct_of(&found)?);
        open_of(&found, snapshot)?;
    }
    Ok(())
}

/// Payments that somebody asks for, and the accounts between which they pay.
async fn payments(
    connection: &impl ConnectionTrait,
    snapshot_query: &SnapshotQuery,
    snapshot: &mut Snapshot,
) -> Result<(), StorageError> {
    let (mut orders, mut callers, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for origin in &snapshot_query.payments {
        match origin {
            PaymentOrigin::Order(order) => orders.push(row::uuid(*order)),
            PaymentOrigin::Caller { user, key } if row::storable(key) => {
                callers.push(row::uuid(*user));
                keys.push(key.clone());
            }
            PaymentOrigin::Caller { .. } => {}
        }
    }
    let accounts = id_array(snapshot_query.accounts.iter().copied().map(row::uuid));
    let values = [id_array(callers), text_array(keys), accounts];
    for found in rows(connection, &PAYMENTS, values).await? {
        payment_of(&found, snapshot)?;
        account_of(&found, "a_", snapshot)?;
    }
    if !orders.is_empty() {
        let select = payment::of_orders(DbBackend::Postgres, orders);
        let found = select.all(connection).await.map_err(error::storage)?;
        snapshot.payments.extend(row::all::<_, Payment>(found)?);
    }
    Ok(())
}

/// Payments by their callers and the callers' keys, and accounts by their ids. They have nothing to do with each other: the
/// shorter list ends in NULLs, which find nothing. Each is looked up by itself, by its key: no plan reads a table once for all,
/// though it was made when the table was empty.
pub(crate) static PAYMENTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {} FROM {} AS k \
         LEFT JOIN LATERAL (SELECT * FROM payments AS found \
         WHERE found.caller_id = k.caller_id AND found.key = k.key AND found.caller_id IS NOT NULL LIMIT 1) AS p ON true \
         LEFT JOIN LATERAL (SELECT * FROM accounts AS found WHERE found.id = k.account_id LIMIT 1) AS a ON true",
        columns::<payment::Entity>("p"),
        columns::<account::Entity>("a"),
        unnest_in_step(&[
            ("caller_id", "uuid"),
            ("key", "text"),
            ("account_id", "uuid")
        ]),
    )
});

/// Listings that somebody answers, with their exchangers, the accounts of both sides, the customer's conduct, and how many
/// open deals the customer has, as far as they are to be counted. Who answers what is not there is looked at all the same.
/// Conduct, which most customers do without, is looked up by itself, as payments are.
pub(crate) static ANSWERS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {}, {}, {}, k.customer_id AS k_customer_id, k.most AS k_most, o.counted AS k_counted \
         FROM {} AS k \
         LEFT JOIN listings AS l ON l.id = k.listing_id \
         LEFT JOIN exchangers AS e ON e.user_id = l.exchanger_id \
         CROSS JOIN LATERAL (SELECT l.exchange_type, l.exchanger_id, k.customer_id) AS d \
         LEFT JOIN accounts AS h ON h.owner_id = {HOLDER} AND h.asset = l.asset \
         LEFT JOIN accounts AS c ON c.owner_id = k.customer_id AND c.asset = l.asset \
         LEFT JOIN LATERAL (SELECT * FROM conducts AS found WHERE found.user_id = k.customer_id LIMIT 1) AS n ON true \
         CROSS JOIN LATERAL (SELECT count(*) AS counted FROM \
         (SELECT 1 FROM {} LIMIT k.most) AS few) AS o",
        columns::<listing::Entity>("l"),
        columns::<exchanger::Entity>("e"),
        columns::<account::Entity>("h"),
        columns::<account::Entity>("c"),
        columns::<conduct::Entity>("n"),
        unnest_in_step(&[
            ("listing_id", "uuid"),
            ("customer_id", "uuid"),
            ("most", "bigint")
        ]),
        quota::counted(QuotaKind::OpenOffers, "k.customer_id"),
    )
});

/// How customers behave.
pub(crate) static CONDUCTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM {} AS k \
         CROSS JOIN LATERAL (SELECT * FROM conducts AS found WHERE found.user_id = k.user_id LIMIT 1) AS n",
        columns::<conduct::Entity>("n"),
        unnest_in_step(&[("user_id", "uuid")]),
    )
});

/// Deals with their exchangers.
pub(crate) static DEALS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {} FROM offers AS d JOIN exchangers AS e ON e.user_id = d.exchanger_id \
         WHERE d.id = ANY($1)",
        columns::<offer::Entity>("d"),
        columns::<exchanger::Entity>("e"),
    )
});

/// Deals with all whose balances or amounts may move with them.
pub(crate) static SETTLED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {}, {}, {}, {}, {}, {} FROM offers AS d \
         JOIN listings AS l ON l.id = d.listing_id \
         JOIN exchangers AS e ON e.user_id = d.exchanger_id \
         LEFT JOIN accounts AS h ON h.owner_id = {HOLDER} AND h.asset = d.asset \
         LEFT JOIN accounts AS c ON c.owner_id = {PAYER} AND c.asset = d.asset \
         LEFT JOIN accounts AS f ON f.owner_id = $2 AND f.asset = d.asset \
         WHERE d.id = ANY($1)",
        columns::<offer::Entity>("d"),
        columns::<listing::Entity>("l"),
        columns::<exchanger::Entity>("e"),
        columns::<account::Entity>("h"),
        columns::<account::Entity>("c"),
        columns::<account::Entity>("f"),
    )
});

fn ids(offers: &[OfferId]) -> Value {
    id_array(offers.iter().copied().map(row::uuid))
}

async fn rows<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, StorageError> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    connection
        .query_all_raw(statement)
        .await
        .map_err(error::storage)
}

fn offer_of(found: &QueryResult, snapshot: &mut Snapshot) -> Result<(), StorageError> {
    let model = offer::Model::from_query_result(found, "d_").map_err(error::storage)?;
    snapshot.offers.push(Offer::try_from(model)?);
    Ok(())
}

/// A listing and its exchanger, where there is one.
fn listing_of(found: &QueryResult, snapshot: &mut Snapshot) -> Result<(), StorageError> {
    if is_there(found, "l_", "id")? && is_there(found, "e_", "user_id")? {
        let model = listing::Model::from_query_result(found, "l_").map_err(error::storage)?;
        snapshot.listings.push(Listing::try_from(model)?);
        snapshot.exchangers.push(exchanger_of(found)?);
    }
    Ok(())
}

/// A payment, where there is one.
fn payment_of(found: &QueryResult, snapshot: &mut Snapshot) -> Result<(), StorageError> {
    if is_there(found, "p_", "id")? {
        let model = payment::Model::from_query_result(found, "p_").map_err(error::storage)?;
        snapshot.payments.push(model.try_into()?);
    }
    Ok(())
}

/// How many open deals a customer has, where they were counted.
fn open_of(found: &QueryResult, snapshot: &mut Snapshot) -> Result<(), StorageError> {
    let number = |name| found.try_get::<i64>("k_", name).map_err(error::storage);
    if number("most")? > 0 {
        let customer: Uuid = found.try_get("k_", "customer_id").map_err(error::storage)?;
        let counted = u32::try_from(number("counted")?).unwrap_or(u32::MAX);
        snapshot
            .open_offers
            .push((row::id::<UserId>(customer), counted));
    }
    Ok(())
}

/// An account, where there is one.
fn account_of(
    found: &QueryResult,
    prefix: &str,
    snapshot: &mut Snapshot,
) -> Result<(), StorageError> {
    if is_there(found, prefix, "id")? {
        let model = account::Model::from_query_result(found, prefix).map_err(error::storage)?;
        snapshot.accounts.push(model.try_into()?);
    }
    Ok(())
}
