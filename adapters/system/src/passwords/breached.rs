//! Passwords that were stolen somewhere before, looked up in a file. Nothing is asked over the network.
//!
//! The file is the one that Pwned Passwords offers, in its text form ordered by hash: lines `SHA1:COUNT`, tens of gigabytes. It
//! is searched where it lies and never loaded.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXUPPER;
use sha1::{Digest, Sha1};

/// No line is longer, with its end.
const LONGEST_LINE: usize = 64;

/// A hash in hexadecimal.
const HASH: usize = 40;

/// A list of breached passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BreachedPasswords {
    file: Arc<File>,
    length: u64,
}

/// A line, where it begins and where the next one does.
#[derive(Debug)]
struct Line {
    hash: [u8; HASH],
    start: u64,
    next: u64,
}

impl BreachedPasswords {
    /// Opens a list; an error where the file is none. Whether it is in order all through is not looked at.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let list = Self {
            file: Arc::new(file),
            length,
        };
        if length == 0 {
            return Err(io::Error::new(ErrorKind::InvalidData, "the list is empty"));
        }
        let (first, last) = (list.line_at(0)?, list.line_at(length - 1)?);
        if first.hash > last.hash {
            let reason = "the list is not ordered by hash";
            return Err(io::Error::new(ErrorKind::InvalidData, reason));
        }
        Ok(list)
    }

    /// Whether this password is in the list.
    pub(super) fn contains(&self, password: &str) -> io::Result<bool> {
        let wanted = hexadecimal(&Sha1::digest(password).into());
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let line = self.line_at(low + (high - low) / 2)?;
            match line.hash.cmp(&wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = line.next,
                std::cmp::Ordering::Greater => high = line.start,
            }
        }
        Ok(false)
    }

    /// The line that this byte belongs to.
    fn line_at(&self, place: u64) -> io::Result<Line> {
        let begin = place.saturating_sub(LONGEST_LINE as u64);
        let mut window = [0; 2 * LONGEST_LINE];
        let filled = self.fill(&mut window, begin)?;
        let window = window.get(..filled).unwrap_or_default();
        let here = usize::try_from(place - begin).unwrap_or(usize::MAX);
        let (before, behind) = window
            .split_at_checked(here)
            .ok_or_else(|| malformed(place))?;
        // The line's own end belongs to it, so that one before this place ends another line.
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let start = start.map_or(0, |end| end + 1);
        let end = behind.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(filled, |end| here + end + 1);
        let line = window.get(start..end).unwrap_or_default();
        Ok(Line {
            hash: hash_of(line).ok_or_else(|| malformed(place))?,
            start: begin + start as u64,
            next: begin + end as u64,
        })
    }

    fn fill(&self, window: &mut [u8], begin: u64) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            let rest = window.get_mut(filled..).unwrap_or_default();
            match self.file.read_at(rest, begin + filled as u64) {
                Ok(0) => return Ok(filled),
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The hash at the beginning of a line, in capitals.
fn hash_of(line: &[u8]) -> Option<[u8; HASH]> {
    let (hash, count) = line.split_first_chunk::<HASH>()?;
    let count = count.strip_prefix(b":")?.trim_ascii_end();
    let well_formed = hash.iter().all(u8::is_ascii_hexdigit)
        && !count.is_empty()
        && count.iter().all(u8::is_ascii_digit);
    well_formed.then(|| hash.to_ascii_uppercase().try_into().ok())?
}

fn hexadecimal(digest: &[u8; HASH / 2]) -> [u8; HASH] {
    let mut hash = [0; HASH];
    HEXUPPER.encode_mut(digest, &mut hash);
    hash
}

fn malformed(place: u64) -> io::Error {
    let reason = format!("the list of breached passwords has no line `SHA1:COUNT` at byte {place}");
    io::Error::new(ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::NamedTempFile;

    use super::*;

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn line(password: &str, count: u64, end: &str) -> String {
        let hash = hexadecimal(&Sha1::digest(password).into());
        format!("{}:{count}{end}", String::from_utf8(hash.to_vec()).unwrap())
    }

    fn list(passwords: &[String], end: &str, last: &str) -> String {
        let mut lines: Vec<String> = passwords
            .iter()
            .zip(1..)
            // Lines of different length.
            .map(|(password, count)| line(password, count * count * count, ""))
            .collect();
        lines.sort();
        lines.join(end) + last
    }

    #[test]
    fn each_line_is_found_and_nothing_else() {
        for size in [1, 2, 3, 64, 1_000] {
            let passwords: Vec<String> = (0..size).map(|n| format!("password {n}")).collect();
            for (end, last) in [("\n", "\n"), ("\r\n", "\r\n"), ("\n", ""), ("\r\n", "")] {
                let file = file(&list(&passwords, end, last));
                let breached = BreachedPasswords::open(file.path()).unwrap();
                for password in &passwords {
                    assert!(breached.contains(password).unwrap(), "{password} of {size}");
                    assert!(!breached.contains(&format!("{password}.")).unwrap());
                }
                assert!(!breached.contains("").unwrap());
            }
        }
    }

    #[test]
    fn hashes_are_those_of_pwned_passwords() {
        let known = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n";
        for text in [known.to_owned(), known.to_ascii_lowercase()] {
            let file = file(&text);
            let breached = BreachedPasswords::open(file.path()).unwrap();
            assert!(breached.contains("password").unwrap());
            assert!(!breached.contains("Password").unwrap());
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let (first, second) = (line("a", 1, "\n"), line("b", 1, "\n"));
        assert!(first < second);
        for text in [
            "",
            "\n",
            "password\n123456\n",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\n",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:\n",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:x\n",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FDX:1\n",
            &"A".repeat(1_000),
            &format!("{second}{first}"),
            &format!("{first}rubbish"),
        ] {
            let error = BreachedPasswords::open(file(text).path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{text}");
        }
    }

    #[test]
    fn a_list_with_a_hole_is_an_error_and_no_answer() {
        let passwords: Vec<String> = (0..100).map(|n| format!("password {n}")).collect();
        let mut text = list(&passwords, "\n", "\n");
        let middle = text.len() / 2;
        text.replace_range(middle - 100..middle + 100, &"\0".repeat(200));
        let file = file(&text);
        let breached = BreachedPasswords::open(file.path()).unwrap();
        assert!(breached.contains("password 1").is_err());
    }
}
