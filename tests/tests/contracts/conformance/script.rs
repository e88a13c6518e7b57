//! What is done, in which order, and what the ledger holds after each step.

use std::sync::Arc;

use anyhow::{Context, Result};
use p2p_application::PipelineSettings;
use p2p_application::wallet::WalletQueries;
use p2p_domain::{Asset, Policy, Role, Timestamp};
use p2p_memory::ManualClock;
use p2p_tests::databases::TestDatabase;
use p2p_tests::harness::unlimited;
use p2p_tests::served::{Person, Served};
use serde_json::json;

use super::{Answer, NewOffer, NewPayment, Transport};

/// 2025-04-18T15:00:00Z.
const NOON: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);

/// How many payments one may make at once.
const AT_ONCE: u32 = 20;

/// An answer, and all balances after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) answer: Answer,
    ledger: Vec<(i64, i64)>,
}

/// A market with people.
pub(crate) struct Fixture {
    pub(crate) served: Served,
    database: TestDatabase,
    carol: Person,
    eve: Person,
    stranger: Person,
    moderator: Person,
    /// Listings to sell to and to buy from.
    sells: String,
    buys: String,
}

impl Fixture {
    pub(crate) async fn open(database: TestDatabase) -> Result<Self> {
        let clock = Arc::new(ManualClock::at(NOON));
        // Enough for Carol; Eve comes to her limit.
        let policy = Policy {
            payments_per_minute: 1,
            payments_at_once: AT_ONCE,
            ..unlimited()
        };
        let settings = PipelineSettings::default();
        let opened = database.open().await?;
        let served = Served::start_with(opened, clock, policy, settings).await?;
        let carol = served.person("Carol", &[Role::Customer]).await?;
        let eve = served.person("Eve", &[Role::Exchanger]).await?;
        let stranger = served.person("Stan", &[Role::Customer]).await?;
        let moderator = served.person("Mod", &[Role::Moderator]).await?;
        for person in [&carol, &eve] {
            served.deposit(person, "1000", Asset::Usdt).await?;
            served.deposit(person, "1000", Asset::Rub).await?;
        }
        let mut listings = Vec::new();
        for exchange_type in ["CRYPTO2FIAT", "FIAT2CRYPTO"] {
            let body = json!({
                "exchange_type": exchange_type, "crypto_asset": "USDT", "fiat_currency": "EUR", "price": "0.9",
                "total_amount": 500, "min_amount": 1, "max_amount": 400, "payment_methods": ["SEPA"]
            });
            let made = served.post(&eve, "/api/p2p/listings", body).await?;
            let made = made.expect(201);
            listings.push(made["listing_id"].as_str().context("no id")?.to_owned());
        }
        let [sells, buys] = <[String; 2]>::try_from(listings).unwrap();
        Ok(Self {
            served,
            database,
            carol,
            eve,
            stranger,
            moderator,
            sells,
            buys,
        })
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.served.audit().await?;
        drop(self.served);
        self.database.drop_now().await
    }

    async fn account(&self, of: &Person, asset: Asset) -> Result<String> {
        let accounts = self.served.database.accounts_of(of.id).await?;
        let account = accounts.iter().find(|one| one.key.asset == asset);
        Ok(account.context("no account")?.id.to_string())
    }

    async fn ledger(&self) -> Result<Vec<(i64, i64)>> {
        let mut balances = Vec::new();
        for person in [&self.carol, &self.eve, &self.stranger] {
            for asset in [Asset::Usdt, Asset::Rub] {
                balances.push(self.served.balance(person, asset).await?);
            }
        }
        Ok(balances)
    }

    /// Does everything over one transport.
    pub(crate) async fn play(&self, over: &impl Transport) -> Result<Vec<Step>> {
        let mut play = Play {
            fixture: self,
            over,
            steps: Vec::new(),
        };
        play.deals().await?;
        play.disputes().await?;
        play.refusals().await?;
        play.payments().await?;
        Ok(play.steps)
    }
}

struct Play<'a, T> {
    fixture: &'a Fixture,
    over: &'a T,
    steps: Vec<Step>,
}

impl<T: Transport> Play<'_, T> {
    async fn note(&mut self, name: &str, answer: Answer) -> Result<()> {
        let ledger = self.fixture.ledger().await?;
        let name = name.to_owned();
        self.steps.push(Step {
            name,
            answer,
            ledger,
        });
        Ok(())
    }

    /// Carol's offer of 100 USDT on a listing.
    async fn offered(&mut self, listing: &str, exchange_type: &str) -> Result<String> {
        let (answer, id) = self.create(listing, exchange_type, "100.0").await?;
        self.note("create", answer).await?;
        Ok(id)
    }

    async fn create(
        &self,
        listing: &str,
        exchange_type: &str,
        amount: &str,
    ) -> Result<(Answer, String)> {
        let offer = NewOffer {
            customer: None,
            listing,
            amount,
            exchange_type,
        };
        let carol = Some(self.fixture.carol.token.as_str());
        self.over.create_offer(carol, &offer).await
    }

    /// Whole deals in both directions, a decline, a cancel, and a proposal to cancel that is taken up.
    async fn deals(&mut self) -> Result<()> {
        let Fixture {
            carol,
            eve,
            sells,
            buys,
            ..
        } = self.fixture;
        let (carol, eve) = (Some(carol.token.as_str()), Some(eve.token.as_str()));
        for (listing, kind) in [(sells, "CRYPTO2FIAT"), (buys, "FIAT2CRYPTO")] {
            let (payer, holder) = match kind {
                "CRYPTO2FIAT" => (eve, carol),
                _ => (carol, eve),
            };
            let deal = self.offered(listing, kind).await?;
            let answer = self.over.respond(eve, &deal, true).await?;
            self.note("accept", answer).await?;
            let answer = self.over.status(carol, &deal).await?;
            self.note("status", answer).await?;
            let answer = self.over.confirm_payment(holder, &deal, "SEPA 1").await?;
            self.note("the holder confirms the payment", answer).await?;
            let answer = self.over.confirm_payment(payer, &deal, "SEPA 1").await?;
            self.note("confirm payment", answer).await?;
            let answer = self.over.confirm_receipt(payer, &deal).await?;
            self.note("the payer confirms the receipt", answer).await?;
            let answer = self.over.confirm_receipt(holder, &deal).await?;
            self.note("confirm receipt", answer).await?;
            let answer = self.over.cancel(payer, &deal, None).await?;
            self.note("cancel what is finished", answer).await?;

            let declined = self.offered(listing, kind).await?;
            let answer = self.over.respond(eve, &declined, false).await?;
            self.note("decline", answer).await?;
            let answer = self.over.respond(eve, &declined, true).await?;
            self.note("accept what is declined", answer).await?;

            let called_off = self.offered(listing, kind).await?;
            let answer = self.over.respond(eve, &called_off, true).await?;
            self.note("accept", answer).await?;
            let answer = self.over.cancel(holder, &called_off, None).await?;
            self.note("the holder proposes to cancel", answer).await?;
            let answer = self.over.cancel(payer, &called_off, None).await?;
            self.note("the payer cancels", answer).await?;
        }
        Ok(())
    }

    async fn disputes(&mut self) -> Result<()> {
        let Fixture {
            carol,
            eve,
            moderator,
            sells,
            ..
        } = self.fixture;
        let (carol, eve) = (Some(carol.token.as_str()), Some(eve.token.as_str()));
        let moderator = Some(moderator.token.as_str());
        for (resolution, part) in [
            ("RESOLVED_FINISHED", None),
            ("RESOLVED_CANCELLED", None),
            ("RESOLVED_SPLIT", Some("40")),
        ] {
            let deal = self.offered(sells, "CRYPTO2FIAT").await?;
            let (answer, _) = self.over.open_dispute(carol, &deal, "too early").await?;
            self.note("dispute what is pending", answer).await?;
            let answer = self.over.respond(eve, &deal, true).await?;
            self.note("accept", answer).await?;
            let (answer, dispute) = self.over.open_dispute(carol, &deal, "no money").await?;
            self.note("dispute", answer).await?;
            let (answer, _) = self.over.open_dispute(carol, &deal, "again").await?;
            self.note("dispute twice", answer).await?;
            let answer = self.over.status(eve, &deal).await?;
            self.note("status", answer).await?;
            let answer = self.over.resolve(carol, &dispute, resolution, part).await?;
            self.note("a side resolves", answer).await?;
            let other = part.is_none().then_some("1");
            let answer = self.over.resolve(moderator, &dispute, resolution, other);
            let answer = answer.await?;
            self.note("an amount where there is none", answer).await?;
            let answer = self.over.resolve(moderator, &dispute, resolution, part);
            let answer = answer.await?;
            self.note(resolution, answer).await?;
            let answer = self.over.resolve(moderator, &dispute, resolution, part);
            let answer = answer.await?;
            self.note("resolve twice", answer).await?;
        }
        Ok(())
    }

    /// What is refused, by everybody who may not and for everything that can't be.
    async fn refusals(&mut self) -> Result<()> {
        let Fixture {
            carol,
            eve,
            stranger,
            moderator,
            sells,
            buys,
            ..
        } = self.fixture;
        let (eve_id, carol_id) = (eve.id.to_string(), carol.id.to_string());
        let (carol, eve) = (Some(carol.token.as_str()), Some(eve.token.as_str()));
        let (stranger, moderator) = (
            Some(stranger.token.as_str()),
            Some(moderator.token.as_str()),
        );
        for amount in ["0", "-1", "0.0000001", "1", "450", "99999999999999", "many"] {
            let (answer, _) = self.create(sells, "CRYPTO2FIAT", amount).await?;
            self.note(&format!("offer {amount}"), answer).await?;
        }
        let nothing = "listing_01jt0c7kq5e8tvb1y9m3x4z6wa";
        for (listing, kind, customer) in [
            (nothing, "CRYPTO2FIAT", None),
            (sells.as_str(), "FIAT2CRYPTO", None),
            (sells.as_str(), "CRYPTO2FIAT", Some(eve_id.as_str())),
            (eve_id.as_str(), "CRYPTO2FIAT", None),
        ] {
            let offer = NewOffer {
                customer,
                listing,
                amount: "10",
                exchange_type: kind,
            };
            for (who, name) in [
                (carol, "carol"),
                (eve, "eve"),
                (stranger, "stranger"),
                (moderator, "moderator"),
                (None, "nobody"),
                (Some("nonsense"), "garbled"),
            ] {
                let (answer, _) = self.over.create_offer(who, &offer).await?;
                let name = format!("{name} offers on {kind}, as {}", customer.is_some());
                self.note(&name, answer).await?;
            }
        }
        let deal = self.offered(buys, "FIAT2CRYPTO").await?;
        for (who, name) in [(stranger, "stranger"), (None, "nobody"), (carol, "carol")] {
            let answer = self.over.respond(who, &deal, true).await?;
            self.note(&format!("{name} accepts"), answer).await?;
            let answer = self.over.confirm_payment(who, &deal, "x").await?;
            self.note(&format!("{name} confirms the payment"), answer)
                .await?;
            let answer = self.over.confirm_receipt(who, &deal).await?;
            self.note(&format!("{name} confirms the receipt"), answer)
                .await?;
        }
        for (who, name) in [(stranger, "stranger"), (None, "nobody"), (moderator, "mod")] {
            let answer = self.over.status(who, &deal).await?;
            self.note(&format!("{name} asks for the status"), answer)
                .await?;
            let answer = self.over.cancel(who, &deal, None).await?;
            self.note(&format!("{name} cancels"), answer).await?;
        }
        let answer = self.over.confirm_payment(carol, &deal, "").await?;
        self.note("no reference", answer).await?;
        let answer = self.over.cancel(carol, &deal, Some("EXCHANGER")).await?;
        self.note("carol cancels as the exchanger", answer).await?;
        let answer = self.over.status(carol, "offer_1").await?;
        self.note("not an id", answer).await?;
        let answer = self.over.cancel(carol, &deal, Some("CUSTOMER")).await?;
        self.note("carol cancels", answer).await?;

        for (who, whose, online) in [
            (eve, &eve_id, false),
            (eve, &eve_id, true),
            (eve, &carol_id, true),
            (carol, &carol_id, true),
            (None, &eve_id, false),
        ] {
            let answer = self.over.set_online(who, whose, online).await?;
            self.note("switch", answer).await?;
        }
        let nothing = "dispute_01jt0c7kq5e8tvb1y9m3x4z6wa";
        let answer = self
            .over
            .resolve(moderator, nothing, "RESOLVED_FINISHED", None);
        let answer = answer.await?;
        self.note("resolve nothing", answer).await
    }

    async fn payments(&mut self) -> Result<()> {
        let fixture = self.fixture;
        let (carols, eves) = (
            fixture.account(&fixture.carol, Asset::Rub).await?,
            fixture.account(&fixture.eve, Asset::Rub).await?,
        );
        let dollars = fixture.account(&fixture.eve, Asset::Usd).await?;
        let carol = Some(fixture.carol.token.as_str());
        let lunch = NewPayment {
            key: "lunch",
            payer: &carols,
            payee: &eves,
            minor: 12_345,
            currency: "RUB",
        };
        let nobody = "acct_01jt0c7kq5e8tvb1y9m3x4z6wa";
        let mut made = String::new();
        for (name, payment) in [
            ("pay", lunch),
            ("the same again", lunch),
            ("another amount", NewPayment { minor: 1, ..lunch }),
            (
                "too much",
                NewPayment {
                    key: "a",
                    minor: 10_000_000,
                    ..lunch
                },
            ),
            (
                "too much again",
                NewPayment {
                    key: "a",
                    minor: 10_000_000,
                    ..lunch
                },
            ),
            (
                "less, under the declined key",
                NewPayment {
                    key: "a",
                    minor: 1,
                    ..lunch
                },
            ),
            (
                "nothing",
                NewPayment {
                    key: "b",
                    minor: 0,
                    ..lunch
                },
            ),
            (
                "less than nothing",
                NewPayment {
                    key: "c",
                    minor: -5,
                    ..lunch
                },
            ),
            (
                "to nobody",
                NewPayment {
                    key: "d",
                    payee: nobody,
                    ..lunch
                },
            ),
            (
                "from others",
                NewPayment {
                    key: "e",
                    payer: &eves,
                    payee: &carols,
                    ..lunch
                },
            ),
            (
                "to oneself",
                NewPayment {
                    key: "f",
                    payee: &carols,
                    ..lunch
                },
            ),
            (
                "to dollars",
                NewPayment {
                    key: "g",
                    payee: &dollars,
                    ..lunch
                },
            ),
            (
                "in dollars",
                NewPayment {
                    key: "h",
                    currency: "USD",
                    ..lunch
                },
            ),
            (
                "in nothing known",
                NewPayment {
                    key: "i",
                    currency: "XXX",
                    ..lunch
                },
            ),
            ("without a key", NewPayment { key: "", ..lunch }),
        ] {
            let (answer, id) = self.over.authorize(carol, &payment).await?;
            if made.is_empty() {
                made = id;
            }
            self.note(name, answer).await?;
        }
        let (answer, _) = self.over.authorize(None, &lunch).await?;
        self.note("nobody pays", answer).await?;
        for number in 0..=AT_ONCE {
            let key = number.to_string();
            let small = NewPayment {
                key: &key,
                payer: &eves,
                payee: &carols,
                minor: 1,
                ..lunch
            };
            let eve = Some(fixture.eve.token.as_str());
            // What is sent again is not counted again.
            for _ in 0..2 {
                let (answer, _) = self.over.authorize(eve, &small).await?;
                self.note(&format!("eve pays {key}"), answer).await?;
            }
        }
        let tokens = [
            ("carol", carol),
            ("eve", Some(fixture.eve.token.as_str())),
            ("stranger", Some(fixture.stranger.token.as_str())),
            ("mod", Some(fixture.moderator.token.as_str())),
            ("nobody", None),
        ];
        for (name, who) in tokens {
            for id in [
                made.as_str(),
                "pay_01jt0c7kq5e8tvb1y9m3x4z6wa",
                "pay_1",
                nobody,
            ] {
                let answer = self.over.get_payment(who, id).await?;
                self.note(&format!("{name} looks at a payment"), answer)
                    .await?;
            }
            for id in [eves.as_str(), nobody, "acct_1", made.as_str()] {
                let answer = self.over.balance(who, id).await?;
                self.note(&format!("{name} looks at an account"), answer)
                    .await?;
            }
        }
        Ok(())
    }
}
