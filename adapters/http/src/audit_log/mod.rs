//! The audit trail, to be read.

mod list;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Audit trail";

/// The routes of the audit trail.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list_audit_records))
}
