//! `GET /api/audit`.

use axum::Json;
use axum::extract::State;
use p2p_application::audit_log::AuditLogFilter;
use p2p_domain::Role;
use p2p_domain::audit_log::AuditRecord;
use serde::Deserialize;
use utoipa::IntoParams;
use validator::{Validate, ValidationError};

use super::TAG;
use super::view::AuditRecordView;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which records to list; all filters must hold.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListAuditQuery {
    /// Only what this user did.
    #[param(inline)]
    actor: Option<wire::UserId>,
    /// Only what was done in this way.
    #[param(inline)]
    action: Option<wire::AuditAction>,
    /// Only what was done to what has this id.
    #[validate(custom(function = check_id))]
    #[param(
        pattern = "^[0-9a-z_]{1,64}$",
        example = "user_01jt0c7kq5e8tvb1y9m3x4z6wa"
    )]
    object: Option<String>,
    /// The `next_cursor` of the page before.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// Ids of whatever kind have these characters and no others.
fn check_id(text: &str) -> Result<(), ValidationError> {
    let is_of_an_id = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'_');
    if (1..=64).contains(&text.len()) && text.bytes().all(is_of_an_id) {
        return Ok(());
    }
    Err(ValidationError::new("MALFORMED_ID").with_message("is not an id".into()))
}

/// List the audit records.
///
/// For MODERATOR: who did what to which object, when and from where; newest first. Log-ins, roles, limits, freezes, decisions of
/// staff. Records are added and never changed; each has the one before in its hash, which `p2p-market audit` verifies.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::role(Role::Moderator))))),
    params(ListAuditQuery),
    responses(
        (status = 200, description = "A page of the trail.", body = Page<AuditRecordView>),
        (status = 403, description = "`ROLE_REQUIRED`: MODERATOR."),
    )
)]
pub(crate) async fn list_audit_records(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListAuditQuery>,
) -> Result<Json<Page<AuditRecordView>>, Problem> {
    let filter = AuditLogFilter {
        actor: query.actor.map(|actor| actor.0),
        action: query.action.map(|action| action.0),
        subject: query.object,
        before: cursor::read_number(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = p2p_application::audit_log::list_audit_records(app.market(), caller, filter).await?;
    let next_cursor = page.items.last().filter(|_| page.more).map(cursor_of);
    let items = page.items.into_iter().map(TryInto::try_into);
    Ok(Json(Page {
        items: items.collect::<Result<_, _>>()?,
        next_cursor,
    }))
}

fn cursor_of(record: &AuditRecord) -> String {
    record.number.to_string()
}
