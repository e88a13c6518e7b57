//! Over REST.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use anyhow::Result;
use async_trait::async_trait;
use p2p_tests::served::{Reply, Served, reply};
use reqwest::Method;
use serde_json::{Value, json};

use super::script::Fixture;
use super::{Answer, NewOffer, NewPayment, Transport, Who};

const OFFERS: &str = "/api/p2p/exchange-offers";

pub(crate) struct OverRest<'a> {
    served: &'a Served,
    statuses: Mutex<BTreeMap<String, BTreeSet<u16>>>,
}

impl<'a> OverRest<'a> {
    pub(crate) fn new(fixture: &'a Fixture) -> Self {
        Self {
            served: &fixture.served,
            statuses: Mutex::default(),
        }
    }

    async fn call(&self, who: Who<'_>, method: Method, path: &str, body: Value) -> Result<Reply> {
        self.keyed(who, method, path, body, None).await
    }

    async fn keyed(
        &self,
        who: Who<'_>,
        method: Method,
        path: &str,
        body: Value,
        key: Option<&str>,
    ) -> Result<Reply> {
        let mut request = self.served.request(method, path);
        if let Some(token) = who {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        reply(request).await
    }

    /// These fields of a good answer, or the code of a problem.
    fn answer(&self, reply: &Reply, fields: &[&str]) -> Answer {
        let text = |value: &Value| {
            let text = value.as_str().map(ToOwned::to_owned);
            text.unwrap_or_else(|| value.to_string())
        };
        if reply.status.is_success() {
            return Answer::Done(fields.iter().map(|name| text(&reply.body[name])).collect());
        }
        let code = text(&reply.body["code"]);
        let status = reply.status.as_u16();
        let mut statuses = self.statuses.lock().unwrap();
        statuses.entry(code.clone()).or_default().insert(status);
        Answer::Refused(code)
    }

    async fn step(&self, who: Who<'_>, offer: &str, step: &str, body: Value) -> Result<Answer> {
        let method = match step {
            "response" => Method::PUT,
            _ => Method::POST,
        };
        let path = format!("{OFFERS}/{offer}/{step}");
        let reply = self.call(who, method, &path, body).await?;
        Ok(self.answer(&reply, &["status", "message"]))
    }
}

fn id(reply: &Reply, name: &str) -> String {
    reply.body[name].as_str().unwrap_or_default().to_owned()
}

/// Roubles or dollars.
fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

#[async_trait]
impl Transport for OverRest<'_> {
    async fn create_offer(&self, who: Who<'_>, offer: &NewOffer<'_>) -> Result<(Answer, String)> {
        let body = json!({
            "customer_id": offer.customer, "listing_id": offer.listing, "amount": offer.amount,
            "exchange_type": offer.exchange_type
        });
        let reply = self.call(who, Method::POST, OFFERS, body).await?;
        let answer = self.answer(&reply, &["status", "message"]);
        Ok((answer, id(&reply, "offer_id")))
    }

    async fn respond(&self, who: Who<'_>, offer: &str, accept: bool) -> Result<Answer> {
        let action = if accept { "ACCEPT" } else { "DECLINE" };
        self.step(who, offer, "response", json!({"action": action}))
            .await
    }

    async fn confirm_payment(&self, who: Who<'_>, offer: &str, reference: &str) -> Result<Answer> {
        let body = json!({"payment_reference": reference});
        self.step(who, offer, "confirm-payment", body).await
    }

    async fn confirm_receipt(&self, who: Who<'_>, offer: &str) -> Result<Answer> {
        self.step(who, offer, "confirm-receipt", json!({})).await
    }

    async fn open_dispute(
        &self,
        who: Who<'_>,
        offer: &str,
        reason: &str,
    ) -> Result<(Answer, String)> {
        let path = format!("{OFFERS}/{offer}/dispute");
        let body = json!({"reason": reason});
        let reply = self.call(who, Method::POST, &path, body).await?;
        let answer = self.answer(&reply, &["status", "message"]);
        Ok((answer, id(&reply, "dispute_id")))
    }

    async fn status(&self, who: Who<'_>, offer: &str) -> Result<Answer> {
        let path = format!("{OFFERS}/{offer}/status");
        let reply = self.call(who, Method::GET, &path, Value::Null).await?;
        Ok(self.answer(&reply, &["status", "details"]))
    }

    async fn set_online(&self, who: Who<'_>, exchanger: &str, online: bool) -> Result<Answer> {
        let path = format!("/api/p2p/exchanger/{exchanger}/status");
        let body = json!({"online": online});
        let reply = self.call(who, Method::PATCH, &path, body).await?;
        Ok(self.answer(&reply, &["online", "message"]))
    }

    async fn cancel(&self, who: Who<'_>, offer: &str, by: Option<&str>) -> Result<Answer> {
        let body = json!({"cancelled_by": by, "reason": "no time"});
        self.step(who, offer, "cancel", body).await
    }

    async fn resolve(
        &self,
        who: Who<'_>,
        dispute: &str,
        resolution: &str,
        payer_amount: Option<&str>,
    ) -> Result<Answer> {
        let path = format!("/api/p2p/disputes/{dispute}/resolve");
        let mut body = json!({"resolution": resolution, "comment": "as it is"});
        if let Some(amount) = payer_amount {
            body["payer_amount"] = amount.into();
        }
        let reply = self.call(who, Method::POST, &path, body).await?;
        Ok(self.answer(&reply, &["status", "message"]))
    }

    async fn authorize(&self, who: Who<'_>, payment: &NewPayment<'_>) -> Result<(Answer, String)> {
        let body = json!({
            "payer_account_id": payment.payer, "payee_account_id": payment.payee, "amount": decimal(payment.minor),
            "currency": payment.currency, "description": "lunch"
        });
        let key = Some(payment.key).filter(|key| !key.is_empty());
        let path = "/api/payments";
        let reply = self.keyed(who, Method::POST, path, body, key).await?;
        let mut answer = self.answer(&reply, &["status"]);
        if let Answer::Done(words) = &mut answer {
            words.push(id_of_error(&reply.body["error"]));
        }
        Ok((answer, id(&reply, "payment_id")))
    }

    async fn get_payment(&self, who: Who<'_>, payment: &str) -> Result<Answer> {
        let path = format!("/api/payments/{payment}");
        let reply = self.call(who, Method::GET, &path, Value::Null).await?;
        let fields = ["status", "amount", "currency", "description"];
        Ok(self.answer(&reply, &fields))
    }

    async fn balance(&self, who: Who<'_>, account: &str) -> Result<Answer> {
        let path = format!("/api/accounts/{account}/balance");
        let reply = self.call(who, Method::GET, &path, Value::Null).await?;
        Ok(self.answer(&reply, &["available", "held", "asset"]))
    }

    fn statuses(&self) -> BTreeMap<String, BTreeSet<u16>> {
        self.statuses.lock().unwrap().clone()
    }
}

fn id_of_error(error: &Value) -> String {
    error["code"].as_str().unwrap_or_default().to_owned()
}
