//! A unit of work: rows are read from the shared tables, nobody else's turn comes until it ends.

use std::collections::BTreeSet;

use async_trait::async_trait;
use p2p_application::ports::{
    ChangeSet, CustomerPreconditions, IdempotencyKey, IdempotencyRecord, InboxKey,
    OfferPreconditions, OfferSummary, StaffMember, StorageError, Transaction,
};
use p2p_domain::audit_log::AuditHead;
use p2p_domain::listing::ListingState;
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Notification, NotificationId, Offer, OfferId, Order, OrderId,
    Payment, Role, SecondFactor, Session, SessionId, UserId, Withdrawal, WithdrawalId,
};
use tokio::sync::OwnedMutexGuard;

use crate::faults::Point;
use crate::store::Memory;

/// The steps of loading, in the order in which they must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Load {
    OffersOfDisputes,
    ExchangersOfListings,
    TakenIn,
    Replies,
    OfferHeads,
    Staff,
    KnownUsers,
    Users,
    FailedAttempts,
    SecondFactors,
    Sessions,
    Offers,
    Disputes,
    Exchangers,
    Listings,
    Withdrawals,
    Orders,
    Payments,
    AccountKeys,
    Accounts,
    Mailboxes,
    Notifications,
    OfferPreconditions,
    Conducts,
    Tallies,
    TrailHead,
}

#[derive(Debug)]
pub(crate) struct Unit {
    memory: Memory,
    /// Holds everybody else up until the unit ends.
    _turn: OwnedMutexGuard<()>,
    last: Option<Load>,
}

impl Unit {
    pub(crate) const fn new(memory: Memory, turn: OwnedMutexGuard<()>) -> Self {
        Self {
            memory,
            _turn: turn,
            last: None,
        }
    }

    /// Loads are made in one order, each at most once: a caller who doesn't would deadlock a database some day.
    async fn step(&mut self, load: Load) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Load).await?;
        if self.last.is_some_and(|last| last >= load) {
            let last = self.last;
            return Err(misuse(format!("{load:?} is loaded after {last:?}")));
        }
        self.last = Some(load);
        Ok(())
    }
}

fn misuse(what: String) -> StorageError {
    StorageError::Rejected { what }
}

/// Keys come sorted and without repetition, for the same reason.
fn ordered<K: Ord>(load: Load, keys: &[K]) -> Result<(), StorageError> {
    if keys.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(misuse(format!("the keys of {load:?} are not in order")))
    }
}

#[async_trait]
impl Transaction for Unit {
    async fn offers_of_disputes(
        &mut self,
        disputes: &[DisputeId],
    ) -> Result<Vec<(DisputeId, OfferId)>, StorageError> {
        self.step(Load::OffersOfDisputes).await?;
        ordered(Load::OffersOfDisputes, disputes)?;
        let tables = self.memory.read();
        let found = disputes.iter().filter_map(|id| tables.disputes.get(id));
        Ok(found.map(|dispute| (dispute.id, dispute.offer)).collect())
    }

    async fn exchangers_of_listings(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, UserId)>, StorageError> {
        self.step(Load::ExchangersOfListings).await?;
        ordered(Load::ExchangersOfListings, listings)?;
        let tables = self.memory.read();
        let found = listings.iter().filter_map(|id| tables.listings.get(id));
        Ok(found
            .map(|listing| (listing.id, listing.exchanger))
            .collect())
    }

    async fn processed(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError> {
        self.step(Load::TakenIn).await?;
        ordered(Load::TakenIn, keys)?;
        let tables = self.memory.read();
        let taken = keys.iter().filter(|key| tables.inbox.contains_key(key));
        Ok(taken.cloned().collect())
    }

    async fn replies(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<IdempotencyRecord>, StorageError> {
        self.step(Load::Replies).await?;
        ordered(Load::Replies, keys)?;
        let tables = self.memory.read();
        let found = keys.iter().filter_map(|key| tables.replies.get(key));
        Ok(found.cloned().collect())
    }

    async fn offer_summaries(
        &mut self,
        offers: &[OfferId],
    ) -> Result<Vec<OfferSummary>, StorageError> {
        self.step(Load::OfferHeads).await?;
        ordered(Load::OfferHeads, offers)?;
        let tables = self.memory.read();
        let found = offers.iter().filter_map(|id| tables.offers.get(id));
        Ok(found
            .map(|offer| OfferSummary {
                id: offer.id,
                customer: offer.terms.customer,
                exchanger: offer.terms.exchanger,
                exchange_type: offer.terms.exchange_type,
                amount: offer.terms.amount,
                fiat: offer.terms.fiat,
            })
            .collect())
    }

    async fn staff(&mut self) -> Result<Vec<StaffMember>, StorageError> {
        self.step(Load::Staff).await?;
        let tables = self.memory.read();
        let all = tables.users.values();
        let staff = all.filter(|user| {
            let roles = user.roles;
            [Role::Moderator, Role::Admin]
                .into_iter()
                .any(|role| roles.contains(role))
        });
        Ok(staff
            .map(|user| StaffMember {
                user: user.id,
                roles: user.roles,
            })
            .collect())
    }

    async fn known_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        self.step(Load::KnownUsers).await?;
        ordered(Load::KnownUsers, ids)?;
        let tables = self.memory.read();
        let known = ids.iter().filter(|id| tables.users.contains_key(id));
        Ok(known.copied().collect())
    }

    async fn lock_users(
        &mut self,
        ids: &[UserId],
        emails: &[Email],
    ) -> Result<Vec<User>, StorageError> {
        self.step(Load::Users).await?;
        ordered(Load::Users, ids)?;
        ordered(Load::Users, emails)?;
        let tables = self.memory.read();
        let (ids, emails) = (BTreeSet::from_iter(ids), BTreeSet::from_iter(emails));
        let wanted = |user: &&User| ids.contains(&user.id) || emails.contains(&user.email);
        let found = tables.users.values().filter(wanted);
        found
            .map(|user| {
                self.memory.faults().read("users", user.id)?;
                Ok(user.clone())
            })
            .collect()
    }

    async fn lock_attempts(&mut self, keys: &[u128]) -> Result<Vec<FailedAttempts>, StorageError> {
        self.step(Load::FailedAttempts).await?;
        ordered(Load::FailedAttempts, keys)?;
        let tables = self.memory.read();
        let found = keys.iter().filter_map(|key| tables.attempts.get(key));
        Ok(found.copied().collect())
    }

    async fn lock_second_factors(
        &mut self,
        users: &[UserId],
    ) -> Result<Vec<SecondFactor>, StorageError> {
        self.step(Load::SecondFactors).await?;
        ordered(Load::SecondFactors, users)?;
        let tables = self.memory.read();
        let found = users
            .iter()
            .filter_map(|user| tables.second_factors.get(user));
        Ok(found.cloned().collect())
    }

    async fn lock_sessions(
        &mut self,
        ids: &[SessionId],
        of: &[UserId],
    ) -> Result<Vec<Session>, StorageError> {
        self.step(Load::Sessions).await?;
        ordered(Load::Sessions, ids)?;
        ordered(Load::Sessions, of)?;
        let tables = self.memory.read();
        let (ids, of) = (BTreeSet::from_iter(ids), BTreeSet::from_iter(of));
        let wanted = |session: &&Session| {
            ids.contains(&session.id) || (session.ended.is_none() && of.contains(&session.user))
        };
        let found = tables.sessions.values().filter(wanted);
        found
            .map(|session| {
                self.memory.faults().read("sessions", session.id)?;
                Ok(session.clone())
            })
            .collect()
    }

    async fn lock_offers(&mut self, ids: &[OfferId]) -> Result<Vec<Offer>, StorageError> {
        self.step(Load::Offers).await?;
        ordered(Load::Offers, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.offers.get(id));
        found
            .map(|offer| {
                self.memory.faults().read("offers", offer.id)?;
                Ok(offer.clone())
            })
            .collect()
    }

    async fn lock_disputes(&mut self, offers: &[OfferId]) -> Result<Vec<Dispute>, StorageError> {
        self.step(Load::Disputes).await?;
        ordered(Load::Disputes, offers)?;
        let tables = self.memory.read();
        let offers = BTreeSet::from_iter(offers);
        let wanted = |dispute: &&Dispute| offers.contains(&dispute.offer);
        let found = tables.disputes.values().filter(wanted);
        found
            .map(|dispute| {
                self.memory.faults().read("disputes", dispute.id)?;
                Ok(dispute.clone())
            })
            .collect()
    }

    async fn lock_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        self.step(Load::Exchangers).await?;
        ordered(Load::Exchangers, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.exchangers.get(id));
        Ok(found.copied().collect())
    }

    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        // No step of its own: what is only read may be read at any time.
        self.memory.faults().visit(Point::Load).await?;
        ordered(Load::Exchangers, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.exchangers.get(id));
        Ok(found.copied().collect())
    }

    async fn lock_listings(
        &mut self,
        ids: &[ListingId],
        active_of: &[UserId],
    ) -> Result<Vec<Listing>, StorageError> {
        self.step(Load::Listings).await?;
        ordered(Load::Listings, ids)?;
        ordered(Load::Listings, active_of)?;
        let tables = self.memory.read();
        let (ids, active_of) = (BTreeSet::from_iter(ids), BTreeSet::from_iter(active_of));
        let wanted = |listing: &&Listing| {
            ids.contains(&listing.id)
                || (listing.state == ListingState::Active && active_of.contains(&listing.exchanger))
        };
        let found = tables.listings.values().filter(wanted);
        found
            .map(|listing| {
                self.memory.faults().read("listings", listing.id)?;
                Ok(listing.clone())
            })
            .collect()
    }

    async fn lock_withdrawals(
        &mut self,
        ids: &[WithdrawalId],
    ) -> Result<Vec<Withdrawal>, StorageError> {
        self.step(Load::Withdrawals).await?;
        ordered(Load::Withdrawals, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.withdrawals.get(id));
        found
            .map(|withdrawal| {
                self.memory.faults().read("withdrawals", withdrawal.id)?;
                Ok(withdrawal.clone())
            })
            .collect()
    }

    async fn lock_orders(&mut self, ids: &[OrderId]) -> Result<Vec<Order>, StorageError> {
        self.step(Load::Orders).await?;
        ordered(Load::Orders, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.orders.get(id));
        found
            .map(|order| {
                self.memory.faults().read("orders", order.id)?;
                Ok(order.clone())
            })
            .collect()
    }

    async fn lock_payments(
        &mut self,
        origins: &[PaymentOrigin],
    ) -> Result<Vec<Payment>, StorageError> {
        self.step(Load::Payments).await?;
        ordered(Load::Payments, origins)?;
        let tables = self.memory.read();
        let origins = BTreeSet::from_iter(origins);
        let wanted = |payment: &&Payment| origins.contains(&payment.origin);
        let found = tables.payments.values().filter(wanted);
        found
            .map(|payment| {
                self.memory.faults().read("payments", payment.id)?;
                Ok(payment.clone())
            })
            .collect()
    }

    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError> {
        self.step(Load::AccountKeys).await?;
        ordered(Load::AccountKeys, ids)?;
        let tables = self.memory.read();
        let found = ids
            .iter()
            .filter_map(|id| Some((*id, *tables.account_ids.get(id)?)));
        Ok(found.collect())
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey]) -> Result<Vec<Account>, StorageError> {
        self.step(Load::Accounts).await?;
        ordered(Load::Accounts, keys)?;
        let tables = self.memory.read();
        let found = keys.iter().filter_map(|key| tables.accounts.get(key));
        found
            .map(|account| {
                self.memory.faults().read("accounts", account.id)?;
                Ok(*account)
            })
            .collect()
    }

    async fn lock_mailboxes(&mut self, users: &[UserId]) -> Result<Vec<Mailbox>, StorageError> {
        self.step(Load::Mailboxes).await?;
        ordered(Load::Mailboxes, users)?;
        let tables = self.memory.read();
        let found = users.iter().filter_map(|user| tables.mailboxes.get(user));
        found
            .map(|mailbox| {
                self.memory.faults().read("mailboxes", mailbox.user)?;
                Ok(*mailbox)
            })
            .collect()
    }

    async fn lock_notifications(
        &mut self,
        ids: &[NotificationId],
    ) -> Result<Vec<Notification>, StorageError> {
        self.step(Load::Notifications).await?;
        ordered(Load::Notifications, ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.notifications.get(id));
        found
            .map(|row| {
                self.memory.faults().read("notifications", row.id)?;
                Ok(row.clone())
            })
            .collect()
    }

    async fn read_conducts(&mut self, users: &[UserId]) -> Result<Vec<Conduct>, StorageError> {
        self.step(Load::Conducts).await?;
        ordered(Load::Conducts, users)?;
        let tables = self.memory.read();
        let found = users.iter().filter_map(|user| tables.conducts.get(user));
        Ok(found.copied().collect())
    }

    async fn quota_counts(
        &mut self,
        wanted: &[(QuotaKind, UserId)],
        most: u32,
    ) -> Result<Vec<(QuotaKind, UserId, u32)>, StorageError> {
        self.step(Load::Tallies).await?;
        ordered(Load::Tallies, wanted)?;
        let tables = self.memory.read();
        let counted = wanted
            .iter()
            .map(|(what, user)| (*what, *user, tables.tally(*what, *user, most)));
        Ok(counted.collect())
    }

    async fn offer_preconditions(
        &mut self,
        customers: &[UserId],
        exchangers: &[UserId],
        most: u32,
    ) -> Result<OfferPreconditions, StorageError> {
        self.step(Load::OfferPreconditions).await?;
        ordered(Load::OfferPreconditions, customers)?;
        ordered(Load::OfferPreconditions, exchangers)?;
        let tables = self.memory.read();
        let standing = |user: &UserId| CustomerPreconditions {
            user: *user,
            conduct: tables.conducts.get(user).copied(),
            open_offers: tables.tally(QuotaKind::OpenOffers, *user, most),
        };
        let found = exchangers.iter().filter_map(|id| tables.exchangers.get(id));
        Ok(OfferPreconditions {
            customers: customers.iter().map(standing).collect(),
            exchangers: found.copied().collect(),
        })
    }

    async fn lock_audit_head(&mut self) -> Result<AuditHead, StorageError> {
        self.step(Load::TrailHead).await?;
        Ok(self.memory.read().audit_head)
    }

    async fn commit(self: Box<Self>, changes: &ChangeSet) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Commit).await?;
        {
            let mut tables = self.memory.write();
            tables.check(changes)?;
            tables.apply(changes);
        }
        self.memory.count(|tally| tally.committed += 1);
        self.memory.faults().visit(Point::Committed).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Rollback).await?;
        self.memory.count(|tally| tally.rolled_back += 1);
        Ok(())
    }
}
