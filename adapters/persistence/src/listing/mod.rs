//! Table `listings`.

mod methods;
mod queries;
pub(crate) mod search;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::listing::ListingState;
use p2p_domain::{ExchangeType, Listing, ListingId, Money};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, DbBackend, QueryOrder, Select};

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, locked, uuids};
use crate::table::{Table, one_of};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) exchanger_id: Uuid,
    pub(crate) exchange_type: String,
    pub(crate) asset: String,
    pub(crate) fiat: String,
    pub(crate) price_e8: i64,
    pub(crate) total: i64,
    pub(crate) frozen: i64,
    pub(crate) executed: i64,
    pub(crate) remaining: i64,
    pub(crate) min_fiat: i64,
    pub(crate) max_fiat: i64,
    /// Only to be filtered by: computed from the rest at each save.
    pub(crate) available_fiat: i64,
    pub(crate) payment_methods: String,
    pub(crate) payment_window_seconds: i64,
    pub(crate) terms: String,
    pub(crate) state: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "listings";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Fiat,
        Column::PriceE8,
        Column::Total,
        Column::Frozen,
        Column::Executed,
        Column::Remaining,
        Column::MinFiat,
        Column::MaxFiat,
        Column::AvailableFiat,
        Column::PaymentMethods,
        Column::PaymentWindowSeconds,
        Column::Terms,
        Column::State,
        Column::UpdatedAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Listing> for Model {
    type Error = StorageError;

    fn try_from(listing: &Listing) -> Result<Self, StorageError> {
        Ok(Self {
            id: row::uuid(listing.id),
            exchanger_id: row::uuid(listing.exchanger),
            exchange_type: listing.exchange_type.name().to_owned(),
            asset: listing.asset().code().to_owned(),
            fiat: listing.price.fiat().code().to_owned(),
            price_e8: listing.price.e8(),
            total: listing.total.minor(),
            frozen: listing.frozen.minor(),
            executed: listing.executed.minor(),
            remaining: listing.remaining().minor(),
            min_fiat: listing.min.minor(),
            max_fiat: listing.max.minor(),
            available_fiat: listing.available_fiat().minor(),
            payment_methods: methods::joined(&listing.payment_methods),
            payment_window_seconds: row::seconds(listing.payment_window)?,
            terms: listing.terms.clone(),
            state: listing.state.name().to_owned(),
            created_at: listing.created_at.as_micros(),
            updated_at: listing.updated_at.as_micros(),
            version: row::stored(listing.version)?,
        })
    }
}

impl TryFrom<Model> for Listing {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: ListingId = row::id(stored.id);
        let reading = RowContext::new("listings", id);
        let (asset, fiat) = (reading.asset(&stored.asset)?, reading.asset(&stored.fiat)?);
        let amounts = [stored.remaining, stored.frozen, stored.executed];
        let sum: i128 = amounts.iter().copied().map(i128::from).sum();
        if amounts.iter().any(|amount| *amount < 0) || sum != i128::from(stored.total) {
            return Err(reading.corrupt("its amounts don't add up to the total"));
        }
        Ok(Self {
            id,
            exchanger: row::id(stored.exchanger_id),
            exchange_type: exchange_type(&reading, &stored.exchange_type)?,
            price: reading.price(stored.price_e8, fiat)?,
            total: reading.positive(stored.total, asset)?,
            frozen: Money::new(stored.frozen, asset),
            executed: Money::new(stored.executed, asset),
            min: reading.positive(stored.min_fiat, fiat)?,
            max: reading.positive(stored.max_fiat, fiat)?,
            payment_methods: methods::split(&stored.payment_methods)
                .ok_or_else(|| reading.corrupt("its payment methods can't be told apart"))?,
            payment_window: reading.span(stored.payment_window_seconds)?,
            terms: stored.terms,
            state: reading.named(&ListingState::ALL, ListingState::name, &stored.state)?,
            created_at: row::time(stored.created_at),
            updated_at: row::time(stored.updated_at),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Listing {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        if selection.is_empty() {
            return Ok(Vec::new());
        }
        let select = by_id_or_exchanger(
            rows.backend(),
            uuids(&selection.keys),
            uuids(&selection.others),
        );
        rows.all(locked(select)).await
    }
}

/// Listings by id, and the ACTIVE ones of owners; at least one of them is asked for.
pub(crate) fn by_id_or_exchanger(
    backend: DbBackend,
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
) -> Select<Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, Column::Id, ids));
    }
    if !owners.is_empty() {
        // The second condition follows from the first; it is the partial index's own, which SQLite wants to read.
        let active = Condition::all()
            .add(one_of(backend, Column::ExchangerId, owners))
            .add(Expr::cust("state = 'ACTIVE'"))
            .add(Expr::cust("state <> 'CLOSED'"));
        wanted = wanted.add(active);
    }
    Entity::find().filter(wanted).order_by_asc(Column::Id)
}

pub(crate) fn exchange_type(
    reading: &RowContext,
    name: &str,
) -> Result<ExchangeType, StorageError> {
    reading.named(&ExchangeType::ALL, ExchangeType::name, name)
}
