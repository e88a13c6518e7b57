//! Loading: from the keys that the commands name to rows, locked, always in the order of the list of aggregates.

use std::mem;

use p2p_domain::policy::Limits;
use p2p_domain::{
    Account, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox, Notification, Offer,
    Order, Payment, SecondFactor, Session, User, Withdrawal,
};

use super::identity_map::{IdentityMap, Tracked};
use super::read_set::{ReadSet, Selected};
use crate::for_each_aggregate;
use crate::ports::{Load, Snapshot, StorageError, Transaction};

/// What loading an aggregate takes besides loading its rows.
pub(crate) trait Related: Selected + Tracked {
    /// Reads what must be known before the rows of this kind are locked, and adds it to the read set.
    fn prepare(_: &mut Loader<'_>) -> impl Future<Output = Result<(), StorageError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Adds what this row points to, among the aggregates that are locked after it.
    fn relate(&self, _: &mut ReadSet) {}
}

/// A batch while it is being loaded.
pub(crate) struct Loader<'t> {
    pub(crate) transaction: &'t mut dyn Transaction,
    pub(crate) reads: ReadSet,
    pub(crate) map: IdentityMap,
    pub(crate) limits: &'t Limits,
}

macro_rules! load_rows {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl Loader<'_> {
            async fn rows(&mut self) -> Result<(), StorageError> {
                $(self.rows_of::<$aggregate>().await?;)*
                Ok(())
            }
        }
    };
}

for_each_aggregate!(load_rows);

/// Loads all that the commands of a batch need, and what these rows in turn point to.
pub(super) async fn load(
    transaction: &mut dyn Transaction,
    reads: ReadSet,
    limits: &Limits,
) -> Result<IdentityMap, StorageError> {
    let mut loader = Loader {
        transaction,
        reads,
        map: IdentityMap::default(),
        limits,
    };
    loader.references().await?;
    loader.marks().await?;
    loader.recipients().await?;
    loader.rows().await?;
    loader.quota_counts().await?;
    if loader.reads.audit_head {
        loader.map.audit_head = Some(loader.transaction.lock_audit_head().await?);
    }
    Ok(loader.map)
}

impl<'t> Loader<'t> {
    async fn rows_of<A: Related>(&mut self) -> Result<(), StorageError>
    where
        dyn Transaction + 't: Load<A>,
    {
        A::prepare(self).await?;
        let selection = mem::take(self.reads.selection_mut::<A>());
        if selection.is_empty() {
            return Ok(());
        }
        for row in Load::<A>::load(self.transaction, &selection).await? {
            row.relate(&mut self.reads);
            self.map.put(row);
        }
        Ok(())
    }

    /// The offers of disputes, and the exchangers of listings that these change.
    async fn references(&mut self) -> Result<(), StorageError> {
        let Self {
            transaction, reads, ..
        } = self;
        if !reads.disputes.is_empty() {
            let ids: Vec<_> = reads.disputes.keys().copied().collect();
            for (dispute, offer) in transaction.offers_of_disputes(&ids).await? {
                let relations = reads.disputes.get(&dispute).copied().unwrap_or_default();
                reads.offers.entry(offer).or_default().merge(relations);
            }
        }
        if !reads.managed_listings.is_empty() {
            let ids: Vec<_> = reads.managed_listings.iter().copied().collect();
            for (_, exchanger) in transaction.exchangers_of_listings(&ids).await? {
                reads.lock::<Exchanger>(exchanger);
            }
        }
        Ok(())
    }

    /// Messages and requests that were dealt with before.
    async fn marks(&mut self) -> Result<(), StorageError> {
        let Self {
            transaction,
            reads,
            map,
            ..
        } = self;
        if !reads.inbox.is_empty() {
            let keys: Vec<_> = reads.inbox.iter().cloned().collect();
            map.processed.extend(transaction.processed(&keys).await?);
        }
        if !reads.replies.is_empty() {
            let keys: Vec<_> = reads.replies.iter().cloned().collect();
            map.put_replies(transaction.replies(&keys).await?);
        }
        Ok(())
    }

    /// The recipients of notifications, and users whose existence is checked.
    async fn recipients(&mut self) -> Result<(), StorageError> {
        let Self {
            transaction,
            reads,
            map,
            ..
        } = self;
        if !reads.notified_offers.is_empty() {
            let ids: Vec<_> = reads.notified_offers.iter().copied().collect();
            for summary in transaction.offer_summaries(&ids).await? {
                reads.lock::<Mailbox>(summary.customer);
                reads.lock::<Mailbox>(summary.exchanger);
                map.offer_summaries.insert(summary.id, summary);
            }
        }
        if reads.notified_staff {
            map.staff = transaction.staff().await?;
            for member in &map.staff {
                reads.lock::<Mailbox>(member.user);
            }
        }
        if !reads.known_users.is_empty() {
            let ids: Vec<_> = reads.known_users.iter().copied().collect();
            map.known_users.extend(transaction.known_users(&ids).await?);
        }
        Ok(())
    }

    async fn quota_counts(&mut self) -> Result<(), StorageError> {
        if self.reads.quota_counts.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = self.reads.quota_counts.iter().copied().collect();
        let most = self.limits.listings.max(self.limits.open_withdrawals);
        for (kind, user, count) in self.transaction.quota_counts(&wanted, most).await? {
            self.map.quota_counts.insert((kind, user), count);
        }
        Ok(())
    }
}

/// The rows that a snapshot has read.
pub(super) fn from_snapshot(snapshot: Snapshot) -> IdentityMap {
    let Snapshot {
        offers,
        exchangers,
        listings,
        accounts,
        users,
        replies,
        payments,
        conducts,
        open_offers,
    } = snapshot;
    let mut map = IdentityMap::default();
    offers.into_iter().for_each(|row| map.put(row));
    exchangers.into_iter().for_each(|row| map.put(row));
    listings.into_iter().for_each(|row| map.put(row));
    payments.into_iter().for_each(|row| map.put(row));
    for account in accounts {
        map.account_keys.insert(account.id, account.key);
        map.put(account);
    }
    conducts.into_iter().for_each(|row| map.put(row));
    for (user, count) in open_offers {
        map.put_open_offers(user, count);
    }
    map.known_users.extend(users);
    map.put_replies(replies);
    map
}
