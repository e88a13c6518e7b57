//! Unsolicited fields in bodies, query strings and headers, and page cursors of other users.

use p2p_domain::Role;
use serde_json::{Value, json};

use crate::access_fixture::{AccessFixture, CallerKind, Ownership, Stage, UNKNOWN_ID};
use crate::call::{Call, Twist, build_call, send};
use crate::fixture::Person;
use crate::matrix::allowed;
use crate::operations::{self, Operation};

/// Fields and values from which an attacker would profit.
fn wishes() -> Vec<(&'static str, Value)> {
    let user = json!(format!("user_{UNKNOWN_ID}"));
    vec![
        ("id", user.clone()),
        ("user_id", user.clone()),
        ("userId", user.clone()),
        ("owner", user.clone()),
        ("owner_id", user.clone()),
        ("customer_id", user.clone()),
        ("exchanger_id", user.clone()),
        ("admin_id", user.clone()),
        ("caller", json!({"user": user, "roles": ["ADMIN"]})),
        ("role", json!("ADMIN")),
        ("roles", json!(["ADMIN"])),
        ("is_admin", json!(true)),
        ("isAdmin", json!(true)),
        ("permissions", json!(["*"])),
        ("status", json!("APPROVED")),
        ("state", json!("FINISHED")),
        ("version", json!(1)),
        ("balance", json!("1000000")),
        ("available", json!("1000000")),
        ("held", json!("0")),
        ("remaining", json!("1000000")),
        ("fee", json!("0")),
        ("fee_basis_points", json!(0)),
        ("payer_amount", json!("1")),
        ("booked_by", user.clone()),
        ("decided_by", user),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("expires_at", json!("2100-01-01T00:00:00Z")),
        ("frozen", json!(false)),
        ("unanswered", json!(0)),
        ("email_verified", json!(true)),
        ("email_verified_at", json!("2000-01-01T00:00:00Z")),
        ("password_hash", json!("insecure:mine")),
        ("proved_at", json!("2100-01-01T00:00:00Z")),
        ("second_factor", json!(false)),
        ("session_id", json!(format!("session_{UNKNOWN_ID}"))),
        ("generation", json!(1)),
        ("totp_secret", json!("JBSWY3DPEHPK3PXP")),
        ("idempotency_key", json!("another")),
        ("$type", json!("Admin")),
        ("__proto__", json!({"roles": ["ADMIN"]})),
        ("", json!("nothing")),
    ]
}

/// Wishes that are documented fields. Each is the purpose of the operation, or must agree with the token.
const BY_RIGHT: [(&str, &str); 14] = [
    ("confirm_payment", "customer_id"),
    ("confirm_payment", "exchanger_id"),
    ("confirm_receipt", "customer_id"),
    ("confirm_receipt", "exchanger_id"),
    ("create_offer", "customer_id"),
    ("create_order", "user_id"),
    ("create_user", "roles"),
    ("deposit", "user_id"),
    ("publish_listing", "exchanger_id"),
    ("resolve_dispute", "admin_id"),
    ("resolve_dispute", "payer_amount"),
    ("respond_to_offer", "exchanger_id"),
    ("set_roles", "roles"),
    ("update_listing", "status"),
];

/// Whether the field is documented; bodies may take a name in camelCase as well.
fn is_field(operation: &Operation, wish: &str) -> bool {
    let snake = wish.chars().fold(String::new(), |mut name, letter| {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
        name
    });
    operation.fields.contains(&snake)
}

/// A request that is granted, and its caller.
async fn granted(fixture: &AccessFixture, operation: &Operation) -> (Call, Option<Person>) {
    fixture.reset().await;
    let (who, ownership) = allowed(operation);
    let call = build_call(fixture, operation, &Twist::None, ownership).await;
    let person = fixture.sign_in_as(who).await;
    (call, person)
}

#[tokio::test]
async fn bodies_reject_undocumented_fields() {
    let fixture = AccessFixture::open().await;
    let mut by_right = Vec::new();
    for operation in operations::all().iter().filter(|one| one.takes_body) {
        let (call, person) = granted(&fixture, operation).await;
        let before = fixture.base.memory.tables();
        for (wish, value) in wishes() {
            if is_field(operation, wish) {
                if operation.fields.iter().any(|field| field == wish) {
                    by_right.push((operation.name.as_str(), wish));
                }
                continue;
            }
            let mut greedy = call.clone();
            greedy.body.as_mut().unwrap()[wish] = value;
            let reply = send(&fixture, person.as_ref(), &greedy).await;
            let of = format!("{} {wish}: {}", operation.name, reply.text);
            assert_eq!(reply.status, 422, "{of}");
            assert_eq!(reply.code(), "UNKNOWN_FIELD", "{of}");
            assert_eq!(reply.body["errors"][0]["field"], wish, "{of}");
            assert_eq!(fixture.base.memory.tables(), before, "{of}");
        }
        let reply = send(&fixture, person.as_ref(), &call).await;
        let of = format!("{}: {}", operation.name, reply.text);
        assert!(reply.status.is_success(), "{of}");
    }
    by_right.sort_unstable();
    assert_eq!(by_right, BY_RIGHT, "may every caller set the new field?");
}

#[tokio::test]
async fn undocumented_query_parameters_have_no_effect() {
    let fixture = AccessFixture::open().await;
    for operation in operations::all().iter().filter(|one| is_read(one)) {
        let (call, person) = granted(&fixture, operation).await;
        let plain = send(&fixture, person.as_ref(), &call).await;
        let wishes = wishes().into_iter().filter(|(wish, value)| {
            let known = operation.query.iter().any(|name| name == wish);
            !known && !wish.is_empty() && (value.is_string() || value.is_boolean())
        });
        for (wish, value) in wishes {
            let value = value.to_string().replace('"', "");
            let mut greedy = call.clone();
            greedy.path = format!("{}?{wish}={value}", call.path);
            let reply = send(&fixture, person.as_ref(), &greedy).await;
            let of = format!("{} {wish}: {}", operation.name, reply.text);
            if reply.status == 400 {
                assert_eq!(reply.code(), "INVALID_QUERY", "{of}");
            } else {
                assert_eq!(reply.seen(), plain.seen(), "{of}");
            }
        }
    }
}

fn is_read(operation: &Operation) -> bool {
    operation.path.starts_with("/api/") && !operation.changes()
}

/// Headers by which other gateways and proxies pass on an identity.
fn headers_of_others(fixture: &AccessFixture) -> Vec<(&'static str, String)> {
    let admin = fixture.admin.id.to_string();
    let mut headers = vec![
        ("x-user", admin.clone()),
        ("x-user-id", admin.clone()),
        ("x-userid", admin.clone()),
        ("x-remote-user", admin.clone()),
        ("x-authenticated-user", admin.clone()),
        ("x-forwarded-user", admin.clone()),
        ("x-roles", "ADMIN".to_owned()),
        ("x-user-roles", "ADMIN".to_owned()),
        ("x-forwarded-for", "127.0.0.1".to_owned()),
        ("x-real-ip", "127.0.0.1".to_owned()),
        ("forwarded", "for=127.0.0.1;proto=https".to_owned()),
        ("x-original-url", "/metrics".to_owned()),
        ("x-rewrite-url", "/metrics".to_owned()),
        ("x-http-method-override", "DELETE".to_owned()),
        ("x-method-override", "DELETE".to_owned()),
        ("cookie", format!("user_id={admin}; role=ADMIN")),
    ];
    headers.extend([("x-p2p-user-id", admin)]);
    headers
}

#[tokio::test]
async fn identity_headers_of_other_systems_are_ignored() {
    let fixture = AccessFixture::open().await;
    for operation in operations::all() {
        let (call, person) = granted(&fixture, operation).await;
        let mut posing = call.clone();
        posing.headers.extend(headers_of_others(&fixture));
        if !operation.open {
            let reply = send(&fixture, None, &posing).await;
            let of = format!("{}: {}", operation.name, reply.text);
            assert_eq!(
                (reply.status.as_u16(), reply.code()),
                (401, "UNAUTHENTICATED"),
                "{of}"
            );
        }
        if is_read(operation) {
            let plain = send(&fixture, person.as_ref(), &call).await;
            let reply = send(&fixture, person.as_ref(), &posing).await;
            assert_eq!(reply.seen(), plain.seen(), "{}", operation.name);
        }
    }
}

/// No list contains an id of another user's resource, whatever cursor its page begins at.
#[tokio::test]
async fn lists_never_show_resources_of_other_users() {
    let fixture = AccessFixture::open().await;
    let ids = [
        fixture.user(Ownership::Others),
        fixture.third.id.to_string(),
        fixture
            .offer(Ownership::Others, Role::Customer, Stage::Paid)
            .await,
        fixture
            .offer(Ownership::Others, Role::Exchanger, Stage::Pending)
            .await,
        fixture.dispute(Ownership::Others).await,
        fixture.withdrawal(Ownership::Others).await,
        fixture.order(Ownership::Others).await,
        fixture.payment(Ownership::Others).await,
        fixture.notification(Ownership::Others).await,
        fixture.account(Ownership::Others, "RUB").await,
        fixture.session(Ownership::Others),
    ];
    let person = fixture.sign_in_as(CallerKind::Has(Role::Customer)).await;
    let mut listed = 0;
    for operation in operations::all().iter().filter(|one| is_read(one)) {
        // Listings are public.
        if !operation.path_ids.is_empty() || operation.name == "list_listings" {
            continue;
        }
        let pages = ["cursor", "after", "before", "last_event_id"];
        let mut queries = vec![String::new()];
        for page in pages
            .iter()
            .filter(|page| operation.query.iter().any(|name| name == *page))
        {
            queries.extend(ids.iter().map(|id| format!("?{page}={id}")));
            queries.extend(["1", "99999999"].map(|number| format!("?{page}={number}")));
        }
        for query in queries {
            let call = Call {
                method: operation.method.clone(),
                path: format!("{}{query}", operation.path),
                headers: Vec::new(),
                body: None,
            };
            let reply = send(&fixture, person.as_ref(), &call).await;
            let of = format!("{}: {}", call.path, reply.text);
            assert!(
                [200, 400, 403, 426].contains(&reply.status.as_u16()),
                "{of}"
            );
            assert!(!ids.iter().any(|id| reply.text.contains(id)), "{of}");
            listed += usize::from(reply.status == 200);
        }
    }
    assert!(listed > 15, "{listed}");
}

/// A side that a body names is not an id, but must be the caller's own as well.
#[tokio::test]
async fn a_caller_cannot_act_for_the_other_side() {
    let fixture = AccessFixture::open().await;
    for (name, field) in [
        ("cancel_offer", "cancelled_by"),
        ("open_dispute", "opened_by"),
    ] {
        fixture.reset().await;
        let mut call = build_call(
            &fixture,
            Operation::named(name),
            &Twist::None,
            Ownership::Own,
        )
        .await;
        let before = fixture.base.memory.tables();
        call.body.as_mut().unwrap()[field] = json!("EXCHANGER");
        let reply = send(&fixture, Some(&fixture.asker), &call).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (403, "IDENTITY_MISMATCH")
        );
        assert_eq!(fixture.base.memory.tables(), before);
        call.body.as_mut().unwrap()[field] = json!("CUSTOMER");
        let reply = send(&fixture, Some(&fixture.asker), &call).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
}
