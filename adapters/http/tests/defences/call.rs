//! Valid requests: a refusal can only come from the caller's rights and the owner of the resource.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use p2p_application::ports::LinkPurpose;
use p2p_domain::Role;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::access_fixture::{AccessFixture, Ownership, PROVIDER, Stage, new_offer};
use crate::fixture::Person;
use crate::fixture::login::PASSWORD;
use crate::operations::Operation;

/// How a request differs from the plain case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Not at all: the owner of the resource in the path varies.
    None,
    /// The path names a resource of the caller; the owner of the id in this member of body or query varies.
    Id(String),
    /// A deal of the caller, in which it is the other side's turn.
    OtherSide,
}

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

/// The response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for a stream.
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// All that a client can observe, except the request's id.
    pub(crate) fn seen(&self) -> (StatusCode, HeaderMap, String) {
        let name = self.headers["x-request-id"].to_str().unwrap();
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        (self.status, headers, self.text.replace(name, ""))
    }
}

/// Builds a request of the operation about a resource with this owner.
pub(crate) async fn build_call(
    fixture: &AccessFixture,
    operation: &Operation,
    twist: &Twist,
    ownership: Ownership,
) -> Call {
    let of_path = match twist {
        Twist::None => ownership,
        // Parties never resolve their own dispute.
        Twist::Id(_) if operation.name == "resolve_dispute" => Ownership::Others,
        Twist::Id(_) | Twist::OtherSide => Ownership::Own,
    };
    match operation.name.as_str() {
        "confirm_second_factor" => fixture.has_authenticator(Ownership::Own, false),
        "show_second_factor" | "renew_recovery_codes" | "remove_own_second_factor" => {
            fixture.has_authenticator(Ownership::Own, true);
        }
        "remove_second_factor" => fixture.has_authenticator(of_path, true),
        _ => {}
    }
    let mut path = operation.path.clone();
    for parameter in &operation.path_ids {
        let id = match parameter.as_str() {
            "offer_id" => {
                let (side, stage) = deal_for(&operation.name);
                let side = match twist {
                    Twist::OtherSide => opposite(side),
                    Twist::None | Twist::Id(_) => side,
                };
                fixture.offer(of_path, side, stage).await
            }
            name => id_of(fixture, name, of_path).await,
        };
        path = path.replace(&format!("{{{parameter}}}"), &id);
    }
    let mut call = Call {
        method: operation.method.clone(),
        path,
        headers: Vec::new(),
        body: body(fixture, operation).await,
    };
    if let Twist::Id(name) = twist {
        let id = id_of(fixture, name, ownership).await;
        if operation.query_ids.contains(name) {
            call.path = format!("{}?{name}={id}", call.path);
        } else {
            call.body.as_mut().unwrap()[name] = json!(id);
        }
    }
    if operation.needs_key {
        call.headers.push(("idempotency-key", "a-key".to_owned()));
    }
    if operation.name == "receive_payment_report" {
        let body = call.body.as_ref().unwrap().to_string();
        call.headers.push(("x-provider", PROVIDER.to_owned()));
        call.headers.push(("x-signature", fixture.signature(&body)));
    }
    call
}

/// The id of a resource of the kind that a parameter or member of this name refers to.
async fn id_of(fixture: &AccessFixture, name: &str, ownership: Ownership) -> String {
    match name {
        "user_id" | "customer_id" | "exchanger_id" | "merchant_id" | "admin_id" | "actor" => {
            fixture.user(ownership)
        }
        "session_id" => fixture.session(ownership),
        "listing_id" => fixture.listing(ownership).await,
        "offer_id" => {
            fixture
                .offer(ownership, Role::Customer, Stage::Pending)
                .await
        }
        "dispute_id" => fixture.dispute(ownership).await,
        "order_id" => fixture.order(ownership).await,
        "payment_id" => fixture.payment(ownership).await,
        "account_id" | "payer_account_id" | "payee_account_id" => {
            fixture.account(ownership, "RUB").await
        }
        "notification_id" => fixture.notification(ownership).await,
        "withdrawal_id" => fixture.withdrawal(ownership).await,
        other => panic!("`{other}` names an unknown resource: AccessFixture has to create one"),
    }
}

/// The side of a deal that may do this, and the stage at which it may.
fn deal_for(operation: &str) -> (Role, Stage) {
    match operation {
        "respond_to_offer" => (Role::Exchanger, Stage::Pending),
        "confirm_payment" => (Role::Customer, Stage::Approved),
        "confirm_receipt" => (Role::Exchanger, Stage::Paid),
        "open_dispute" => (Role::Customer, Stage::Approved),
        _ => (Role::Customer, Stage::Pending),
    }
}

fn opposite(side: Role) -> Role {
    match side {
        Role::Customer => Role::Exchanger,
        _ => Role::Customer,
    }
}

/// A valid body: the documentation's example without its ids, unless they are required.
async fn body(fixture: &AccessFixture, operation: &Operation) -> Option<Value> {
    let mut body = operation.example.clone()?;
    let members = body.as_object_mut().unwrap();
    members.retain(|name, _| !operation.body_ids.contains(name));
    match operation.name.as_str() {
        "create_offer" => {
            let listing = fixture.third_listing().await;
            return Some(new_offer(&listing));
        }
        "authorize_payment" => {
            let payer = fixture.account_of(&fixture.asker, "RUB").await;
            let payee = fixture.account_of(&fixture.third, "RUB").await;
            body["payer_account_id"] = json!(payer);
            body["payee_account_id"] = json!(payee);
        }
        "deposit" => body["user_id"] = json!(fixture.third.id.to_string()),
        "create_order" => {
            members.remove("email");
        }
        "read_notifications" => {
            fixture.notification(Ownership::Own).await;
            body["up_to"] = json!(1);
        }
        "log_in" => {
            let (email, password) = registered(fixture).await;
            body["email"] = email;
            body["password"] = password;
        }
        "refresh" => {
            let (email, password) = registered(fixture).await;
            let credentials = json!({"email": email, "password": password});
            let entered = fixture
                .base
                .post_anonymously("/api/auth/login", credentials)
                .await
                .good();
            body["refresh_token"] = entered["refresh_token"].clone();
        }
        "verify_email" => body["token"] = json!(fixture.link(LinkPurpose::VerifyEmail)),
        "reset_password" => body["token"] = json!(fixture.link(LinkPurpose::ResetPassword)),
        "enrol_second_factor" => body["password"] = json!(PASSWORD),
        "change_password" => body["current_password"] = json!(PASSWORD),
        "confirm_second_factor" | "show_second_factor" => body["code"] = json!(fixture.base.code()),
        _ => {}
    }
    Some(body)
}

/// Registers an account; returns its credentials.
async fn registered(fixture: &AccessFixture) -> (Value, Value) {
    let account = Operation::named("register").example.clone().unwrap();
    let known = fixture
        .base
        .post_anonymously("/api/auth/register", account.clone())
        .await;
    known.good();
    (account["email"].clone(), account["password"].clone())
}

/// Sends the request, with this person's token or without one.
pub(crate) async fn send(fixture: &AccessFixture, by: Option<&Person>, call: &Call) -> Reply {
    let body = call.body.as_ref().map(Value::to_string);
    send_bytes(fixture, by, call, body.map(String::into_bytes)).await
}

/// The same, with another body.
pub(crate) async fn send_bytes(
    fixture: &AccessFixture,
    by: Option<&Person>,
    call: &Call,
    body: Option<Vec<u8>>,
) -> Reply {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.path.as_str());
    if let Some(person) = by {
        request = request.header("authorization", format!("Bearer {}", person.token));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let request = request.body(body.map_or_else(Body::empty, Body::from));
    let response = fixture.base.api.clone().oneshot(request.unwrap()).await;
    let (parts, body) = response.unwrap().into_parts();
    let endless = parts
        .headers
        .get("content-type")
        .is_some_and(|value| value == "text/event-stream");
    let bytes = if endless {
        Vec::new()
    } else {
        body.collect().await.unwrap().to_bytes().to_vec()
    };
    let text = String::from_utf8(bytes).unwrap();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}
