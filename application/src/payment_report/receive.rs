//! A payment provider reports that fiat has arrived.

use p2p_domain::offer::Act;
use p2p_domain::payment_report::{PaymentReport, ReportOutcome, assess};
use p2p_domain::refusal::LedgerRefusal;
use p2p_domain::{
    Account, AccountKey, Asset, Decimal, Money, Offer, OfferId, Posting, Refusal, ReportId,
    TypedId, UserId,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::offer::settle;
use crate::ports::InboxKey;

/// The consumer under which processed reports are marked.
const CONSUMER: &str = "payment-callbacks";

/// A report as received: signed over the API, or through the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedPayment {
    pub provider: String,
    /// The provider's id of the report, the same each time it is sent.
    pub callback: String,
    pub deal_reference: String,
    pub payment_reference: String,
    pub paid: Money,
}

/// Why a message can't be read as a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a payment report: {0}")]
pub struct UnreadableReport(String);

#[derive(Deserialize)]
struct Body<'a> {
    provider: Option<String>,
    callback_id: String,
    deal_reference: String,
    payment_reference: String,
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: String,
}

/// The longest text of a report, in bytes. Longer texts match nothing in the market.
const MAX_TEXT_LENGTH: usize = 200;

impl ReportedPayment {
    /// Reads the JSON of a report. `provider`: the authenticated sender, if known; the report must not name another one.
    pub fn read(body: &[u8], provider: Option<&str>) -> Result<Self, UnreadableReport> {
        let body: Body<'_> =
            serde_json::from_slice(body).map_err(|error| UnreadableReport(error.to_string()))?;
        let provider = match (provider, body.provider) {
            (Some(known), Some(said)) if known != said => {
                return Err(UnreadableReport(
                    "provider: signed by another one".to_owned(),
                ));
            }
            (Some(known), _) => known.to_owned(),
            (None, said) => said.unwrap_or_default(),
        };
        for (field, text) in [
            ("provider", &provider),
            ("callback_id", &body.callback_id),
            ("deal_reference", &body.deal_reference),
            ("payment_reference", &body.payment_reference),
        ] {
            if text.trim().is_empty()
                || text.len() > MAX_TEXT_LENGTH
                || text.contains(char::is_control)
            {
                let complaint = format!(
                    "{field} must have 1 to {MAX_TEXT_LENGTH} bytes, none of them a control character"
                );
                return Err(UnreadableReport(complaint));
            }
        }
        let currency: Asset = body
            .currency
            .parse()
            .map_err(|_| UnreadableReport(format!("currency: {:?} is not known", body.currency)))?;
        let amount = body.amount.get().trim_matches('"');
        let amount: Decimal = amount
            .parse()
            .map_err(|_| UnreadableReport("amount: not a decimal number".to_owned()))?;
        let paid = Money::from_decimal(amount, currency)
            .and_then(Money::positive)
            .map_err(|error| UnreadableReport(format!("amount: {error}")))?;
        Ok(Self {
            provider,
            callback: body.callback_id,
            deal_reference: body.deal_reference,
            payment_reference: body.payment_reference,
            paid,
        })
    }
}

/// Confirms the payment of the deal that the report names, or books a deposit for the user that it names, if everything
/// matches; stores the report in any case.
#[derive(Debug, Clone)]
pub struct ReceivePayment {
    pub report: ReportId,
    pub payment: ReportedPayment,
}

/// The outcome of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    Now(ReportOutcome),
    /// It was received before.
    Before,
}

impl ReceivePayment {
    fn offer(&self) -> Option<OfferId> {
        self.payment.deal_reference.trim().parse().ok()
    }

    /// The user to whom the money is credited.
    fn depositor(&self) -> Option<UserId> {
        self.payment.deal_reference.trim().parse().ok()
    }

    fn deposit(&self, uow: &mut UnitOfWork<'_>, user: UserId) -> Result<ReportOutcome, Refusal> {
        let paid = self.payment.paid;
        if uow
            .get::<Account>(&AccountKey::user(user, paid.asset()))
            .is_err()
        {
            return Ok(ReportOutcome::UnknownDeal);
        }
        let posting =
            Posting::reported_deposit(user, paid, self.report).map_err(Refusal::amount)?;
        match uow.post(posting) {
            Ok(()) => Ok(ReportOutcome::Applied),
            Err((_, Refusal::Ledger(LedgerRefusal::BalanceOverflow))) => {
                Ok(ReportOutcome::WrongAmount)
            }
            Err((_, refusal)) => Err(refusal),
        }
    }

    fn key(&self) -> InboxKey {
        let ReportedPayment {
            provider, callback, ..
        } = &self.payment;
        InboxKey {
            consumer: CONSUMER,
            // Neither text has a control character, so two pairs can't collide.
            message: format!("{provider}\n{callback}"),
        }
    }
}

impl Command for ReceivePayment {
    type Outcome = Received;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.inbox(self.key());
        self.offer()
            .into_iter()
            .for_each(|offer| reads.offer(offer));
        if let Some(user) = self.depositor() {
            let asset = self.payment.paid.asset();
            reads.lock::<Account>(AccountKey::user(user, asset));
            reads.lock::<Account>(AccountKey::external(asset));
        }
    }

    fn affinity(&self) -> u128 {
        self.offer().map_or(0, TypedId::as_u128)
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Received, Refusal> {
        let key = self.key();
        if uow.is_processed(&key) {
            return Ok(Received::Before);
        }
        let payment = &self.payment;
        let deal = self.offer().and_then(|offer| uow.get::<Offer>(&offer).ok());
        let named = deal.as_ref().map(|deal| deal.id);
        let outcome = match self.depositor() {
            Some(user) => self.deposit(uow, user)?,
            None => assess(deal.as_ref(), payment.paid),
        };
        if let (ReportOutcome::Applied, Some(deal)) = (outcome, deal) {
            let step = Act::provider(uow.now());
            let reference = payment.payment_reference.clone();
            let moved = deal.confirm_payment(step, reference, uow.policy())?;
            settle(uow, moved, None)?;
        }
        let received_at = uow.now();
        uow.report(PaymentReport {
            id: self.report,
            provider: payment.provider.clone(),
            callback: payment.callback.clone(),
            deal_reference: payment.deal_reference.clone(),
            payment_reference: payment.payment_reference.clone(),
            paid: payment.paid,
            offer: named,
            outcome,
            received_at,
        });
        uow.mark_processed(key);
        Ok(Received::Now(outcome))
    }
}
