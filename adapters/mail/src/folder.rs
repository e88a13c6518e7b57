//! Mail into a folder, for demos and development: each mail is a file that only its owner may read.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use p2p_application::ports::{Mail, MailError, Mailer};

use crate::MessageBuilder;

/// Lays mails down as `.eml` files, which sort by time and which mail programs open.
#[derive(Debug, Clone)]
pub struct FolderMailer {
    folder: PathBuf,
    message_builder: MessageBuilder,
}

impl FolderMailer {
    /// Makes the folder, unless it is there.
    pub fn open(folder: &Path, message_builder: MessageBuilder) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            message_builder,
        })
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mail = self.message_builder.write_plainly(mail)?.formatted();
        let name = format!("{:032x}", self.message_builder.fresh_id());
        let folder = self.folder.clone();
        let unavailable = |error: &dyn std::fmt::Display| {
            MailError::Unavailable(format!("the folder for mail can't be written to: {error}"))
        };
        let laid = tokio::task::spawn_blocking(move || lay(&folder, &name, &mail)).await;
        laid.map_err(|error| unavailable(&error))?
            .map_err(|error| unavailable(&error))
    }
}

/// Under its name a file is whole.
fn lay(folder: &Path, name: &str, mail: &[u8]) -> io::Result<()> {
    let begun = folder.join(format!(".{name}"));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&begun)?;
    let written = file
        .write_all(mail)
        .and_then(|()| fs::rename(&begun, folder.join(format!("{name}.eml"))));
    if written.is_err() {
        let _ = fs::remove_file(&begun);
    }
    written
}
