//! How a mail is written: who it is from, its date and id, and text that survives the way.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, SinglePart};
use lettre::{Address, Message};
use p2p_application::ports::{Clock, Ids, Mail, MailError};

/// What all mails have in common. Cheap to clone.
#[derive(Clone)]
pub struct MessageBuilder {
    from: Mailbox,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// Not the address of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sender looks like `p2p-market <no-reply@market.example.com>`")]
pub struct InvalidSender;

impl std::fmt::Debug for MessageBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageBuilder")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl MessageBuilder {
    /// For mails from this sender.
    pub fn new(
        from: &str,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, InvalidSender> {
        let from: Mailbox = from.parse().map_err(|_| InvalidSender)?;
        if !from.email.to_string().is_ascii() {
            return Err(InvalidSender);
        }
        Ok(Self { from, clock, ids })
    }

    /// The domain that mails come from.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    pub(crate) fn fresh_id(&self) -> u128 {
        self.ids.next()
    }

    /// A mail as it is sent: ASCII all through, whatever it says.
    pub(crate) fn write(&self, mail: &Mail) -> Result<Message, MailError> {
        self.compose(mail, Body::new(mail.text.clone()))
    }

    /// A mail as it is read without a program for it: its text is as it was.
    pub(crate) fn write_plainly(&self, mail: &Mail) -> Result<Message, MailError> {
        let text = mail.text.replace("\r\n", "\n").replace('\n', "\r\n");
        let encoding = ContentTransferEncoding::EightBit;
        let body = Body::dangerous_pre_encoded(text.into_bytes(), encoding);
        self.compose(mail, body)
    }

    fn compose(&self, mail: &Mail, body: Body) -> Result<Message, MailError> {
        // Whatever is no address can't be one of a header's lines either.
        let to: Address = mail
            .to
            .as_str()
            .parse()
            .map_err(|_| MailError::Refused("the receiver's address is none".into()))?;
        let text = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .body(body);
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::from(to))
            .subject(one_line(&mail.subject))
            .date(self.now())
            .message_id(Some(format!(
                "<{:032x}@{}>",
                self.fresh_id(),
                self.domain()
            )))
            // Suppresses automatic replies, such as vacation notices.
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .singlepart(text)
            .map_err(|error| MailError::Refused(error.to_string()))
    }

    fn now(&self) -> SystemTime {
        let micros = u64::try_from(self.clock.now().as_micros()).unwrap_or(0);
        UNIX_EPOCH + Duration::from_micros(micros)
    }
}

/// The text without anything that could end a header.
fn one_line(text: &str) -> String {
    let letter = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(letter).collect()
}
