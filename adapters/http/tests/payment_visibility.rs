//! Payments and balances are visible to their parties and to staff.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod bank;
mod fixture;

use bank::{Bank, UNKNOWN_ID, account_of, id};
use p2p_domain::ledger::Owner;
use serde_json::{Value, json};

#[tokio::test]
async fn a_payment_is_visible_to_its_parties_and_staff() {
    let bank = Bank::open().await;
    let body = bank.lunch("10").await;
    let paid = bank.pay(&bank.carol, "1", &body).await.good();
    let expected = json!({
        "payment_id": id(&paid),
        "payer_account_id": body["payer_account_id"],
        "payee_account_id": body["payee_account_id"],
        "amount": "10.00",
        "currency": "RUB",
        "status": "AUTHORIZED",
        "error": null,
        "description": "Lunch",
        "processed_at": "2025-04-18T15:00:00Z",
        "refunded_at": null,
    });
    for person in [&bank.carol, &bank.dora, &bank.moderator, &bank.admin] {
        assert_eq!(bank.see(person, id(&paid)).await.good(), expected);
    }
    let strange = bank.see(&bank.eve, id(&paid)).await;
    strange.is_problem(404, "PAYMENT_NOT_FOUND");
    // A declined payment is visible to the caller that tried it and to the owner of the account.
    let declined = bank.pay(&bank.eve, "1", &body).await.good();
    for person in [&bank.eve, &bank.carol] {
        assert_eq!(
            bank.see(person, id(&declined)).await.good()["status"],
            "DECLINED"
        );
    }
    let nothing = bank.see(&bank.admin, &format!("pay_{UNKNOWN_ID}")).await;
    nothing.is_problem(404, "PAYMENT_NOT_FOUND");
    let malformed = bank.see(&bank.admin, "pay_1").await;
    malformed.is_problem(400, "MALFORMED_ID");
    let wrong = bank.see(&bank.admin, &format!("order_{UNKNOWN_ID}")).await;
    wrong.is_problem(400, "WRONG_ID_KIND");
}

#[tokio::test]
async fn the_payment_of_an_order_and_its_refund_are_visible() {
    let bank = Bank::open().await;
    let order = json!({"amount": "400", "description": "tea"});
    let order = bank
        .fixture
        .keyed(&bank.carol, "/api/orders", "1", order)
        .await;
    let order = order.good()["order_id"].as_str().unwrap().to_owned();
    bank.fixture.deliver().await;
    let payment = {
        let tables = bank.fixture.memory.tables();
        let payment = tables.payments.values().next().unwrap();
        payment.id.to_string()
    };
    let seen = bank.see(&bank.carol, &payment).await.good();
    assert_eq!(seen["status"], "AUTHORIZED");
    assert_eq!(seen["payee_account_id"], account_of(&bank, Owner::Shop));
    assert_eq!(
        (&seen["amount"], &seen["refunded_at"]),
        (&json!("400.00"), &Value::Null)
    );
    bank.see(&bank.dora, &payment)
        .await
        .is_problem(404, "PAYMENT_NOT_FOUND");
    let refund = format!("/api/orders/{order}/refund");
    bank.fixture
        .post(&bank.admin, &refund, Value::Null)
        .await
        .good();
    let mut expected = seen;
    expected["refunded_at"] = json!("2025-04-18T15:00:00Z");
    assert_eq!(bank.see(&bank.carol, &payment).await.good(), expected);
}

#[tokio::test]
async fn a_balance_is_visible_to_its_owner_and_staff() {
    let bank = Bank::open().await;
    let withdrawal = json!({"amount": "100", "asset": "RUB", "destination": "my bank"});
    bank.fixture
        .keyed(&bank.carol, "/api/billing/withdrawals", "1", withdrawal)
        .await
        .good();
    let account = bank.account(&bank.carol, "RUB").await;
    let expected = json!({
        "account_id": account,
        "asset": "RUB",
        "available": "900.00",
        "held": "100.00",
    });
    for person in [&bank.carol, &bank.moderator, &bank.admin] {
        assert_eq!(bank.balance_of(person, &account).await.good(), expected);
    }
    bank.balance_of(&bank.dora, &account)
        .await
        .is_problem(404, "ACCOUNT_NOT_FOUND");
    let outside = account_of(&bank, Owner::External);
    bank.balance_of(&bank.dora, &outside)
        .await
        .is_problem(404, "ACCOUNT_NOT_FOUND");
    let booked = bank.balance_of(&bank.admin, &outside).await.good();
    assert_eq!(booked["available"], "-1000.00");
    bank.balance_of(&bank.admin, &format!("acct_{UNKNOWN_ID}"))
        .await
        .is_problem(404, "ACCOUNT_NOT_FOUND");
    bank.balance_of(&bank.admin, &format!("user_{UNKNOWN_ID}"))
        .await
        .is_problem(400, "WRONG_ID_KIND");
}
