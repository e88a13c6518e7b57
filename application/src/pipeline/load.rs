//! Loading: from what the commands name to rows, locked, always in the same order of tables and keys.

use std::collections::BTreeSet;

use domain::offer::ExchangeType;
use domain::policy::Limits;
use domain::refusal::Tally;
use domain::{AccountKey, Listing, Offer, UserId};

use super::loaded::Loaded;
use super::needs::{AroundOffer, Needs};
use crate::ports::{Seen, StorageError, Transaction};

/// Loads all that the commands of a batch need, and what these rows in turn point to.
pub(super) async fn load(
    unit: &mut dyn Transaction,
    mut needs: Needs,
    limits: &Limits,
) -> Result<Loaded, StorageError> {
    let mut loaded = Loaded::default();

    if !needs.disputes.is_empty() {
        let ids: Vec<_> = needs.disputes.keys().copied().collect();
        for (dispute, offer) in unit.offers_of_disputes(&ids).await? {
            let wants = needs.disputes.get(&dispute).copied().unwrap_or_default();
            needs.offers.entry(offer).or_default().merge(wants);
        }
    }
    if !needs.managed_listings.is_empty() {
        let ids: Vec<_> = needs.managed_listings.iter().copied().collect();
        for (_, exchanger) in unit.exchangers_of_listings(&ids).await? {
            needs.exchangers.insert(exchanger);
        }
    }

    if !needs.inbox.is_empty() {
        let keys: Vec<_> = needs.inbox.iter().cloned().collect();
        loaded.taken_in.extend(unit.taken_in(&keys).await?);
    }
    if !needs.replies.is_empty() {
        let keys: Vec<_> = needs.replies.iter().cloned().collect();
        let records = unit.replies(&keys).await?;
        loaded.remember(records);
    }
    if !needs.told.is_empty() {
        let ids: Vec<_> = needs.told.iter().copied().collect();
        for head in unit.offer_heads(&ids).await? {
            needs.mailboxes.extend([head.customer, head.exchanger]);
            loaded.heads.insert(head.id, head);
        }
    }
    if needs.staff {
        loaded.staff = unit.staff().await?;
        needs
            .mailboxes
            .extend(loaded.staff.iter().map(|one| one.user));
    }
    if !needs.known_users.is_empty() {
        let ids: Vec<_> = needs.known_users.iter().copied().collect();
        loaded.known_users.extend(unit.known_users(&ids).await?);
    }

    if !needs.users.is_empty() || !needs.emails.is_empty() {
        let ids: Vec<_> = needs.users.iter().copied().collect();
        let emails: Vec<_> = needs.emails.iter().cloned().collect();
        for user in unit.lock_users(&ids, &emails).await? {
            let version = user.version;
            loaded.users.put(user.id, user, version);
        }
    }

    if !needs.attempts.is_empty() {
        let keys: Vec<_> = needs.attempts.iter().copied().collect();
        for one in unit.lock_attempts(&keys).await? {
            loaded.attempts.put(one.key, one, one.version);
        }
    }
    if !needs.second_factors.is_empty() {
        let users: Vec<_> = needs.second_factors.iter().copied().collect();
        for factor in unit.lock_second_factors(&users).await? {
            let version = factor.version;
            loaded.second_factors.put(factor.user, factor, version);
        }
    }
    if !needs.sessions.is_empty() || !needs.sessions_of.is_empty() {
        let ids: Vec<_> = needs.sessions.iter().copied().collect();
        let of: Vec<_> = needs.sessions_of.iter().copied().collect();
        for session in unit.lock_sessions(&ids, &of).await? {
            let version = session.version;
            loaded.sessions.put(session.id, session, version);
        }
    }

    let (mut active_of, mut answering) = (BTreeSet::new(), BTreeSet::new());
    if !needs.offers.is_empty() {
        let ids: Vec<_> = needs.offers.keys().copied().collect();
        let offers = unit.lock_offers(&ids).await?;
        let mut disputed = Vec::new();
        for offer in offers {
            let around = needs.offers.get(&offer.id).copied().unwrap_or_default();
            follow(&offer, around, &mut needs);
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

    let seen = needs.seen_exchangers.difference(&needs.exchangers);
    let seen: Vec<_> = seen.copied().collect();
    if !seen.is_empty() {
        for exchanger in unit.read_exchangers(&seen).await? {
            // An answer ends the row of unanswered offers. What it will change it locks in its turn: at the commit, with all
            // that comes after it already locked, it might wait in a circle.
            if exchanger.unanswered > 0 && answering.contains(&exchanger.user) {
                needs.exchangers.insert(exchanger.user);
            } else {
                loaded
                    .exchangers
                    .put(exchanger.user, exchanger, exchanger.version);
            }
        }
    }
    if !needs.exchangers.is_empty() {
        let ids: Vec<_> = needs.exchangers.iter().copied().collect();
        for exchanger in unit.lock_exchangers(&ids).await? {
            loaded
                .exchangers
                .put(exchanger.user, exchanger, exchanger.version);
        }
    }
    if !needs.listings.is_empty() || !active_of.is_empty() {
        let ids: Vec<_> = needs.listings.iter().copied().collect();
        let active_of: Vec<_> = active_of.into_iter().collect();
        for listing in unit.lock_listings(&ids, &active_of).await? {
            let version = listing.version;
            loaded.listings.put(listing.id, listing, version);
        }
    }
    let (mut customers, mut answered) = (BTreeSet::new(), BTreeSet::new());
    for (listing, customer) in &needs.answered {
        customers.insert(*customer);
        let Some(listing) = loaded.listings.get(listing) else {
            continue;
        };
        needs.accounts.extend(parties(listing, *customer));
        // Not read again: by what was read before it was decided what is locked, and a newer record might have to be
        // changed out of turn.
        if loaded.exchangers.get(&listing.exchanger).is_none() {
            answered.insert(listing.exchanger);
        }
    }
    if !needs.withdrawals.is_empty() {
        let ids: Vec<_> = needs.withdrawals.iter().copied().collect();
        for withdrawal in unit.lock_withdrawals(&ids).await? {
            let asset = withdrawal.amount.asset();
            let owner = AccountKey::user(withdrawal.user, asset);
            needs.accounts.extend([owner, AccountKey::external(asset)]);
            let version = withdrawal.version;
            loaded.withdrawals.put(withdrawal.id, withdrawal, version);
        }
    }
    if !needs.orders.is_empty() {
        let ids: Vec<_> = needs.orders.iter().copied().collect();
        for order in unit.lock_orders(&ids).await? {
            let version = order.version;
            loaded.orders.put(order.id, order, version);
        }
    }
    if !needs.payments.is_empty() {
        let origins: Vec<_> = needs.payments.keys().cloned().collect();
        for payment in unit.lock_payments(&origins).await? {
            if needs.payments.get(&payment.origin) == Some(&true) {
                let sides = [payment.terms.payer, payment.terms.payee];
                needs.account_ids.extend(sides.into_iter().flatten());
            }
            let version = payment.version;
            loaded
                .payments
                .put(payment.origin.clone(), payment, version);
        }
    }
    if !needs.account_ids.is_empty() {
        let ids: Vec<_> = needs.account_ids.iter().copied().collect();
        for (id, key) in unit.account_keys(&ids).await? {
            needs.accounts.insert(key);
            loaded.account_keys.insert(id, key);
        }
    }
    if !needs.accounts.is_empty() {
        let keys: Vec<_> = needs.accounts.iter().copied().collect();
        for account in unit.lock_accounts(&keys).await? {
            loaded.accounts.put(account.key, account, account.version);
        }
    }
    if !needs.mailboxes.is_empty() {
        let users: Vec<_> = needs.mailboxes.iter().copied().collect();
        for mailbox in unit.lock_mailboxes(&users).await? {
            loaded.mailboxes.put(mailbox.user, mailbox, mailbox.version);
        }
    }
    if !needs.notifications.is_empty() {
        let ids: Vec<_> = needs.notifications.iter().copied().collect();
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
        let standings = unit.standings(&asked, &exchangers, limits.open_offers);
        let standings = standings.await?;
        for exchanger in standings.exchangers {
            loaded
                .exchangers
                .put(exchanger.user, exchanger, exchanger.version);
        }
        for standing in standings.customers {
            if let Some(conduct) = standing.conduct {
                loaded.conducts.put(conduct.user, conduct, conduct.version);
            }
            let open = (Tally::OpenOffers, standing.user);
            loaded.tallies.insert(open, standing.open_offers);
        }
    }
    needs.conducts.retain(|user| !customers.contains(user));
    if !needs.conducts.is_empty() {
        let users: Vec<_> = needs.conducts.iter().copied().collect();
        for conduct in unit.read_conducts(&users).await? {
            loaded.conducts.put(conduct.user, conduct, conduct.version);
        }
    }
    if !needs.tallies.is_empty() {
        let wanted: Vec<_> = needs.tallies.iter().copied().collect();
        let most = limits.listings.max(limits.open_withdrawals);
        for (what, user, count) in unit.tallies(&wanted, most).await? {
            loaded.tallies.insert((what, user), count);
        }
    }
    if needs.trail {
        loaded.trail_head = Some(unit.lock_audit_head().await?);
    }
    Ok(loaded)
}

/// What a look has found.
pub(super) fn from_look(seen: Seen) -> Loaded {
    let mut loaded = Loaded::default();
    for offer in seen.offers {
        let version = offer.version;
        loaded.offers.put(offer.id, offer, version);
    }
    for exchanger in seen.exchangers {
        loaded
            .exchangers
            .put(exchanger.user, exchanger, exchanger.version);
    }
    for listing in seen.listings {
        let version = listing.version;
        loaded.listings.put(listing.id, listing, version);
    }
    for payment in seen.payments {
        let version = payment.version;
        loaded
            .payments
            .put(payment.origin.clone(), payment, version);
    }
    for account in seen.accounts {
        loaded.account_keys.insert(account.id, account.key);
        loaded.accounts.put(account.key, account, account.version);
    }
    for conduct in seen.conducts {
        loaded.conducts.put(conduct.user, conduct, conduct.version);
    }
    let open = seen.open_offers.into_iter();
    let open = open.map(|(user, count)| ((Tally::OpenOffers, user), count));
    loaded.tallies.extend(open);
    loaded.known_users.extend(seen.users);
    loaded.remember(seen.replies);
    loaded
}

/// Adds what a loaded deal points to.
fn follow(offer: &Offer, around: AroundOffer, needs: &mut Needs) {
    if around.freeze {
        needs.exchangers.insert(offer.terms.exchanger);
        needs.conducts.insert(offer.terms.customer);
    } else if around.exchanger {
        needs.seen_exchangers.insert(offer.terms.exchanger);
    }
    let asset = offer.terms.amount.asset();
    if around.release {
        needs.listings.insert(offer.terms.listing);
        needs
            .accounts
            .insert(AccountKey::user(offer.crypto_holder(), asset));
    }
    if around.capture {
        needs.accounts.extend([
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
