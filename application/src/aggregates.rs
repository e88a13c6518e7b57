//! The list of aggregates, from which everything that is the same for all of them follows: what a command may select, what a
//! batch has loaded and changed, what a commit writes, how rows are locked, and the tables of the adapters.
//!
//! It stands below the ports and the engine, which both expand it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;

use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::Resource;
use p2p_domain::user::Email;
use p2p_domain::{
    Account, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts, Listing,
    ListingId, Mailbox, Notification, NotificationId, Offer, OfferId, Order, OrderId, Payment,
    SecondFactor, Session, SessionId, Timestamp, User, UserId, Withdrawal, WithdrawalId,
};

/// Calls a macro with all aggregates, in the order in which rows are locked (ADR 0005). Tokens in braces are passed on.
///
/// A line reads: *table*: *type* { *field of the key*: *its type*, or *what else rows are found by*, as *resource* }. The
/// `or` selects: users with these addresses, the open sessions of these users, all disputes of these offers, the ACTIVE
/// listings of these exchangers. `as` names the resource that is not found when there is no such row.
///
/// The line `orders: Order { id: OrderId, as Order }` becomes:
///
/// ```ignore
/// enum AggregateKind { …, Order, … }
/// impl Aggregate for Order { type Key = OrderId; type Other = Infallible; fn key(&self) -> OrderId { self.id } … }
/// impl Named for Order { const RESOURCE: Resource = Resource::Order; }
/// pub struct ChangeSet { …, pub orders: Vec<Versioned<Order>>, … }   // and in `is_empty`
/// pub trait LoadEvery: … + Load<Order> + … {}                         // every transaction loads orders
/// pub struct Selections { …, pub orders: Selection<Order>, … }       // what the commands of a batch select
/// pub struct Loaded { …, pub orders: Rows<Order>, … }                // and the same in `WriteSet`
/// ```
///
/// and in the adapters: the table of [`Order`] in memory with its checks, and the update of its changed rows in SQL.
#[macro_export]
macro_rules! for_each_aggregate {
    ($callback:ident $($argument:tt)?) => {
        $callback! {
            $($argument)?
            users: User { id: UserId, or Email, as User },
            failed_attempts: FailedAttempts { key: u128 },
            second_factors: SecondFactor { user: UserId },
            sessions: Session { id: SessionId, or UserId, as Session },
            offers: Offer { id: OfferId, as Offer },
            disputes: Dispute { id: DisputeId, or OfferId, as Dispute },
            exchangers: Exchanger { user: UserId, as Exchanger },
            listings: Listing { id: ListingId, or UserId, as Listing },
            withdrawals: Withdrawal { id: WithdrawalId, as Withdrawal },
            orders: Order { id: OrderId, as Order },
            payments: Payment { origin: PaymentOrigin, as Payment },
            accounts: Account { key: AccountKey, as Account },
            mailboxes: Mailbox { user: UserId },
            notifications: Notification { id: NotificationId, as Notification },
            conducts: Conduct { user: UserId },
        }
    };
}

/// What is loaded, decided over and stored as a whole, with a version.
pub trait Aggregate: Clone + PartialEq + Debug + Send + Sync + 'static {
    /// What names one.
    type Key: Ord + Hash + Clone + Debug + Send + Sync;
    /// What several of them are found by; [`Infallible`] where there is nothing.
    type Other: Ord + Clone + Debug + Send + Sync;
    const KIND: AggregateKind;

    fn key(&self) -> Self::Key;

    fn version(&self) -> u64;
}

/// An aggregate whose absence is a refusal.
pub trait Named: Aggregate {
    const RESOURCE: Resource;
}

/// An aggregate that exists for every key: where no row is stored, nothing has happened yet.
pub trait OnDemand: Aggregate {
    fn new(key: Self::Key, now: Timestamp) -> Self;
}

impl OnDemand for FailedAttempts {
    fn new(key: u128, now: Timestamp) -> Self {
        Self::none(key, now)
    }
}

impl OnDemand for Conduct {
    fn new(user: UserId, now: Timestamp) -> Self {
        Self::new(user, now)
    }
}

impl OnDemand for Mailbox {
    fn new(user: UserId, _: Timestamp) -> Self {
        Self::open(user)
    }
}

/// Which rows of a table are to be loaded: each once, in the order of their keys, which all transactions keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<A: Aggregate> {
    pub keys: BTreeSet<A::Key>,
    /// All rows that belong to these.
    pub others: BTreeSet<A::Other>,
}

impl<A: Aggregate> Selection<A> {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.others.is_empty()
    }
}

impl<A: Aggregate> Default for Selection<A> {
    fn default() -> Self {
        Self {
            keys: BTreeSet::new(),
            others: BTreeSet::new(),
        }
    }
}

macro_rules! or_nothing {
    () => {
        Infallible
    };
    ($other:ty) => {
        $other
    };
}

macro_rules! aggregates {
    ($($table:ident: $aggregate:ident {
        $field:ident: $key:ty $(, or $other:ty)? $(, as $resource:ident)?
    },)*) => {
        /// The kinds of aggregates, in the order in which their rows are locked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum AggregateKind { $($aggregate),* }

        $(impl Aggregate for $aggregate {
            type Key = $key;
            type Other = or_nothing!($($other)?);
            const KIND: AggregateKind = AggregateKind::$aggregate;
            fn key(&self) -> $key { Clone::clone(&self.$field) }
            fn version(&self) -> u64 { self.version }
        }
        $(impl Named for $aggregate { const RESOURCE: Resource = Resource::$resource; })?)*
    };
}

for_each_aggregate!(aggregates);

/// The place of an aggregate in a struct that has one for each.
pub trait Slot<S>: Aggregate {
    type Of;

    fn slot(all: &S) -> &Self::Of;

    fn slot_mut(all: &mut S) -> &mut Self::Of;
}

/// Defines a struct with a field for each aggregate, followed by others:
/// `for_each_aggregate!(aggregate_struct { pub struct Name[TypeOfOne] { pub other: u64, } })`.
#[macro_export]
macro_rules! aggregate_struct {
    ({ $(#[$meta:meta])* $vis:vis struct $name:ident[$of:ident] { $($others:tt)* } }
     $($table:ident: $aggregate:ident $by:tt,)*) => {
        $(#[$meta])*
        $vis struct $name { $(pub $table: $of<$aggregate>,)* $($others)* }

        $(impl $crate::aggregates::Slot<$name> for $aggregate {
            type Of = $of<$aggregate>;
            fn slot(all: &$name) -> &$of<$aggregate> { &all.$table }
            fn slot_mut(all: &mut $name) -> &mut $of<$aggregate> { &mut all.$table }
        })*
    };
}
