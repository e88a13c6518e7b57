//! Table `notifications`: what people were told.

pub(crate) mod mailbox;
pub(crate) mod queries;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::event::FactName;
use p2p_domain::{Money, Notification, NotificationContent, NotificationId};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) number: i64,
    pub(crate) event: String,
    pub(crate) offer_id: Option<Uuid>,
    pub(crate) dispute_id: Option<Uuid>,
    pub(crate) exchanger_id: Option<Uuid>,
    pub(crate) amount: Option<i64>,
    pub(crate) asset: Option<String>,
    pub(crate) fiat_amount: Option<i64>,
    pub(crate) fiat: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) at: i64,
    pub(crate) read_at: Option<i64>,
    pub(crate) version: i64,
    pub(crate) order_id: Option<Uuid>,
    pub(crate) withdrawal_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "notifications";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[Column::ReadAt, Column::Version];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Notification> for Model {
    type Error = StorageError;

    fn try_from(notification: &Notification) -> Result<Self, StorageError> {
        let news = &notification.news;
        let code = |money: Money| money.asset().code().to_owned();
        Ok(Self {
            id: row::uuid(notification.id),
            user_id: row::uuid(notification.user),
            number: row::stored(notification.number)?,
            event: news.event.name().to_owned(),
            offer_id: news.offer.map(row::uuid),
            dispute_id: news.dispute.map(row::uuid),
            exchanger_id: news.exchanger.map(row::uuid),
            amount: news.amount.map(Money::minor),
            asset: news.amount.map(code),
            fiat_amount: news.fiat.map(Money::minor),
            fiat: news.fiat.map(code),
            detail: news.detail.clone(),
            at: news.at.as_micros(),
            read_at: notification.read_at.map(|at| at.as_micros()),
            version: row::stored(notification.version)?,
            order_id: news.order.map(row::uuid),
            withdrawal_id: news.withdrawal.map(row::uuid),
        })
    }
}

impl TryFrom<Model> for Notification {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: NotificationId = row::id(stored.id);
        let reading = RowContext::new("notifications", id);
        let news = NotificationContent {
            event: reading.named(FactName::ALL, FactName::name, &stored.event)?,
            offer: stored.offer_id.map(row::id),
            dispute: stored.dispute_id.map(row::id),
            exchanger: stored.exchanger_id.map(row::id),
            order: stored.order_id.map(row::id),
            withdrawal: stored.withdrawal_id.map(row::id),
            amount: money(&reading, "asset", stored.amount, stored.asset)?,
            fiat: money(&reading, "fiat", stored.fiat_amount, stored.fiat)?,
            detail: stored.detail,
            at: row::time(stored.at),
        };
        Ok(Self {
            id,
            user: row::id(stored.user_id),
            number: reading.count("number", stored.number)?,
            news,
            read_at: stored.read_at.map(row::time),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Notification {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}

/// An amount and what it is an amount of: both or neither.
fn money(
    reading: &RowContext,
    column: &str,
    minor: Option<i64>,
    code: Option<String>,
) -> Result<Option<Money>, StorageError> {
    let Some(minor) = minor else {
        reading.absent(column, &code)?;
        return Ok(None);
    };
    let code = reading.present(column, code)?;
    Ok(Some(Money::new(minor, reading.asset(&code)?)))
}
