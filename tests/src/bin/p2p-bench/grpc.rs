//! A lean gRPC client: it shares the processors with what it measures.
//!
//! Many calls are under way at a time on one HTTP/2 connection. Messages are bytes, built by whoever asks; of an answer, the
//! status and the message are looked at.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use h2::client::{self, SendRequest};
use tokio::net::TcpStream;

use crate::http::Answer;

/// What gRPC puts before each message: that it is not compressed, and its length.
const PREFIX: usize = 5;

/// How much the answers of a connection may send before they are looked at.
const WINDOW: u32 = 1 << 20;

/// The method of a service, called on a connection that others use too. Clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    connection: SendRequest<Bytes>,
    method: Uri,
    /// The answer at hand, or what was said in its place.
    answer: Vec<u8>,
}

impl Calls {
    /// `method`: with its service, as in `payment.v1.PaymentService/GetPayment`.
    pub(crate) async fn open(address: SocketAddr, method: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let handshake = client::Builder::new()
            .enable_push(false)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(stream);
        let (connection, driver) = handshake.await?;
        // It ends with the last of those who call. Whoever calls on a broken one is told.
        drop(tokio::spawn(driver));
        Ok(Self {
            connection,
            method: format!("http://{address}/{method}").parse()?,
            answer: Vec::new(),
        })
    }

    /// Calls with a message that [`message`] made.
    pub(crate) async fn call(
        &mut self,
        authorization: &HeaderValue,
        message: Vec<u8>,
    ) -> Result<Answer<'_>> {
        let request = Request::post(self.method.clone())
            .header(header::TE, "trailers")
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::AUTHORIZATION, authorization)
            .body(())?;
        let mut connection = self.connection.clone().ready().await?;
        let (answer, mut sending) = connection.send_request(request, false)?;
        sending.send_data(Bytes::from(message), true)?;
        let (head, mut body) = answer.await?.into_parts();
        ensure!(head.status == StatusCode::OK, "HTTP status {}", head.status);
        self.answer.clear();
        while let Some(part) = body.data().await {
            let part = part?;
            body.flow_control().release_capacity(part.len())?;
            self.answer.extend_from_slice(&part);
        }
        let trailers = body.trailers().await?;
        let outcome = trailers.as_ref().unwrap_or(&head.headers);
        let status = status(outcome)?;
        if status != 0 {
            let said = outcome.get("grpc-message").map(HeaderValue::as_bytes);
            self.answer.resize(PREFIX, 0);
            self.answer.extend_from_slice(said.unwrap_or_default());
        }
        Ok(Answer {
            status,
            retry_after: false,
            body: self.answer.get(PREFIX..).unwrap_or_default(),
        })
    }
}

fn status(outcome: &HeaderMap) -> Result<u16> {
    let status = outcome.get("grpc-status").context("no grpc-status")?;
    Ok(status.to_str()?.parse()?)
}

/// A message, as gRPC sends it.
pub(crate) fn message(fields: &[Field<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; PREFIX];
    for (number, field) in (1_u64..).zip(fields) {
        match field {
            Field::Text(text) => {
                varint(number << 3 | 2, &mut bytes);
                varint(text.len() as u64, &mut bytes);
                bytes.extend_from_slice(text.as_bytes());
            }
            Field::Number(value) => {
                varint(number << 3, &mut bytes);
                varint(*value, &mut bytes);
            }
        }
    }
    let length = u32::try_from(bytes.len() - PREFIX).unwrap_or(u32::MAX);
    bytes[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// A field of a message, in the order of their numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    Number(u64),
}

/// Seven bits a byte, the lowest first.
fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_protobuf_has_them() {
        let written = message(&[Field::Text("ab"), Field::Text(""), Field::Number(300)]);
        let expected = [
            0, 0, 0, 0, 9, 0x0a, 2, b'a', b'b', 0x12, 0, 0x18, 0xac, 0x02,
        ];
        assert_eq!(written, expected);
    }
}
