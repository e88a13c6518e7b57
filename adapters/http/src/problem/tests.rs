use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use axum::body::to_bytes;
use p2p_application::ports::StorageError;
use p2p_application::{CommandError, ErrorKind, QueryError};
use p2p_domain::refusal::AmountRole;
use p2p_edge::FieldError;
use serde_json::{Value, json};

const PROOF_LIFETIME: Duration = Duration::from_secs(600);

async fn rendered(problem: &Problem) -> (Response, Value) {
    let (parts, body) = problem.render("request-7", PROOF_LIFETIME).into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let value = serde_json::from_slice(&bytes).unwrap();
    (
        Response::from_parts(parts, ().into_response().into_body()),
        value,
    )
}

fn of(code: &str) -> Problem {
    let found = catalogue().into_iter().find(|one| one.code() == code);
    found.expect(code)
}

#[test]
fn every_code_stands_for_one_thing() {
    let codes: Vec<_> = catalogue()
        .iter()
        .map(|one| one.code().to_owned())
        .collect();
    let different: BTreeSet<_> = codes.iter().collect();
    assert_eq!(codes.len(), different.len(), "{codes:?}");
}

#[tokio::test]
async fn all_have_the_members_of_rfc_9457_and_their_own() {
    for problem in catalogue() {
        let (response, body) = rendered(&problem).await;
        let code = problem.code();
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(
            body["type"],
            format!("urn:p2p-market:problem:{code}").as_str()
        );
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], response.status().as_u16());
        assert_eq!(body["request_id"], "request-7");
        for text in ["title", "detail"] {
            assert_ne!(body[text].as_str().unwrap_or_default(), "", "{code}");
        }
        assert_eq!(body.get("state").is_some(), code == "ILLEGAL_TRANSITION");
        assert_ne!(
            body["errors"],
            json!([]),
            "{code}: left out where there are none"
        );
    }
}

#[tokio::test]
async fn statuses_follow_their_kind() {
    let mut conflicts = Vec::new();
    for problem in catalogue() {
        let (code, status) = (problem.code().to_owned(), problem.status().as_u16());
        let (response, _) = rendered(&problem).await;
        let has = |name| response.headers().contains_key(name);
        assert_eq!(status == 404, code.ends_with("_NOT_FOUND"), "{code}");
        assert_eq!(status == 401, has("www-authenticate"), "{code}");
        let later = [
            "BUSY",
            "UNAVAILABLE",
            "NO_STREAM_LEFT",
            "RATE_LIMITED",
            "TOO_MANY_ATTEMPTS",
        ];
        assert_eq!(has("retry-after"), later.contains(&code.as_str()), "{code}");
        assert_eq!(status == 426, has("upgrade"), "{code}");
        assert_eq!(status == 500, code == "INTERNAL");
        if status == 409 {
            conflicts.push(code);
        }
    }
    conflicts.sort_unstable();
    assert_eq!(
        conflicts,
        [
            "CANCELLED_TOO_OFTEN",
            "DISPUTE_ALREADY_OPENED",
            "DISPUTE_ALREADY_RESOLVED",
            "EMAIL_TAKEN",
            "EXCHANGER_FROZEN",
            "EXCHANGER_OFFLINE",
            "ILLEGAL_TRANSITION",
            "LISTING_CLOSED",
            "LISTING_PAUSED",
            "ORDER_EXISTS",
            "OWN_ADMIN_ROLE",
            "PAYMENT_DECLINED",
            "SECOND_FACTOR_ACTIVE",
            "SECOND_FACTOR_NOT_ENROLLED",
            "SELF_DEAL",
            "TOO_MANY_LISTINGS",
            "TOO_MANY_OPEN_OFFERS",
            "TOO_MANY_OPEN_WITHDRAWALS",
            "WITHDRAWAL_ALREADY_DECIDED",
            "WRONG_EXCHANGE_TYPE",
        ]
    );
}

/// Every error of the application has the status of its kind and the code that it has over every transport.
#[test]
fn errors_have_the_status_of_their_kind_and_their_own_code() {
    #[track_caller]
    fn holds(problem: &Problem, kind: ErrorKind, code: &str) {
        let expected = (table::status_of(kind), code);
        assert_eq!((problem.status(), problem.code()), expected);
    }
    let broken = p2p_domain::Refusal::Broken { what: "sums" };
    let mut known: BTreeSet<String> = BTreeSet::new();
    for refusal in catalogue::refusals().into_iter().chain([broken]) {
        let (kind, code) = (ErrorKind::from(&refusal), refusal.code());
        known.insert(code.to_owned());
        let of_read = QueryError::Refused(refusal.clone());
        holds(&Problem::from(of_read), kind, code);
        holds(&Problem::from(CommandError::Refused(refusal)), kind, code);
    }
    for error in [
        CommandError::Busy,
        CommandError::Unavailable,
        CommandError::InDoubt,
        CommandError::Internal,
    ] {
        let (kind, code) = (ErrorKind::from(&error), error.code());
        known.insert(code.to_owned());
        holds(&Problem::from(error), kind, code);
    }
    for error in failures_of_storage() {
        let (kind, code) = (ErrorKind::from(&error), CommandError::from(&error).code());
        assert!(known.contains(code));
        holds(&Problem::from(QueryError::Storage(error)), kind, code);
    }
    // The rest of the catalogue is HTTP's own, and none of it has a code of the application's.
    let of_requests = catalogue()
        .into_iter()
        .filter(|one| !known.contains(one.code()));
    assert_eq!(of_requests.count(), catalogue::of_requests().len());
}

fn failures_of_storage() -> Vec<StorageError> {
    let lost = || "the line is dead".into();
    let what = || "balances".to_owned();
    vec![
        StorageError::Conflict { what: what() },
        StorageError::Blocked { what: what() },
        StorageError::Unavailable { source: lost() },
        StorageError::InDoubt { source: lost() },
        StorageError::Corrupt {
            table: "offers",
            id: what(),
            reason: what(),
        },
        StorageError::Rejected { what: what() },
    ]
}

#[tokio::test]
async fn an_illegal_move_names_the_state_and_the_event() {
    let (_, body) = rendered(&of("ILLEGAL_TRANSITION")).await;
    assert_eq!(
        (&body["state"], &body["event"]),
        (&json!("CANCELLED"), &json!("accept"))
    );
    let unborn = Problem::from(p2p_domain::Refusal::Offer(
        p2p_domain::refusal::OfferRefusal::IllegalTransition {
            state: None,
            trigger: p2p_domain::offer::Trigger::Create,
            actor: p2p_domain::Actor::Exchanger,
        },
    ));
    let (_, body) = rendered(&unborn).await;
    assert_eq!(body["state"], "NONE");
}

#[tokio::test]
async fn a_refused_amount_names_its_field() {
    let refusal = p2p_domain::Refusal::amount_of(AmountRole::PayerAmount);
    let error = p2p_domain::MoneyError::TooManyDecimals { most: 6 };
    let (_, body) = rendered(&Problem::from(refusal(error))).await;
    let entry = json!({
        "field": "payer_amount",
        "code": "TOO_MANY_DECIMALS",
        "message": "too many decimals: at most 6"
    });
    assert_eq!(body["errors"], json!([entry]));
}

#[tokio::test]
async fn what_went_wrong_inside_is_for_the_log_only() {
    let storage = p2p_application::ports::StorageError::Unavailable {
        source: "connection to 10.0.0.7 refused".into(),
    };
    for problem in [storage_failed(&storage), Problem::internal("10.0.0.7")] {
        assert!(
            problem
                .cause()
                .is_some_and(|cause| cause.contains("10.0.0.7"))
        );
        let (_, body) = rendered(&problem).await;
        assert!(!body.to_string().contains("10.0.0.7"));
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_is_long_enough() {
    for (wait, told) in [
        (1, "1"),
        (999, "1"),
        (1_000, "1"),
        (1_001, "2"),
        (7_200, "8"),
    ] {
        let wait = Duration::from_millis(wait);
        let problem = Problem::from(p2p_domain::Refusal::Session(
            p2p_domain::refusal::SessionRefusal::TooManyAttempts { wait },
        ));
        let response = problem.render("request-7", PROOF_LIFETIME);
        assert_eq!(response.headers()["retry-after"], told);
    }
}

#[test]
fn a_401_says_what_would_be_enough() {
    let challenge = |code: &str| {
        let response = of(code).render("request-7", PROOF_LIFETIME);
        let value = &response.headers()["www-authenticate"];
        value.to_str().unwrap().to_owned()
    };
    assert_eq!(
        challenge("SECOND_FACTOR_REQUIRED"),
        "Bearer error=\"insufficient_user_authentication\", max_age=600"
    );
    assert_eq!(challenge("SESSION_OVER"), "Bearer error=\"invalid_token\"");
    assert_eq!(challenge("BAD_CREDENTIALS"), "Bearer");
}

#[test]
fn a_token_that_is_good_no_more_is_told_from_one_that_cant_be_checked() {
    use p2p_application::ports::TokenError;
    let told = |error| {
        let problem = Problem::bad_token(error);
        (problem.status().as_u16(), problem.code().to_owned())
    };
    assert_eq!(told(TokenError::Ended), (401, "SESSION_OVER".into()));
    assert_eq!(told(TokenError::Unknown), (503, "UNAVAILABLE".into()));
}

#[test]
fn the_field_of_a_weak_password_is_named() {
    let weak = p2p_application::auth::AccessError::Refused(p2p_domain::Refusal::User(
        p2p_domain::refusal::UserRefusal::WeakPassword {
            reason: "is known from a breach",
        },
    ));
    let problem = of_password("new_password")(weak);
    assert_eq!(problem.code(), "WEAK_PASSWORD");
    let entry = FieldError::new("new_password", "WEAK_PASSWORD", "is known from a breach");
    assert_eq!(problem.errors(), [entry]);
    let other = of_password("new_password")(
        p2p_domain::Refusal::Session(p2p_domain::refusal::SessionRefusal::BadCredentials).into(),
    );
    assert_eq!(other.errors(), []);
}
