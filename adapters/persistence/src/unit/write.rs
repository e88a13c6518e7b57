//! What a commit writes: all rows of all tables, each table at once.

use std::collections::HashMap;

use p2p_application::ports::{ChangeSet, IdempotencyRecord, StorageError, Versioned};
use p2p_domain::OfferId;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbErr, QuerySelect};

use crate::audit_log::{self, head};
use crate::ledger::{account, journal};
use crate::notification::{self, mailbox};
use crate::row;
use crate::table::{StatementLimit, Writer, one_of};
use crate::{
    conduct, dispute, error, exchanger, failed_attempts, idempotency, inbox, listing, offer, order,
    outbox, payment, payment_report, second_factor, session, user, withdrawal,
};

/// Writes everything. What has changed comes first, in the order in which units of work lock rows: a commit that has not
/// locked its rows before never waits in a circle with one that has. What is new comes after it, what is referred to before
/// what refers to it. `failed`: what it means if the last statement fails.
pub(super) async fn write(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    changes: &ChangeSet,
    failed: fn(DbErr) -> StorageError,
) -> Result<(), StorageError> {
    let mailboxes = rows(&changes.mailboxes, |row| row.user, mailbox::Model::try_from)?;
    let notifications = rows(
        &changes.notifications,
        |row| row.id,
        notification::Model::try_from,
    )?;
    let users = rows(&changes.users, |user| user.id, user::Model::try_from)?;
    let access = Access::of(changes)?;
    let offers = rows(&changes.offers, |offer| offer.id, offer::Model::try_from)?;
    let sides = sides(connection, limit, changes).await?;
    let disputes = rows(
        &changes.disputes,
        |dispute| dispute.id,
        |dispute| {
            let sides = sides.get(&dispute.offer);
            let sides = sides.ok_or_else(|| StorageError::Rejected {
                what: "a dispute of a deal that is not there".to_owned(),
            })?;
            dispute::Model::of(dispute, *sides)
        },
    )?;
    let exchangers = rows(
        &changes.exchangers,
        |row| row.user,
        exchanger::Model::try_from,
    )?;
    let listings = rows(&changes.listings, |row| row.id, listing::Model::try_from)?;
    let withdrawals = rows(
        &changes.withdrawals,
        |row| row.id,
        withdrawal::Model::try_from,
    )?;
    let orders = rows(&changes.orders, |row| row.id, order::Model::try_from)?;
    let payments = rows(
        &changes.payments,
        |row| &row.origin,
        payment::Model::try_from,
    )?;
    let accounts = rows(&changes.accounts, account::order, account::Model::try_from)?;
    let history = changes.history.iter().map(offer::history::Model::try_from);
    let history = history.collect::<Result<_, _>>()?;
    let comments = changes.comments.iter().map(dispute::comment::Model::from);
    let entries = changes.transfers.iter().flat_map(journal::rows);
    let messages = changes.outbox.iter().map(outbox::Model::try_from);
    let messages = messages.collect::<Result<_, _>>()?;

    let mut inbox: Vec<inbox::Model> = changes.inbox.iter().map(inbox::Model::from).collect();
    // Whoever takes in the same messages waits for the first of them, and not in a circle.
    inbox.sort_unstable_by(|one, other| {
        (&one.consumer, &one.message).cmp(&(&other.consumer, &other.message))
    });
    let mut replies: Vec<&IdempotencyRecord> = changes.replies.iter().collect();
    replies.sort_unstable_by_key(|record| &record.key);
    let replies = replies.into_iter().map(idempotency::Model::try_from);
    let replies = replies.collect::<Result<_, _>>()?;
    let reports = changes.reports.iter().map(payment_report::Model::from);

    let mut writer = Writer::new(connection, limit);
    writer.update::<user::Entity>(users.changed).await?;
    writer
        .update::<failed_attempts::Entity>(access.attempts.changed)
        .await?;
    writer
        .update::<second_factor::Entity>(access.second_factors.changed)
        .await?;
    writer
        .update::<session::Entity>(access.sessions.changed)
        .await?;
    writer.update::<offer::Entity>(offers.changed).await?;
    writer.update::<dispute::Entity>(disputes.changed).await?;
    writer
        .update::<exchanger::Entity>(exchangers.changed)
        .await?;
    writer.update::<listing::Entity>(listings.changed).await?;
    writer
        .update::<withdrawal::Entity>(withdrawals.changed)
        .await?;
    writer.update::<order::Entity>(orders.changed).await?;
    writer.update::<payment::Entity>(payments.changed).await?;
    writer.update::<account::Entity>(accounts.changed).await?;
    writer.update::<mailbox::Entity>(mailboxes.changed).await?;
    writer
        .update::<notification::Entity>(notifications.changed)
        .await?;
    writer
        .update::<conduct::Entity>(access.conducts.changed)
        .await?;
    if let Some(append) = &changes.trail {
        let values = head::moved(append)?;
        writer
            .change("audit_head", head::moving, values.into())
            .await?;
    }

    // A message that somebody else has taken in meanwhile, or a request that was answered, stops the rest at once.
    writer.insert::<inbox::Entity>(inbox).await?;
    writer.insert::<idempotency::Entity>(replies).await?;
    writer.insert::<user::Entity>(users.new).await?;
    writer
        .insert::<failed_attempts::Entity>(access.attempts.new)
        .await?;
    writer
        .insert::<second_factor::Entity>(access.second_factors.new)
        .await?;
    writer
        .insert::<session::Entity>(access.sessions.new)
        .await?;
    writer
        .insert::<conduct::Entity>(access.conducts.new)
        .await?;
    writer.insert::<account::Entity>(accounts.new).await?;
    writer.insert::<exchanger::Entity>(exchangers.new).await?;
    writer.insert::<listing::Entity>(listings.new).await?;
    writer.insert::<offer::Entity>(offers.new).await?;
    writer.insert::<offer::history::Entity>(history).await?;
    writer.insert::<dispute::Entity>(disputes.new).await?;
    writer
        .insert::<dispute::comment::Entity>(comments.collect())
        .await?;
    writer.insert::<order::Entity>(orders.new).await?;
    writer.insert::<payment::Entity>(payments.new).await?;
    writer.insert::<withdrawal::Entity>(withdrawals.new).await?;
    writer.insert::<journal::Entity>(entries.collect()).await?;
    writer
        .insert::<payment_report::Entity>(reports.collect())
        .await?;
    writer.insert::<mailbox::Entity>(mailboxes.new).await?;
    writer
        .insert::<notification::Entity>(notifications.new)
        .await?;
    writer.insert::<audit_log::Entity>(access.records).await?;
    writer.insert::<outbox::Entity>(messages).await?;
    writer.finish().await.map_err(failed)
}

/// What log-ins, limits and the audit trail have to write.
struct Access {
    attempts: Rows<failed_attempts::Model>,
    second_factors: Rows<second_factor::Model>,
    sessions: Rows<session::Model>,
    conducts: Rows<conduct::Model>,
    records: Vec<audit_log::Model>,
}

impl Access {
    fn of(changes: &ChangeSet) -> Result<Self, StorageError> {
        let records = changes.trail.iter().flat_map(|trail| &trail.records);
        let records = records.map(audit_log::Model::try_from);
        Ok(Self {
            attempts: rows(
                &changes.attempts,
                |row| row.key,
                failed_attempts::Model::try_from,
            )?,
            second_factors: rows(
                &changes.second_factors,
                |row| row.user,
                second_factor::Model::try_from,
            )?,
            sessions: rows(&changes.sessions, |row| row.id, session::Model::try_from)?,
            conducts: rows(&changes.conducts, |row| row.user, conduct::Model::try_from)?,
            records: records.collect::<Result<_, _>>()?,
        })
    }
}

/// What of a table is new, and what has changed since it was loaded with a version.
struct Rows<M> {
    new: Vec<M>,
    changed: Vec<(M, i64)>,
}

/// Both in the order in which rows are locked.
fn rows<'a, M, T, K: Ord>(
    saved: &'a [Versioned<T>],
    order: impl Fn(&'a T) -> K,
    to_row: impl Fn(&'a T) -> Result<M, StorageError>,
) -> Result<Rows<M>, StorageError> {
    let mut sorted: Vec<&Versioned<T>> = saved.iter().collect();
    sorted.sort_unstable_by_key(|one| order(&one.value));
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for one in sorted {
        let row = to_row(&one.value)?;
        match one.expected_version {
            None => new.push(row),
            Some(version) => changed.push((row, row::stored(version)?)),
        }
    }
    Ok(Rows { new, changed })
}

/// The sides of the deals that these disputes are about: at hand as a rule, since a dispute changes its deal.
async fn sides(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    changes: &ChangeSet,
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
    for keys in limit.keys(&missing) {
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
