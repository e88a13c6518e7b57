//! What a command decides over: the loaded aggregates as the commands before it left them, and its own changes, which are kept
//! if it succeeds and thrown away if it is refused.

use p2p_domain::audit_log::AuditNote;
use p2p_domain::dispute::Comment;
use p2p_domain::event::Event;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::refusal::{AccessRefusal, QuotaKind, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{
    Account, AccountId, AccountKey, Mailbox, NotificationContent, OfferId, PaymentReport, Policy,
    Posting, Refusal, Role, Timestamp, User, UserId,
};

use super::identity_map::{IdentityMap, Tracked};
use super::write_set::{WriteSet, Writes};
use crate::aggregates::{Named, OnDemand, Slot};
use crate::ports::{IdempotencyKey, IdempotencyRecord, InboxKey, InboxMark, OfferSummary};

/// Tracks what one command reads and changes.
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

    /// An aggregate as it stands now; refused as not found if there is none.
    pub fn get<A: Named + Tracked>(&self, key: &A::Key) -> Result<A, Refusal> {
        self.find(key).ok_or(Refusal::NotFound(A::RESOURCE))
    }

    /// An aggregate as it stands now, if there is one.
    #[must_use]
    pub fn find<A: Tracked>(&self, key: &A::Key) -> Option<A> {
        let written = self.writes_of::<A>().get(key);
        written.or_else(|| self.loaded.get(key)).cloned()
    }

    /// An aggregate as it stands now; a new one if none is stored.
    #[must_use]
    pub fn get_or_new<A: OnDemand + Tracked>(&self, key: A::Key) -> A {
        self.find(&key).unwrap_or_else(|| A::new(key, self.now))
    }

    /// All aggregates that were like this when they were loaded, by key, as they stand now.
    pub fn find_all<A: Tracked>(&self, is_wanted: impl Fn(&A) -> bool) -> Vec<A> {
        let wanted = self.loaded.rows::<A>().values();
        let wanted = wanted.filter(|row| is_wanted(row));
        let mut keys: Vec<A::Key> = wanted.map(A::key).collect();
        keys.sort_unstable();
        keys.iter().filter_map(|key| self.find(key)).collect()
    }

    /// Stores an aggregate with this commit, whether it is new or changed.
    pub fn save<A: Tracked>(&mut self, aggregate: A) {
        <A as Slot<WriteSet>>::slot_mut(&mut self.writes).set(aggregate);
    }

    fn writes_of<A: Tracked>(&self) -> &Writes<A> {
        <A as Slot<WriteSet>>::slot(&self.writes)
    }

    /// Requires the role in the token and in storage: for effects that must not survive a revoked role. Needs
    /// [`ReadSet::caller`](super::ReadSet::caller).
    pub fn require(&self, caller: Caller, role: Role) -> Result<(), Refusal> {
        caller.require(role)?;
        match self.find::<User>(&caller.user) {
            Some(user) if user.roles.allow(role) => Ok(()),
            _ => Err(Refusal::Access(AccessRefusal::RoleRequired { role })),
        }
    }

    /// As [`Self::require`], for what moves money or rights: requires the second factor of staff as well.
    pub fn require_staff(&self, caller: Caller, role: Role) -> Result<(), Refusal> {
        self.require(caller, role)?;
        if self.policy.access.staff_second_factor {
            caller.require_proof(&self.policy.access, self.now)?;
        }
        Ok(())
    }

    /// Counts one more of these for a user, unless the user has reached `most`; 0: there is no limit.
    pub fn count(&mut self, what: QuotaKind, user: UserId, most: u32) -> Result<(), Refusal> {
        if most == 0 {
            return Ok(());
        }
        let key = (what, user);
        let here = self.writes.appended.counted.iter();
        let here = here.filter(|counted| **counted == key).count();
        let before = self.loaded.quota_counts.get(&key).copied();
        let all = usize::try_from(before.unwrap_or_default())
            .unwrap_or(usize::MAX)
            .saturating_add(here);
        if all >= usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(Refusal::TooMany {
                kind: what,
                max: most,
            });
        }
        self.writes.appended.counted.push(key);
        Ok(())
    }

    /// Appends this to the audit log. Needs [`ReadSet::audit_head`](super::ReadSet::audit_head).
    pub fn note(&mut self, note: AuditNote) -> Result<(), Refusal> {
        if self.loaded.audit_head.is_none() {
            return Err(Refusal::Broken {
                what: "a note for the audit trail, whose end was not asked for",
            });
        }
        self.writes.appended.notes.push(note);
        Ok(())
    }

    /// Books a posting: every account it names moves, or it is refused. The refusal names the account that would fall
    /// below zero.
    pub fn post(&mut self, posting: Posting) -> Result<(), (AccountKey, Refusal)> {
        // All accounts or none: the command may go on after a refusal.
        let moved = posting.accounts().into_iter().map(|key| {
            let account = self.get::<Account>(&key);
            let moved = account.and_then(|account| Ok(account.apply(posting.legs())?));
            moved.map_err(|refusal| (key, refusal))
        });
        let moved: Vec<Account> = moved.collect::<Result<_, _>>()?;
        for account in moved {
            self.save(account);
        }
        self.writes.appended.postings.push(posting);
        Ok(())
    }

    /// The key of an account. Needs [`ReadSet::account_by_id`](super::ReadSet::account_by_id).
    #[must_use]
    pub fn account_key(&self, id: AccountId) -> Option<AccountKey> {
        let known = self.loaded.account_keys.get(&id).copied();
        // The accounts of a payment that was made in this batch were not loaded by their ids.
        known.or_else(|| {
            let mut accounts = self.loaded.rows::<Account>().values();
            let account = accounts.find(|account| account.id == id);
            account.map(|account| account.key)
        })
    }

    /// The stored reply to a request, if there is one. Needs [`ReadSet::reply`](super::ReadSet::reply).
    #[must_use]
    pub fn reply(&self, key: &IdempotencyKey) -> Option<&IdempotencyRecord> {
        self.loaded.replies.get(key)
    }

    /// Stores the reply to a request with this commit.
    pub fn record_reply(&mut self, record: IdempotencyRecord) {
        self.writes.appended.replies.push(record);
    }

    /// Whether this message has taken effect before. Needs [`ReadSet::inbox`](super::ReadSet::inbox).
    #[must_use]
    pub fn is_processed(&self, key: &InboxKey) -> bool {
        self.loaded.processed.contains(key)
    }

    /// Marks this message as processed with this commit.
    pub fn mark_processed(&mut self, key: InboxKey) {
        let at = self.now;
        self.writes.appended.inbox.push(InboxMark { key, at });
    }

    /// The parts of an offer that never change. Needs [`ReadSet::sides_to_notify`](super::ReadSet::sides_to_notify).
    pub fn offer_summary(&self, id: OfferId) -> Result<OfferSummary, Refusal> {
        let summary = self.loaded.offer_summaries.get(&id).copied();
        summary.ok_or(Refusal::NotFound(Resource::Offer))
    }

    /// The members of the staff whose roles allow this. Needs [`ReadSet::staff_to_notify`](super::ReadSet::staff_to_notify).
    pub fn staff(&self, role: Role) -> impl Iterator<Item = UserId> + '_ {
        let staff = self.loaded.staff.iter();
        let able = staff.filter(move |one| one.roles.allow(role));
        able.map(|one| one.user)
    }

    /// Refused unless this user exists. Needs [`ReadSet::known_user`](super::ReadSet::known_user).
    pub fn is_known(&self, user: UserId) -> Result<(), Refusal> {
        if self.loaded.known_users.contains(&user) {
            Ok(())
        } else {
            Err(Refusal::NotFound(Resource::User))
        }
    }

    /// Puts a notification into a user's mailbox; returns its number there.
    pub fn notify(&mut self, user: UserId, content: NotificationContent) -> u64 {
        let mailbox = self.get_or_new::<Mailbox>(user).one_more();
        let number = mailbox.last;
        self.save(mailbox);
        let notification = (user, number, content);
        self.writes.appended.notifications.push(notification);
        number
    }

    /// Stores the report of a payment provider.
    pub fn report(&mut self, report: PaymentReport) {
        self.writes.appended.reports.push(report);
    }

    pub fn comment(&mut self, comment: Comment) {
        self.writes.appended.comments.push(comment);
    }

    pub fn record(&mut self, history: impl IntoIterator<Item = HistoryEntry>) {
        self.writes.appended.history.extend(history);
    }

    pub fn emit(&mut self, events: impl IntoIterator<Item = impl Into<Event>>) {
        self.writes
            .appended
            .events
            .extend(events.into_iter().map(Into::into));
    }
}
