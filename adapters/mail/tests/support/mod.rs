//! A tiny SMTP server, and what mails are written with.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what does not come has to stop the test"
)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use p2p_application::ports::{Clock, Ids, Mail};
use p2p_domain::Timestamp;
use p2p_domain::user::Email;
use p2p_mail::MessageBuilder;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const FROM: &str = "p2p-market <no-reply@market.example.com>";

struct Fixed(AtomicU64);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_750_000_000_000_000)
    }
}

impl Ids for Fixed {
    fn next(&self) -> u128 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }
}

pub(crate) fn message_builder() -> MessageBuilder {
    let fixed = Arc::new(Fixed(AtomicU64::new(1)));
    MessageBuilder::new(FROM, fixed.clone(), fixed).unwrap()
}

pub(crate) fn mail(to: &str, subject: &str, text: &str) -> Mail {
    Mail {
        to: Email::new(to),
        subject: subject.to_owned(),
        text: text.to_owned(),
    }
}

/// What a server does besides taking mail.
#[derive(Clone, Default)]
pub(crate) struct ServerBehaviour {
    /// The answer to commands that begin like this.
    pub(crate) answer: Option<(&'static str, &'static str)>,
    /// Offers STARTTLS.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Speaks TLS from the first byte.
    pub(crate) wrapped: bool,
}

/// What came to a server: its commands, and mails as they were sent.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, begin: &str) -> bool {
        self.lines().iter().any(|line| line.starts_with(begin))
    }

    /// The only mail.
    pub(crate) fn mail(&self) -> String {
        let lines = self.lines();
        let mut mails = lines.iter().filter(|line| line.contains('\n'));
        let mail = mails.next().expect("a mail came").clone();
        assert_eq!(mails.next(), None);
        mail
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

/// Serves on the loopback interface until the test ends.
pub(crate) async fn serve(behaviour: ServerBehaviour) -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, received) = (listener.local_addr().unwrap(), Received::default());
    let noted = received.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (behaviour, received) = (behaviour.clone(), noted.clone());
            tokio::spawn(async move {
                match behaviour.tls.clone() {
                    Some(tls) if behaviour.wrapped => {
                        let Ok(socket) = tls.accept(socket).await else {
                            return received.note("NO TLS".into());
                        };
                        greet_and_talk(socket, &behaviour, &received).await;
                    }
                    Some(tls) => {
                        let Some(socket) = greet_and_talk(socket, &behaviour, &received).await
                        else {
                            return;
                        };
                        match tls.accept(socket).await {
                            Ok(socket) => {
                                received.note("TLS".into());
                                talk(socket, &behaviour, &received).await;
                            }
                            Err(_) => received.note("NO TLS".into()),
                        }
                    }
                    None => {
                        greet_and_talk(socket, &behaviour, &received).await;
                    }
                }
            });
        }
    });
    (address, received)
}

async fn greet_and_talk<S>(
    mut socket: S,
    behaviour: &ServerBehaviour,
    received: &Received,
) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    socket.write_all(b"220 here\r\n").await.ok()?;
    talk(socket, behaviour, received).await
}

/// Until the client leaves, or asks for TLS: then the connection comes back.
async fn talk<S>(socket: S, behaviour: &ServerBehaviour, received: &Received) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut socket = BufReader::new(socket);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        let special = behaviour
            .answer
            .filter(|(begin, _)| line.starts_with(begin));
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        received.note(line);
        let answer = match (special, verb.as_str()) {
            (Some((_, answer)), _) => answer,
            (None, "EHLO") if behaviour.tls.is_some() && !received.has("TLS") => {
                "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN"
            }
            (None, "EHLO") => "250-here\r\n250 AUTH PLAIN",
            (None, "STARTTLS") => "220 go ahead",
            (None, "AUTH") => "235 welcome",
            (None, "DATA") => "354 go ahead",
            (None, "QUIT") => "221 bye",
            (None, _) => "250 fine",
        };
        let answer = format!("{answer}\r\n");
        socket.write_all(answer.as_bytes()).await.ok()?;
        match verb.as_str() {
            "STARTTLS" => return Some(socket.into_inner()),
            "DATA" if answer.starts_with("354") => {
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    if socket.read_line(&mut mail).await.ok()? == 0 {
                        return None;
                    }
                }
                received.note(mail);
                let answer = behaviour.answer.filter(|(begin, _)| *begin == ".");
                let answer = answer.map_or("250 taken", |(_, answer)| answer);
                let answer = format!("{answer}\r\n");
                socket.write_all(answer.as_bytes()).await.ok()?;
            }
            _ => {}
        }
    }
}
