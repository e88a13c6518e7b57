//! What a unit of work selects by more than one key.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{Condition, DbBackend, IdenStatic, Iterable, QueryOrder, Select, Statement};

use crate::table::{
    id_array, one_of, one_of_texts, padded, placeholders, text_array, unnest_in_step,
};
use crate::{listing, payment, session, user};

/// Users by id or by e-mail address; at least one of them is asked for.
pub(crate) fn users(
    backend: DbBackend,
    ids: Vec<Uuid>,
    emails: Vec<String>,
) -> Select<user::Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, user::Column::Id, ids));
    }
    if !emails.is_empty() {
        wanted = wanted.add(one_of_texts(backend, user::Column::Email, emails));
    }
    user::Entity::find()
        .filter(wanted)
        .order_by_asc(user::Column::Id)
}

/// Listings by id, and the ACTIVE ones of owners; at least one of them is asked for.
pub(crate) fn listings(
    backend: DbBackend,
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
) -> Select<listing::Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, listing::Column::Id, ids));
    }
    if !owners.is_empty() {
        // The second condition follows from the first; it is the partial index's own, which SQLite wants to read.
        let active = Condition::all()
            .add(one_of(backend, listing::Column::ExchangerId, owners))
            .add(Expr::cust("state = 'ACTIVE'"))
            .add(Expr::cust("state <> 'CLOSED'"));
        wanted = wanted.add(active);
    }
    listing::Entity::find()
        .filter(wanted)
        .order_by_asc(listing::Column::Id)
}

/// Sessions by id, and those of owners that have not ended; at least one of them is asked for.
pub(crate) fn sessions(
    backend: DbBackend,
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
) -> Select<session::Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, session::Column::Id, ids));
    }
    if !owners.is_empty() {
        let open = Condition::all()
            .add(one_of(backend, session::Column::UserId, owners))
            .add(session::Column::EndedAt.is_null());
        wanted = wanted.add(open);
    }
    session::Entity::find()
        .filter(wanted)
        .order_by_asc(session::Column::Id)
}

/// Payments by their orders, locked in that order.
pub(crate) fn payments_of_orders(backend: DbBackend, orders: Vec<Uuid>) -> Select<payment::Entity> {
    payment::Entity::find()
        .filter(one_of(backend, payment::Column::OrderId, orders))
        .filter(payment::Column::OrderId.is_not_null())
        .order_by_asc(payment::Column::OrderId)
}

/// Payments by their callers and the callers' keys, which are sorted, locked in that order.
pub(crate) fn payments_of_callers(backend: DbBackend, keys: &[(Uuid, String)]) -> Statement {
    let columns: Vec<String> = payment::Column::iter()
        .map(|column| format!("p.{}", column.as_str()))
        .collect();
    let columns = columns.join(", ");
    if backend == DbBackend::Postgres {
        // One after another, as they were sent: the order in which a commit changes them, whatever the database's own is. No
        // plan reads the table once for all, though it was made when the table was empty.
        let sql = format!(
            "SELECT {columns} FROM {} AS k \
             CROSS JOIN LATERAL (SELECT * FROM payments AS found \
             WHERE found.caller_id = k.caller_id AND found.key = k.key AND found.caller_id IS NOT NULL \
             LIMIT 1 FOR NO KEY UPDATE) AS p",
            unnest_in_step(&[("caller_id", "uuid"), ("key", "text")])
        );
        let callers = id_array(keys.iter().map(|(caller, _)| *caller));
        let names = text_array(keys.iter().map(|(_, key)| key.clone()));
        Statement::from_sql_and_values(backend, sql, [callers, names])
    } else {
        let keys = padded(keys.to_vec());
        let sql = format!(
            "SELECT {columns} FROM payments AS p \
             WHERE p.caller_id IS NOT NULL AND (p.caller_id, p.key) IN (VALUES {}) \
             ORDER BY p.caller_id, p.key",
            placeholders(2, keys.len())
        );
        let values = keys
            .into_iter()
            .flat_map(|(caller, key)| [Value::from(caller), Value::from(key)]);
        Statement::from_sql_and_values(backend, sql, values)
    }
}

/// Accounts by owner and asset, locked in that order. Two columns make the key: no builder knows both databases' words.
pub(crate) fn accounts(backend: DbBackend, keys: &[(Uuid, &'static str)]) -> Statement {
    const COLUMNS: &str =
        "a.\"id\", a.\"owner_id\", a.\"asset\", a.\"available\", a.\"held\", a.\"version\"";
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT {COLUMNS} FROM {} AS k \
             JOIN accounts AS a ON a.owner_id = k.owner_id AND a.asset = k.asset \
             ORDER BY a.owner_id, a.asset FOR NO KEY UPDATE OF a",
            unnest_in_step(&[("owner_id", "uuid"), ("asset", "text")])
        );
        let owners = id_array(keys.iter().map(|(owner, _)| *owner));
        let assets = text_array(keys.iter().map(|(_, asset)| (*asset).to_owned()));
        Statement::from_sql_and_values(backend, sql, [owners, assets])
    } else {
        let keys = padded(keys.to_vec());
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts AS a WHERE (a.owner_id, a.asset) IN (VALUES {}) \
             ORDER BY a.owner_id, a.asset",
            placeholders(2, keys.len())
        );
        let values = keys
            .into_iter()
            .flat_map(|(owner, asset)| [Value::from(owner), Value::from(asset)]);
        Statement::from_sql_and_values(backend, sql, values)
    }
}
