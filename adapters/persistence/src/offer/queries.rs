//! Looking at deals.

use async_trait::async_trait;
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_application::ports::StorageError;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::{Actor, Offer, OfferId};
use sea_orm::entity::prelude::*;
use sea_orm::{
    ConnectionTrait, DbBackend, FromQueryResult, IdenStatic, Iterable, QueryOrder, Statement,
};

use super::{Column, Entity, Model, history};
use crate::database::Database;
use crate::error;
use crate::row;
use crate::sql::{Parameters, is, rows};

#[async_trait]
impl OfferQueries for Database {
    async fn find_offer(&self, id: OfferId) -> Result<Option<Offer>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn offer_history(&self, id: OfferId) -> Result<Vec<HistoryEntry>, StorageError> {
        let found = history::Entity::find()
            .filter(history::Column::OfferId.eq(row::uuid(id)))
            .order_by_asc(history::Column::Version)
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }

    async fn list_offers(&self, filter: &OfferFilter) -> Result<Vec<Offer>, StorageError> {
        let Some(statement) = page(filter, self.backend()) else {
            return Ok(Vec::new());
        };
        let found = self.reader().query_all_raw(statement).await;
        let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let rows = found
            .map_err(error::storage)?
            .iter()
            .take(wanted)
            .map(|row| Model::from_query_result(row, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(error::storage)?;
        row::all(rows)
    }
}

/// The newest deals of each kind that the filter means, each from its own index and no more than a page of it, and the
/// newest of them all: their ids first, which the indexes have, then the deals. `None` where it means nothing.
pub(crate) fn page(filter: &OfferFilter, backend: DbBackend) -> Option<Statement> {
    let sides: &[&str] = match filter.side {
        None => &["customer_id", "exchanger_id"],
        Some(Actor::Customer) => &["customer_id"],
        Some(Actor::Exchanger) => &["exchanger_id"],
        // Nobody else is a side of a deal.
        Some(Actor::Moderator | Actor::System | Actor::Provider) => return None,
    };
    let mut parameters = Parameters::default();
    let user = parameters.bind(row::uuid(filter.user));
    let after = filter.after.map(|after| parameters.bind(row::uuid(after)));
    let kinds = match filter.active_since {
        None => vec![Kind::Any],
        Some(since) => vec![
            Kind::Open,
            Kind::FinishedSince(parameters.bind(since.as_micros())),
        ],
    };
    let rows = rows(filter.limit);
    let mut access_paths = Vec::new();
    for side in sides {
        for kind in &kinds {
            let ids = ids(side, &user, kind, after.as_deref(), backend);
            access_paths.push(format!("SELECT id FROM ({ids} LIMIT {rows}) AS way"));
        }
    }
    let columns: Vec<String> = Column::iter()
        .map(|column| format!("offers.{}", column.as_str()))
        .collect();
    let text = format!(
        "SELECT {} FROM ({} ORDER BY id DESC LIMIT {rows}) AS page JOIN offers ON offers.id = page.id \
         ORDER BY page.id DESC",
        columns.join(", "),
        access_paths.join(" UNION ALL ")
    );
    Some(parameters.with(backend, text))
}

enum Kind {
    Any,
    Open,
    /// Since a time that is bound to this parameter.
    FinishedSince(String),
}

/// The ids of somebody's deals of a kind, newest first.
fn ids(side: &str, user: &str, kind: &Kind, after: Option<&str>, backend: DbBackend) -> String {
    let behind = |id: &str| after.map_or_else(String::new, |after| format!(" AND {id} < {after}"));
    let active = match kind {
        Kind::Any => {
            let whose = is(side, user, backend);
            return format!(
                "SELECT id FROM offers WHERE {whose}{} ORDER BY {side} DESC, id DESC",
                behind("id")
            );
        }
        Kind::Open => "closed_at IS NULL".to_owned(),
        Kind::FinishedSince(since) => format!("closed_at >= {since}"),
    };
    // The last condition as the partial indexes say it, so that they are used.
    let active =
        format!("{side} = {user} AND {active} AND status NOT IN ('DECLINED', 'CANCELLED')");
    // Few deals are active: they are picked out and sorted. Neither database knows how few, and either would rather walk
    // through all deals of the past in the order of their ids; so that order is hidden from them. SQLite knows by itself
    // that open deals are in this order.
    match (kind, backend) {
        (_, DbBackend::Postgres) => format!(
            "SELECT id FROM (SELECT id FROM offers WHERE {active}{} OFFSET 0) AS active ORDER BY id DESC",
            behind("id")
        ),
        (Kind::FinishedSince(_), _) => format!(
            "SELECT id FROM offers WHERE {active}{} ORDER BY +id DESC",
            behind("+id")
        ),
        _ => format!(
            "SELECT id FROM offers WHERE {active}{} ORDER BY id DESC",
            behind("id")
        ),
    }
}
