//! The statement as CSV.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use fixture::{Fixture, Person};
use http_body_util::BodyExt;
use p2p_application::ports::StorageError;
use p2p_domain::Role;
use p2p_http::HttpSettings;
use p2p_memory::Point;
use serde_json::{Value, json};
use tower::ServiceExt;

const CSV: &str = "/api/wallet/entries.csv";

const HEADER: &str =
    "transfer_id,at,kind,asset,bucket,amount,offer_id,payment_id,withdrawal_id,report_id,booked_by";

async fn export(fixture: &Fixture, person: &Person, query: &str) -> Response {
    let request = Request::get(format!("{CSV}{query}"))
        .header("authorization", format!("Bearer {}", person.token))
        .body(Body::empty());
    let api = fixture.api.clone();
    api.oneshot(request.unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A market with an administrator, and a customer with this many deposits.
async fn with_deposits(count: usize) -> (Fixture, Person, Person) {
    let fixture = Fixture::open(HttpSettings::default());
    let admin = fixture.person("admin", [Role::Admin]).await;
    let carol = fixture.person("carol", [Role::Customer]).await;
    for _ in 0..count {
        fixture.deposit(&admin, &carol, "1", "RUB").await;
    }
    (fixture, admin, carol)
}

#[tokio::test]
async fn a_table_has_every_line_of_the_statement() {
    let (fixture, admin, carol) = with_deposits(205).await;
    fixture.deposit(&admin, &carol, "5", "USDT").await;
    let body = json!({"amount": "5", "asset": "RUB", "destination": "my bank"});
    let path = "/api/billing/withdrawals";
    let withdrawal = fixture.keyed(&carol, path, "1", body).await.good();
    let response = export(&fixture, &carol, "").await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"statement.csv\""
    );
    assert_eq!(header("cache-control"), "no-store");
    let table = text(response).await;
    assert!(table.ends_with("\r\n"));
    assert_eq!(table.matches('\n').count(), table.matches("\r\n").count());
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines.len(), 1 + 2 + 1 + 205);
    assert_eq!(lines[0].join(","), HEADER);
    assert!(lines.iter().all(|line| line.len() == 11));
    // The same values as in the statement.
    let page = fixture.get(&carol, "/api/wallet/entries?limit=100").await;
    for (line, entry) in lines[1..]
        .iter()
        .zip(page.good()["items"].as_array().unwrap())
    {
        for (name, value) in lines[0].iter().zip(line) {
            let expected = entry[name].as_str().unwrap_or_default();
            assert_eq!(*value, expected, "{name}");
        }
    }
    let id = withdrawal["withdrawal_id"].as_str().unwrap();
    assert_eq!(
        lines[1][1..7].join(","),
        "2025-04-18T15:00:00Z,WITHDRAWAL_HOLD,RUB,AVAILABLE,-5.00,"
    );
    assert_eq!((lines[1][8], lines[1][10]), (id, ""));
    assert_eq!(lines[4][10], admin.id.to_string());
    let mut transfers: Vec<_> = lines[1..].iter().map(|line| (line[0], line[4])).collect();
    transfers.sort_unstable();
    transfers.dedup();
    assert_eq!(transfers.len(), lines.len() - 1, "no line is repeated");

    let response = export(&fixture, &carol, "?asset=USDT").await;
    let disposition = response.headers()["content-disposition"].clone();
    assert_eq!(disposition, "attachment; filename=\"statement-USDT.csv\"");
    assert_eq!(text(response).await.lines().count(), 2);
}

#[tokio::test]
async fn a_user_gets_only_their_own() {
    let (fixture, admin, _) = with_deposits(1).await;
    let empty = text(export(&fixture, &admin, "").await).await;
    assert_eq!(empty, format!("{HEADER}\r\n"));
    let stranger = fixture.call(None, Method::GET, CSV, Value::Null).await;
    stranger.is_problem(401, "UNAUTHENTICATED");
    for query in ["?asset=XXX", "?limit=5", "?user_id=x"] {
        let reply = fixture.get(&admin, &format!("{CSV}{query}")).await;
        reply.is_problem(400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn a_table_that_fails_midway_does_not_look_complete() {
    let (fixture, _, carol) = with_deposits(105).await;
    let gone = || StorageError::Unavailable {
        source: "the line is dead".into(),
    };
    // The first page fails: nothing was sent yet, so the response is a problem.
    fixture.memory.faults().fail(Point::Query, gone());
    let reply = fixture.get(&carol, CSV).await;
    reply.is_problem(503, "UNAVAILABLE");
    // The second page fails.
    fixture.memory.faults().fail_at(Point::Query, 1, gone());
    let response = export(&fixture, &carol, "").await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap();
    let first = first.into_data().unwrap();
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 101);
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(fixture.memory.faults().pending(), 0);
}

#[tokio::test]
async fn a_table_ends_with_the_session_of_its_reader() {
    let fixture = Fixture::open(HttpSettings::default());
    let admin = fixture.person("admin", [Role::Admin]).await;
    let ada = fixture.newcomer("ada").await.person;
    for _ in 0..105 {
        fixture.deposit(&admin, &ada, "1", "RUB").await;
    }
    let mut body = export(&fixture, &ada, "").await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 101);
    let logout = fixture.post(&ada, "/api/auth/logout", Value::Null);
    logout.await.good();
    assert!(body.frame().await.unwrap().is_err());
}

/// Texts of users never become formulas that a spreadsheet would evaluate.
#[tokio::test]
async fn no_cell_is_a_formula() {
    let (fixture, admin, carol) = with_deposits(100).await;
    let dora = fixture.person("dora", [Role::Customer]).await;
    let account = async |person: &Person| {
        let wallet = fixture.get(person, "/api/wallet").await.good();
        let balances = wallet["balances"].as_array().unwrap();
        let found = balances.iter().find(|one| one["asset"] == "RUB").unwrap();
        found["account_id"].clone()
    };
    let mut keys = 0;
    let mut key = move || {
        keys += 1;
        format!("={keys}")
    };
    let (from, to) = (account(&carol).await, account(&dora).await);
    for begin in ["=", "+", "-", "@", "\"=", "a,=", "a\";="] {
        let words = format!("{begin}HYPERLINK(\"https://example.org\";\"danger\")");
        let withdrawals = "/api/billing/withdrawals";
        for (decide, by, word) in [
            ("approve", &admin, "reference"),
            ("reject", &carol, "reason"),
        ] {
            let asked = json!({"amount": "1", "asset": "RUB", "destination": words});
            let asked = fixture.keyed(&carol, withdrawals, &key(), asked).await;
            let id = asked.good()["withdrawal_id"].clone();
            let path = format!("{withdrawals}/{}/{decide}", id.as_str().unwrap());
            fixture.post(by, &path, json!({word: words})).await.good();
        }
        let order = json!({"amount": "1", "description": words});
        fixture
            .keyed(&carol, "/api/orders", &key(), order)
            .await
            .good();
        let payment = json!({
            "payer_account_id": from,
            "payee_account_id": to,
            "amount": "1",
            "currency": "RUB",
            "description": words,
        });
        let paid = fixture
            .keyed(&carol, "/api/payments", &key(), payment)
            .await;
        assert_eq!(paid.good()["status"], "AUTHORIZED");
    }
    fixture.deliver().await;
    let table = text(export(&fixture, &carol, "").await).await;
    assert!(table.lines().count() > 120, "{table}");
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:".contains(letter);
    for row in table.lines() {
        for (column, cell) in row.split(',').enumerate() {
            assert!(cell.chars().all(plain), "{cell}");
            let is_amount = column == 5 && cell.parse::<f64>().is_ok();
            assert!(is_amount || !cell.starts_with(['-', '.']), "{cell}");
        }
    }
}
