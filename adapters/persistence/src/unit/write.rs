//! What a commit writes: all rows of all tables, each table at once.

use std::collections::HashMap;

use application::ports::{Changes, Saved, StorageError};
use domain::OfferId;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbErr, QuerySelect};

use crate::ledger::{account, journal};
use crate::row;
use crate::table::{Room, Table, Writer, one_of};
use crate::{dispute, error, exchanger, listing, offer, outbox, user};

/// Writes everything, what is referred to before what refers to it. `failed`: what it means if the last statement fails.
pub(super) async fn write(
    connection: &impl ConnectionTrait,
    room: Room,
    changes: &Changes,
    failed: fn(DbErr) -> StorageError,
) -> Result<(), StorageError> {
    let mut writer = Writer::new(connection, room);
    let users = rows(&changes.users, user::Model::try_from)?;
    save::<user::Entity>(&mut writer, users).await?;
    let accounts = rows(&changes.accounts, account::Model::try_from)?;
    save::<account::Entity>(&mut writer, accounts).await?;
    let exchangers = rows(&changes.exchangers, exchanger::Model::try_from)?;
    save::<exchanger::Entity>(&mut writer, exchangers).await?;
    let listings = rows(&changes.listings, listing::Model::try_from)?;
    save::<listing::Entity>(&mut writer, listings).await?;
    let offers = rows(&changes.offers, offer::Model::try_from)?;
    save::<offer::Entity>(&mut writer, offers).await?;
    let history = changes.history.iter().map(offer::history::Model::try_from);
    let history = history.collect::<Result<_, _>>()?;
    writer.insert::<offer::history::Entity>(history).await?;
    let sides = sides(connection, room, changes).await?;
    let disputes = rows(&changes.disputes, |dispute| {
        let sides = sides.get(&dispute.offer);
        let sides = sides.ok_or_else(|| StorageError::Rejected {
            what: "a dispute of a deal that is not there".to_owned(),
        })?;
        dispute::Model::of(dispute, *sides)
    })?;
    save::<dispute::Entity>(&mut writer, disputes).await?;
    let comments = changes.comments.iter().map(dispute::comment::Model::from);
    writer
        .insert::<dispute::comment::Entity>(comments.collect())
        .await?;
    let entries = changes.transfers.iter().flat_map(journal::rows);
    writer.insert::<journal::Entity>(entries.collect()).await?;
    let messages = changes.outbox.iter().map(outbox::Model::try_from);
    let messages = messages.collect::<Result<_, _>>()?;
    writer.insert::<outbox::Entity>(messages).await?;
    writer.finish().await.map_err(failed)
}

/// What of a table is new, and what has changed since it was loaded with a version.
struct Rows<M> {
    new: Vec<M>,
    changed: Vec<(M, i64)>,
}

fn rows<'a, M, T>(
    saved: &'a [Saved<T>],
    to_row: impl Fn(&'a T) -> Result<M, StorageError>,
) -> Result<Rows<M>, StorageError> {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for one in saved {
        let row = to_row(&one.value)?;
        match one.loaded_version {
            None => new.push(row),
            Some(version) => changed.push((row, row::stored(version)?)),
        }
    }
    Ok(Rows { new, changed })
}

async fn save<E>(
    writer: &mut Writer<'_, impl ConnectionTrait>,
    rows: Rows<E::Model>,
) -> Result<(), StorageError>
where
    E: Table,
    E::Model: ModelTrait<Entity = E>,
{
    writer.insert::<E>(rows.new).await?;
    writer.update::<E>(rows.changed).await
}

/// The sides of the deals that these disputes are about: at hand as a rule, since a dispute changes its deal.
async fn sides(
    connection: &impl ConnectionTrait,
    room: Room,
    changes: &Changes,
) -> Result<HashMap<OfferId, dispute::Sides>, StorageError> {
    if changes.disputes.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sides: HashMap<OfferId, dispute::Sides> = changes
        .offers
        .iter()
        .map(|saved| {
            let terms = &saved.value.terms;
            let sides = dispute::Sides {
                customer: row::uuid(terms.customer),
                exchanger: row::uuid(terms.exchanger),
            };
            (saved.value.id, sides)
        })
        .collect();
    let mut missing: Vec<OfferId> = changes
        .disputes
        .iter()
        .map(|saved| saved.value.offer)
        .filter(|offer| !sides.contains_key(offer))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    for keys in room.keys(&missing) {
        let keys = keys.iter().copied().map(row::uuid).collect();
        let found: Vec<(Uuid, Uuid, Uuid)> = offer::Entity::find()
            .select_only()
            .columns([
                offer::Column::Id,
                offer::Column::CustomerId,
                offer::Column::ExchangerId,
            ])
            .filter(one_of(
                connection.get_database_backend(),
                offer::Column::Id,
                keys,
            ))
            .into_tuple()
            .all(connection)
            .await
            .map_err(error::storage)?;
        sides.extend(found.into_iter().map(|(offer, customer, exchanger)| {
            let sides = dispute::Sides {
                customer,
                exchanger,
            };
            (row::id(offer), sides)
        }));
    }
    Ok(sides)
}
