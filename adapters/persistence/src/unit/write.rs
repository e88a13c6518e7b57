//! What a commit writes: all rows of all tables, each table at once.

use std::collections::HashMap;
use std::mem::take;

use p2p_application::ports::{ChangeSet, IdempotencyRecord, StorageError, Versioned};
use p2p_application::{aggregate_struct, for_each_aggregate};
use p2p_domain::{
    Account, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox, Notification, Offer,
    OfferId, Order, Payment, SecondFactor, Session, User, Withdrawal,
};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbErr, QuerySelect};

use crate::audit_log::{self, head};
use crate::ledger::{account, journal};
use crate::notification::{self, mailbox};
use crate::row;
use crate::stored::{ModelOf, Sides, SidesOfOffers, Stored};
use crate::table::{StatementLimit, Writer, one_of};
use crate::{
    conduct, dispute, error, exchanger, failed_attempts, idempotency, inbox, listing, offer, order,
    outbox, payment, payment_report, second_factor, session, user, withdrawal,
};

/// The rows of one aggregate to write.
type RowsOf<A> = Split<ModelOf<A>>;

for_each_aggregate!(aggregate_struct {
    /// The rows of all aggregates to write.
    struct Rows[RowsOf] {}
});

macro_rules! rows {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl Rows {
            /// The changed rows, and the parts of the changes that are only ever added.
            fn of(changes: &ChangeSet, sides: &SidesOfOffers) -> Result<Self, StorageError> {
                Ok(Self { $($table: split(&changes.$table, sides)?,)* })
            }

            /// Updates changed rows in the order in which rows are locked.
            async fn update<C: ConnectionTrait>(&mut self, to: &mut Writer<'_, C>) -> Result<(), StorageError> {
                $(to.update::<<$aggregate as Stored>::Entity>(take(&mut self.$table.changed)).await?;)*
                Ok(())
            }
        }
    };
}

for_each_aggregate!(rows);

/// Writes everything. Changed rows come first, in the order in which units of work lock them: a commit that has locked no rows
/// never waits in a circle with one that has. New rows follow, what is referred to before what refers to it. `failed` says what
/// a failure of the last statement means.
pub(super) async fn write(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    changes: &ChangeSet,
    failed: fn(DbErr) -> StorageError,
) -> Result<(), StorageError> {
    let sides = sides(connection, limit, changes).await?;
    let mut rows = Rows::of(changes, &sides)?;
    let appended = Appended::of(changes)?;

    let mut writer = Writer::new(connection, limit);
    rows.update(&mut writer).await?;
    if let Some(append) = &changes.trail {
        let values = head::moved(append)?;
        writer
            .change("audit_head", head::moving, values.into())
            .await?;
    }
    insert(&mut writer, rows, appended).await?;
    writer.finish().await.map_err(failed)
}

/// Inserts new rows, what is referred to before what refers to it.
async fn insert<C: ConnectionTrait>(
    to: &mut Writer<'_, C>,
    rows: Rows,
    appended: Appended,
) -> Result<(), StorageError> {
    let Rows {
        users,
        failed_attempts,
        second_factors,
        sessions,
        offers,
        disputes,
        exchangers,
        listings,
        withdrawals,
        orders,
        payments,
        accounts,
        mailboxes,
        notifications,
        conducts,
    } = rows;
    let Appended {
        history,
        comments,
        entries,
        messages,
        inbox,
        replies,
        reports,
        records,
    } = appended;
    // A message that was processed meanwhile, or a request that was answered, stops the rest at once.
    to.insert::<inbox::Entity>(inbox).await?;
    to.insert::<idempotency::Entity>(replies).await?;
    to.insert::<user::Entity>(users.new).await?;
    to.insert::<failed_attempts::Entity>(failed_attempts.new)
        .await?;
    to.insert::<second_factor::Entity>(second_factors.new)
        .await?;
    to.insert::<session::Entity>(sessions.new).await?;
    to.insert::<conduct::Entity>(conducts.new).await?;
    to.insert::<account::Entity>(accounts.new).await?;
    to.insert::<exchanger::Entity>(exchangers.new).await?;
    to.insert::<listing::Entity>(listings.new).await?;
    to.insert::<offer::Entity>(offers.new).await?;
    to.insert::<offer::history::Entity>(history).await?;
    to.insert::<dispute::Entity>(disputes.new).await?;
    to.insert::<dispute::comment::Entity>(comments).await?;
    to.insert::<order::Entity>(orders.new).await?;
    to.insert::<payment::Entity>(payments.new).await?;
    to.insert::<withdrawal::Entity>(withdrawals.new).await?;
    to.insert::<journal::Entity>(entries).await?;
    to.insert::<payment_report::Entity>(reports).await?;
    to.insert::<mailbox::Entity>(mailboxes.new).await?;
    to.insert::<notification::Entity>(notifications.new).await?;
    to.insert::<audit_log::Entity>(records).await?;
    to.insert::<outbox::Entity>(messages).await
}

/// The rows that are only ever added.
struct Appended {
    history: Vec<offer::history::Model>,
    comments: Vec<dispute::comment::Model>,
    entries: Vec<journal::Model>,
    messages: Vec<outbox::Model>,
    inbox: Vec<inbox::Model>,
    replies: Vec<idempotency::Model>,
    reports: Vec<payment_report::Model>,
    records: Vec<audit_log::Model>,
}

impl Appended {
    fn of(changes: &ChangeSet) -> Result<Self, StorageError> {
        let mut inbox: Vec<inbox::Model> = changes.inbox.iter().map(inbox::Model::from).collect();
        // Commits that process the same messages wait for the first of them, and not in a circle.
        inbox.sort_unstable_by(|one, other| {
            (&one.consumer, &one.message).cmp(&(&other.consumer, &other.message))
        });
        let mut replies: Vec<&IdempotencyRecord> = changes.replies.iter().collect();
        replies.sort_unstable_by_key(|record| &record.key);
        let records = changes.trail.iter().flat_map(|trail| &trail.records);
        let history = changes.history.iter().map(offer::history::Model::try_from);
        let messages = changes.outbox.iter().map(outbox::Model::try_from);
        let replies = replies.into_iter().map(idempotency::Model::try_from);
        let comments = changes.comments.iter().map(dispute::comment::Model::from);
        Ok(Self {
            history: history.collect::<Result<_, _>>()?,
            comments: comments.collect(),
            entries: changes.transfers.iter().flat_map(journal::rows).collect(),
            messages: messages.collect::<Result<_, _>>()?,
            inbox,
            replies: replies.collect::<Result<_, _>>()?,
            reports: changes
                .reports
                .iter()
                .map(payment_report::Model::from)
                .collect(),
            records: records
                .map(audit_log::Model::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// The rows of a table that are new, and those that have changed, with the versions that they were loaded with. Both in the
/// order in which rows are locked.
struct Split<M> {
    new: Vec<M>,
    changed: Vec<(M, i64)>,
}

fn split<A: Stored>(
    saved: &[Versioned<A>],
    sides: &SidesOfOffers,
) -> Result<Split<ModelOf<A>>, StorageError> {
    let mut sorted: Vec<&Versioned<A>> = saved.iter().collect();
    sorted.sort_unstable_by(|one, other| one.value.order(&other.value));
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for one in sorted {
        let row = one.value.row(sides)?;
        match one.expected_version {
            None => new.push(row),
            Some(version) => changed.push((row, row::stored(version)?)),
        }
    }
    Ok(Split { new, changed })
}

/// The sides of the offers that these disputes are about: as a rule they are in the changes, since a dispute changes its offer.
async fn sides(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    changes: &ChangeSet,
) -> Result<SidesOfOffers, StorageError> {
    if changes.disputes.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sides: SidesOfOffers = changes
        .offers
        .iter()
        .map(|saved| {
            let terms = &saved.value.terms;
            let sides = Sides {
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
            let sides = Sides {
                customer,
                exchanger,
            };
            (row::id(offer), sides)
        }));
    }
    Ok(sides)
}
