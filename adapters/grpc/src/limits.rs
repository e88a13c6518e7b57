//! Rate limits over gRPC: the same as over HTTP, counted once the caller is known. A proxy may speak for many clients, so
//! addresses count for callers without a valid token only.

use p2p_application::limits::{Class, LimitDecision, Limits};
use p2p_domain::Role;
use p2p_domain::user::Caller;
use tonic::codegen::http::Extensions;

use crate::rpc_error::RpcError;
use p2p_edge::ClientAddress;

/// The limits that a call counts towards; in the extensions of every call that is limited.
#[derive(Debug, Clone)]
pub(crate) struct RateLimitState {
    pub(crate) limits: Limits,
    pub(crate) class: Class,
    pub(crate) client: ClientAddress,
}

/// Counts a call by the user of its token; without a valid token, by its address. Administrators pay for others as often as
/// needed: each of those payments is limited by its payer.
pub(crate) async fn count(call: &Extensions, caller: Option<Caller>) -> Result<(), RpcError> {
    let Some(state) = call.get::<RateLimitState>() else {
        return Ok(());
    };
    let RateLimitState {
        limits,
        class,
        client,
    } = state;
    let asked = match caller {
        Some(caller) if *class == Class::Pay && caller.roles.contains(Role::Admin) => return Ok(()),
        Some(caller) => limits.user(*class, caller.user).await,
        None => limits.stranger(*class, client.0).await,
    };
    match asked {
        Some(LimitDecision { allowance, .. }) if !allowance.admitted => {
            Err(RpcError::rate_limited(allowance.retry_after))
        }
        _ => Ok(()),
    }
}
