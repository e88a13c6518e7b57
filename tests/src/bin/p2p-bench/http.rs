//! A lean HTTP/1.1 client: it shares the processors with what it measures.
//!
//! One request at a time over a connection that is kept. Requests are bytes, built by whoever asks; of an answer, the
//! status, the length and the body are looked at.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Larger answers are a mistake of ours.
const LARGEST: usize = 1 << 24;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Whether it says when to come again.
    pub(crate) retry_after: bool,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// The body, as far as it is text, for messages.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(self.body);
        format!("{} {}", self.status, text.trim())
    }
}

impl Connection {
    /// A connection that the server has accepted: it has answered a first question.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; 2_048];
        let mut connection = Self { stream, buffer };
        let answer = connection.call(&get("/healthz", "")).await?;
        ensure!(answer.status == 200, "/healthz: {}", answer.text());
        Ok(connection)
    }

    pub(crate) async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            if filled == self.buffer.len() {
                ensure!(filled < LARGEST, "an answer without an end");
                self.buffer.resize(filled * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if let Some(head) = Head::parse(&self.buffer[..filled])? {
                break head;
            }
        };
        let end = head.length + head.body;
        ensure!(end <= LARGEST, "an answer of {end} bytes");
        ensure!(filled <= end, "more than an answer");
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        if filled < end {
            let rest = &mut self.buffer[filled..end];
            self.stream.read_exact(rest).await?;
        }
        Ok(Answer {
            status: head.status,
            retry_after: head.retry_after,
            body: &self.buffer[head.length..end],
        })
    }
}

/// A request without a body. `more` are further header lines, each with its end.
pub(crate) fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: p2p-market\r\n{more}\r\n").into_bytes()
}

/// What follows the path in a request by somebody: all header lines but the one about the body.
pub(crate) fn headers(token: &str) -> Vec<u8> {
    format!(
        " HTTP/1.1\r\nhost: p2p-market\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n"
    )
    .into_bytes()
}

/// What ends a request: the body's length, and the body.
pub(crate) fn body(json: &str) -> Vec<u8> {
    format!("content-length: {}\r\n\r\n{json}", json.len()).into_bytes()
}

/// What an answer begins with.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body: usize,
    retry_after: bool,
}

impl Head {
    /// Nothing if there is more to come.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes)? else {
            return Ok(None);
        };
        let mut body = None;
        let mut retry_after = false;
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let digits = std::str::from_utf8(header.value)?;
                body = Some(digits.parse().context("content-length")?);
            } else if header.name.eq_ignore_ascii_case("retry-after") {
                retry_after = true;
            }
        }
        let (Some(status), Some(body)) = (response.code, body) else {
            bail!("an answer without status or length");
        };
        Ok(Some(Self {
            status,
            length,
            body,
            retry_after,
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn heads_are_read() {
        let head = |text: &str| Head::parse(text.as_bytes()).unwrap();
        let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}";
        let read = head(busy).unwrap();
        assert_eq!((read.status, read.body, read.retry_after), (503, 2, true));
        assert_eq!(&busy[read.length..], "{}");
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-le"), None);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::parse(b"SSH-2.0\r\n").is_err());
    }

    #[tokio::test]
    async fn an_answer_may_come_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = [0; 1_024];
            let long = format!(
                "HTTP/1.1 201 Created\r\ncontent-length: 3000\r\n\r\n{:3000}",
                1
            );
            for pieces in [
                vec!["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"],
                vec![
                    "HTTP/1.1 201 Cre",
                    "ated\r\ncontent-length: 4\r\n\r\nab",
                    "cd",
                ],
                vec![long.as_str()],
            ] {
                assert!(stream.read(&mut request).await.unwrap() > 0);
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        let answer = connection.call(b"?").await.unwrap();
        assert_eq!((answer.status, answer.body), (201, b"abcd".as_slice()));
        let answer = connection.call(b"?").await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (201, 3_000));
        serving.await.unwrap();
    }
}
