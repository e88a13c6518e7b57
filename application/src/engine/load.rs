//! Loading: from what the commands name to rows, locked, always in the same order of tables and keys.

use std::collections::BTreeSet;

use p2p_domain::ExchangeType;
use p2p_domain::policy::Limits;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{AccountKey, Listing, Offer, UserId};

use super::identity_map::IdentityMap;
use super::read_set::{OfferRelations, ReadSet};
use crate::ports::{Snapshot, StorageError, Transaction};

/// Loads all that the commands of a batch need, and what these rows in turn point to.
pub(super) async fn load(
    unit: &mut dyn Transaction,
    mut reads: ReadSet,
    limits: &Limits,
) -> Result<IdentityMap, StorageError> {
    let mut loaded = IdentityMap::default();

    if !reads.disputes.is_empty() {
        let ids: Vec<_> = reads.disputes.keys().copied().collect();
        for (dispute, offer) in unit.offers_of_disputes(&ids).await? {
            let wants = reads.disputes.get(&dispute).copied().unwrap_or_default();
            reads.offers.entry(offer).or_default().merge(wants);
        }
    }
    if !reads.managed_listings.is_empty() {
        let ids: Vec<_> = reads.managed_listings.iter().copied().collect();
        for (_, exchanger) in unit.exchangers_of_listings(&ids).await? {
            reads.exchangers.insert(exchanger);
        }
    }

    if !reads.inbox.is_empty() {
        let keys: Vec<_> = reads.inbox.iter().cloned().collect();
        loaded.processed.extend(unit.processed(&keys).await?);
    }
    if !reads.replies.is_empty() {
        let keys: Vec<_> = reads.replies.iter().cloned().collect();
        let records = unit.replies(&keys).await?;
        loaded.remember(records);
    }
    if !reads.told.is_empty() {
        let ids: Vec<_> = reads.told.iter().copied().collect();
        for head in unit.offer_summaries(&ids).await? {
            reads.mailboxes.extend([head.customer, head.exchanger]);
            loaded.heads.insert(head.id, head);
        }
    }
    if reads.staff {
        loaded.staff = unit.staff().await?;
        reads
            .mailboxes
            .extend(loaded.staff.iter().map(|one| one.user));
    }
    if !reads.known_users.is_empty() {
        let ids: Vec<_> = reads.known_users.iter().copied().collect();
        loaded.known_users.extend(unit.known_users(&ids).await?);
    }

    if !reads.users.is_empty() || !reads.emails.is_empty() {
        let ids: Vec<_> = reads.users.iter().copied().collect();
        let emails: Vec<_> = reads.emails.iter().cloned().collect();
        for user in unit.lock_users(&ids, &emails).await? {
            let version = user.version;
            loaded.users.put(user.id, user, version);
        }
    }

    if !reads.attempts.is_empty() {
        let keys: Vec<_> = reads.attempts.iter().copied().collect();
        for one in unit.lock_attempts(&keys).await? {
            loaded.attempts.put(one.key, one, one.version);
        }
    }
    if !reads.second_factors.is_empty() {
        let users: Vec<_> = reads.second_factors.iter().copied().collect();
        for factor in unit.lock_second_factors(&users).await? {
            let version = factor.version;
            loaded.second_factors.put(factor.user, factor, version);
        }
    }
    if !reads.sessions.is_empty() || !reads.sessions_of.is_empty() {
        let ids: Vec<_> = reads.sessions.iter().copied().collect();
        let of: Vec<_> = reads.sessions_of.iter().copied().collect();
        for session in unit.lock_sessions(&ids, &of).await? {
            let version = session.version;
            loaded.sessions.put(session.id, session, version);
        }
    }

    let (mut active_of, mut answering) = (BTreeSet::new(), BTreeSet::new());
    if !reads.offers.is_empty() {
        let ids: Vec<_> = reads.offers.keys().copied().collect();
        let offers = unit.lock_offers(&ids).await?;
        let mut disputed = Vec::new();
        for offer in offers {
            let around = reads.offers.get(&offer.id).copied().unwrap_or_default();
            follow(&offer, around, &mut reads);
            if around.disputes {
                disputed.push(offer.id);
            }
            if around.freeze {
                active_of.insert(offer.terms.exchanger);
            }
            if around.exchanger {
                answering.insert(offer.terms.exchanger);
            }
            let version = offer.version;
            loaded.offers.put(offer.id, offer, version);
        }
        if !disputed.is_empty() {
            disputed.sort_unstable();
            for dispute in unit.lock_disputes(&disputed).await? {
                let version = dispute.version;
                loaded.disputes.put(dispute.id, dispute, version);
            }
        }
    }

    let snapshot = reads.seen_exchangers.difference(&reads.exchangers);
    let snapshot: Vec<_> = snapshot.copied().collect();
    if !snapshot.is_empty() {
        for exchanger in unit.read_exchangers(&snapshot).await? {
            // An answer ends the row of unanswered offers. What it will change it locks in its turn: at the commit, with all
            // that comes after it already locked, it might wait in a circle.
            if exchanger.unanswered > 0 && answering.contains(&exchanger.user) {
                reads.exchangers.insert(exchanger.user);
            } else {
                loaded
                    .exchangers
                    .put(exchanger.user, exchanger, exchanger.version);
            }
        }
    }
    if !reads.exchangers.is_empty() {
        let ids: Vec<_> = reads.exchangers.iter().copied().collect();
        for exchanger in unit.lock_exchangers(&ids).await? {
            loaded
                .exchangers
                .put(exchanger.user, exchanger, exchanger.version);
        }
    }
    if !reads.listings.is_empty() || !active_of.is_empty() {
        let ids: Vec<_> = reads.listings.iter().copied().collect();
        let active_of: Vec<_> = active_of.into_iter().collect();
        for listing in unit.lock_listings(&ids, &active_of).await? {
            let version = listing.version;
            loaded.listings.put(listing.id, listing, version);
        }
    }
    let (mut customers, mut answered) = (BTreeSet::new(), BTreeSet::new());
    for (listing, customer) in &reads.answered {
        customers.insert(*customer);
        let Some(listing) = loaded.listings.get(listing) else {
            continue;
        };
        reads.accounts.extend(parties(listing, *customer));
        // Not read again: by what was read before it was decided what is locked, and a newer record might have to be
        // changed out of turn.
        if loaded.exchangers.get(&listing.exchanger).is_none() {
            answered.insert(listing.exchanger);
        }
    }
    if !reads.withdrawals.is_empty() {
        let ids: Vec<_> = reads.withdrawals.iter().copied().collect();
        for withdrawal in unit.lock_withdrawals(&ids).await? {
            let asset = withdrawal.amount.asset();
            let owner = AccountKey::user(withdrawal.user, asset);
            reads.accounts.extend([owner, AccountKey::external(asset)]);
            let version = withdrawal.version;
            loaded.withdrawals.put(withdrawal.id, withdrawal, version);
        }
    }
    if !reads.orders.is_empty() {
        let ids: Vec<_> = reads.orders.iter().copied().collect();
        for order in unit.lock_orders(&ids).await? {
            let version = order.version;
            loaded.orders.put(order.id, order, version);
        }
    }
    if !reads.payments.is_empty() {
        let origins: Vec<_> = reads.payments.keys().cloned().collect();
        for payment in unit.lock_payments(&origins).await? {
            if reads.payments.get(&payment.origin) == Some(&true) {
                let sides = [payment.terms.payer, payment.terms.payee];
                reads.account_ids.extend(sides.into_iter().flatten());
            }
            let version = payment.version;
            loaded
                .payments
                .put(payment.origin.clone(), payment, version);
        }
    }
    if !reads.account_ids.is_empty() {
        let ids: Vec<_> = reads.account_ids.iter().copied().collect();
        for (id, key) in unit.account_keys(&ids).await? {
            reads.accounts.insert(key);
            loaded.account_keys.insert(id, key);
        }
    }
    if !reads.accounts.is_empty() {
        let keys: Vec<_> = reads.accounts.iter().copied().collect();
        for account in unit.lock_accounts(&keys).await? {
            loaded.accounts.put(account.key, account, account.version);
        }
    }
    if !reads.mailboxes.is_empty() {
        let users: Vec<_> = reads.mailboxes.iter().copied().collect();
        for mailbox in unit.lock_mailboxes(&users).await? {
            loaded.mailboxes.put(mailbox.user, mailbox, mailbox.version);
        }
    }
    if !reads.notifications.is_empty() {
        let ids: Vec<_> = reads.notifications.iter().copied().collect();
        for one in unit.lock_notifications(&ids).await? {
            let version = one.version;
            loaded.notifications.put(one.id, one, version);
        }
    }
    // With the accounts locked: who deals from them waits for us, and then counts what we have made. And with the listings
    // locked: who freezes their exchanger has done so, and is seen, or waits for us.
    if !customers.is_empty() {
        let asked: Vec<_> = customers.iter().copied().collect();
        let exchangers: Vec<_> = answered.into_iter().collect();
        let offer_preconditions = unit.offer_preconditions(&asked, &exchangers, limits.open_offers);
        let offer_preconditions = offer_preconditions.await?;
        for exchanger in offer_preconditions.exchangers {
            loaded
                .exchangers
                .put(exchanger.user, exchanger, exchanger.version);
        }
        for standing in offer_preconditions.customers {
            if let Some(conduct) = standing.conduct {
                loaded.conducts.put(conduct.user, conduct, conduct.version);
            }
            let open = (QuotaKind::OpenOffers, standing.user);
            loaded.quota_counts.insert(open, standing.open_offers);
        }
    }
    reads.conducts.retain(|user| !customers.contains(user));
    if !reads.conducts.is_empty() {
        let users: Vec<_> = reads.conducts.iter().copied().collect();
        for conduct in unit.read_conducts(&users).await? {
            loaded.conducts.put(conduct.user, conduct, conduct.version);
        }
    }
    if !reads.quota_counts.is_empty() {
        let wanted: Vec<_> = reads.quota_counts.iter().copied().collect();
        let most = limits.listings.max(limits.open_withdrawals);
        for (what, user, count) in unit.quota_counts(&wanted, most).await? {
            loaded.quota_counts.insert((what, user), count);
        }
    }
    if reads.trail {
        loaded.trail_head = Some(unit.lock_audit_head().await?);
    }
    Ok(loaded)
}

/// What a look has found.
pub(super) fn from_snapshot(snapshot: Snapshot) -> IdentityMap {
    let mut loaded = IdentityMap::default();
    for offer in snapshot.offers {
        let version = offer.version;
        loaded.offers.put(offer.id, offer, version);
    }
    for exchanger in snapshot.exchangers {
        loaded
            .exchangers
            .put(exchanger.user, exchanger, exchanger.version);
    }
    for listing in snapshot.listings {
        let version = listing.version;
        loaded.listings.put(listing.id, listing, version);
    }
    for payment in snapshot.payments {
        let version = payment.version;
        loaded
            .payments
            .put(payment.origin.clone(), payment, version);
    }
    for account in snapshot.accounts {
        loaded.account_keys.insert(account.id, account.key);
        loaded.accounts.put(account.key, account, account.version);
    }
    for conduct in snapshot.conducts {
        loaded.conducts.put(conduct.user, conduct, conduct.version);
    }
    let open = snapshot.open_offers.into_iter();
    let open = open.map(|(user, count)| ((QuotaKind::OpenOffers, user), count));
    loaded.quota_counts.extend(open);
    loaded.known_users.extend(snapshot.users);
    loaded.remember(snapshot.replies);
    loaded
}

/// Adds what a loaded deal points to.
fn follow(offer: &Offer, around: OfferRelations, reads: &mut ReadSet) {
    if around.freeze {
        reads.exchangers.insert(offer.terms.exchanger);
        reads.conducts.insert(offer.terms.customer);
    } else if around.exchanger {
        reads.seen_exchangers.insert(offer.terms.exchanger);
    }
    let asset = offer.terms.amount.asset();
    if around.release {
        reads.listings.insert(offer.terms.listing);
        reads
            .accounts
            .insert(AccountKey::user(offer.crypto_holder(), asset));
    }
    if around.capture {
        reads.accounts.extend([
            AccountKey::user(offer.fiat_payer(), asset),
            AccountKey::fees(asset),
        ]);
    }
}

/// The account whose crypto an answer to a listing will hold, and that of whoever answers: nobody begins a deal who could
/// not be paid at its end.
fn parties(listing: &Listing, customer: UserId) -> [AccountKey; 2] {
    let holder = match listing.exchange_type {
        ExchangeType::CryptoToFiat => customer,
        ExchangeType::FiatToCrypto => listing.exchanger,
    };
    [holder, customer].map(|party| AccountKey::user(party, listing.asset()))
}
