//! Reads of what is committed, each in the order that its port says.

use std::cmp::{Ordering, Reverse};

use async_trait::async_trait;
use p2p_application::dispute::{DisputeFilter, DisputeQueries};
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::listing::{
    ListingCursor, ListingFilter, ListingOrder, ListingQueries, ListingView, ListingsFound,
};
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_application::ports::StorageError;
use p2p_application::user::UserQueries;
use p2p_application::wallet::{StatementCursor, StatementEntry, StatementFilter, WalletQueries};
use p2p_domain::dispute::Comment;
use p2p_domain::ledger::{Bucket, Owner};
use p2p_domain::listing::ListingState;
use p2p_domain::offer::{HistoryEntry, State};
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, Dispute, DisputeId, Exchanger, Listing, ListingId, Money, Offer, OfferId, TransferId,
    UserId,
};

use crate::faults::Point;
use crate::store::Memory;
use crate::tables::Tables;

/// The first `limit` of them.
pub(crate) fn take<T>(rows: impl Iterator<Item = T>, limit: u32) -> Vec<T> {
    rows.take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect()
}

impl Memory {
    /// Answers from one snapshot, unless told to fail.
    pub(crate) async fn ask<T>(
        &self,
        answer: impl FnOnce(&Tables) -> T,
    ) -> Result<T, StorageError> {
        self.faults().visit(Point::Query).await?;
        Ok(answer(&self.read()))
    }
}

#[async_trait]
impl OfferQueries for Memory {
    async fn find_offer(&self, id: OfferId) -> Result<Option<Offer>, StorageError> {
        self.ask(|tables| tables.offers.get(&id).cloned()).await
    }

    async fn offer_history(&self, id: OfferId) -> Result<Vec<HistoryEntry>, StorageError> {
        self.ask(|tables| {
            let steps = tables.history.range((id, 0)..=(id, u64::MAX));
            steps.map(|(_, step)| step.clone()).collect()
        })
        .await
    }

    async fn list_offers(&self, filter: &OfferFilter) -> Result<Vec<Offer>, StorageError> {
        let side_matches = |offer: &Offer| match (offer.side_of(filter.user), filter.side) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(side), Some(wanted)) => side == wanted,
        };
        let active_matches = |offer: &Offer| match (filter.active_since, offer.state) {
            (None, _) => true,
            (Some(since), State::Finished { at }) => at >= since,
            (Some(_), state) => !state.status().is_final(),
        };
        self.ask(|tables| {
            let newest_first = tables.offers.values().rev();
            let page = newest_first
                .filter(|offer| filter.after.is_none_or(|after| offer.id < after))
                .filter(|offer| side_matches(offer) && active_matches(offer));
            take(page.cloned(), filter.limit)
        })
        .await
    }
}

fn view(tables: &Tables, listing: &Listing) -> ListingView {
    let name = tables.users.get(&listing.exchanger).map(|user| &user.name);
    ListingView {
        listing: listing.clone(),
        exchanger_name: name.cloned().unwrap_or_default(),
        exchanger_online: is_online(tables, listing.exchanger),
    }
}

fn is_online(tables: &Tables, exchanger: UserId) -> bool {
    let record = tables.exchangers.get(&exchanger);
    record.is_some_and(|record| record.online && record.frozen_at.is_none())
}

fn is_shown(tables: &Tables, listing: &Listing, filter: &ListingFilter) -> bool {
    fn any_or<T: PartialEq>(wanted: Option<T>, actual: T) -> bool {
        wanted.is_none_or(|wanted| wanted == actual)
    }
    let state = match filter.exchanger {
        Some(exchanger) => listing.exchanger == exchanger && listing.state != ListingState::Closed,
        None => listing.state == ListingState::Active,
    };
    let fits = |amount: Money| {
        amount.asset() == listing.price.fiat()
            && amount.minor() >= listing.min.minor()
            && amount.minor() <= listing.available_fiat().minor()
    };
    let takes = |method: &String| listing.payment_methods.contains(method);
    state
        && any_or(filter.exchange_type, listing.exchange_type)
        && any_or(filter.asset, listing.asset())
        && any_or(filter.fiat, listing.price.fiat())
        && filter.amount.is_none_or(fits)
        && filter.payment_method.as_ref().is_none_or(takes)
        && (!filter.online_only || is_online(tables, listing.exchanger))
}

/// Which of two listings comes first in a list.
fn order(by: ListingOrder, a: ListingCursor, b: ListingCursor) -> Ordering {
    match by {
        ListingOrder::Newest => b.id.cmp(&a.id),
        ListingOrder::PriceAscending => (a.price_e8, a.id).cmp(&(b.price_e8, b.id)),
        ListingOrder::PriceDescending => (b.price_e8, a.id).cmp(&(a.price_e8, b.id)),
    }
}

#[async_trait]
impl ListingQueries for Memory {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError> {
        self.ask(|tables| {
            tables
                .listings
                .get(&id)
                .map(|listing| view(tables, listing))
        })
        .await
    }

    async fn list_listings(&self, filter: &ListingFilter) -> Result<ListingsFound, StorageError> {
        self.ask(|tables| {
            let after = filter.after;
            let mut shown: Vec<&Listing> = tables
                .listings
                .values()
                .filter(|listing| is_shown(tables, listing, filter))
                .filter(|listing| {
                    after.is_none_or(|after| {
                        order(filter.order, ListingCursor::at(listing), after) == Ordering::Greater
                    })
                })
                .collect();
            shown.sort_by(|a, b| order(filter.order, ListingCursor::at(a), ListingCursor::at(b)));
            let views = shown.into_iter().map(|row| view(tables, row));
            ListingsFound {
                listings: take(views, filter.limit),
                searched_to: None,
            }
        })
        .await
    }
}

#[async_trait]
impl DisputeQueries for Memory {
    async fn find_dispute(&self, id: DisputeId) -> Result<Option<Dispute>, StorageError> {
        self.ask(|tables| tables.disputes.get(&id).cloned()).await
    }

    async fn disputes_of(&self, offer: OfferId) -> Result<Vec<Dispute>, StorageError> {
        self.ask(|tables| {
            let all = tables.disputes.values();
            all.filter(|dispute| dispute.offer == offer)
                .cloned()
                .collect()
        })
        .await
    }

    async fn list_disputes(&self, filter: &DisputeFilter) -> Result<Vec<Dispute>, StorageError> {
        self.ask(|tables| {
            let concerns = |dispute: &Dispute, user: UserId| {
                let offer = tables.offers.get(&dispute.offer);
                offer.is_some_and(|offer| offer.side_of(user).is_some())
            };
            let oldest_first = tables.disputes.values();
            let page = oldest_first
                .filter(|dispute| filter.after.is_none_or(|after| dispute.id > after))
                .filter(|dispute| filter.open.is_none_or(|open| dispute.is_open() == open))
                .filter(|dispute| filter.side.is_none_or(|user| concerns(dispute, user)));
            take(page.cloned(), filter.limit)
        })
        .await
    }

    async fn dispute_comments(&self, id: DisputeId) -> Result<Vec<Comment>, StorageError> {
        self.ask(|tables| {
            let all = tables.comments.values();
            all.filter(|comment| comment.dispute == id)
                .cloned()
                .collect()
        })
        .await
    }
}

/// A line's place in a statement: later ones are smaller.
fn place(transfer: TransferId, bucket: Bucket) -> (TransferId, bool) {
    (transfer, bucket == Bucket::Available)
}

#[async_trait]
impl WalletQueries for Memory {
    async fn accounts_of(&self, user: UserId) -> Result<Vec<Account>, StorageError> {
        self.ask(|tables| {
            // Keys are sorted by owner, then asset.
            let own = tables.accounts.values();
            own.filter(|account| account.key.owner == Owner::User(user))
                .copied()
                .collect()
        })
        .await
    }

    async fn statement(
        &self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementEntry>, StorageError> {
        let is_before = |cursor: StatementCursor, line: &StatementEntry| {
            place(line.transfer, line.bucket) < place(cursor.transfer, cursor.bucket)
        };
        self.ask(|tables| {
            let lines = tables.transfers.values().rev().flat_map(|transfer| {
                let mut lines: Vec<StatementEntry> = transfer
                    .entries
                    .iter()
                    .filter_map(|entry| {
                        let key = tables.account_ids.get(&entry.account)?;
                        (key.owner == Owner::User(filter.user)).then(|| StatementEntry {
                            transfer: transfer.id,
                            kind: transfer.posting.kind(),
                            reference: transfer.posting.reference(),
                            bucket: entry.bucket,
                            amount: Money::new(entry.amount, key.asset),
                            at: transfer.at,
                        })
                    })
                    .collect();
                lines.sort_by_key(|line| Reverse(place(line.transfer, line.bucket)));
                lines
            });
            let page = lines
                .filter(|line| {
                    filter
                        .asset
                        .is_none_or(|asset| line.amount.asset() == asset)
                })
                .filter(|line| filter.after.is_none_or(|after| is_before(after, line)));
            take(page, filter.limit)
        })
        .await
    }
}

#[async_trait]
impl UserQueries for Memory {
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StorageError> {
        self.ask(|tables| tables.users.get(&id).cloned()).await
    }

    async fn find_user_by_email(&self, email: &Email) -> Result<Option<User>, StorageError> {
        self.ask(|tables| {
            let mut users = tables.users.values();
            users.find(|user| user.email == *email).cloned()
        })
        .await
    }
}

#[async_trait]
impl ExchangerQueries for Memory {
    async fn find_exchanger(&self, id: UserId) -> Result<Option<Exchanger>, StorageError> {
        self.ask(|tables| tables.exchangers.get(&id).copied()).await
    }

    async fn frozen_exchangers(&self, limit: u32) -> Result<Vec<Exchanger>, StorageError> {
        self.ask(|tables| {
            let all = tables.exchangers.values().copied();
            let mut frozen: Vec<Exchanger> = all.filter(|row| row.frozen_at.is_some()).collect();
            frozen.sort_by_key(|row| (row.frozen_at, row.user));
            take(frozen.into_iter(), limit)
        })
        .await
    }
}
