//! Unsolicited fields in bodies, query strings and headers, and page cursors of other users.

use p2p_domain::Role;
use serde_json::{Value, json};

use crate::ask::{Ask, Twist, ask, send};
use crate::matrix::allowed;
use crate::operations::{self, Operation};
use crate::scene::Person;
use crate::world::{NOTHING, Stage, Who, Whose, World};

/// Fields and values from which an attacker would profit.
fn wishes() -> Vec<(&'static str, Value)> {
    let user = json!(format!("user_{NOTHING}"));
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
        ("session_id", json!(format!("session_{NOTHING}"))),
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
async fn granted(world: &World, operation: &Operation) -> (Ask, Option<Person>) {
    world.again().await;
    let (who, whose) = allowed(operation);
    let ask = ask(world, operation, &Twist::None, whose).await;
    let person = world.becomes(who).await;
    (ask, person)
}

#[tokio::test]
async fn no_body_takes_more_than_it_is_asked_for() {
    let world = World::open().await;
    let mut by_right = Vec::new();
    for operation in operations::all().iter().filter(|one| one.takes_body) {
        let (ask, person) = granted(&world, operation).await;
        let before = world.scene.memory.tables();
        for (wish, value) in wishes() {
            if is_field(operation, wish) {
                if operation.fields.iter().any(|field| field == wish) {
                    by_right.push((operation.name.as_str(), wish));
                }
                continue;
            }
            let mut greedy = ask.clone();
            greedy.body.as_mut().unwrap()[wish] = value;
            let answer = send(&world, person.as_ref(), &greedy).await;
            let of = format!("{} {wish}: {}", operation.name, answer.text);
            assert_eq!(answer.status, 422, "{of}");
            assert_eq!(answer.code(), "UNKNOWN_FIELD", "{of}");
            assert_eq!(answer.body["errors"][0]["field"], wish, "{of}");
            assert_eq!(world.scene.memory.tables(), before, "{of}");
        }
        let answer = send(&world, person.as_ref(), &ask).await;
        let of = format!("{}: {}", operation.name, answer.text);
        assert!(answer.status.is_success(), "{of}");
    }
    by_right.sort_unstable();
    assert_eq!(
        by_right, BY_RIGHT,
        "may every caller set the new field?"
    );
}

#[tokio::test]
async fn a_query_string_says_no_more_than_it_is_asked() {
    let world = World::open().await;
    for operation in operations::all().iter().filter(|one| is_a_look(one)) {
        let (ask, person) = granted(&world, operation).await;
        let plain = send(&world, person.as_ref(), &ask).await;
        let wishes = wishes().into_iter().filter(|(wish, value)| {
            let known = operation.query.iter().any(|name| name == wish);
            !known && !wish.is_empty() && (value.is_string() || value.is_boolean())
        });
        for (wish, value) in wishes {
            let value = value.to_string().replace('"', "");
            let mut greedy = ask.clone();
            greedy.path = format!("{}?{wish}={value}", ask.path);
            let answer = send(&world, person.as_ref(), &greedy).await;
            let of = format!("{} {wish}: {}", operation.name, answer.text);
            if answer.status == 400 {
                assert_eq!(answer.code(), "INVALID_QUERY", "{of}");
            } else {
                assert_eq!(answer.seen(), plain.seen(), "{of}");
            }
        }
    }
}

fn is_a_look(operation: &Operation) -> bool {
    operation.path.starts_with("/api/") && !operation.changes()
}

/// Headers by which other gateways and proxies pass on an identity.
fn headers_of_others(world: &World) -> Vec<(&'static str, String)> {
    let admin = world.admin.id.to_string();
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
async fn headers_that_others_trust_mean_nothing_here() {
    let world = World::open().await;
    for operation in operations::all() {
        let (ask, person) = granted(&world, operation).await;
        let mut posing = ask.clone();
        posing.headers.extend(headers_of_others(&world));
        if !operation.open {
            let answer = send(&world, None, &posing).await;
            let of = format!("{}: {}", operation.name, answer.text);
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (401, "UNAUTHENTICATED"),
                "{of}"
            );
        }
        if is_a_look(operation) {
            let plain = send(&world, person.as_ref(), &ask).await;
            let answer = send(&world, person.as_ref(), &posing).await;
            assert_eq!(answer.seen(), plain.seen(), "{}", operation.name);
        }
    }
}

/// No list contains an id of another user's resource, whatever cursor its page begins at.
#[tokio::test]
async fn no_page_of_a_list_shows_what_is_others() {
    let world = World::open().await;
    let ids = [
        world.user(Whose::Others),
        world.third.id.to_string(),
        world
            .offer(Whose::Others, Role::Customer, Stage::Paid)
            .await,
        world
            .offer(Whose::Others, Role::Exchanger, Stage::Pending)
            .await,
        world.dispute(Whose::Others).await,
        world.withdrawal(Whose::Others).await,
        world.order(Whose::Others).await,
        world.payment(Whose::Others).await,
        world.notification(Whose::Others).await,
        world.account(Whose::Others, "RUB").await,
        world.session(Whose::Others),
    ];
    let person = world.becomes(Who::Has(Role::Customer)).await;
    let mut looked = 0;
    for operation in operations::all().iter().filter(|one| is_a_look(one)) {
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
            let ask = Ask {
                method: operation.method.clone(),
                path: format!("{}{query}", operation.path),
                headers: Vec::new(),
                body: None,
            };
            let answer = send(&world, person.as_ref(), &ask).await;
            let of = format!("{}: {}", ask.path, answer.text);
            assert!(
                [200, 400, 403, 426].contains(&answer.status.as_u16()),
                "{of}"
            );
            assert!(!ids.iter().any(|id| answer.text.contains(id)), "{of}");
            looked += usize::from(answer.status == 200);
        }
    }
    assert!(looked > 15, "{looked}");
}

/// A side that a body names is not an id, but must be the caller's own as well.
#[tokio::test]
async fn nobody_speaks_for_the_other_side() {
    let world = World::open().await;
    for (name, field) in [
        ("cancel_offer", "cancelled_by"),
        ("open_dispute", "opened_by"),
    ] {
        world.again().await;
        let mut ask = ask(&world, Operation::named(name), &Twist::None, Whose::Own).await;
        let before = world.scene.memory.tables();
        ask.body.as_mut().unwrap()[field] = json!("EXCHANGER");
        let answer = send(&world, Some(&world.asker), &ask).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, "IDENTITY_MISMATCH")
        );
        assert_eq!(world.scene.memory.tables(), before);
        ask.body.as_mut().unwrap()[field] = json!("CUSTOMER");
        let answer = send(&world, Some(&world.asker), &ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}
