//! A whole market in a few collections: what an application does around the domain, with nothing to hide behind.

pub(crate) mod laws;
pub(crate) mod op;

use std::collections::BTreeMap;

use p2p_domain::listing::{Change, Switch};
use p2p_domain::offer::{Act, HistoryEntry, NewOffer, OfferError, Response, Status, Transition};
use p2p_domain::refusal::Resource;
use p2p_domain::{
    Account, AccountId, AccountKey, Actor, Asset, Dispute, DisputeId, ExchangeType, Exchanger,
    Listing, ListingId, Money, Offer, OfferId, Policy, Posting, Refusal, Timestamp, TypedId,
    UserId,
};

use crate::support::{START, Words, contract, draft, minutes, online, person};
use op::{Deed, Hand, Op, Sign};

/// What the market deals in; the rules hold for each by itself.
pub(crate) const ASSETS: [Asset; 2] = [Asset::Btc, Asset::Usdt];
/// How many people deal with each other. Each is a customer and an exchanger.
pub(crate) const PEOPLE: usize = 3;

/// A deal with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deal {
    pub(crate) offer: Offer,
    pub(crate) history: Vec<HistoryEntry>,
    pub(crate) disputes: Vec<Dispute>,
    /// The fee at the time when the deal was made, remembered apart from the deal.
    pub(crate) fee_then: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Market {
    pub(crate) policy: Policy,
    pub(crate) now: Timestamp,
    pub(crate) accounts: BTreeMap<AccountKey, Account>,
    pub(crate) journal: Vec<Posting>,
    pub(crate) exchangers: Vec<Exchanger>,
    pub(crate) listings: Vec<Listing>,
    pub(crate) deals: Vec<Deal>,
}

impl Market {
    /// Everybody is online and has some of everything; there is a listing of each kind.
    pub(crate) fn open() -> Self {
        let mut market = Self::empty();
        for (to, asset) in (0..PEOPLE).flat_map(|to| [(to, 0), (to, 1)]) {
            let minor = 50_000;
            market.apply(&Op::Deposit { to, asset, minor }).unwrap();
        }
        for (direction, who) in ExchangeType::ALL.into_iter().zip(0..) {
            let (asset, total) = (who, 100_000);
            let publish = Op::Publish {
                who,
                direction,
                asset,
                total,
            };
            market.apply(&publish).unwrap();
        }
        market
    }

    fn empty() -> Self {
        Self {
            policy: Policy {
                unanswered_limit: 1,
                ..Policy::default()
            },
            now: START,
            accounts: BTreeMap::new(),
            journal: Vec::new(),
            exchangers: (0..PEOPLE).map(|n| online(user(n))).collect(),
            listings: Vec::new(),
            deals: Vec::new(),
        }
    }

    /// Does it, or refuses it and stays as it is.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<(), Refusal> {
        match *op {
            Op::Deposit { to, asset, minor } => {
                let amount = Money::new(minor, ASSETS[asset]);
                let posting = Posting::deposit(user(to), amount, staff());
                self.post(posting.map_err(Refusal::amount)?)
            }
            Op::Switch { who, online } => {
                self.exchangers[who] = self.exchangers[who].switch(online);
                Ok(())
            }
            Op::Unfreeze { who } => {
                self.exchangers[who] = self.exchangers[who].unfreeze(staff(), self.now).0;
                Ok(())
            }
            Op::Fee { basis_points } => {
                self.policy.fee_basis_points = basis_points;
                Ok(())
            }
            Op::Publish {
                who,
                direction,
                asset,
                total,
            } => {
                let id = ListingId::from_u128(self.listings.len() as u128);
                let mut draft = draft(direction, Money::new(total, ASSETS[asset]));
                draft.min = Money::new(op::LEAST, Asset::Usd);
                draft.max = Money::new(op::MOST, Asset::Usd);
                let listing = Listing::publish(id, &self.exchangers[who], draft, self.now)?;
                self.listings.push(listing);
                Ok(())
            }
            Op::Manage { listing, sign } => self.manage(listing, sign),
            Op::Create {
                who,
                listing,
                amount,
            } => self.create(user(who), listing, amount),
            Op::Act { deal, by, deed } => {
                let at =
                    recent(deal, self.deals.len()).ok_or(Refusal::NotFound(Resource::Offer))?;
                self.act(at, by, deed)
            }
        }
    }

    fn manage(&mut self, listing: usize, sign: Sign) -> Result<(), Refusal> {
        let at =
            recent(listing, self.listings.len()).ok_or(Refusal::NotFound(Resource::Listing))?;
        let listing = self.listings[at].clone();
        let change = match sign {
            Sign::Close => {
                self.listings[at] = listing.close(self.now);
                return Ok(());
            }
            Sign::Pause => Change {
                switch: Some(Switch::Pause),
                ..Change::default()
            },
            Sign::Resume => Change {
                switch: Some(Switch::Resume),
                ..Change::default()
            },
            Sign::Total(minor) => Change {
                total: Some(Money::new(minor, listing.asset())),
                ..Change::default()
            },
        };
        let exchanger = self.exchanger_of(listing.exchanger);
        self.listings[at] = listing.update(change, &self.exchangers[exchanger], self.now)?;
        Ok(())
    }

    fn create(&mut self, customer: UserId, listing: usize, minor: i64) -> Result<(), Refusal> {
        let at =
            recent(listing, self.listings.len()).ok_or(Refusal::NotFound(Resource::Listing))?;
        let listing = &self.listings[at];
        let exchanger = &self.exchangers[self.exchanger_of(listing.exchanger)];
        let opening = NewOffer {
            id: OfferId::from_u128(self.deals.len() as u128),
            customer,
            amount: Money::new(minor, listing.asset()),
            conditions: String::new(),
        };
        let moved = Offer::create(opening, listing, exchanger, &self.policy, self.now)?;
        let fee_then = self.policy.fee_basis_points;
        let deal = Deal {
            offer: moved.offer.clone(),
            history: Vec::new(),
            disputes: Vec::new(),
            fee_then,
        };
        self.settle(self.deals.len(), deal, moved)
    }

    /// Whoever has this hand in this deal does the deed.
    fn act(&mut self, at: usize, by: Hand, deed: Deed) -> Result<(), Refusal> {
        let mut deal = self.deals[at].clone();
        let deed = deed.here(deal.offer.status());
        let step = self.step(&deal.offer, by, deed)?;
        let opened: usize = self.deals.iter().map(|deal| deal.disputes.len()).sum();
        let id = DisputeId::from_u128(opened as u128);
        let moved = self.attempt(deal.offer.clone(), deed, step)?;
        let (reason, now) = (Words::REASON.to_owned(), self.now);
        let disputed = moved.offer.status() == Status::DisputeOpen;
        if disputed && matches!(deed, Deed::Dispute | Deed::Expire) {
            let opened =
                Dispute::open(id, moved.offer.deal(), step, reason.clone(), &deal.disputes)?;
            deal.disputes.push(opened.0);
        }
        if let Some(resolution) = deed.resolution(moved.offer.terms.amount) {
            let (facts, open) = (moved.offer.deal(), std::mem::take(&mut deal.disputes));
            let resolve = |one: Dispute| {
                one.resolve(resolution, staff(), reason.clone(), facts, now)
                    .0
            };
            deal.disputes = open.into_iter().map(resolve).collect();
        }
        self.settle(at, deal, moved)
    }

    fn attempt(&self, offer: Offer, deed: Deed, step: Act) -> Result<Transition, OfferError> {
        let (policy, words) = (&self.policy, Words::REASON.to_owned());
        match deed {
            Deed::GoOn | Deed::Accept => offer.accept(step, policy),
            Deed::Decline => offer.decline(step, policy),
            Deed::Cancel => offer.cancel(step, words, policy),
            Deed::Pay => offer.confirm_payment(step, Words::REFERENCE.to_owned(), policy),
            Deed::Receive => offer.confirm_receipt(step, policy),
            Deed::Expire => offer.expire(step.now, policy),
            Deed::Dispute => offer.dispute(step, words, policy),
            Deed::Finish => offer.resolve_finished(step, words, policy),
            Deed::CallOff => offer.resolve_cancelled(step, words, policy),
            Deed::Split(percent) => {
                let share = op::share(offer.terms.amount, percent);
                offer.resolve_split(step, words, share, policy)
            }
        }
    }

    fn step(&self, offer: &Offer, by: Hand, deed: Deed) -> Result<Act, Refusal> {
        if deed == Deed::Expire {
            return Ok(Act::system(self.now));
        }
        let rightful = || {
            let direction = offer.terms.exchange_type;
            let (from, trigger) = (offer.status(), deed.trigger(offer.status()));
            let mut rows = contract::TABLE.iter();
            let row = rows.find(|row| row.from == Some(from) && Some(row.trigger) == trigger);
            row.map_or(Actor::Customer, |row| row.actors(direction)[0])
        };
        let actor = match by {
            Hand::Rightful => rightful(),
            Hand::Person(who) => {
                let side = offer.side_of(user(who));
                side.ok_or(Refusal::NotFound(Resource::Offer))?
            }
            Hand::Moderator => Actor::Moderator,
            Hand::Provider => Actor::Provider,
        };
        let user = match actor {
            Actor::Customer => Some(offer.terms.customer),
            Actor::Exchanger => Some(offer.terms.exchanger),
            Actor::Moderator => Some(staff()),
            Actor::System | Actor::Provider => None,
        };
        let now = self.now;
        Ok(Act { actor, user, now })
    }

    /// Takes over all that a move brings with it: what may be refused first, then what can't be.
    fn settle(&mut self, at: usize, mut deal: Deal, moved: Transition) -> Result<(), Refusal> {
        let listing = self
            .listings
            .iter()
            .position(|listing| listing.id == moved.offer.terms.listing)
            .ok_or(Refusal::NotFound(Resource::Listing))?;
        let followed = match moved.listing {
            None => None,
            Some(step) => Some(self.listings[listing].clone().follow(step)?),
        };
        if let Some(posting) = moved.posting {
            self.post(posting)?;
        }
        if let Some(followed) = followed {
            self.listings[listing] = followed;
        }
        if let Some(response) = moved.response {
            self.heed(moved.offer.terms.exchanger, response);
        }
        deal.history.extend(moved.history);
        deal.offer = moved.offer;
        if at == self.deals.len() {
            self.deals.push(deal);
        } else {
            self.deals[at] = deal;
        }
        Ok(())
    }

    fn heed(&mut self, exchanger: UserId, response: Response) {
        let at = self.exchanger_of(exchanger);
        let (heeded, frozen) = match response {
            Response::Given => (self.exchangers[at].responded(), None),
            Response::Missing => {
                self.exchangers[at].left_unanswered(self.policy.unanswered_limit, self.now)
            }
        };
        self.exchangers[at] = heeded;
        if frozen.is_some() {
            let theirs = self
                .listings
                .iter_mut()
                .filter(|l| l.exchanger == exchanger);
            theirs.for_each(|listing| *listing = listing.clone().pause_by_system(self.now));
        }
    }

    /// Books a posting on every account that it moves, or on none.
    fn post(&mut self, posting: Posting) -> Result<(), Refusal> {
        let mut booked = Vec::new();
        for (key, n) in posting.accounts().into_iter().zip(1..) {
            let id = AccountId::from_u128(self.accounts.len() as u128 + n);
            let account = self.accounts.get(&key).copied();
            let account = account.unwrap_or_else(|| Account::open(id, key));
            booked.push(account.apply(posting.legs())?);
        }
        let booked = booked.into_iter().map(|account| (account.key, account));
        self.accounts.extend(booked);
        self.journal.push(posting);
        Ok(())
    }

    /// The n-th newest deal.
    pub(crate) fn newest(&self, n: usize) -> Option<&Deal> {
        recent(n, self.deals.len()).map(|at| &self.deals[at])
    }

    fn exchanger_of(&self, user: UserId) -> usize {
        let mut all = self.exchangers.iter();
        all.position(|exchanger| exchanger.user == user).unwrap()
    }

    /// A minute goes by, or what it takes until a deadline has passed that is about to be acted on.
    pub(crate) fn wait_for(&mut self, op: &Op) {
        self.now = self.now.after(minutes(1));
        if let Op::Act {
            deal,
            deed: Deed::Expire,
            ..
        } = *op
        {
            let deadline = self.newest(deal).and_then(|deal| deal.offer.deadline());
            self.now = deadline.unwrap_or(self.now).max(self.now);
        }
    }
}

fn user(n: usize) -> UserId {
    person(n as u128)
}

/// Who deposits and decides.
fn staff() -> UserId {
    person(99)
}

/// The n-th newest of so many, if there is any.
fn recent(n: usize, of: usize) -> Option<usize> {
    n.checked_rem(of).map(|back| of - 1 - back)
}
