//! Mail by SMTP (RFC 5321), encrypted all the way to the server.

use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use p2p_application::ports::{Mail, MailError, Mailer};
use url::Url;

use crate::MessageBuilder;

/// How long the server may take for one answer, and for a mail altogether.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const SEND_WITHIN: Duration = Duration::from_secs(60);

/// TLS from the first byte (RFC 8314), and after STARTTLS.
const PORT: u16 = 465;
const PORT_STARTTLS: u16 = 587;

/// Where mail is handed in.
#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://host`, which is best, or `smtp://host` for STARTTLS, without which nothing is sent. `smtp://host?tls=none`
    /// goes unencrypted, to this machine only. A port may follow the host.
    pub url: String,
    /// Empty if the server requires no log-in.
    pub user: String,
    /// A secret.
    pub password: String,
    /// A PEM certificate that is trusted in addition to the public authorities.
    pub authority: Option<Vec<u8>>,
}

impl std::fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSettings").finish_non_exhaustive()
    }
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSmtp {
    #[error(
        "a mail server's URL looks like `smtps://mail.example.com` or `smtp://mail.example.com:587`"
    )]
    Url,
    #[error("user and password of a mail server are settings of their own, not parts of its URL")]
    CredentialsInUrl,
    #[error("a mail server without encryption (`tls=none`) must be on this machine")]
    Unencrypted,
    #[error("a mail server's user and password go together")]
    HalfCredentials,
    #[error("TLS to the mail server: {0}")]
    Tls(String),
}

/// Hands mail to an SMTP server.
#[derive(Clone)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    message_builder: MessageBuilder,
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer").finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// A mailer for this server. Nothing is connected before there is mail.
    pub fn new(
        settings: &SmtpSettings,
        message_builder: MessageBuilder,
    ) -> Result<Self, InvalidSmtp> {
        let Server { host, port, tls } = Server::parse(&settings.url)?;
        let parameters = || {
            let mut parameters = TlsParameters::builder(host.clone());
            if let Some(authority) = &settings.authority {
                let authority =
                    Certificate::from_pem(authority).map_err(|error| tls_error(&error))?;
                parameters = parameters.add_root_certificate(authority);
            }
            parameters.build_rustls().map_err(|error| tls_error(&error))
        };
        let tls = match tls {
            Encryption::FromTheStart => Tls::Wrapper(parameters()?),
            Encryption::StartTls => Tls::Required(parameters()?),
            Encryption::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(port)
            .tls(tls)
            .hello_name(ClientId::Domain(message_builder.domain().to_owned()))
            .timeout(Some(ANSWER_WITHIN));
        if settings.user.is_empty() != settings.password.is_empty() {
            return Err(InvalidSmtp::HalfCredentials);
        }
        if !settings.user.is_empty() {
            let (user, password) = (settings.user.clone(), settings.password.clone());
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            transport: builder.build(),
            message_builder,
        })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mail = self.message_builder.write(mail)?;
        let sending = self.transport.send(mail);
        match tokio::time::timeout(SEND_WITHIN, sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(told(&error)),
            Err(_) => {
                let reason = "the mail server took too long";
                Err(MailError::Unavailable(reason.into()))
            }
        }
    }
}

/// What went wrong. What the server said is left out: it may name the receiver.
fn told(error: &Error) -> MailError {
    let Some(code) = error.status().map(u16::from) else {
        // Without a response, the network's error names no recipient.
        return MailError::Unavailable(error.to_string());
    };
    let reason = format!("the mail server answered {code}");
    // The server does not believe that we are who we say: nothing that the mail could be blamed for.
    let ours = matches!(code, 530 | 534 | 535 | 538);
    if error.is_permanent() && !ours {
        MailError::Refused(reason)
    } else {
        MailError::Unavailable(reason)
    }
}

fn tls_error(error: &Error) -> InvalidSmtp {
    InvalidSmtp::Tls(error.to_string())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    FromTheStart,
    StartTls,
    None,
}

#[derive(Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    tls: Encryption,
}

impl Server {
    fn parse(url: &str) -> Result<Self, InvalidSmtp> {
        let url = Url::parse(url).map_err(|_| InvalidSmtp::Url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSmtp::CredentialsInUrl);
        }
        let tls = match (url.scheme(), url.query()) {
            ("smtps", None) => Encryption::FromTheStart,
            ("smtp", None) => Encryption::StartTls,
            ("smtp", Some("tls=none")) => Encryption::None,
            _ => return Err(InvalidSmtp::Url),
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(InvalidSmtp::Url);
        }
        let address = host.parse::<std::net::IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if tls == Encryption::None && !is_here {
            return Err(InvalidSmtp::Unencrypted);
        }
        let usual = match tls {
            Encryption::FromTheStart => PORT,
            Encryption::StartTls | Encryption::None => PORT_STARTTLS,
        };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(usual),
            tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_url() {
        for (url, host, port, tls) in [
            (
                "smtps://mail.example.com",
                "mail.example.com",
                465,
                Encryption::FromTheStart,
            ),
            (
                "smtps://mail.example.com:10465/",
                "mail.example.com",
                10_465,
                Encryption::FromTheStart,
            ),
            (
                "smtp://mail.example.com",
                "mail.example.com",
                587,
                Encryption::StartTls,
            ),
            (
                "smtp://[2001:db8::1]:25",
                "2001:db8::1",
                25,
                Encryption::StartTls,
            ),
            (
                "smtp://localhost:1025?tls=none",
                "localhost",
                1_025,
                Encryption::None,
            ),
            (
                "smtp://127.0.0.1?tls=none",
                "127.0.0.1",
                587,
                Encryption::None,
            ),
            ("smtp://[::1]:1025?tls=none", "::1", 1_025, Encryption::None),
        ] {
            let host = host.to_owned();
            assert_eq!(Server::parse(url), Ok(Server { host, port, tls }), "{url}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for (url, error) in [
            ("", InvalidSmtp::Url),
            ("mail.example.com", InvalidSmtp::Url),
            ("smtp://", InvalidSmtp::Url),
            ("http://mail.example.com", InvalidSmtp::Url),
            (
                "smtp://mail.example.com?tls=opportunistic",
                InvalidSmtp::Url,
            ),
            ("smtps://mail.example.com?tls=none", InvalidSmtp::Url),
            ("smtp://mail.example.com/path", InvalidSmtp::Url),
            ("smtp://mail.example.com?tls=none", InvalidSmtp::Unencrypted),
            ("smtp://10.0.0.1?tls=none", InvalidSmtp::Unencrypted),
            (
                "smtp://localhost.example.com?tls=none",
                InvalidSmtp::Unencrypted,
            ),
            (
                "smtps://me:secret@mail.example.com",
                InvalidSmtp::CredentialsInUrl,
            ),
        ] {
            assert_eq!(Server::parse(url), Err(error), "{url}");
        }
    }
}
