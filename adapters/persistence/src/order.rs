//! Table `orders`.

use async_trait::async_trait;
use p2p_application::aggregates::Selection;
use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::ports::StorageError;
use p2p_domain::order::{OrderState, OrderStatus};
use p2p_domain::purchase::Purchase;
use p2p_domain::{Decline, Order, OrderId};
use sea_orm::entity::prelude::*;

use crate::database::Database;
use crate::error;
use crate::newest_first::NewestFirst;
use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) merchant_id: Option<Uuid>,
    pub(crate) asset: String,
    pub(crate) amount: i64,
    pub(crate) description: String,
    pub(crate) status: String,
    pub(crate) payment_id: Option<Uuid>,
    pub(crate) reason: Option<String>,
    pub(crate) settled_at: Option<i64>,
    pub(crate) refunded_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "orders";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Status,
        Column::PaymentId,
        Column::Reason,
        Column::SettledAt,
        Column::RefundedAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Order> for Model {
    type Error = StorageError;

    fn try_from(order: &Order) -> Result<Self, StorageError> {
        let Purchase {
            user,
            merchant,
            amount,
            description,
        } = &order.purchase;
        let new = Self {
            id: row::uuid(order.id),
            user_id: row::uuid(*user),
            merchant_id: merchant.map(row::uuid),
            asset: amount.asset().code().to_owned(),
            amount: amount.minor(),
            description: description.clone(),
            status: order.status().name().to_owned(),
            payment_id: None,
            reason: None,
            settled_at: None,
            refunded_at: None,
            created_at: order.created_at.as_micros(),
            version: row::stored(order.version)?,
        };
        Ok(match order.state {
            OrderState::New => new,
            OrderState::Finished {
                payment,
                at,
                refunded_at,
            } => Self {
                payment_id: Some(row::uuid(payment)),
                settled_at: Some(at.as_micros()),
                refunded_at: refunded_at.map(|at| at.as_micros()),
                ..new
            },
            OrderState::Cancelled { reason, at } => Self {
                reason: Some(reason.name().to_owned()),
                settled_at: Some(at.as_micros()),
                ..new
            },
        })
    }
}

impl TryFrom<Model> for Order {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: OrderId = row::id(stored.id);
        let reading = RowContext::new("orders", id);
        let asset = reading.asset(&stored.asset)?;
        Ok(Self {
            id,
            state: state(&reading, &stored)?,
            created_at: row::time(stored.created_at),
            version: reading.version(stored.version)?,
            purchase: Purchase {
                user: row::id(stored.user_id),
                merchant: stored.merchant_id.map(row::id),
                amount: reading.positive(stored.amount, asset)?,
                description: stored.description,
            },
        })
    }
}

impl Stored for Order {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}

fn state(reading: &RowContext, stored: &Model) -> Result<OrderState, StorageError> {
    let status = reading.named(OrderStatus::ALL, OrderStatus::name, &stored.status)?;
    if status != OrderStatus::Finished {
        reading.absent("payment_id", &stored.payment_id)?;
        reading.absent("refunded_at", &stored.refunded_at)?;
    }
    if status != OrderStatus::Cancelled {
        reading.absent("reason", &stored.reason)?;
    }
    let settled_at = || reading.present("settled_at", stored.settled_at);
    Ok(match status {
        OrderStatus::New => {
            reading.absent("settled_at", &stored.settled_at)?;
            OrderState::New
        }
        OrderStatus::Finished => OrderState::Finished {
            payment: row::id(reading.present("payment_id", stored.payment_id)?),
            at: row::time(settled_at()?),
            refunded_at: stored.refunded_at.map(row::time),
        },
        OrderStatus::Cancelled => {
            let reason = reading.present("reason", stored.reason.as_deref())?;
            OrderState::Cancelled {
                reason: reading.named(Decline::ALL, Decline::name, reason)?,
                at: row::time(settled_at()?),
            }
        }
    })
}

#[async_trait]
impl OrderQueries for Database {
    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn list_orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StorageError> {
        page(filter).list::<Entity, _>(self).await
    }
}

/// The newest orders that the filter means.
pub(crate) fn page(filter: &OrderFilter) -> NewestFirst {
    NewestFirst::page(filter.limit, filter.after.map(row::uuid))
        .of(filter.user.map(row::uuid))
        .in_state(filter.status.map(OrderStatus::name))
}
