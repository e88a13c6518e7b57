//! What goes to an SMTP server, and what does not.

#![allow(
    clippy::unwrap_used,
    reason = "what can not be set up has to stop the test"
)]

mod support;

use std::sync::Arc;

use p2p_application::ports::{MailError, Mailer};
use p2p_mail::{InvalidSmtp, SmtpMailer, SmtpSettings};
use support::{Received, ServerBehaviour, mail, message_builder, serve};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

fn settings(url: String) -> SmtpSettings {
    SmtpSettings {
        url,
        user: String::new(),
        password: String::new(),
        authority: None,
    }
}

/// A server without encryption, and a mailer for it.
async fn plain(answer: Option<(&'static str, &'static str)>) -> (SmtpMailer, Received) {
    let behaviour = ServerBehaviour {
        answer,
        ..ServerBehaviour::default()
    };
    let (address, received) = serve(behaviour).await;
    let settings = settings(format!("smtp://{address}?tls=none"));
    (
        SmtpMailer::new(&settings, message_builder()).unwrap(),
        received,
    )
}

/// TLS with a certificate of its own, and that certificate.
fn tls() -> (TlsAcceptor, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let authority = made.cert.pem().into_bytes();
    (TlsAcceptor::from(Arc::new(config)), authority)
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let (mailer, received) = plain(None).await;
    let text = "Hello!\n\nhttps://market.example.com/verify-email?token=abc.def\n.\n\nBye\n";
    let mail = mail("Alice@Example.com", "Verify your e-mail address", text);
    mailer.send(&mail).await.unwrap();
    let lines = received.lines();
    assert_eq!(
        lines[..4],
        [
            "EHLO market.example.com",
            "MAIL FROM:<no-reply@market.example.com>",
            "RCPT TO:<alice@example.com>",
            "DATA"
        ]
    );
    let sent = received.mail();
    let (headers, body) = sent.split_once("\r\n\r\n").unwrap();
    for header in [
        "From: p2p-market <no-reply@market.example.com>",
        "To: alice@example.com",
        "Subject: Verify your e-mail address",
        "Date: Sun, 15 Jun 2025 15:06:40 +0000",
        "Message-ID: <00000000000000000000000000000001@market.example.com>",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(
            headers.lines().any(|line| line == header),
            "{header}: {sent}"
        );
    }
    // The lone dot is doubled on the way, so that it does not end the mail.
    let expected = text.replace("\n.\n", "\n..\n").replace('\n', "\r\n");
    let body = body.strip_suffix(".\r\n").unwrap();
    assert_eq!(body.trim_end(), expected.trim_end(), "{sent}");
}

#[tokio::test]
async fn texts_of_other_languages_go_as_ascii() {
    let (mailer, received) = plain(None).await;
    let mail = mail(
        "alice@example.com",
        "Подтвердите адрес почты",
        "Здравствуйте!\n",
    );
    mailer.send(&mail).await.unwrap();
    assert!(received.mail().is_ascii(), "{}", received.mail());
}

#[tokio::test]
async fn what_the_server_says_decides_whether_it_is_tried_again() {
    for (answer, refused) in [
        (
            ("RCPT", "550 5.1.1 <alice@example.com>: no such user"),
            true,
        ),
        (
            ("RCPT", "450 4.2.0 <alice@example.com>: come back later"),
            false,
        ),
        (("MAIL", "452 4.3.1 the disk is full"), false),
        (("MAIL", "530 5.7.0 who are you"), false),
        ((".", "554 5.7.1 spam for alice@example.com"), true),
        (("DATA", "421 4.3.2 closing"), false),
        (("EHLO", "502 5.5.1 what"), true),
    ] {
        let (mailer, _) = plain(Some(answer)).await;
        let sent = mailer
            .send(&mail("alice@example.com", "Subject", "Text"))
            .await;
        let error = sent.unwrap_err();
        assert_eq!(
            matches!(error, MailError::Refused(_)),
            refused,
            "{answer:?}: {error}"
        );
        let text = error.to_string();
        assert!(text.contains(&answer.1[..3]), "{answer:?}: {text}");
        assert!(!text.contains("alice"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = settings(format!("smtp://{address}?tls=none"));
    let mailer = SmtpMailer::new(&settings, message_builder()).unwrap();
    let sent = mailer
        .send(&mail("alice@example.com", "Subject", "Text"))
        .await;
    assert!(matches!(sent, Err(MailError::Unavailable(_))), "{sent:?}");
}

#[tokio::test]
async fn input_injects_neither_headers_nor_commands() {
    for to in [
        "alice@example.com\r\nBcc: mallory@example.com",
        "alice@example.com\nRCPT TO:<mallory@example.com>",
        "alice@example.com>\r\nRCPT TO:<mallory@example.com",
        "alice@example.com, mallory@example.com",
        "alice@example.com mallory@example.com",
        "alice\u{0}@example.com",
        "<alice@example.com>",
        "alice",
        "",
    ] {
        let (mailer, received) = plain(None).await;
        let sent = mailer.send(&mail(to, "Subject", "Text")).await;
        assert!(
            matches!(sent, Err(MailError::Refused(_))),
            "{to:?}: {sent:?}"
        );
        assert!(!received.has("MAIL"), "{to:?}: {:?}", received.lines());
    }
    let (mailer, received) = plain(None).await;
    let subject = "One\r\nBcc: mallory@example.com\r\n\r\nAnother body\u{7f}";
    let text = "One\r\n.\r\nMAIL FROM:<mallory@example.com>\r\n";
    let sent = mailer.send(&mail("alice@example.com", subject, text)).await;
    sent.unwrap();
    assert!(
        !received.has("MAIL FROM:<mallory"),
        "{:?}",
        received.lines()
    );
    let (sent, lines) = (received.mail(), received.lines());
    let (headers, _) = sent.split_once("\r\n\r\n").unwrap();
    assert!(
        !headers.lines().any(|line| line.starts_with("Bcc")),
        "{sent}"
    );
    let receivers = lines.iter().filter(|line| line.starts_with("RCPT"));
    assert_eq!(receivers.count(), 1);
}

#[tokio::test]
async fn nothing_is_sent_before_the_connection_is_encrypted() {
    let (acceptor, authority) = tls();
    let behaviour = ServerBehaviour {
        tls: Some(acceptor),
        ..ServerBehaviour::default()
    };
    let (address, received) = serve(behaviour).await;
    let settings = SmtpSettings {
        user: "market".into(),
        password: "very secret".into(),
        authority: Some(authority),
        ..settings(format!("smtp://{address}"))
    };
    assert!(!format!("{settings:?}").contains("secret"));
    let mailer = SmtpMailer::new(&settings, message_builder()).unwrap();
    assert!(!format!("{mailer:?}").contains("secret"));
    let sent = mailer
        .send(&mail("alice@example.com", "Subject", "Text"))
        .await;
    sent.unwrap();
    let lines = received.lines();
    assert_eq!(lines[1..3], ["STARTTLS", "TLS"]);
    assert!(lines[3].starts_with("EHLO"), "{lines:?}");
    assert!(lines[4].starts_with("AUTH PLAIN"), "{lines:?}");
    assert!(received.mail().contains("Text"));
}

#[tokio::test]
async fn tls_from_the_first_byte_is_spoken_too() {
    let (acceptor, authority) = tls();
    let behaviour = ServerBehaviour {
        tls: Some(acceptor),
        wrapped: true,
        ..ServerBehaviour::default()
    };
    let (address, received) = serve(behaviour).await;
    let settings = SmtpSettings {
        authority: Some(authority),
        ..settings(format!("smtps://{address}"))
    };
    let mailer = SmtpMailer::new(&settings, message_builder()).unwrap();
    let sent = mailer
        .send(&mail("alice@example.com", "Subject", "Text"))
        .await;
    sent.unwrap();
    assert!(received.mail().contains("Text"));
}

#[tokio::test]
async fn who_can_not_prove_to_be_the_server_gets_nothing() {
    let credentials = |settings| SmtpSettings {
        user: "market".into(),
        password: "very secret".into(),
        ..settings
    };
    let (stranger, _) = tls();
    let (_, authority) = tls();
    for (behaviour, scheme) in [
        // Removes STARTTLS from its capabilities, as a man in the middle would.
        (ServerBehaviour::default(), "smtp"),
        (
            ServerBehaviour {
                tls: Some(stranger.clone()),
                ..ServerBehaviour::default()
            },
            "smtp",
        ),
        (
            ServerBehaviour {
                tls: Some(stranger),
                wrapped: true,
                ..ServerBehaviour::default()
            },
            "smtps",
        ),
    ] {
        for authority in [None, Some(authority.clone())] {
            let (address, received) = serve(behaviour.clone()).await;
            let settings = SmtpSettings {
                authority,
                ..credentials(settings(format!("{scheme}://{address}")))
            };
            let mailer = SmtpMailer::new(&settings, message_builder()).unwrap();
            let sent = mailer
                .send(&mail("alice@example.com", "Subject", "Text"))
                .await;
            assert!(matches!(sent, Err(MailError::Unavailable(_))), "{sent:?}");
            for command in ["AUTH", "MAIL", "DATA"] {
                assert!(!received.has(command), "{:?}", received.lines());
            }
        }
    }
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let user = SmtpSettings {
        user: "market".into(),
        ..settings("smtps://mail.example.com".into())
    };
    let refused = SmtpMailer::new(&user, message_builder()).err();
    assert_eq!(refused, Some(InvalidSmtp::HalfCredentials));
    let authority = SmtpSettings {
        authority: Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()),
        ..settings("smtps://mail.example.com".into())
    };
    let refused = SmtpMailer::new(&authority, message_builder()).err();
    assert!(matches!(refused, Some(InvalidSmtp::Tls(_))), "{refused:?}");
}
