//! Rate limits over gRPC: the same as over HTTP, counted where the caller is known. A proxy may speak for many here, so
//! addresses count for strangers only.

use application::limits::{Asked, Class, Limits};
use domain::UserId;
use tonic::codegen::http::Extensions;

use crate::client::ClientAddress;
use crate::fault::Fault;

/// What a call counts towards; in the extensions of every call that is limited.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) limits: Limits,
    pub(crate) class: Class,
    /// Only strangers are counted.
    pub(crate) spares_users: bool,
    pub(crate) from: ClientAddress,
}

/// Counts a call by the user that its token names; without a good token, by its address.
pub(crate) async fn count(call: &Extensions, user: Option<UserId>) -> Result<(), Fault> {
    let Some(meter) = call.get::<Meter>() else {
        return Ok(());
    };
    let Meter {
        limits,
        class,
        spares_users,
        from,
    } = meter;
    let asked = match user {
        Some(_) if *spares_users => return Ok(()),
        Some(user) => limits.user(*class, user).await,
        None => limits.stranger(*class, from.0).await,
    };
    match asked {
        Some(Asked { allowance, .. }) if !allowance.admitted => {
            Err(Fault::rate_limited(allowance.retry_after))
        }
        _ => Ok(()),
    }
}
