//! Conduct and open deals of those who answer listings, on PostgreSQL: one statement for both.

use std::sync::LazyLock;

use application::ports::{Standing, StorageError};
use domain::UserId;
use domain::refusal::Tally;
use sea_orm::entity::prelude::Uuid;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::look::{columns, conduct_of};
use crate::table::{Room, id_array};
use crate::{conduct, error, row, tally};

/// Each customer is looked up by their key, as in a look. The first two columns are read by their places.
pub(crate) static STANDINGS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT k.user_id, o.counted, {} FROM UNNEST($1::uuid[]) AS k (user_id) \
         LEFT JOIN LATERAL (SELECT * FROM conducts AS found WHERE found.user_id = k.user_id LIMIT 1) AS n ON true \
         CROSS JOIN LATERAL (SELECT count(*) AS counted FROM (SELECT 1 FROM {} LIMIT $2) AS few) AS o",
        columns::<conduct::Entity>("n"),
        tally::counted(Tally::OpenOffers, "k.user_id"),
    )
});

pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    room: Room,
    users: &[UserId],
    most: u32,
) -> Result<Vec<Standing>, StorageError> {
    let mut standings = Vec::with_capacity(users.len());
    for keys in room.keys(users) {
        let keys = id_array(keys.iter().copied().map(row::uuid));
        let values = [keys, i64::from(most).into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, &*STANDINGS, values);
        let found = connection.query_all_raw(statement).await;
        for found in found.map_err(error::storage)? {
            let user: Uuid = found.try_get_by(0).map_err(error::storage)?;
            let counted: i64 = found.try_get_by(1).map_err(error::storage)?;
            standings.push(Standing {
                user: row::id(user),
                conduct: conduct_of(&found)?,
                open_offers: u32::try_from(counted).unwrap_or(most),
            });
        }
    }
    Ok(standings)
}
