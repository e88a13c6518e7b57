//! Rate limits over gRPC: the same as over HTTP, counted where the caller is known. A proxy may speak for many here, so
//! addresses count for strangers only.

use p2p_application::limits::{Asked, Class, Limits};
use p2p_domain::Role;
use p2p_domain::user::Caller;
use tonic::codegen::http::Extensions;

use crate::client::ClientAddress;
use crate::fault::Fault;

/// What a call counts towards; in the extensions of every call that is limited.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) limits: Limits,
    pub(crate) class: Class,
    pub(crate) from: ClientAddress,
}

/// Counts a call by the user that its token names; without a good token, by its address. Administrators pay for others, as often
/// as their service is asked to: each of those payments is limited by its payer.
pub(crate) async fn count(call: &Extensions, caller: Option<Caller>) -> Result<(), Fault> {
    let Some(meter) = call.get::<Meter>() else {
        return Ok(());
    };
    let Meter {
        limits,
        class,
        from,
    } = meter;
    let asked = match caller {
        Some(caller) if *class == Class::Pay && caller.roles.contains(Role::Admin) => return Ok(()),
        Some(caller) => limits.user(*class, caller.user).await,
        None => limits.stranger(*class, from.0).await,
    };
    match asked {
        Some(Asked { allowance, .. }) if !allowance.admitted => {
            Err(Fault::rate_limited(allowance.retry_after))
        }
        _ => Ok(()),
    }
}
