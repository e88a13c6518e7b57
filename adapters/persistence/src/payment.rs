//! Table `payments`.

use std::cmp::Ordering;

use async_trait::async_trait;
use p2p_application::aggregates::Selection;
use p2p_application::payment::PaymentQueries;
use p2p_application::ports::StorageError;
use p2p_domain::payment::{PaymentOrigin, PaymentState, PaymentTerms};
use p2p_domain::{Account, AccountId, Decline, Money, Payment, PaymentId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Value;
use sea_orm::{DbBackend, IdenStatic, Iterable, QueryOrder, Select, Statement};

use crate::database::Database;
use crate::error;
use crate::ledger::account;
use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, locked};
use crate::table::{Table, id_array, one_of, padded, placeholders, text_array, unnest_in_step};

const AUTHORIZED: &str = "AUTHORIZED";
const DECLINED: &str = "DECLINED";
const REFUNDED: &str = "REFUNDED";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) order_id: Option<Uuid>,
    pub(crate) caller_id: Option<Uuid>,
    pub(crate) key: Option<String>,
    pub(crate) payer_account_id: Option<Uuid>,
    pub(crate) payee_account_id: Option<Uuid>,
    pub(crate) amount: i64,
    pub(crate) asset: String,
    pub(crate) description: String,
    pub(crate) status: String,
    pub(crate) decline: Option<String>,
    pub(crate) refunded_by: Option<Uuid>,
    pub(crate) refunded_at: Option<i64>,
    pub(crate) processed_at: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "payments";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Status,
        Column::RefundedBy,
        Column::RefundedAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Payment> for Model {
    type Error = StorageError;

    fn try_from(payment: &Payment) -> Result<Self, StorageError> {
        let (order_id, caller_id, key) = match &payment.origin {
            PaymentOrigin::Order(order) => (Some(row::uuid(*order)), None, None),
            PaymentOrigin::Caller { user, key } => {
                (None, Some(row::uuid(*user)), Some(key.clone()))
            }
        };
        let (status, refund) = match payment.state {
            PaymentState::Authorized => (AUTHORIZED, None),
            PaymentState::Declined(_) => (DECLINED, None),
            PaymentState::Refunded { by, at } => (REFUNDED, Some((by, at))),
        };
        let PaymentTerms {
            payer,
            payee,
            amount,
            description,
        } = &payment.terms;
        Ok(Self {
            id: row::uuid(payment.id),
            order_id,
            caller_id,
            key,
            payer_account_id: payer.map(row::uuid),
            payee_account_id: payee.map(row::uuid),
            amount: amount.minor(),
            asset: amount.asset().code().to_owned(),
            description: description.clone(),
            status: status.to_owned(),
            decline: payment.decline().map(|decline| decline.name().to_owned()),
            refunded_by: refund.map(|(by, _)| row::uuid(by)),
            refunded_at: refund.map(|(_, at)| at.as_micros()),
            processed_at: payment.processed_at.as_micros(),
            version: row::stored(payment.version)?,
        })
    }
}

impl TryFrom<Model> for Payment {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: PaymentId = row::id(stored.id);
        let reading = RowContext::new("payments", id);
        let asset = reading.asset(&stored.asset)?;
        let state = state(&reading, &stored)?;
        let origin = match (stored.order_id, stored.caller_id, stored.key) {
            (Some(order), None, None) => PaymentOrigin::Order(row::id(order)),
            (None, Some(user), Some(key)) => PaymentOrigin::Caller {
                user: row::id(user),
                key,
            },
            _ => return Err(reading.corrupt("it has no reason, or two")),
        };
        Ok(Self {
            id,
            origin,
            terms: PaymentTerms {
                payer: stored.payer_account_id.map(row::id),
                payee: stored.payee_account_id.map(row::id),
                amount: Money::new(stored.amount, asset),
                description: stored.description,
            },
            state,
            processed_at: row::time(stored.processed_at),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Payment {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    fn order(&self, other: &Self) -> Ordering {
        self.origin.cmp(&other.origin)
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        let (mut orders, mut callers) = (Vec::new(), Vec::new());
        for origin in &selection.keys {
            match origin {
                PaymentOrigin::Order(order) => orders.push(row::uuid(*order)),
                PaymentOrigin::Caller { user, key } if row::storable(key) => {
                    callers.push((row::uuid(*user), key.clone()));
                }
                PaymentOrigin::Caller { .. } => {}
            }
        }
        // Those of orders first, as origins are sorted.
        let mut found = Vec::with_capacity(selection.keys.len());
        for orders in rows.limit.keys(&orders) {
            let select = of_orders(rows.backend(), orders.to_vec());
            found.extend(rows.all::<Self>(locked(select)).await?);
        }
        for callers in rows.limit.texts(&callers) {
            let statement = of_callers(rows.backend(), callers);
            found.extend(rows.all_of::<Self>(statement).await?);
        }
        Ok(found)
    }
}

/// Payments by their orders, locked in that order.
pub(crate) fn of_orders(backend: DbBackend, orders: Vec<Uuid>) -> Select<Entity> {
    Entity::find()
        .filter(one_of(backend, Column::OrderId, orders))
        .filter(Column::OrderId.is_not_null())
        .order_by_asc(Column::OrderId)
}

/// Payments by their callers and the callers' keys, which are sorted, locked in that order.
pub(crate) fn of_callers(backend: DbBackend, keys: &[(Uuid, String)]) -> Statement {
    let columns: Vec<String> = Column::iter()
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

fn state(reading: &RowContext, stored: &Model) -> Result<PaymentState, StorageError> {
    let status = stored.status.as_str();
    if status != DECLINED {
        reading.absent("decline", &stored.decline)?;
    }
    if status != REFUNDED {
        reading.absent("refunded_by", &stored.refunded_by)?;
        reading.absent("refunded_at", &stored.refunded_at)?;
    }
    match status {
        AUTHORIZED => Ok(PaymentState::Authorized),
        DECLINED => {
            let decline = reading.present("decline", stored.decline.as_deref())?;
            let decline = reading.named(Decline::ALL, Decline::name, decline)?;
            Ok(PaymentState::Declined(decline))
        }
        REFUNDED => Ok(PaymentState::Refunded {
            by: row::id(reading.present("refunded_by", stored.refunded_by)?),
            at: row::time(reading.present("refunded_at", stored.refunded_at)?),
        }),
        _ => Err(reading.corrupt("its status names nothing known")),
    }
}

#[async_trait]
impl PaymentQueries for Database {
    async fn find_payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError> {
        let account = account::Entity::find_by_id(row::uuid(id));
        let found = account.one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }
}
