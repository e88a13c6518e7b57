//! Orders and their payments, in memory: two modules that hear of each other by messages only. The messages are taken from
//! the outbox, as the relay would, and handed over as the consumers would.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use super::memory;
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::order::{CreateOrder, OrderList, SettleOrder, get_order, list_orders};
use p2p_application::payment::{ChargeOrder, RefundPayment};
use p2p_application::ports::{Incoming, OutboxMessage};
use p2p_application::{Caller, DecodeError, QueryError};
use p2p_domain::event::FactName;
use p2p_domain::order::{OrderState, OrderStatus};
use p2p_domain::refusal::{AccessRefusal, LedgerRefusal, OrderRefusal, PaymentRefusal, Resource};
use p2p_domain::user::Email;
use p2p_domain::{
    AccountKey, Asset, Decline, Order, OrderId, PaymentId, Refusal, Role, TypedId, UserId,
};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, decimal};

fn create(harness: &Harness<Memory>, buyer: Caller, amount: &str) -> CreateOrder {
    CreateOrder {
        id: harness.market.fresh(),
        chosen: false,
        caller: buyer,
        merchant: None,
        asset: Asset::Rub,
        amount: decimal(amount),
        description: "a kettle".to_owned(),
        email: None,
    }
}

async fn order(harness: &Harness<Memory>, buyer: Caller, amount: &str) -> Order {
    harness.done(create(harness, buyer, amount)).await
}

/// A message as it comes out of the broker.
fn incoming(message: &OutboxMessage) -> Incoming {
    Incoming {
        id: message.id.to_string(),
        name: message.name.to_string(),
        version: Some(message.version),
        body: message.body.clone().into_bytes(),
    }
}

/// All messages of this name, oldest first.
fn sent(harness: &Harness<Memory>, name: FactName) -> Vec<Incoming> {
    let tables = harness.store.tables();
    let all = tables.outbox.values();
    let named = all.filter(|message| message.name == name.name());
    named.map(incoming).collect()
}

async fn charge(harness: &Harness<Memory>, message: &Incoming) {
    let command = ChargeOrder::read(message, harness.market.fresh()).unwrap();
    harness.done(command).await;
}

/// Hands over everything that was sent, `times` over.
async fn deliver(harness: &Harness<Memory>, times: usize) {
    for message in sent(harness, FactName::OrderPaymentRequested) {
        for _ in 0..times {
            charge(harness, &message).await;
        }
    }
    for name in [FactName::PaymentProcessed, FactName::PaymentRefunded] {
        for message in sent(harness, name) {
            for _ in 0..times {
                let command = SettleOrder::try_from(&message).unwrap();
                harness.done(command).await;
            }
        }
    }
}

async fn stored(harness: &Harness<Memory>, id: OrderId) -> Order {
    get_order(&harness.market, harness.admin, id).await.unwrap()
}

fn shop(harness: &Harness<Memory>) -> i64 {
    let key = AccountKey::merchant(None, Asset::Rub);
    harness.store.tables().accounts[&key].available().minor()
}

async fn told(harness: &Harness<Memory>, user: UserId) -> Vec<(FactName, Option<String>)> {
    let filter = NotificationFilter {
        user,
        unread_after: None,
        before: None,
        limit: 100,
    };
    let found = harness.store.list_notifications(&filter).await.unwrap();
    let news = found.into_iter().rev().map(|one| one.news);
    news.map(|news| (news.event, news.detail)).collect()
}

#[tokio::test]
async fn an_order_is_paid_once_however_often_its_messages_come() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1000", Asset::Rub).await;
    let order = order(&harness, anna, "500").await;
    assert_eq!(order.status(), OrderStatus::New);
    assert_eq!(harness.events(), ["OrderPaymentRequested"]);
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (100_000, 0));

    deliver(&harness, 3).await;
    deliver(&harness, 2).await;
    assert_eq!(
        harness.events(),
        ["OrderPaymentRequested", "PaymentProcessed"]
    );
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (50_000, 0));
    assert_eq!(shop(&harness), 50_000);
    let order = stored(&harness, order.id).await;
    assert_eq!((order.status(), order.version), (OrderStatus::Finished, 2));
    assert_eq!(
        told(&harness, anna.user).await,
        [(FactName::PaymentProcessed, None)]
    );
    harness.close().await;
}

#[tokio::test]
async fn what_the_wallet_does_not_hold_cancels_the_order() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "500", Asset::Rub).await;
    let order = order(&harness, anna, "500.01").await;
    deliver(&harness, 2).await;
    let order = stored(&harness, order.id).await;
    let OrderState::Cancelled { reason, .. } = order.state else {
        panic!("{order:?}")
    };
    assert_eq!(reason, Decline::InsufficientFunds);
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (50_000, 0));
    assert_eq!(shop(&harness), 0);
    let why = Some("INSUFFICIENT_FUNDS".to_owned());
    assert_eq!(
        told(&harness, anna.user).await,
        [(FactName::PaymentProcessed, why)]
    );
    // Money that comes later changes nothing: the decision stands.
    harness.deposit(anna, "500", Asset::Rub).await;
    deliver(&harness, 1).await;
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (100_000, 0));
    harness.close().await;
}

#[tokio::test]
async fn merchants_receive_what_is_paid() {
    let harness = Harness::open(memory()).await;
    let (anna, mia) = (
        harness.customer("anna").await,
        harness.customer("mia").await,
    );
    harness.deposit(anna, "2", Asset::Btc).await;
    let command = CreateOrder {
        merchant: Some(mia.user),
        asset: Asset::Btc,
        ..create(&harness, anna, "1.5")
    };
    harness.done(command).await;
    deliver(&harness, 1).await;
    assert_eq!(harness.wallet(mia.user, Asset::Btc).await, (150_000_000, 0));
    assert_eq!(harness.wallet(anna.user, Asset::Btc).await, (50_000_000, 0));

    // Nobody of this name: the order is cancelled, the money stays.
    let command = CreateOrder {
        merchant: Some(UserId::from_u128(99)),
        asset: Asset::Btc,
        ..create(&harness, anna, "0.1")
    };
    let order = harness.done(command).await;
    deliver(&harness, 1).await;
    let order = stored(&harness, order.id).await;
    assert!(matches!(
        order.state,
        OrderState::Cancelled {
            reason: Decline::AccountNotFound,
            ..
        }
    ));
    assert_eq!(harness.wallet(anna.user, Asset::Btc).await, (50_000_000, 0));
    harness.close().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    for (amount, code) in [
        ("0", "AMOUNT_NOT_POSITIVE"),
        ("-1", "AMOUNT_NOT_POSITIVE"),
        ("0.001", "TOO_MANY_DECIMALS"),
        ("92233720368547758.08", "AMOUNT_TOO_LARGE"),
    ] {
        let refusal = harness.refused(create(&harness, anna, amount)).await;
        assert_eq!(refusal.code(), code, "{amount}");
    }
    let own = CreateOrder {
        merchant: Some(anna.user),
        ..create(&harness, anna, "1")
    };
    assert_eq!(
        harness.refused(own).await,
        Refusal::Access(AccessRefusal::SelfDeal)
    );
    let staff = create(&harness, harness.moderator, "1");
    let role = Role::Customer;
    assert_eq!(
        harness.refused(staff).await,
        Refusal::Access(AccessRefusal::RoleRequired { role })
    );
    let somebody_else = CreateOrder {
        email: Some(Email::new("berta@example.org")),
        ..create(&harness, anna, "1")
    };
    let refusal = harness.refused(somebody_else).await;
    assert_eq!(refusal, Refusal::Access(AccessRefusal::IdentityMismatch));
    harness.close().await;
}

#[tokio::test]
async fn an_order_under_a_chosen_id_is_made_once() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    harness.deposit(anna, "1000", Asset::Rub).await;
    let chosen = CreateOrder {
        chosen: true,
        ..create(&harness, anna, "500")
    };
    let first = harness.done(chosen.clone()).await;
    assert_eq!(harness.done(chosen.clone()).await, first);
    assert_eq!(harness.events(), ["OrderPaymentRequested"]);
    deliver(&harness, 1).await;
    let later = harness.done(chosen.clone()).await;
    assert_eq!(later.status(), OrderStatus::Finished);
    for other in [
        CreateOrder {
            amount: decimal("501"),
            ..chosen.clone()
        },
        CreateOrder {
            caller: berta,
            ..chosen
        },
    ] {
        assert_eq!(
            harness.refused(other).await,
            Refusal::Order(OrderRefusal::Exists)
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn two_requests_to_pay_one_order_are_one_charge() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1000", Asset::Rub).await;
    order(&harness, anna, "300").await;
    let message = sent(&harness, FactName::OrderPaymentRequested).remove(0);
    // Not the same message again, but another one that asks for the same.
    for id in ["event_a", "event_b", "event_c"] {
        let message = Incoming {
            id: id.to_owned(),
            ..message.clone()
        };
        charge(&harness, &message).await;
    }
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (70_000, 0));
    assert_eq!(sent(&harness, FactName::PaymentProcessed).len(), 1);
    deliver(&harness, 1).await;
    harness.close().await;
}

#[tokio::test]
async fn a_refund_goes_back_once() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1000", Asset::Rub).await;
    let order = order(&harness, anna, "400").await;
    let refund = RefundPayment {
        caller: harness.admin,
        order: order.id,
    };
    // Not before it is paid.
    let refusal = harness.refused(refund).await;
    assert_eq!(refusal, Refusal::NotFound(Resource::Payment));
    deliver(&harness, 1).await;
    for caller in [anna, harness.moderator] {
        let refusal = harness.refused(RefundPayment { caller, ..refund }).await;
        assert_eq!(
            refusal,
            Refusal::Access(AccessRefusal::RoleRequired { role: Role::Admin })
        );
    }
    let first = harness.done(refund).await;
    assert_eq!(harness.done(refund).await, first);
    assert_eq!(sent(&harness, FactName::PaymentRefunded).len(), 1);
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (100_000, 0));
    assert_eq!(shop(&harness), 0);
    deliver(&harness, 2).await;
    let order = stored(&harness, order.id).await;
    let OrderState::Finished { refunded_at, .. } = order.state else {
        panic!("{order:?}")
    };
    assert!(refunded_at.is_some());
    let names: Vec<FactName> = told(&harness, anna.user)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [FactName::PaymentProcessed, FactName::PaymentRefunded]
    );
    harness.close().await;
}

#[tokio::test]
async fn a_merchant_who_has_spent_it_cannot_pay_back() {
    let harness = Harness::open(memory()).await;
    let (anna, mia) = (
        harness.customer("anna").await,
        harness.customer("mia").await,
    );
    harness.deposit(anna, "1000", Asset::Rub).await;
    let bought = CreateOrder {
        merchant: Some(mia.user),
        ..create(&harness, anna, "400")
    };
    let bought = harness.done(bought).await;
    deliver(&harness, 1).await;
    harness.done(create(&harness, mia, "1")).await;
    deliver(&harness, 1).await;
    let refund = RefundPayment {
        caller: harness.admin,
        order: bought.id,
    };
    let asset = Asset::Rub;
    let refusal = harness.refused(refund).await;
    assert_eq!(
        refusal,
        Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset })
    );
    // What was declined can't be refunded at all.
    let declined = order(&harness, anna, "100000").await;
    deliver(&harness, 1).await;
    let refund = RefundPayment {
        order: declined.id,
        ..refund
    };
    assert_eq!(
        harness.refused(refund).await,
        Refusal::Payment(PaymentRefusal::Declined)
    );
    harness.close().await;
}

#[tokio::test]
async fn nobody_refunds_themself() {
    let harness = Harness::open(memory()).await;
    let both = harness.person("both", [Role::Admin, Role::Customer]).await;
    let mia = harness.customer("mia").await;
    for (buyer, merchant) in [(both, mia), (mia, both)] {
        harness.deposit(buyer, "10", Asset::Rub).await;
        let command = CreateOrder {
            merchant: Some(merchant.user),
            ..create(&harness, buyer, "10")
        };
        let order = harness.done(command).await.id;
        deliver(&harness, 1).await;
        let refund = RefundPayment {
            caller: both,
            order,
        };
        let refusal = harness.refused(refund).await;
        assert_eq!(refusal, Refusal::Access(AccessRefusal::ConflictOfInterest));
    }
    harness.close().await;
}

#[tokio::test]
async fn who_is_not_there_orders_nothing() {
    let harness = Harness::open(memory()).await;
    let ghost = Caller::new(UserId::from_u128(99), [Role::Customer].into())
        .proved(p2p_domain::Timestamp::from_micros(i64::MAX));
    let email = Some(Email::new("ghost@example.org"));
    let plain = create(&harness, ghost, "1");
    for command in [plain.clone(), CreateOrder { email, ..plain }] {
        let refusal = harness.refused(command).await;
        assert_eq!(refusal, Refusal::NotFound(Resource::User));
    }
    harness.close().await;
}

/// The charge and the refund in one batch: the second sees what the first has made.
#[tokio::test]
async fn a_refund_may_follow_its_charge_at_once() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "10", Asset::Rub).await;
    let order = order(&harness, anna, "10").await.id;
    let message = sent(&harness, FactName::OrderPaymentRequested).remove(0);
    let charge = ChargeOrder::read(&message, harness.market.fresh()).unwrap();
    let charged = harness.post(charge);
    let refunded = harness.post(RefundPayment {
        caller: harness.admin,
        order,
    });
    assert!(charged.await.is_ok());
    assert!(refunded.await.is_ok());
    assert_eq!(harness.wallet(anna.user, Asset::Rub).await, (1_000, 0));
    harness.close().await;
}

#[tokio::test]
async fn an_order_is_its_buyers_to_see() {
    let harness = Harness::open(memory()).await;
    let (anna, berta) = (
        harness.customer("anna").await,
        harness.customer("berta").await,
    );
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(order(&harness, anna, "1").await.id);
    }
    let market = &harness.market;
    assert!(get_order(market, anna, orders[0]).await.is_ok());
    assert!(get_order(market, harness.admin, orders[0]).await.is_ok());
    for caller in [berta, harness.moderator] {
        let hidden = get_order(market, caller, orders[0]).await;
        assert!(matches!(
            hidden,
            Err(QueryError::Refused(Refusal::NotFound(Resource::Order)))
        ));
    }
    let list = OrderList {
        limit: 2,
        ..OrderList::default()
    };
    let page = list_orders(market, anna, list).await.unwrap();
    let ids: Vec<OrderId> = page.items.iter().map(|order| order.id).collect();
    assert_eq!(
        (ids.as_slice(), page.more),
        (&[orders[2], orders[1]][..], true)
    );
    let of_anna = OrderList {
        user: Some(anna.user),
        after: Some(orders[1]),
        ..list
    };
    let page = list_orders(market, harness.admin, of_anna).await.unwrap();
    assert_eq!((page.items.len(), page.more), (1, false));
    assert!(matches!(
        list_orders(market, berta, of_anna).await,
        Err(QueryError::Refused(Refusal::Access(
            AccessRefusal::RoleRequired { role: Role::Admin }
        )))
    ));
    let finished = OrderList {
        status: Some(OrderStatus::Finished),
        ..list
    };
    let page = list_orders(market, anna, finished).await.unwrap();
    assert!(page.items.is_empty());
    harness.close().await;
}

#[tokio::test]
async fn a_result_is_believed_for_the_order_that_it_names() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "10", Asset::Rub).await;
    order(&harness, anna, "1").await;
    deliver(&harness, 1).await;
    let genuine = sent(&harness, FactName::PaymentProcessed).remove(0);
    let text = String::from_utf8(genuine.body).unwrap();
    let nobody = UserId::from_u128(77).to_string();
    let foreign = Incoming {
        id: "event_foreign".to_owned(),
        body: text.replace(&anna.user.to_string(), &nobody).into_bytes(),
        ..incoming(harness.store.tables().outbox.values().next().unwrap())
    };
    let command = SettleOrder::try_from(&foreign).unwrap();
    assert_eq!(
        harness.refused(command).await,
        Refusal::Access(AccessRefusal::IdentityMismatch)
    );
    harness.close().await;
}

#[test]
fn a_request_that_says_too_little_charges_nobody() {
    let whole = r#"{"orderId":"order_00000000000000000000000001","userId":"user_00000000000000000000000002","amount":1000,"description":"тестовая покупка"}"#;
    let read = |event: &str, data: &str| -> Result<ChargeOrder, DecodeError> {
        let message = Incoming {
            id: "event_1".to_owned(),
            name: event.to_owned(),
            version: None,
            body: format!(r#"{{"event":"{event}","data":{data}}}"#).into_bytes(),
        };
        ChargeOrder::read(&message, PaymentId::from_u128(3))
    };
    assert!(read("OrderPaymentRequested", whole).is_ok());
    assert!(read("PaymentProcessed", whole).is_err());
    for (from, to) in [
        ("\"orderId\"", "\"order\""),
        ("\"userId\"", "\"user\""),
        ("\"amount\"", "\"price\""),
        ("1000", "10.001"),
        ("1000", "true"),
        ("user_0", "listing_0"),
    ] {
        let data = whole.replace(from, to);
        assert!(read("OrderPaymentRequested", &data).is_err(), "{data}");
    }
}

#[tokio::test]
async fn both_sides_say_exactly_this() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "10", Asset::Rub).await;
    let paid = order(&harness, anna, "9.5").await;
    let declined = order(&harness, anna, "9.5").await;
    deliver(&harness, 1).await;
    let refund = RefundPayment {
        caller: harness.admin,
        order: paid.id,
    };
    let payment = harness.done(refund).await.payment.id;
    let (user, at) = (anna.user, "2025-04-18T15:00:00Z");
    let of = |order: &Order| {
        format!(
            r#""orderId":"{}","userId":"{user}","amount":9.5,"asset":"RUB""#,
            order.id
        )
    };
    let bodies = |name| -> Vec<String> {
        let all = sent(&harness, name).into_iter();
        all.map(|one| String::from_utf8(one.body).unwrap())
            .collect()
    };
    assert_eq!(
        bodies(FactName::OrderPaymentRequested)[0],
        format!(
            r#"{{"event":"OrderPaymentRequested","data":{{{},"description":"a kettle","timestamp":"{at}"}}}}"#,
            of(&paid)
        )
    );
    let results = bodies(FactName::PaymentProcessed);
    assert_eq!(
        results[0],
        format!(
            r#"{{"event":"PaymentProcessed","data":{{{},"paymentId":"{payment}","success":true,"errorMessage":null,"timestamp":"{at}"}}}}"#,
            of(&paid)
        )
    );
    let no = r#""success":false,"reason":"INSUFFICIENT_FUNDS","errorMessage":"there is not enough money in the wallet""#;
    assert!(results[1].contains(no), "{}", results[1]);
    assert!(results[1].contains(&of(&declined)), "{}", results[1]);
    assert_eq!(
        bodies(FactName::PaymentRefunded)[0],
        format!(
            r#"{{"event":"PaymentRefunded","data":{{{},"paymentId":"{payment}","timestamp":"{at}"}}}}"#,
            of(&paid)
        )
    );
    harness.close().await;
}
