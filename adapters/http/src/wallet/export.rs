//! `GET /api/wallet/entries.csv`.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use p2p_application::wallet::{StatementCursor, StatementEntry};
use p2p_application::wallet::{StatementList, statement};
use p2p_application::{MAX_PAGE, Page, QueryError};
use p2p_domain::user::Caller;
use serde::Deserialize;
use tokio::time::error::Elapsed;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::EntryView;
use crate::app::App;
use crate::extract::{Auth, Query, has_logged_out};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::streams::StreamPermit;
use crate::wire;

/// Which part of the statement to export.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportEntriesQuery {
    /// Only this asset.
    #[param(inline, example = "USDT")]
    asset: Option<wire::Asset>,
}

/// Export the entries of the caller's wallet.
///
/// For any authenticated user: the whole statement as a table (CSV, RFC 4180), newest first, with the names of the
/// columns in its first line. If the connection ends with an error, the table is not complete.
#[utoipa::path(
    get,
    path = "/api/wallet/entries.csv",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ExportEntriesQuery),
    responses(
        (
            status = 200,
            description = "The statement.",
            body = String,
            content_type = "text/csv",
            headers(("Content-Disposition" = String, description = "An attachment, with a name for the file.")),
            example = "transfer_id,at,kind,asset,bucket,amount,offer_id,payment_id,withdrawal_id,report_id,booked_by\r\n\
                transfer_01jt0c7kq5e8tvb1y9m3x4z6wa,2025-04-18T15:00:00Z,PAYMENT,RUB,AVAILABLE,-500.00,,\
                pay_01jt0c7kq5e8tvb1y9m3x4z6wa,,,\r\n"
        ),
        (status = 429, description = "`TOO_MANY_STREAMS`: you have reached the limit of open exports and streams."),
        (status = 503, description = "`NO_STREAM_LEFT`: this server has reached its limit of them."),
    )
)]
pub(crate) async fn export_wallet_entries(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ExportEntriesQuery>,
) -> Result<Response, Problem> {
    let list = StatementList {
        asset: query.asset.map(|asset| asset.0),
        after: None,
        limit: MAX_PAGE,
    };
    let limits = app.settings().streams;
    let place = app.state().streams.acquire(caller.user, limits)?;
    // What goes wrong with the first page is still told as a problem.
    let first = statement(app.market(), caller, list).await?;
    let name = match query.asset {
        Some(asset) => format!("attachment; filename=\"statement-{}.csv\"", asset.name()),
        None => "attachment; filename=\"statement.csv\"".to_owned(),
    };
    let disposition = HeaderValue::try_from(name)
        .map_err(|error| Problem::internal(format!("a file name: {error}")))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    let body = Body::from_stream(table(app, place, caller, list, first));
    Ok((headers, body).into_response())
}

/// Why a table ends before its end.
#[derive(Debug, thiserror::Error)]
enum BrokenOff {
    #[error("a page of a statement can't be read")]
    Page(#[source] QueryError),
    #[error("a page of a statement can't be read in time")]
    TooSlow(#[source] Elapsed),
    #[error("the server stops")]
    Stopped,
    #[error("its reader has logged out")]
    LoggedOut,
}

/// The table, page by page: the next one is read when the client has taken the one before. An error ends it, and with it
/// the connection, so that a client notices that the table is incomplete.
fn table(
    app: App,
    place: StreamPermit,
    caller: Caller,
    list: StatementList,
    first: Page<StatementEntry>,
) -> impl Stream<Item = Result<String, BrokenOff>> {
    let rest = behind(&first, list);
    let head = EntryView::COLUMNS.to_owned() + &rows(first);
    let pages = stream::try_unfold(rest, move |rest| {
        // Counted among the streams until its end.
        let _ = &place;
        let app = app.clone();
        async move {
            let Some(list) = rest else {
                return Ok(None);
            };
            if app.state().stop.is_cancelled() {
                return Err(BrokenOff::Stopped);
            }
            if has_logged_out(&app, caller) {
                return Err(BrokenOff::LoggedOut);
            }
            let reading = statement(app.market(), caller, list);
            let page = tokio::time::timeout(app.settings().request_timeout, reading)
                .await
                .map_err(BrokenOff::TooSlow)?
                .map_err(BrokenOff::Page)?;
            let rest = behind(&page, list);
            Ok(Some((rows(page), rest)))
        }
    });
    let pages = pages.inspect_err(|error| match error {
        BrokenOff::LoggedOut => tracing::debug!(?error, "a statement breaks off"),
        _ => tracing::error!(?error, "a statement breaks off"),
    });
    stream::iter([Ok(head)]).chain(pages)
}

/// What to read next, if there is more.
fn behind(page: &Page<StatementEntry>, list: StatementList) -> Option<StatementList> {
    let last = page.items.last().filter(|_| page.more)?;
    Some(StatementList {
        after: Some(StatementCursor {
            transfer: last.transfer,
            bucket: last.bucket,
        }),
        ..list
    })
}

fn rows(page: Page<StatementEntry>) -> String {
    let entries = page.items.into_iter().map(EntryView::from);
    entries.map(|entry| entry.row()).collect()
}
