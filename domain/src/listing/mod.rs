//! Listings: an exchanger's published readiness to exchange, and how much of it is left.

mod exchange_type;
mod refusal;

pub use exchange_type::{ExchangeType, UnknownExchangeType};
pub use refusal::{ListingError, ListingFlaw, ListingRefusal};

use std::time::Duration;

use crate::exchanger::ExchangerRefusal;
use crate::law::BrokenLaw;
use crate::money::{AmountRefusal, AmountRole};
use crate::user::AccessRefusal;
use crate::{Asset, AssetKind, Exchanger, ListingId, Money, Policy, Price, Timestamp, UserId};

/// Whether a listing takes offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListingState {
    Active,
    /// By its owner, or by the system when the owner was frozen.
    Paused,
    /// For good. Deals that are running go on.
    Closed,
}

impl ListingState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Active, Self::Paused, Self::Closed];

    /// The name that interfaces and storage use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
            Self::Closed => "CLOSED",
        }
    }
}

/// Which state an owner asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    Pause,
    Resume,
}

/// A published listing. Its `total` is always the sum of what remains, what is frozen in open deals and what was
/// executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub id: ListingId,
    pub exchanger: UserId,
    pub exchange_type: ExchangeType,
    pub price: Price,
    /// All the crypto that it is about.
    pub total: Money,
    /// In open deals.
    pub frozen: Money,
    /// In finished deals.
    pub executed: Money,
    /// The least fiat per offer.
    pub min: Money,
    /// The most fiat per offer.
    pub max: Money,
    /// Upper-case names such as `SEPA`, sorted, each once.
    pub payment_methods: Vec<String>,
    pub payment_window: Duration,
    pub terms: String,
    pub state: ListingState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: u64,
}

/// What an exchanger says when publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub exchange_type: ExchangeType,
    pub price: Price,
    pub total: Money,
    pub min: Money,
    pub max: Money,
    pub payment_methods: Vec<String>,
    pub payment_window: Duration,
    pub terms: String,
}

/// What an owner changes; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    pub price: Option<Price>,
    pub total: Option<Money>,
    pub min: Option<Money>,
    pub max: Option<Money>,
    pub payment_methods: Option<Vec<String>>,
    pub payment_window: Option<Duration>,
    pub terms: Option<String>,
    pub switch: Option<Switch>,
}

/// What a deal's move means for the listing's amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingMove {
    /// From remaining to frozen.
    Reserve(Money),
    /// From frozen back to remaining.
    Return(Money),
    /// `executed` of the frozen amount is done, the rest goes back to remaining.
    Execute { frozen: Money, executed: Money },
}

impl Listing {
    /// Publishes a draft.
    pub fn publish(
        id: ListingId,
        exchanger: &Exchanger,
        draft: Draft,
        now: Timestamp,
    ) -> Result<Self, ListingError> {
        exchanger.must_not_be_frozen()?;
        let nothing = Money::zero(draft.total.asset());
        Self {
            id,
            exchanger: exchanger.user,
            exchange_type: draft.exchange_type,
            price: draft.price,
            total: draft.total,
            frozen: nothing,
            executed: nothing,
            min: draft.min,
            max: draft.max,
            payment_methods: normalised(draft.payment_methods),
            payment_window: draft.payment_window,
            terms: draft.terms,
            state: ListingState::Active,
            created_at: now,
            updated_at: now,
            version: 1,
        }
        .checked()
    }

    /// Changes what its owner wants changed. Running deals keep their terms.
    pub fn update(
        self,
        change: Change,
        exchanger: &Exchanger,
        now: Timestamp,
    ) -> Result<Self, ListingError> {
        if self.state == ListingState::Closed {
            return Err(ListingRefusal::Closed.into());
        }
        let state = match change.switch {
            None => self.state,
            Some(Switch::Pause) => ListingState::Paused,
            Some(Switch::Resume) => {
                exchanger.must_not_be_frozen()?;
                ListingState::Active
            }
        };
        Self {
            price: change.price.unwrap_or(self.price),
            total: change.total.unwrap_or(self.total),
            min: change.min.unwrap_or(self.min),
            max: change.max.unwrap_or(self.max),
            payment_methods: change
                .payment_methods
                .map_or(self.payment_methods, normalised),
            payment_window: change.payment_window.unwrap_or(self.payment_window),
            terms: change.terms.unwrap_or(self.terms),
            state,
            updated_at: now,
            version: self.version + 1,
            ..self
        }
        .checked()
    }

    /// Takes the listing down for good; `self` as it is where that was done before.
    #[must_use]
    pub fn close(self, now: Timestamp) -> Self {
        self.turn(ListingState::Closed, now)
    }

    /// The system pauses the listings of an exchanger whom it freezes.
    #[must_use]
    pub fn pause_by_system(self, now: Timestamp) -> Self {
        if self.state == ListingState::Active {
            self.turn(ListingState::Paused, now)
        } else {
            self
        }
    }

    /// The crypto that it deals in.
    #[must_use]
    pub const fn asset(&self) -> Asset {
        self.total.asset()
    }

    /// What is still to be had.
    #[must_use]
    pub const fn remaining(&self) -> Money {
        let taken = self.frozen.minor() + self.executed.minor();
        Money::new(self.total.minor() - taken, self.asset())
    }

    /// The most fiat that one offer can be about just now: the limit, or what the remaining crypto is worth.
    #[must_use]
    pub fn available_fiat(&self) -> Money {
        match self.price.fiat_for(self.remaining()) {
            Ok(worth) if worth.minor() < self.max.minor() => worth,
            _ => self.max,
        }
    }

    /// What `amount` of crypto would cost `customer`, or why this listing takes no such offer.
    pub fn quote(
        &self,
        customer: UserId,
        exchanger: &Exchanger,
        amount: Money,
    ) -> Result<Money, ListingError> {
        match self.state {
            ListingState::Active => {}
            ListingState::Paused => return Err(ListingRefusal::Paused.into()),
            ListingState::Closed => return Err(ListingRefusal::Closed.into()),
        }
        if customer == self.exchanger {
            return Err(AccessRefusal::SelfDeal.into());
        }
        exchanger.must_not_be_frozen()?;
        if !exchanger.online {
            return Err(ExchangerRefusal::Offline.into());
        }
        let amount = amount.positive().map_err(AmountRefusal::from)?;
        let remaining = self.remaining();
        if amount
            .checked_sub(remaining)
            .map_err(AmountRefusal::from)?
            .minor()
            > 0
        {
            return Err(ListingRefusal::OverRemaining { remaining }.into());
        }
        let fiat = self.price.fiat_for(amount).map_err(AmountRefusal::from)?;
        if fiat.minor() < self.min.minor() {
            return Err(ListingRefusal::BelowMinimum {
                fiat,
                min: self.min,
            }
            .into());
        }
        if fiat.minor() > self.max.minor() {
            return Err(ListingRefusal::AboveMaximum {
                fiat,
                max: self.max,
            }
            .into());
        }
        Ok(fiat)
    }

    /// Follows a deal's move. That more is given back than was taken is a broken invariant, and refused as such.
    pub fn follow(self, step: ListingMove) -> Result<Self, ListingError> {
        let (frozen, executed) = match step {
            ListingMove::Reserve(amount) => (self.frozen.checked_add(amount), Ok(self.executed)),
            ListingMove::Return(amount) => (self.frozen.checked_sub(amount), Ok(self.executed)),
            ListingMove::Execute { frozen, executed } => (
                self.frozen.checked_sub(frozen),
                self.executed.checked_add(executed),
            ),
        };
        Self {
            frozen: frozen.map_err(AmountRefusal::from)?,
            executed: executed.map_err(AmountRefusal::from)?,
            version: self.version + 1,
            ..self
        }
        .check_amounts()
        .map_err(|_| {
            BrokenLaw {
                what: "a listing's amounts no longer add up",
            }
            .into()
        })
    }

    fn turn(self, state: ListingState, now: Timestamp) -> Self {
        if self.state == state {
            return self;
        }
        Self {
            state,
            updated_at: now,
            version: self.version + 1,
            ..self
        }
    }

    /// Checks the listing's own values.
    fn checked(self) -> Result<Self, ListingError> {
        match self.flaw() {
            Some(flaw) => Err(ListingRefusal::Invalid(flaw).into()),
            None => self.check_amounts(),
        }
    }

    /// The first value that makes no sense, if any.
    fn flaw(&self) -> Option<ListingFlaw> {
        let fiat = self.price.fiat();
        let window = self.payment_window;
        let checks = [
            (
                self.asset().kind() != AssetKind::Crypto,
                ListingFlaw::NotCrypto,
            ),
            (fiat.kind() != AssetKind::Fiat, ListingFlaw::NotFiat),
            (
                self.min.asset() != fiat || self.max.asset() != fiat,
                ListingFlaw::LimitsNotInFiat,
            ),
            (self.total.minor() <= 0, ListingFlaw::TotalNotPositive),
            (self.min.minor() <= 0, ListingFlaw::MinNotPositive),
            (
                self.max.minor() < self.min.minor(),
                ListingFlaw::MaxBelowMin,
            ),
            (
                window < Policy::MIN_PAYMENT_WINDOW || window > Policy::MAX_PAYMENT_WINDOW,
                ListingFlaw::PaymentWindowOutOfRange,
            ),
            (
                self.payment_methods.is_empty(),
                ListingFlaw::NoPaymentMethod,
            ),
        ];
        let failed = checks.into_iter().find(|(failed, _)| *failed);
        failed.map(|(_, flaw)| flaw)
    }

    /// The parts are of one asset, none is less than nothing, and together they are the total.
    fn check_amounts(self) -> Result<Self, ListingError> {
        let taken = self.frozen.checked_add(self.executed);
        let excess = taken
            .and_then(|taken| taken.checked_sub(self.total))
            .map_err(|error| AmountRefusal {
                role: AmountRole::Total,
                error,
            })?;
        if self.frozen.minor() < 0 || self.executed.minor() < 0 || excess.minor() > 0 {
            return Err(ListingRefusal::TotalBelowCommitted.into());
        }
        Ok(self)
    }
}

fn normalised(methods: Vec<String>) -> Vec<String> {
    let mut methods: Vec<String> = methods
        .iter()
        .map(|method| method.trim().to_uppercase())
        .filter(|method| !method.is_empty())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}
