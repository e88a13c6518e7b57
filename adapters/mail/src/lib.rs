//! Mail to people, by whoever delivers it: an SMTP server, a folder for demos and development, or nobody but the log.
//!
//! *What it may import*: the application's ports and the crate that writes and sends mail (lettre). Mails hold secrets, and
//! addresses are personal: neither is ever in an error or in the log.
//!
//! *How to add the next thing*: one file per way of delivery, which writes its mails on [`Stationery`].

mod folder;
mod log;
mod smtp;
mod stationery;

pub use folder::FolderMailer;
pub use log::LogMailer;
pub use smtp::{BadSmtp, SmtpMailer, SmtpSettings};
pub use stationery::{BadSender, Stationery};
