//! Log-ins, limits and the audit trail.

use async_trait::async_trait;
use p2p_application::access::{AccessChanges, AccessQueries};
use p2p_application::audit_log::{AuditLogFilter, AuditLogQueries};
use p2p_application::ports::StorageError;
use p2p_domain::audit_log::{AuditHead, AuditRecord};
use p2p_domain::listing::ListingState;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{FailedAttempts, SecondFactor, Session, SessionId, Timestamp, UserId};

use crate::queries::take;
use crate::store::Memory;
use crate::tables::Tables;

impl Tables {
    /// How many of these somebody has, counted no further than this.
    pub(crate) fn tally(&self, what: QuotaKind, user: UserId, most: u32) -> u32 {
        let count = match what {
            QuotaKind::OpenOffers => {
                let offers = self.offers.values();
                let open = |offer: &&p2p_domain::Offer| {
                    offer.terms.customer == user && !offer.status().is_final()
                };
                offers.filter(open).count()
            }
            QuotaKind::Listings => {
                let listings = self.listings.values();
                let kept = |listing: &&p2p_domain::Listing| {
                    listing.exchanger == user && listing.state != ListingState::Closed
                };
                listings.filter(kept).count()
            }
            QuotaKind::OpenWithdrawals => {
                let withdrawals = self.withdrawals.values();
                let open = |one: &&p2p_domain::Withdrawal| {
                    one.user == user && one.status() == WithdrawalStatus::Requested
                };
                withdrawals.filter(open).count()
            }
        };
        u32::try_from(count).unwrap_or(u32::MAX).min(most)
    }
}

#[async_trait]
impl AccessQueries for Memory {
    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StorageError> {
        self.ask(|tables| tables.sessions.get(&id).cloned()).await
    }

    async fn list_sessions(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StorageError> {
        self.ask(|tables| {
            let newest_first = tables.sessions.values().rev();
            let own = newest_first.filter(|row| row.user == user && row.ended.is_none());
            take(own.cloned(), limit)
        })
        .await
    }

    async fn find_attempts(&self, key: u128) -> Result<Option<FailedAttempts>, StorageError> {
        self.ask(|tables| tables.failed_attempts.get(&key).copied())
            .await
    }

    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StorageError> {
        self.ask(|tables| tables.second_factors.get(&user).cloned())
            .await
    }

    async fn access_changes(&self, since: Timestamp) -> Result<AccessChanges, StorageError> {
        self.ask(|tables| {
            let roles = tables.users.values().filter_map(|user| {
                let at = user.roles_changed_at.filter(|at| *at >= since)?;
                Some((user.id, user.roles, at))
            });
            let ended = tables.sessions.values().filter_map(|session| {
                let (at, _) = session.ended.filter(|(at, _)| *at >= since)?;
                Some((session.id, at))
            });
            AccessChanges {
                roles: roles.collect(),
                ended: ended.collect(),
            }
        })
        .await
    }
}

#[async_trait]
impl AuditLogQueries for Memory {
    async fn list_audit_records(
        &self,
        filter: &AuditLogFilter,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        self.ask(|tables| {
            let newest_first = tables.trail.values().rev();
            let page = newest_first.filter(|record| {
                let note = &record.note;
                filter.before.is_none_or(|before| record.number < before)
                    && (filter.actor.is_none() || note.actor == filter.actor)
                    && filter.action.is_none_or(|action| note.action == action)
                    && filter
                        .subject
                        .as_ref()
                        .is_none_or(|subject| note.subject == *subject)
            });
            take(page.cloned(), filter.limit)
        })
        .await
    }

    async fn audit_records_after(
        &self,
        number: u64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        self.ask(|tables| {
            let rest = tables.trail.range(number.saturating_add(1)..);
            take(rest.map(|(_, record)| record.clone()), limit)
        })
        .await
    }

    async fn audit_head(&self) -> Result<AuditHead, StorageError> {
        self.ask(|tables| tables.audit_head).await
    }
}
