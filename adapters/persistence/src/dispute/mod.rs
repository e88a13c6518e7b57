//! Table `disputes`.

pub(crate) mod comment;
pub(crate) mod queries;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::dispute::{DisputeState, Resolution};
use p2p_domain::{Dispute, DisputeId, Money};
use sea_orm::entity::prelude::*;

use crate::offer::history::actor;
use crate::row::{self, RowContext};
use crate::stored::{Rows, Sides, SidesOfOffers, Stored, uuids};
use crate::table::Table;

const OPEN: &str = "OPEN";
const RESOLVED: &str = "RESOLVED";

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "disputes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) offer_id: Uuid,
    /// The deal's sides, so that a user's disputes are found without the deals.
    pub(crate) customer_id: Uuid,
    pub(crate) exchanger_id: Uuid,
    pub(crate) opened_by: String,
    pub(crate) opener_id: Option<Uuid>,
    pub(crate) reason: String,
    pub(crate) opened_at: i64,
    pub(crate) state: String,
    pub(crate) resolution: Option<String>,
    pub(crate) payer_amount: Option<i64>,
    pub(crate) payer_asset: Option<String>,
    pub(crate) resolved_by: Option<Uuid>,
    pub(crate) resolution_comment: Option<String>,
    pub(crate) resolved_at: Option<i64>,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "disputes";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::State,
        Column::Resolution,
        Column::PayerAmount,
        Column::PayerAsset,
        Column::ResolvedBy,
        Column::ResolutionComment,
        Column::ResolvedAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl Model {
    /// The row of a dispute about a deal between these two.
    pub(crate) fn of(dispute: &Dispute, sides: Sides) -> Result<Self, StorageError> {
        let open = Self {
            id: row::uuid(dispute.id),
            offer_id: row::uuid(dispute.offer),
            customer_id: sides.customer,
            exchanger_id: sides.exchanger,
            opened_by: dispute.opened_by.name().to_owned(),
            opener_id: dispute.opener.map(row::uuid),
            reason: dispute.reason.clone(),
            opened_at: dispute.opened_at.as_micros(),
            state: OPEN.to_owned(),
            resolution: None,
            payer_amount: None,
            payer_asset: None,
            resolved_by: None,
            resolution_comment: None,
            resolved_at: None,
            version: row::stored(dispute.version)?,
        };
        Ok(match &dispute.state {
            DisputeState::Open => open,
            DisputeState::Resolved {
                resolution,
                by,
                comment,
                at,
            } => {
                let payer = match resolution {
                    Resolution::Split { payer_amount } => Some(*payer_amount),
                    Resolution::Finished | Resolution::Cancelled => None,
                };
                Self {
                    state: RESOLVED.to_owned(),
                    resolution: Some(resolution.name().to_owned()),
                    payer_amount: payer.map(Money::minor),
                    payer_asset: payer.map(|amount| amount.asset().code().to_owned()),
                    resolved_by: Some(row::uuid(*by)),
                    resolution_comment: Some(comment.clone()),
                    resolved_at: Some(at.as_micros()),
                    ..open
                }
            }
        })
    }
}

impl TryFrom<Model> for Dispute {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: DisputeId = row::id(stored.id);
        let reading = RowContext::new("disputes", id);
        Ok(Self {
            id,
            offer: row::id(stored.offer_id),
            opened_by: actor(&reading, &stored.opened_by)?,
            opener: stored.opener_id.map(row::id),
            opened_at: row::time(stored.opened_at),
            version: reading.version(stored.version)?,
            state: state(&reading, &stored)?,
            reason: stored.reason,
        })
    }
}

impl Stored for Dispute {
    type Entity = Entity;

    fn row(&self, sides: &SidesOfOffers) -> Result<Model, StorageError> {
        let sides = sides.get(&self.offer);
        let sides = sides.ok_or_else(|| StorageError::Rejected {
            what: "a dispute of an offer that does not exist".to_owned(),
        })?;
        Model::of(self, *sides)
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        let mut found = rows.lock(uuids(&selection.keys)).await?;
        let of_offers = uuids(&selection.others);
        found.extend(rows.lock_of(Column::OfferId, of_offers).await?);
        Ok(found)
    }
}

fn state(reading: &RowContext, stored: &Model) -> Result<DisputeState, StorageError> {
    match stored.state.as_str() {
        OPEN => {
            reading.absent("resolution", &stored.resolution)?;
            Ok(DisputeState::Open)
        }
        RESOLVED => Ok(DisputeState::Resolved {
            resolution: resolution(reading, stored)?,
            by: row::id(reading.present("resolved_by", stored.resolved_by)?),
            comment: reading.present("resolution_comment", stored.resolution_comment.clone())?,
            at: row::time(reading.present("resolved_at", stored.resolved_at)?),
        }),
        _ => Err(reading.corrupt("its state names nothing known")),
    }
}

fn resolution(reading: &RowContext, stored: &Model) -> Result<Resolution, StorageError> {
    let name = reading.present("resolution", stored.resolution.as_deref())?;
    for plain in [Resolution::Finished, Resolution::Cancelled] {
        if name == plain.name() {
            reading.absent("payer_amount", &stored.payer_amount)?;
            return Ok(plain);
        }
    }
    let code = reading.present("payer_asset", stored.payer_asset.as_deref())?;
    let minor = reading.present("payer_amount", stored.payer_amount)?;
    let split = Resolution::Split {
        payer_amount: reading.positive(minor, reading.asset(code)?)?,
    };
    if name == split.name() {
        Ok(split)
    } else {
        Err(reading.corrupt("its resolution names nothing known"))
    }
}
