//! What a command decides over: the loaded aggregates as the commands before it left them, and a scratch sheet for its
//! own changes, which is kept if it succeeds and thrown away if it is refused.

use p2p_domain::audit_log::AuditNote;
use p2p_domain::dispute::Comment;
use p2p_domain::event::Event;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::{AccessRefusal, QuotaKind, Resource};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Notification, NotificationContent, NotificationId, Offer, OfferId,
    Order, OrderId, Payment, PaymentReport, Policy, Posting, Refusal, Role, SecondFactor, Session,
    SessionId, Timestamp, User, UserId, Withdrawal, WithdrawalId,
};

use super::identity_map::{IdentityMap, WriteSet};
use super::rows::find;
use crate::ports::{IdempotencyKey, IdempotencyRecord, InboxKey, InboxMark, OfferSummary};

/// The place where one command decides.
#[derive(Debug)]
pub struct UnitOfWork<'a> {
    loaded: &'a mut IdentityMap,
    writes: WriteSet,
    policy: &'a Policy,
    now: Timestamp,
}

impl<'a> UnitOfWork<'a> {
    pub(super) fn new(loaded: &'a mut IdentityMap, policy: &'a Policy, now: Timestamp) -> Self {
        Self {
            loaded,
            writes: WriteSet::default(),
            policy,
            now,
        }
    }

    /// Keeps what the command did.
    pub(super) fn keep(self) {
        self.loaded.absorb(self.writes);
    }

    /// Forgets what the command has done so far.
    pub(crate) fn start_over(&mut self) {
        self.writes = WriteSet::default();
    }

    /// The time of this batch.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The operator's settings.
    #[must_use]
    pub const fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// A deal.
    pub fn offer(&self, id: OfferId) -> Result<Offer, Refusal> {
        find(&self.writes.offers, &self.loaded.offers, &id)
            .ok_or(Refusal::NotFound(Resource::Offer))
    }

    /// A listing.
    pub fn listing(&self, id: ListingId) -> Result<Listing, Refusal> {
        find(&self.writes.listings, &self.loaded.listings, &id)
            .ok_or(Refusal::NotFound(Resource::Listing))
    }

    /// An exchanger's record.
    pub fn exchanger(&self, id: UserId) -> Result<Exchanger, Refusal> {
        find(&self.writes.exchangers, &self.loaded.exchangers, &id)
            .ok_or(Refusal::NotFound(Resource::Exchanger))
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Result<User, Refusal> {
        find(&self.writes.users, &self.loaded.users, &id).ok_or(Refusal::NotFound(Resource::User))
    }

    /// Refused unless the caller holds the role, by the token and still by what is stored: for what would outlast a role
    /// that was taken away. Needs [`ReadSet::caller`](super::ReadSet::caller).
    pub fn require(&self, caller: Caller, role: Role) -> Result<(), Refusal> {
        caller.require(role)?;
        match self.user(caller.user) {
            Ok(user) if user.roles.allow(role) => Ok(()),
            _ => Err(Refusal::Access(AccessRefusal::RoleRequired { role })),
        }
    }

    /// As [`Self::require`], for what moves money or rights: staff must have shown their second factor as well.
    pub fn require_staff(&self, caller: Caller, role: Role) -> Result<(), Refusal> {
        self.require(caller, role)?;
        if self.policy.access.staff_second_factor {
            caller.require_proof(&self.policy.access, self.now)?;
        }
        Ok(())
    }

    /// Failed proofs that are counted under this digest.
    #[must_use]
    pub fn attempts(&self, key: u128) -> FailedAttempts {
        let known = find(&self.writes.attempts, &self.loaded.attempts, &key);
        known.unwrap_or_else(|| FailedAttempts::none(key, self.now))
    }

    pub fn save_attempts(&mut self, attempts: FailedAttempts) {
        self.writes.attempts.set(attempts.key, attempts);
    }

    /// Somebody's second factor, begun or active.
    #[must_use]
    pub fn second_factor(&self, user: UserId) -> Option<SecondFactor> {
        let (writes, loaded) = (&self.writes.second_factors, &self.loaded.second_factors);
        find(writes, loaded, &user)
    }

    pub fn save_second_factor(&mut self, factor: SecondFactor) {
        self.writes.second_factors.set(factor.user, factor);
    }

    /// A session.
    pub fn session(&self, id: SessionId) -> Result<Session, Refusal> {
        find(&self.writes.sessions, &self.loaded.sessions, &id)
            .ok_or(Refusal::NotFound(Resource::Session))
    }

    /// All sessions of a user that have not ended. Needs [`ReadSet::sessions_of`](super::ReadSet::sessions_of).
    #[must_use]
    pub fn sessions_of(&self, user: UserId) -> Vec<Session> {
        let own = self.loaded.sessions.values();
        let own = own.filter(|session| session.user == user && session.ended.is_none());
        let mut ids: Vec<SessionId> = own.map(|session| session.id).collect();
        ids.sort_unstable();
        ids.into_iter()
            .filter_map(|id| self.session(id).ok())
            .collect()
    }

    pub fn save_session(&mut self, session: Session) {
        self.writes.sessions.set(session.id, session);
    }

    /// How a customer has behaved.
    #[must_use]
    pub fn conduct(&self, user: UserId) -> Conduct {
        let known = find(&self.writes.conducts, &self.loaded.conducts, &user);
        known.unwrap_or_else(|| Conduct::new(user, self.now))
    }

    pub fn save_conduct(&mut self, conduct: Conduct) {
        self.writes.conducts.set(conduct.user, conduct);
    }

    /// Counts one more of these for somebody, if they may have one more; `most` 0: as many as they like.
    pub fn count(&mut self, what: QuotaKind, user: UserId, most: u32) -> Result<(), Refusal> {
        if most == 0 {
            return Ok(());
        }
        let key = (what, user);
        let here = self.writes.rest.counted.iter();
        let here = here.filter(|counted| **counted == key).count();
        let before = self
            .loaded
            .quota_counts
            .get(&key)
            .copied()
            .unwrap_or_default();
        let all = usize::try_from(before)
            .unwrap_or(usize::MAX)
            .saturating_add(here);
        if all >= usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(Refusal::TooMany {
                kind: what,
                max: most,
            });
        }
        self.writes.rest.counted.push(key);
        Ok(())
    }

    /// Writes this into the audit trail. Needs [`ReadSet::trail`](super::ReadSet::trail).
    pub fn note(&mut self, note: AuditNote) -> Result<(), Refusal> {
        if self.loaded.trail_head.is_none() {
            return Err(Refusal::Broken {
                what: "a note for the audit trail, whose end was not asked for",
            });
        }
        self.writes.rest.notes.push(note);
        Ok(())
    }

    /// Whether somebody has this e-mail address.
    #[must_use]
    pub fn email_taken(&self, email: &Email) -> bool {
        self.loaded.users.values().any(|user| user.email == *email)
    }

    /// A dispute.
    pub fn dispute(&self, id: DisputeId) -> Result<Dispute, Refusal> {
        find(&self.writes.disputes, &self.loaded.disputes, &id)
            .ok_or(Refusal::NotFound(Resource::Dispute))
    }

    /// All disputes of a deal, by id.
    #[must_use]
    pub fn disputes_of(&self, offer: OfferId) -> Vec<Dispute> {
        let ids = self
            .loaded
            .disputes
            .values()
            .filter(|dispute| dispute.offer == offer);
        let mut ids: Vec<DisputeId> = ids.map(|dispute| dispute.id).collect();
        ids.sort_unstable();
        ids.into_iter()
            .filter_map(|id| self.dispute(id).ok())
            .collect()
    }

    /// The listings of an exchanger that are ACTIVE as loaded; the caller's change makes nothing of the others.
    #[must_use]
    pub fn active_listings_of(&self, exchanger: UserId) -> Vec<Listing> {
        let own = self
            .loaded
            .listings
            .values()
            .filter(|listing| listing.exchanger == exchanger);
        let mut ids: Vec<ListingId> = own.map(|listing| listing.id).collect();
        ids.sort_unstable();
        ids.into_iter()
            .filter_map(|id| self.listing(id).ok())
            .collect()
    }

    /// An account as it stands now.
    pub fn account(&self, key: AccountKey) -> Result<Account, Refusal> {
        find(&self.writes.accounts, &self.loaded.accounts, &key)
            .ok_or(Refusal::NotFound(Resource::Account))
    }

    /// Books a posting: every account it names moves, or it is refused. The refusal names the account that would fall
    /// below zero.
    pub fn post(&mut self, posting: Posting) -> Result<(), (AccountKey, Refusal)> {
        // All of them or none: whoever was refused may still go on.
        let moved = posting.accounts().into_iter().map(|key| {
            let account = self.account(key);
            let moved = account.and_then(|account| Ok(account.apply(posting.legs())?));
            moved.map_err(|refusal| (key, refusal))
        });
        let moved: Vec<Account> = moved.collect::<Result<_, _>>()?;
        for account in moved {
            self.writes.accounts.set(account.key, account);
        }
        self.writes.rest.postings.push(posting);
        Ok(())
    }

    pub fn save_offer(&mut self, offer: Offer) {
        self.writes.offers.set(offer.id, offer);
    }

    pub fn save_listing(&mut self, listing: Listing) {
        self.writes.listings.set(listing.id, listing);
    }

    pub fn save_exchanger(&mut self, exchanger: Exchanger) {
        self.writes.exchangers.set(exchanger.user, exchanger);
    }

    pub fn save_user(&mut self, user: User) {
        self.writes.users.set(user.id, user);
    }

    pub fn save_dispute(&mut self, dispute: Dispute) {
        self.writes.disputes.set(dispute.id, dispute);
    }

    /// Opens an account; its key must be new.
    pub fn open_account(&mut self, account: Account) {
        self.writes.accounts.set(account.key, account);
    }

    /// Whose account this is. Needs [`ReadSet::account_by_id`](super::ReadSet::account_by_id).
    #[must_use]
    pub fn account_key(&self, id: AccountId) -> Option<AccountKey> {
        let known = self.loaded.account_keys.get(&id).copied();
        // A payment that was made in this batch has accounts that nobody has looked up by their ids.
        known.or_else(|| {
            let mut accounts = self.loaded.accounts.values();
            let account = accounts.find(|account| account.id == id);
            account.map(|account| account.key)
        })
    }

    /// An order.
    pub fn order(&self, id: OrderId) -> Result<Order, Refusal> {
        find(&self.writes.orders, &self.loaded.orders, &id)
            .ok_or(Refusal::NotFound(Resource::Order))
    }

    pub fn save_order(&mut self, order: Order) {
        self.writes.orders.set(order.id, order);
    }

    /// The payment that was made or declined for this reason.
    pub fn payment(&self, origin: &PaymentOrigin) -> Result<Payment, Refusal> {
        find(&self.writes.payments, &self.loaded.payments, origin)
            .ok_or(Refusal::NotFound(Resource::Payment))
    }

    pub fn save_payment(&mut self, payment: Payment) {
        self.writes.payments.set(payment.origin.clone(), payment);
    }

    /// A withdrawal.
    pub fn withdrawal(&self, id: WithdrawalId) -> Result<Withdrawal, Refusal> {
        find(&self.writes.withdrawals, &self.loaded.withdrawals, &id)
            .ok_or(Refusal::NotFound(Resource::Withdrawal))
    }

    pub fn save_withdrawal(&mut self, withdrawal: Withdrawal) {
        self.writes.withdrawals.set(withdrawal.id, withdrawal);
    }

    /// How this request was answered, if it was. Needs [`ReadSet::reply`](super::ReadSet::reply).
    #[must_use]
    pub fn reply(&self, key: &IdempotencyKey) -> Option<&IdempotencyRecord> {
        self.loaded.replies.get(key)
    }

    /// Notes how a request is answered with this commit.
    pub fn record_reply(&mut self, record: IdempotencyRecord) {
        self.writes.rest.replies.push(record);
    }

    /// Whether this message has taken effect before. Needs [`ReadSet::inbox`](super::ReadSet::inbox).
    #[must_use]
    pub fn is_processed(&self, key: &InboxKey) -> bool {
        self.loaded.processed.contains(key)
    }

    /// Notes that this message takes effect with this commit.
    pub fn mark_processed(&mut self, key: InboxKey) {
        let at = self.now;
        self.writes.rest.inbox.push(InboxMark { key, at });
    }

    /// What of a deal never changes. Needs [`ReadSet::sides_to_notify`](super::ReadSet::sides_to_notify).
    pub fn offer_summary(&self, id: OfferId) -> Result<OfferSummary, Refusal> {
        let head = self.loaded.heads.get(&id).copied();
        head.ok_or(Refusal::NotFound(Resource::Offer))
    }

    /// Everybody on the staff who may do what this role may. Needs [`ReadSet::staff_to_notify`](super::ReadSet::staff_to_notify).
    pub fn staff(&self, role: Role) -> impl Iterator<Item = UserId> + '_ {
        let staff = self.loaded.staff.iter();
        let able = staff.filter(move |one| one.roles.allow(role));
        able.map(|one| one.user)
    }

    /// Refused unless this user is there. Needs [`ReadSet::known_user`](super::ReadSet::known_user).
    pub fn is_known(&self, user: UserId) -> Result<(), Refusal> {
        if self.loaded.known_users.contains(&user) {
            Ok(())
        } else {
            Err(Refusal::NotFound(Resource::User))
        }
    }

    /// Somebody's mailbox; an empty one where there is none yet.
    #[must_use]
    pub fn mailbox(&self, user: UserId) -> Mailbox {
        let known = find(&self.writes.mailboxes, &self.loaded.mailboxes, &user);
        known.unwrap_or_else(|| Mailbox::open(user))
    }

    pub fn save_mailbox(&mut self, mailbox: Mailbox) {
        self.writes.mailboxes.set(mailbox.user, mailbox);
    }

    /// Puts news into somebody's mailbox; answers its number there.
    pub fn notify(&mut self, user: UserId, news: NotificationContent) -> u64 {
        let mailbox = self.mailbox(user).one_more();
        let number = mailbox.last;
        self.save_mailbox(mailbox);
        self.writes.rest.news.push((user, number, news));
        number
    }

    /// A notification.
    pub fn notification(&self, id: NotificationId) -> Result<Notification, Refusal> {
        find(&self.writes.notifications, &self.loaded.notifications, &id)
            .ok_or(Refusal::NotFound(Resource::Notification))
    }

    pub fn save_notification(&mut self, notification: Notification) {
        self.writes.notifications.set(notification.id, notification);
    }

    /// Keeps what a payment provider has reported.
    pub fn report(&mut self, report: PaymentReport) {
        self.writes.rest.reports.push(report);
    }

    pub fn comment(&mut self, comment: Comment) {
        self.writes.rest.comments.push(comment);
    }

    pub fn record(&mut self, history: impl IntoIterator<Item = HistoryEntry>) {
        self.writes.rest.history.extend(history);
    }

    pub fn emit(&mut self, events: impl IntoIterator<Item: Into<Event>>) {
        self.writes
            .rest
            .events
            .extend(events.into_iter().map(Into::into));
    }
}
