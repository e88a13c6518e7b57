//! An order asks to be paid.

use p2p_domain::payment::{PaymentOrigin, PaymentTerms};
use p2p_domain::purchase::{DEFAULT_ASSET, Purchase};
use p2p_domain::{Account, AccountKey, OrderId, Payment, PaymentId, Refusal, TypedId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::pay;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::incoming::{DecodeError, Envelope, inbox_key, money, parsed, required};
use crate::ports::{InboxKey, Incoming};

/// The name of the inbox of this consumer.
pub const CONSUMER: &str = "payments";

/// Charges the buyer's wallet, or declines to; once for each order, however often it is asked for.
#[derive(Debug, Clone)]
pub struct ChargeOrder {
    pub id: PaymentId,
    key: InboxKey,
    order: OrderId,
    purchase: Purchase,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    order_id: Option<&'a str>,
    user_id: Option<&'a str>,
    merchant_id: Option<&'a str>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    asset: Option<&'a str>,
    description: Option<String>,
}

impl ChargeOrder {
    /// What a message asks for; `id` is the payment's, should there be one.
    pub fn read(message: &Incoming, id: PaymentId) -> Result<Self, DecodeError> {
        let Envelope { event, data } = Envelope::<Data<'_>>::read(message)?;
        if event != "OrderPaymentRequested" {
            return Err(DecodeError(format!("{event:?} asks for no payment")));
        }
        let asset = parsed("asset", data.asset)?.unwrap_or(DEFAULT_ASSET);
        let order = required("orderId", parsed("orderId", data.order_id)?)?;
        let user = required("userId", parsed::<UserId>("userId", data.user_id)?)?;
        Ok(Self {
            id,
            key: inbox_key(CONSUMER, message),
            order,
            purchase: Purchase {
                user,
                merchant: parsed("merchantId", data.merchant_id)?,
                amount: money(required("amount", data.amount)?, asset)?,
                description: data.description.unwrap_or_default(),
            },
        })
    }

    const fn sides(&self) -> [AccountKey; 2] {
        let asset = self.purchase.amount.asset();
        [
            AccountKey::user(self.purchase.user, asset),
            AccountKey::merchant(self.purchase.merchant, asset),
        ]
    }
}

impl Command for ChargeOrder {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.inbox(self.key.clone());
        reads.payment(PaymentOrigin::Order(self.order));
        self.sides()
            .into_iter()
            .for_each(|key| reads.lock::<Account>(key));
    }

    fn affinity(&self) -> u128 {
        self.purchase.user.as_u128()
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        if uow.is_processed(&self.key) {
            return Ok(());
        }
        uow.mark_processed(self.key.clone());
        let origin = PaymentOrigin::Order(self.order);
        if uow.get::<Payment>(&origin).is_ok() {
            return Ok(());
        }
        let [payer, payee] = self.sides().map(|key| uow.get::<Account>(&key).ok());
        let key_of = |account: Option<Account>| account.map(|account| account.key);
        let id_of = |account: Option<Account>| account.map(|account| account.id);
        let amount = self.purchase.amount;
        let decline = pay(uow, self.id, key_of(payer), key_of(payee), amount)?;
        let terms = PaymentTerms {
            payer: id_of(payer),
            payee: id_of(payee),
            amount,
            description: self.purchase.description.clone(),
        };
        let payment = Payment::process(self.id, origin, terms, decline, uow.now());
        uow.emit(payment.processed(&self.purchase));
        uow.save(payment);
        Ok(())
    }
}
