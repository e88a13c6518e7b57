//! Table `offers`.

pub(crate) mod history;
pub(crate) mod queries;

use p2p_application::aggregates::Selection;
use p2p_application::ports::{OfferSummary, StorageError};
use p2p_domain::offer::{State, Terms};
use p2p_domain::{Money, Offer, OfferId, Status};
use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

use crate::listing::exchange_type;
use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) listing_id: Uuid,
    pub(crate) customer_id: Uuid,
    pub(crate) exchanger_id: Uuid,
    pub(crate) exchange_type: String,
    pub(crate) asset: String,
    pub(crate) amount: i64,
    pub(crate) fiat: String,
    pub(crate) fiat_amount: i64,
    pub(crate) price_e8: i64,
    pub(crate) fee_basis_points: i32,
    pub(crate) payment_window_seconds: i64,
    pub(crate) conditions: String,
    pub(crate) created_at: i64,
    pub(crate) status: String,
    /// While it waits for somebody.
    pub(crate) deadline: Option<i64>,
    pub(crate) cancel_proposed: bool,
    /// While its dispute is open.
    pub(crate) disputed_at: Option<i64>,
    /// Once it is final.
    pub(crate) closed_at: Option<i64>,
    pub(crate) payment_reference: Option<String>,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "offers";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Status,
        Column::Deadline,
        Column::CancelProposed,
        Column::DisputedAt,
        Column::ClosedAt,
        Column::PaymentReference,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Offer> for Model {
    type Error = StorageError;

    fn try_from(offer: &Offer) -> Result<Self, StorageError> {
        let terms = &offer.terms;
        let (disputed_at, closed_at) = match offer.state {
            State::Pending { .. } | State::Approved { .. } | State::PaymentConfirmed { .. } => {
                (None, None)
            }
            State::DisputeOpen { since } => (Some(since), None),
            State::Finished { at } | State::Declined { at } | State::Cancelled { at } => {
                (None, Some(at))
            }
        };
        Ok(Self {
            id: row::uuid(offer.id),
            listing_id: row::uuid(terms.listing),
            customer_id: row::uuid(terms.customer),
            exchanger_id: row::uuid(terms.exchanger),
            exchange_type: terms.exchange_type.name().to_owned(),
            asset: terms.amount.asset().code().to_owned(),
            amount: terms.amount.minor(),
            fiat: terms.fiat.asset().code().to_owned(),
            fiat_amount: terms.fiat.minor(),
            price_e8: terms.price.e8(),
            fee_basis_points: i32::from(terms.fee_basis_points),
            payment_window_seconds: row::seconds(terms.payment_window)?,
            conditions: terms.conditions.clone(),
            created_at: terms.created_at.as_micros(),
            status: offer.status().name().to_owned(),
            deadline: offer.deadline().map(|at| at.as_micros()),
            cancel_proposed: offer.state.cancel_proposed(),
            disputed_at: disputed_at.map(|at| at.as_micros()),
            closed_at: closed_at.map(|at| at.as_micros()),
            payment_reference: offer.payment_reference.clone(),
            version: row::stored(offer.version)?,
        })
    }
}

impl TryFrom<Model> for Offer {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: OfferId = row::id(stored.id);
        let reading = RowContext::new("offers", id);
        let state = state(&reading, &stored)?;
        let (asset, fiat) = (reading.asset(&stored.asset)?, reading.asset(&stored.fiat)?);
        if stored.customer_id == stored.exchanger_id {
            return Err(reading.corrupt("both its sides are one user"));
        }
        Ok(Self {
            id,
            terms: Terms {
                listing: row::id(stored.listing_id),
                customer: row::id(stored.customer_id),
                exchanger: row::id(stored.exchanger_id),
                exchange_type: exchange_type(&reading, &stored.exchange_type)?,
                amount: reading.positive(stored.amount, asset)?,
                price: reading.price(stored.price_e8, fiat)?,
                fiat: Money::new(stored.fiat_amount, fiat),
                fee_basis_points: u16::try_from(stored.fee_basis_points)
                    .map_err(|_| reading.corrupt("fee_basis_points are out of range"))?,
                payment_window: reading.span(stored.payment_window_seconds)?,
                conditions: stored.conditions,
                created_at: row::time(stored.created_at),
            },
            state,
            payment_reference: stored.payment_reference,
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Offer {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}

/// What of a row never changes, as far as those who are told of the deal need it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Head {
    id: Uuid,
    customer_id: Uuid,
    exchanger_id: Uuid,
    exchange_type: String,
    asset: String,
    amount: i64,
    fiat: String,
    fiat_amount: i64,
}

impl Head {
    pub(crate) const COLUMNS: [Column; 8] = [
        Column::Id,
        Column::CustomerId,
        Column::ExchangerId,
        Column::ExchangeType,
        Column::Asset,
        Column::Amount,
        Column::Fiat,
        Column::FiatAmount,
    ];
}

impl TryFrom<Head> for OfferSummary {
    type Error = StorageError;

    fn try_from(head: Head) -> Result<Self, StorageError> {
        let id: OfferId = row::id(head.id);
        let reading = RowContext::new("offers", id);
        Ok(Self {
            id,
            customer: row::id(head.customer_id),
            exchanger: row::id(head.exchanger_id),
            exchange_type: exchange_type(&reading, &head.exchange_type)?,
            amount: reading.positive(head.amount, reading.asset(&head.asset)?)?,
            fiat: Money::new(head.fiat_amount, reading.asset(&head.fiat)?),
        })
    }
}

/// The state from its columns: each status has exactly those that belong to it.
fn state(reading: &RowContext, stored: &Model) -> Result<State, StorageError> {
    let status = status(reading, &stored.status)?;
    let proposed = stored.cancel_proposed;
    let deadline = || reading.present("deadline", stored.deadline).map(row::time);
    let closed_at = || {
        reading
            .present("closed_at", stored.closed_at)
            .map(row::time)
    };
    let state = match status {
        Status::Pending => State::Pending {
            respond_by: deadline()?,
        },
        Status::Approved => State::Approved {
            pay_by: deadline()?,
            cancel_proposed: proposed,
        },
        Status::PaymentConfirmed => State::PaymentConfirmed {
            receipt_by: deadline()?,
            cancel_proposed: proposed,
        },
        Status::DisputeOpen => State::DisputeOpen {
            since: reading
                .present("disputed_at", stored.disputed_at)
                .map(row::time)?,
        },
        Status::Finished => State::Finished { at: closed_at()? },
        Status::Declined => State::Declined { at: closed_at()? },
        Status::Cancelled => State::Cancelled { at: closed_at()? },
        Status::ReceiptConfirmed => {
            return Err(reading.corrupt("RECEIPT_CONFIRMED is only passed through"));
        }
    };
    if state.deadline().is_none() {
        reading.absent("deadline", &stored.deadline)?;
    }
    if proposed != state.cancel_proposed() {
        return Err(reading.corrupt("cancel_proposed is set in a state that has no proposals"));
    }
    if status != Status::DisputeOpen {
        reading.absent("disputed_at", &stored.disputed_at)?;
    }
    if !status.is_final() {
        reading.absent("closed_at", &stored.closed_at)?;
    }
    Ok(state)
}

pub(crate) fn status(reading: &RowContext, name: &str) -> Result<Status, StorageError> {
    reading.named(Status::ALL, Status::name, name)
}
