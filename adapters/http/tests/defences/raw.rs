//! Bytes on the wire that no client library sends.

use std::time::Duration;

use p2p_edge::{ServerSettings, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::access_fixture::AccessFixture;
use crate::operations::Operation;

/// Fails a test that hangs.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves the market, sends these bytes and closes the sending side; returns all that comes back until the connection
/// ends.
async fn exchange(fixture: &AccessFixture, bytes: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (api, state) = (fixture.base.api.clone(), &fixture.base.state);
    let (connections, stop) = (state.connections.clone(), state.stop.clone());
    let serving = serve(listener, api, ServerSettings::default(), connections, stop);
    let serving = tokio::spawn(serving);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = Vec::new();
    let reading = stream.read_to_end(&mut response);
    // The connection may be reset if the server has not read all bytes.
    let _ = tokio::time::timeout(TEST_TIMEOUT, reading).await.unwrap();
    serving.abort();
    String::from_utf8(response).unwrap()
}

/// The statuses of all responses.
fn statuses(responses: &str) -> Vec<&str> {
    let heads = responses.match_indices("HTTP/1.1 ");
    let statuses = heads.map(|(place, _)| &responses[place + 9..place + 12]);
    statuses.collect()
}

/// The names and values of the first response's headers.
fn headers(responses: &str) -> Vec<(String, String)> {
    let head = responses.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").skip(1);
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    let owned = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    owned.collect()
}

/// Values that would become headers if a response repeated them verbatim.
const INJECTED: [&str; 14] = [
    "a\rX-Injected: yes",
    "a\nX-Injected: yes",
    "a\r\r\nX-Injected: yes",
    "a\u{0}X-Injected: yes",
    "a\u{b}b",
    "a\u{7f}b",
    "a\u{1b}[31mb",
    "a%0d%0aX-Injected:%20yes",
    "a\\r\\nX-Injected: yes",
    "\u{560a}\u{560d}X-Injected: yes",
    "a\u{85}X-Injected: yes",
    "a\u{2028}X-Injected: yes",
    "\"><script>alert(1)</script>",
    "a, b",
];

#[tokio::test]
async fn no_input_becomes_a_header() {
    let fixture = AccessFixture::open().await;
    let names = [
        "X-Request-Id",
        "Idempotency-Key",
        "Authorization",
        "Origin",
        "Prefer",
        "Last-Event-ID",
        "User-Agent",
        "X-Provider",
        "Sec-WebSocket-Protocol",
        "Accept",
        "Cookie",
    ];
    for value in INJECTED {
        for name in names {
            let request = format!(
                "GET /api/wallet HTTP/1.1\r\nHost: market\r\nConnection: close\r\n{name}: {value}\r\n\r\n"
            );
            let response = exchange(&fixture, request.as_bytes()).await;
            // A line break only starts another header of the request, which is harmless.
            is_unharmed(&response, &["400", "401"], &format!("{name}: {value:?}"));
        }
        let path = value.replace(['\r', '\n', ' '], "%0d%0a");
        let request =
            format!("GET /api/users/{path} HTTP/1.1\r\nHost: market\r\nConnection: close\r\n\r\n");
        let response = exchange(&fixture, request.as_bytes()).await;
        is_unharmed(&response, &["400", "401", "404"], &path);
        let request =
            format!("GET /swagger-ui{path} HTTP/1.1\r\nHost: market\r\nConnection: close\r\n\r\n");
        let response = exchange(&fixture, request.as_bytes()).await;
        is_unharmed(&response, &["400", "404"], &path);
    }
}

/// Asserts a single response whose headers repeat nothing of the request.
fn is_unharmed(response: &str, wanted: &[&str], of: &str) {
    let found = statuses(response);
    assert!(
        found.len() == 1 && wanted.contains(&found[0]),
        "{of}: {response:?}"
    );
    for (name, value) in headers(response) {
        let harmless = |letter: char| letter.is_ascii_graphic() || letter == ' ';
        assert!(value.chars().all(harmless), "{of}: {name}: {value:?}");
        assert!(!name.contains("injected"), "{of}: {response:?}");
        assert!(
            !value.to_lowercase().contains("injected"),
            "{of}: {response:?}"
        );
        assert!(!value.contains("script"), "{of}: {response:?}");
        if name == "x-request-id" {
            let plain = |letter: char| letter.is_ascii_alphanumeric();
            assert!(value.chars().all(plain), "{of}: {value:?}");
        }
    }
}

/// Requests whose end a proxy and the server may see at different places: the request hidden behind it is never served.
#[tokio::test]
async fn no_request_is_smuggled_in_another() {
    let fixture = AccessFixture::open().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: market\r\n\r\n";
    let chunked = format!("0\r\n\r\n{hidden}");
    let lengths = chunked.len();
    let head =
        "POST /api/auth/login HTTP/1.1\r\nHost: market\r\nContent-Type: application/json\r\n";
    let short = hidden.len();
    for (name, request) in [
        (
            "both lengths",
            format!(
                "{head}Content-Length: {lengths}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"
            ),
        ),
        (
            "both lengths, the other way round",
            format!(
                "{head}Transfer-Encoding: chunked\r\nContent-Length: {lengths}\r\n\r\n{chunked}"
            ),
        ),
        (
            "two lengths",
            format!("{head}Content-Length: 0\r\nContent-Length: {short}\r\n\r\n{hidden}"),
        ),
        (
            "a list of lengths",
            format!("{head}Content-Length: 0, {short}\r\n\r\n{hidden}"),
        ),
        (
            "a length with a sign",
            format!("{head}Content-Length: +0\r\n\r\n{hidden}"),
        ),
        (
            "a negative length",
            format!("{head}Content-Length: -1\r\n\r\n{hidden}"),
        ),
        (
            "an endless length",
            format!("{head}Content-Length: 18446744073709551616\r\n\r\n{hidden}"),
        ),
        (
            "another coding",
            format!("{head}Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        ),
        (
            "a coding behind chunked",
            format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"),
        ),
        (
            "a space before the colon",
            format!(
                "{head}Transfer-Encoding : chunked\r\nContent-Length: {lengths}\r\n\r\n{chunked}"
            ),
        ),
        (
            "a folded header",
            format!(
                "{head}X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{hidden}"
            ),
        ),
        (
            "a chunk that is too long to count",
            format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n{hidden}"),
        ),
        (
            "a chunk with a bad end",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n{hidden}"),
        ),
        ("no version", format!("GET /healthz\r\n\r\n{hidden}")),
        (
            "another version",
            format!("GET /healthz HTTP/1.2\r\nHost: market\r\n\r\n{hidden}"),
        ),
    ] {
        let response = exchange(&fixture, request.as_bytes()).await;
        let found = statuses(&response);
        let refused = found.iter().all(|status| status.starts_with('4'));
        assert!(found.len() <= 1 && refused, "{name}: {response}");
    }
}

/// Heads with too many or too long headers are refused.
#[tokio::test]
async fn heads_are_bounded() {
    let fixture = AccessFixture::open().await;
    let many = "X-A: b\r\n".repeat(5_000);
    let long = format!("X-A: {}\r\n", "b".repeat(1_000_000));
    let path = "a".repeat(1_000_000);
    for (name, request) in [
        (
            "many",
            format!("GET /healthz HTTP/1.1\r\nHost: market\r\n{many}\r\n"),
        ),
        (
            "long",
            format!("GET /healthz HTTP/1.1\r\nHost: market\r\n{long}\r\n"),
        ),
        (
            "a long path",
            format!("GET /{path} HTTP/1.1\r\nHost: market\r\n\r\n"),
        ),
    ] {
        let response = exchange(&fixture, request.as_bytes()).await;
        let found = statuses(&response);
        assert!(
            found.is_empty() || found == ["431"] || found == ["414"],
            "{name}: {response:.300}"
        );
    }
}

/// HEAD needs the same rights as GET, and no method echoes the request.
#[tokio::test]
async fn other_methods_give_no_access() {
    let fixture = AccessFixture::open().await;
    for method in [
        "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "FOO",
    ] {
        let path = &Operation::named("get_wallet").path;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: market\r\nConnection: close\r\nX-Secret: seen\r\n\r\n"
        );
        let response = exchange(&fixture, request.as_bytes()).await;
        let found = statuses(&response);
        let wanted = if method == "HEAD" { ["401"] } else { ["405"] };
        assert!(found == wanted || found == ["400"], "{method}: {response}");
        assert!(!response.contains("seen"), "{method}: {response}");
    }
}
