//! The mail port, by an SMTP server, by a folder for demos and development, or by the log alone.
//!
//! *What it may import*: the application's ports and the crate that writes and sends mail (lettre). Mails hold secrets, and
//! addresses are personal: neither is ever in an error or in the log.
//!
//! *How to add the next thing*: one file per way of delivery, which writes its mails on [`MessageBuilder`].

mod folder;
mod log;
mod message_builder;
mod smtp;

pub use folder::FolderMailer;
pub use log::LogMailer;
pub use message_builder::{InvalidSender, MessageBuilder};
pub use smtp::{InvalidSmtp, SmtpMailer, SmtpSettings};
