//! What people do at random. Small numbers and positions counted from the newest: a failing sequence shrinks to little.

use p2p_domain::dispute::Resolution;
use p2p_domain::offer::{Status, Trigger};
use p2p_domain::{ExchangeType, Money, Policy};
use proptest::prelude::*;

use super::{ASSETS, PEOPLE};
use crate::support::contract;

/// The limits of every listing, in cents; a minor unit of crypto costs one.
pub(crate) const LEAST: i64 = 10;
pub(crate) const MOST: i64 = 50_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Deposit {
        to: usize,
        asset: usize,
        minor: i64,
    },
    Switch {
        who: usize,
        online: bool,
    },
    Unfreeze {
        who: usize,
    },
    Fee {
        basis_points: u16,
    },
    Publish {
        who: usize,
        direction: ExchangeType,
        asset: usize,
        total: i64,
    },
    Manage {
        listing: usize,
        sign: Sign,
    },
    Create {
        who: usize,
        listing: usize,
        amount: i64,
    },
    Act {
        deal: usize,
        by: Hand,
        deed: Deed,
    },
}

impl Op {
    /// What is done, without to what.
    pub(crate) fn name(&self) -> String {
        let shown = match self {
            Self::Act { deed, .. } => format!("{deed:?}"),
            other => format!("{other:?}"),
        };
        shown.chars().take_while(|c| c.is_alphabetic()).collect()
    }
}

/// What happens to a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Pause,
    Resume,
    Close,
    Total(i64),
}

/// Who acts on a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    /// Somebody whose turn it is.
    Rightful,
    /// This person, whatever they have to do with it.
    Person(usize),
    Moderator,
    Provider,
}

/// What is done to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Whatever comes next if all goes well, or as well as it can.
    GoOn,
    Accept,
    Decline,
    Cancel,
    Pay,
    Receive,
    /// Always by the clock.
    Expire,
    Dispute,
    Finish,
    CallOff,
    /// So many percent to the fiat payer.
    Split(i64),
}

impl Deed {
    /// What going on means in this status.
    pub(crate) fn here(self, status: Status) -> Self {
        match (self, status) {
            (Self::GoOn, Status::Approved) => Self::Pay,
            (Self::GoOn, Status::PaymentConfirmed) => Self::Receive,
            (Self::GoOn, Status::DisputeOpen) => Self::Finish,
            (Self::GoOn, _) => Self::Accept,
            (deed, _) => deed,
        }
    }

    /// How it resolves a dispute about this amount, if it does.
    pub(crate) fn resolution(self, amount: Money) -> Option<Resolution> {
        match self {
            Self::Finish => Some(Resolution::Finished),
            Self::CallOff => Some(Resolution::Cancelled),
            Self::Split(percent) => Some(Resolution::Split {
                payer_amount: share(amount, percent),
            }),
            _ => None,
        }
    }

    /// What it is called in the contract.
    pub(crate) fn trigger(self, from: Status) -> Option<Trigger> {
        Some(match self {
            Self::GoOn | Self::Accept => Trigger::Accept,
            Self::Decline => Trigger::Decline,
            Self::Cancel => Trigger::Cancel,
            Self::Pay => Trigger::ConfirmPayment,
            Self::Receive => Trigger::ConfirmReceipt,
            Self::Expire => return contract::timeout(from).map(|row| row.trigger),
            Self::Dispute => Trigger::OpenDispute,
            Self::Finish => Trigger::ResolveFinished,
            Self::CallOff => Trigger::ResolveCancelled,
            Self::Split(_) => Trigger::ResolveSplit,
        })
    }
}

/// So many percent of it.
pub(crate) fn share(amount: Money, percent: i64) -> Money {
    Money::new(amount.minor() * percent / 100, amount.asset())
}

/// A day on the market. What fails is cut down to the fewest steps by the smallest numbers.
pub(crate) fn days(longest: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 0..longest)
}

fn op() -> impl Strategy<Value = Op> {
    let (who, asset) = (0..PEOPLE, 0..ASSETS.len());
    let direction = prop::sample::select(ExchangeType::ALL.to_vec());
    let fee = 0..=Policy::MAX_FEE_BASIS_POINTS;
    prop_oneof![
        60 => (0..4usize, hand(), deed()).prop_map(|(deal, by, deed)| Op::Act { deal, by, deed }),
        10 => (who.clone(), 0..3usize, amount()).prop_map(|(who, listing, amount)| Op::Create { who, listing, amount }),
        4 => (who.clone(), asset.clone(), 1..200_000i64).prop_map(|(to, asset, minor)| Op::Deposit { to, asset, minor }),
        3 => (who.clone(), direction, asset, 1..100_000i64)
            .prop_map(|(who, direction, asset, total)| Op::Publish { who, direction, asset, total }),
        2 => (0..3usize, sign()).prop_map(|(listing, sign)| Op::Manage { listing, sign }),
        1 => (who.clone(), prop::bool::weighted(0.8)).prop_map(|(who, online)| Op::Switch { who, online }),
        1 => who.prop_map(|who| Op::Unfreeze { who }),
        1 => fee.prop_map(|basis_points| Op::Fee { basis_points }),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![1 => -1..LEAST, 10 => LEAST..20_000, 2 => LEAST..200_000]
}

fn sign() -> impl Strategy<Value = Sign> {
    prop_oneof![
        2 => Just(Sign::Pause),
        6 => Just(Sign::Resume),
        1 => Just(Sign::Close),
        5 => prop_oneof![1 => -1..=0i64, 4 => 1..10_000i64, 4 => 1..150_000i64].prop_map(Sign::Total),
    ]
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![
        16 => Just(Hand::Rightful),
        4 => (0..PEOPLE).prop_map(Hand::Person),
        1 => Just(Hand::Moderator),
        1 => Just(Hand::Provider),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        12 => Just(Deed::GoOn),
        2 => Just(Deed::Accept),
        2 => Just(Deed::Pay),
        2 => Just(Deed::Receive),
        1 => Just(Deed::Decline),
        2 => Just(Deed::Cancel),
        3 => Just(Deed::Expire),
        5 => Just(Deed::Dispute),
        2 => Just(Deed::Finish),
        2 => Just(Deed::CallOff),
        3 => prop_oneof![1..100i64, Just(0), Just(100)].prop_map(Deed::Split),
    ]
}
