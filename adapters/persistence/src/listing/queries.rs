//! Browsing listings.

use async_trait::async_trait;
use p2p_application::listing::{
    ListingCursor, ListingFilter, ListingQueries, ListingView, ListingsFound,
};
use p2p_application::ports::StorageError;
use p2p_domain::ListingId;
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult};

use super::{Model, search};
use crate::database::Database;
use crate::error;
use crate::row;

#[async_trait]
impl ListingQueries for Database {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError> {
        let statement = search::one(row::uuid(id), self.backend());
        let found = self.reader().query_one_raw(statement).await;
        found
            .map_err(error::storage)?
            .map(|row| view(&row))
            .transpose()
    }

    async fn list_listings(&self, filter: &ListingFilter) -> Result<ListingsFound, StorageError> {
        let Some(search) = search::search(filter, self.backend()) else {
            return Ok(ListingsFound::default());
        };
        let rows = self.reader().query_all_raw(search.statement).await;
        let rows = rows.map_err(error::storage)?;
        let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let mut found = ListingsFound::default();
        for row in rows {
            if found.listings.len() == wanted {
                break;
            }
            let listing = view(&row)?;
            let Some(far) = search.far else {
                found.listings.push(listing);
                continue;
            };
            let looked: i64 = row.try_get("", "looked").map_err(error::storage)?;
            let last = looked == i64::from(far);
            found.searched_to = last.then(|| ListingCursor::at(&listing.listing));
            if row.try_get("", "passes").map_err(error::storage)? {
                found.listings.push(listing);
            }
        }
        if found.listings.len() == wanted {
            found.searched_to = None;
        }
        Ok(found)
    }
}

fn view(row: &QueryResult) -> Result<ListingView, StorageError> {
    let listing = Model::from_query_result(row, "").map_err(error::storage)?;
    Ok(ListingView {
        listing: listing.try_into()?,
        exchanger_name: row.try_get("", "exchanger_name").map_err(error::storage)?,
        exchanger_online: row
            .try_get("", "exchanger_online")
            .map_err(error::storage)?,
    })
}
