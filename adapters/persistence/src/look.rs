//! Looking without locking, on PostgreSQL: each kind of glance is one statement, so that all it finds is of one moment.

use std::collections::HashSet;
use std::sync::LazyLock;

use application::ports::{Glance, Seen, StorageError};
use domain::billing::PaymentOrigin;
use domain::refusal::Tally;
use domain::{Conduct, Exchanger, Listing, Offer, OfferId, Payment, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{
    ConnectionTrait, DbBackend, FromQueryResult, IdenStatic, Iterable, QueryResult, Statement,
};

use crate::ledger::account;
use crate::table::{Room, id_array, in_step, number_array, text_array};
use crate::unit::select;
use crate::{conduct, error, exchanger, idempotency, listing, offer, payment, row, tally, user};

/// Who gives the crypto of a deal or answer.
const HOLDER: &str =
    "CASE WHEN d.exchange_type = 'CRYPTO2FIAT' THEN d.customer_id ELSE d.exchanger_id END";
/// Who gets it.
const PAYER: &str =
    "CASE WHEN d.exchange_type = 'CRYPTO2FIAT' THEN d.exchanger_id ELSE d.customer_id END";

pub(crate) async fn look(
    connection: &impl ConnectionTrait,
    glance: &Glance,
) -> Result<Seen, StorageError> {
    let mut seen = Seen::default();
    if !glance.answers.is_empty() {
        answers(connection, glance, &mut seen).await?;
    }
    if !glance.deals.is_empty() {
        for found in rows(connection, &DEALS, [ids(&glance.deals)]).await? {
            offer_of(&found, &mut seen)?;
            seen.exchangers.push(exchanger_of(&found)?);
        }
    }
    if !glance.settled.is_empty() {
        let fees = Value::from(row::FEES);
        for found in rows(connection, &SETTLED, [ids(&glance.settled), fees]).await? {
            offer_of(&found, &mut seen)?;
            listing_of(&found, &mut seen)?;
            for account in ["h_", "c_", "f_"] {
                account_of(&found, account, &mut seen)?;
            }
        }
    }
    if !glance.conducts.is_empty() {
        let users = glance.conducts.iter().copied().map(row::uuid);
        for found in rows(connection, &CONDUCTS, [id_array(users)]).await? {
            seen.conducts.extend(conduct_of(&found)?);
        }
    }
    if !glance.users.is_empty() {
        seen.users = user::known(connection, Room::Whole, &glance.users).await?;
    }
    if !glance.payments.is_empty() || !glance.accounts.is_empty() {
        payments(connection, glance, &mut seen).await?;
    }
    if !glance.replies.is_empty() {
        seen.replies = idempotency::known(connection, Room::Whole, &glance.replies).await?;
    }
    Ok(seen)
}

/// Listings that somebody answers, and how whoever does has behaved.
async fn answers(
    connection: &impl ConnectionTrait,
    glance: &Glance,
    seen: &mut Seen,
) -> Result<(), StorageError> {
    let listings = glance.answers.iter().map(|(listing, _)| *listing);
    let customers = glance.answers.iter().map(|(_, customer)| *customer);
    // Each customer's open deals are counted once.
    let mut known = HashSet::new();
    let most = customers
        .clone()
        .map(|customer| match known.insert(customer) {
            true => i64::from(glance.open_offers),
            false => 0,
        });
    let values = [
        id_array(listings.map(row::uuid)),
        id_array(customers.map(row::uuid)),
        number_array(most),
    ];
    for found in rows(connection, &ANSWERS, values).await? {
        listing_of(&found, seen)?;
        account_of(&found, "h_", seen)?;
        account_of(&found, "c_", seen)?;
        seen.conducts.extend(conduct_of(&found)?);
        open_of(&found, seen)?;
    }
    Ok(())
}

/// Payments that somebody asks for, and the accounts between which they pay.
async fn payments(
    connection: &impl ConnectionTrait,
    glance: &Glance,
    seen: &mut Seen,
) -> Result<(), StorageError> {
    let (mut orders, mut callers, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for origin in &glance.payments {
        match origin {
            PaymentOrigin::Order(order) => orders.push(row::uuid(*order)),
            PaymentOrigin::Caller { user, key } if row::storable(key) => {
                callers.push(row::uuid(*user));
                keys.push(key.clone());
            }
            PaymentOrigin::Caller { .. } => {}
        }
    }
    let accounts = id_array(glance.accounts.iter().copied().map(row::uuid));
    let values = [id_array(callers), text_array(keys), accounts];
    for found in rows(connection, &PAYMENTS, values).await? {
        payment_of(&found, seen)?;
        account_of(&found, "a_", seen)?;
    }
    if !orders.is_empty() {
        let select = select::payments_of_orders(DbBackend::Postgres, orders);
        let found = select.all(connection).await.map_err(error::storage)?;
        seen.payments.extend(row::all::<_, Payment>(found)?);
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
        in_step(&[
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
        in_step(&[
            ("listing_id", "uuid"),
            ("customer_id", "uuid"),
            ("most", "bigint")
        ]),
        tally::counted(Tally::OpenOffers, "k.customer_id"),
    )
});

/// How customers behave.
pub(crate) static CONDUCTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM {} AS k \
         CROSS JOIN LATERAL (SELECT * FROM conducts AS found WHERE found.user_id = k.user_id LIMIT 1) AS n",
        columns::<conduct::Entity>("n"),
        in_step(&[("user_id", "uuid")]),
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

/// `l."id" AS "l_id", …`
pub(crate) fn columns<E: EntityTrait>(alias: &str) -> String {
    let all: Vec<String> = E::Column::iter()
        .map(|column| {
            let name = column.as_str();
            format!("{alias}.\"{name}\" AS \"{alias}_{name}\"")
        })
        .collect();
    all.join(", ")
}

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

fn offer_of(found: &QueryResult, seen: &mut Seen) -> Result<(), StorageError> {
    let model = offer::Model::from_query_result(found, "d_").map_err(error::storage)?;
    seen.offers.push(Offer::try_from(model)?);
    Ok(())
}

/// A listing and its exchanger, where there is one.
fn listing_of(found: &QueryResult, seen: &mut Seen) -> Result<(), StorageError> {
    if is_there(found, "l_", "id")? && is_there(found, "e_", "user_id")? {
        let model = listing::Model::from_query_result(found, "l_").map_err(error::storage)?;
        seen.listings.push(Listing::try_from(model)?);
        seen.exchangers.push(exchanger_of(found)?);
    }
    Ok(())
}

pub(crate) fn exchanger_of(found: &QueryResult) -> Result<Exchanger, StorageError> {
    let model = exchanger::Model::from_query_result(found, "e_").map_err(error::storage)?;
    Exchanger::try_from(model)
}

/// A payment, where there is one.
fn payment_of(found: &QueryResult, seen: &mut Seen) -> Result<(), StorageError> {
    if is_there(found, "p_", "id")? {
        let model = payment::Model::from_query_result(found, "p_").map_err(error::storage)?;
        seen.payments.push(model.try_into()?);
    }
    Ok(())
}

/// A customer's conduct, where there is any.
pub(crate) fn conduct_of(found: &QueryResult) -> Result<Option<Conduct>, StorageError> {
    if !is_there(found, "n_", "user_id")? {
        return Ok(None);
    }
    let model = conduct::Model::from_query_result(found, "n_").map_err(error::storage)?;
    Conduct::try_from(model).map(Some)
}

/// How many open deals a customer has, where they were counted.
fn open_of(found: &QueryResult, seen: &mut Seen) -> Result<(), StorageError> {
    let number = |name| found.try_get::<i64>("k_", name).map_err(error::storage);
    if number("most")? > 0 {
        let customer: Uuid = found.try_get("k_", "customer_id").map_err(error::storage)?;
        let counted = u32::try_from(number("counted")?).unwrap_or(u32::MAX);
        seen.open_offers
            .push((row::id::<UserId>(customer), counted));
    }
    Ok(())
}

/// An account, where there is one.
fn account_of(found: &QueryResult, prefix: &str, seen: &mut Seen) -> Result<(), StorageError> {
    if is_there(found, prefix, "id")? {
        let model = account::Model::from_query_result(found, prefix).map_err(error::storage)?;
        seen.accounts.push(model.try_into()?);
    }
    Ok(())
}

pub(crate) fn is_there(found: &QueryResult, prefix: &str, key: &str) -> Result<bool, StorageError> {
    let key: Option<Uuid> = found.try_get(prefix, key).map_err(error::storage)?;
    Ok(key.is_some())
}
