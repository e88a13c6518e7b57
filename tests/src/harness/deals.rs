//! Listings and deals, from the first word to the last.

use std::time::Duration;

use p2p_application::Caller;
use p2p_application::dispute::{CommentOnDispute, Decision, ResolveDispute};
use p2p_application::listing::{CloseListing, ListingChange, PublishListing, UpdateListing};
use p2p_application::offer::{
    AcceptOffer, CancelOffer, ConfirmPayment, ConfirmReceipt, CreateOffer, DeclineOffer,
    OpenDispute,
};
use p2p_domain::dispute::Comment;
use p2p_domain::listing::Switch;
use p2p_domain::{
    Asset, Dispute, DisputeId, ExchangeType, Listing, ListingId, Offer, OfferId, Role, UserId,
};

use super::people::decimal;
use super::{Harness, Storage, party};

/// What an exchanger offers; amounts as people write them.
#[derive(Debug, Clone)]
pub struct Offering {
    pub exchange_type: ExchangeType,
    pub asset: Asset,
    pub fiat: Asset,
    pub price: &'static str,
    pub total: &'static str,
    pub min: &'static str,
    pub max: &'static str,
    pub payment_methods: Vec<&'static str>,
    pub payment_window: Option<Duration>,
    pub terms: &'static str,
}

impl Offering {
    /// 1,000 USDT at 0.90 EUR, from 9 to 900 EUR at a time.
    #[must_use]
    pub fn of(exchange_type: ExchangeType) -> Self {
        Self {
            exchange_type,
            asset: Asset::Usdt,
            fiat: Asset::Eur,
            price: "0.9",
            total: "1000",
            min: "9",
            max: "900",
            payment_methods: vec!["SEPA"],
            payment_window: None,
            terms: "Name on the account must match.",
        }
    }
}

/// How far a deal is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Pending,
    Approved,
    Paid,
    /// The customer's dispute of an approved deal.
    Disputed,
    Finished,
    Declined,
    Cancelled,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Approved,
        Self::Paid,
        Self::Disputed,
        Self::Finished,
        Self::Declined,
        Self::Cancelled,
    ];
}

/// A deal with its two sides, by what they are in it.
#[derive(Debug, Clone)]
pub struct Deal {
    pub listing: Listing,
    pub offer: Offer,
    pub customer: Caller,
    pub exchanger: Caller,
    /// Whose crypto is in escrow.
    pub holder: Caller,
    /// Who pays fiat outside and gets the crypto.
    pub payer: Caller,
}

impl Deal {
    /// The deal's id.
    #[must_use]
    pub const fn id(&self) -> OfferId {
        self.offer.id
    }
}

impl<S: Storage> Harness<S> {
    /// A command that publishes an offering.
    #[must_use]
    pub fn publication(&self, exchanger: Caller, offering: &Offering) -> PublishListing {
        let methods = offering.payment_methods.iter();
        PublishListing {
            id: self.market.fresh(),
            caller: exchanger,
            exchange_type: offering.exchange_type,
            asset: offering.asset,
            fiat: offering.fiat,
            price: decimal(offering.price),
            total: decimal(offering.total),
            min: decimal(offering.min),
            max: decimal(offering.max),
            payment_methods: methods.map(|method| (*method).to_owned()).collect(),
            payment_window: offering.payment_window,
            terms: offering.terms.to_owned(),
        }
    }

    /// Publishes an offering.
    pub async fn publish(&self, exchanger: Caller, offering: &Offering) -> Listing {
        self.done(self.publication(exchanger, offering)).await
    }

    /// Pauses or resumes a listing, by its owner.
    pub async fn turn(&self, listing: &Listing, switch: Switch) -> Listing {
        self.done(UpdateListing {
            caller: party(listing.exchanger),
            listing: listing.id,
            change: ListingChange {
                switch: Some(switch),
                ..ListingChange::default()
            },
        })
        .await
    }

    /// Takes a listing down, by its owner.
    pub async fn take_down(&self, listing: &Listing) -> Listing {
        self.done(CloseListing {
            caller: party(listing.exchanger),
            listing: listing.id,
        })
        .await
    }

    /// A listing as it is now.
    pub async fn listing(&self, id: ListingId) -> Listing {
        let found = self.store.find_listing(id).await.expect("reading");
        found.expect("the listing is there").listing
    }

    /// A command that answers a listing.
    #[must_use]
    pub fn opening(&self, customer: Caller, listing: &Listing, amount: &str) -> CreateOffer {
        CreateOffer {
            id: self.market.fresh(),
            caller: customer,
            listing: listing.id,
            amount: decimal(amount),
            exchange_type: listing.exchange_type,
            conditions: "Today, please.".to_owned(),
        }
    }

    /// Answers a listing.
    pub async fn offer(&self, customer: Caller, listing: &Listing, amount: &str) -> Offer {
        self.done(self.opening(customer, listing, amount)).await
    }

    /// A deal as it is now.
    pub async fn deal_now(&self, id: OfferId) -> Offer {
        let found = self.store.find_offer(id).await.expect("reading");
        found.expect("the deal is there")
    }

    /// The exchanger takes the offer.
    pub async fn accept(&self, offer: &Offer) -> Offer {
        let caller = party(offer.terms.exchanger);
        let offer = offer.id;
        self.done(AcceptOffer { caller, offer }).await
    }

    /// The exchanger turns the offer down.
    pub async fn decline(&self, offer: &Offer) -> Offer {
        let caller = party(offer.terms.exchanger);
        let offer = offer.id;
        self.done(DeclineOffer { caller, offer }).await
    }

    /// The fiat payer says that fiat was sent.
    pub async fn pay(&self, offer: &Offer) -> Offer {
        self.done(ConfirmPayment {
            caller: party(offer.fiat_payer()),
            offer: offer.id,
            reference: "SEPA 4711".to_owned(),
        })
        .await
    }

    /// The crypto holder has the fiat.
    pub async fn receive(&self, offer: &Offer) -> Offer {
        let caller = party(offer.crypto_holder());
        let offer = offer.id;
        self.done(ConfirmReceipt { caller, offer }).await
    }

    /// A side calls the deal off, or proposes to.
    pub async fn cancel(&self, offer: &Offer, by: UserId) -> Offer {
        self.done(CancelOffer {
            caller: party(by),
            offer: offer.id,
            claimed: None,
            reason: "changed my mind".to_owned(),
        })
        .await
    }

    /// A side calls for a moderator.
    pub async fn dispute(&self, offer: &Offer, by: UserId) -> Dispute {
        self.done(OpenDispute {
            id: self.market.fresh(),
            caller: party(by),
            offer: offer.id,
            claimed: None,
            reason: "no money came".to_owned(),
        })
        .await
    }

    /// The moderator decides.
    pub async fn resolve(&self, dispute: DisputeId, decision: Decision) -> Dispute {
        self.done(ResolveDispute {
            caller: self.moderator,
            dispute,
            decision,
            comment: "the statement shows it".to_owned(),
        })
        .await
    }

    /// Somebody remarks on a dispute.
    pub async fn comment(&self, dispute: DisputeId, by: Caller, text: &str) -> Comment {
        self.done(CommentOnDispute {
            id: self.market.fresh(),
            caller: by,
            dispute,
            text: text.to_owned(),
        })
        .await
    }

    /// A new deal of 100 USDT between two new people, brought to this stage. The holder had 1,000 USDT, the payer none.
    pub async fn deal(&self, exchange_type: ExchangeType, stage: Stage) -> Deal {
        let exchanger = self.exchanger("exchanger").await;
        let customer = self.person("customer", [Role::Customer]).await;
        let (holder, payer) = match exchange_type {
            ExchangeType::CryptoToFiat => (customer, exchanger),
            ExchangeType::FiatToCrypto => (exchanger, customer),
        };
        self.deposit(holder, "1000", Asset::Usdt).await;
        let listing = self.publish(exchanger, &Offering::of(exchange_type)).await;
        let offer = self.offer(customer, &listing, "100").await;
        let offer = self.bring(offer, stage).await;
        Deal {
            listing,
            offer,
            customer,
            exchanger,
            holder,
            payer,
        }
    }

    /// Brings a PENDING deal to this stage.
    pub async fn bring(&self, offer: Offer, stage: Stage) -> Offer {
        match stage {
            Stage::Pending => return offer,
            Stage::Declined => return self.decline(&offer).await,
            Stage::Cancelled => return self.cancel(&offer, offer.terms.customer).await,
            Stage::Approved | Stage::Paid | Stage::Disputed | Stage::Finished => {}
        }
        let offer = self.accept(&offer).await;
        match stage {
            Stage::Paid => self.pay(&offer).await,
            Stage::Disputed => {
                self.dispute(&offer, offer.terms.customer).await;
                self.deal_now(offer.id).await
            }
            Stage::Finished => {
                let offer = self.pay(&offer).await;
                self.receive(&offer).await
            }
            _ => offer,
        }
    }
}
