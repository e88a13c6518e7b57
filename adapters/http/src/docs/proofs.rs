//! Which operations ask for a second factor that was shown not long ago.

use utoipa::openapi::path::Operation;

/// What moves money or rights by the hand of staff, or takes the second factor itself away; and what may by a setting.
const ASKED: [&str; 13] = [
    "approve_withdrawal",
    "authorize_payment",
    "create_user",
    "deposit",
    "refund_order",
    "reject_withdrawal",
    "remove_own_second_factor",
    "remove_second_factor",
    "renew_recovery_codes",
    "request_withdrawal",
    "resolve_dispute",
    "set_roles",
    "unfreeze_exchanger",
];

/// Whether this is one of them.
pub(super) fn is_asked_for(operation: &Operation) -> bool {
    let name = operation.operation_id.as_deref();
    name.is_some_and(|name| ASKED.contains(&name))
}
