//! The till's journal: a file that is only added to, a line a fact, on the disk before a call leaves.
//!
//! Every line begins with a checksum over itself and the line before, so a line that was changed, taken out
//! or put elsewhere is found. A crash can tear the last line only, and a torn line has no end: the call
//! that it was about was never sent, or its outcome is asked for again, so it is cut off. Anything else
//! that is not as it was written is refused, never guessed at.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::TillError;
use super::order::{Event, Orders};
use crate::crypto::hash::sha256;
use crate::domain::id::hex;
use crate::env::file;

/// Of SHA-256's digits so many stand before a line: enough against accidents, which is all it is for.
const CHECKSUM_DIGITS: usize = 16;

/// The only format so far.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    saifu_till_journal: u32,
    key_id: String,
}

/// The open journal of one till.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    checksum: String,
    orders: Orders,
    is_broken: bool,
}

impl Journal {
    /// Makes an empty one for the till with this key.
    pub fn create(path: &Path, key_id: &str) -> Result<(), TillError> {
        let head = Head { saifu_till_journal: FORMAT, key_id: key_id.to_owned() };
        let (line, _) = sealed("", &text(&head));
        file::replace(path, line.as_bytes()).map_err(|error| TillError::Unwritable(path.to_owned(), error))
    }

    /// Reads that of the till with this key, and cuts off what a crash has torn.
    pub fn open(path: &Path, key_id: &str) -> Result<Self, TillError> {
        let content = fs::read(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return TillError::NoJournal(path.to_owned());
            }
            TillError::Unreadable(path.to_owned(), error)
        })?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let unwritable = |error| TillError::Unwritable(path.to_owned(), error);
        let file = OpenOptions::new().append(true).open(path).map_err(unwritable)?;
        let (checksum, orders) = read(path, &content[..whole], key_id)?;
        if whole < content.len() {
            tracing::warn!(path = %path.display(), "the journal's last line was torn by a crash: cut off");
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(unwritable)?;
        }
        Ok(Self { path: path.to_owned(), file, checksum, orders, is_broken: false })
    }

    /// What it says.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Adds a line. When this returns it is on the disk.
    pub fn add(&mut self, event: &Event) -> Result<(), TillError> {
        if self.is_broken {
            return Err(TillError::Broken(self.path.clone()));
        }
        let (line, checksum) = sealed(&self.checksum, &text(event));
        if let Err(error) = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()) {
            // What is in the file now only the next start can tell.
            self.is_broken = true;
            return Err(TillError::Unwritable(self.path.clone(), error));
        }
        self.checksum = checksum;
        self.orders.apply(event);
        Ok(())
    }
}

fn text(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("names and numbers make JSON")
}

/// The line as it is written, and its checksum.
fn sealed(before: &str, json: &str) -> (String, String) {
    let checksum = hex(&sha256(&[before.as_bytes(), json.as_bytes()]))[..CHECKSUM_DIGITS].to_owned();
    (format!("{checksum} {json}\n"), checksum)
}

fn read(path: &Path, content: &[u8], key_id: &str) -> Result<(String, Orders), TillError> {
    const NO_JOURNAL: &str = "it does not begin as a till's journal";
    let corrupt = |line: usize| TillError::Corrupt(path.to_owned(), line);
    let content = std::str::from_utf8(content).map_err(|no_text| {
        let before = content.get(..no_text.valid_up_to()).unwrap_or_default();
        corrupt(before.split(|byte| *byte == b'\n').count())
    })?;
    let (mut checksum, mut orders) = (String::new(), Orders::default());
    for (number, line) in (1..).zip(content.lines()) {
        let json = line.split_once(' ').map(|(_, json)| json);
        let intact = json.filter(|json| sealed(&checksum, json).0.trim_end_matches('\n') == line);
        if number == 1 {
            let head = intact.and_then(|json| serde_json::from_str::<Head>(json).ok());
            let head = head.filter(|head| head.saifu_till_journal == FORMAT);
            let head = head.ok_or(TillError::Damaged(path.to_owned(), NO_JOURNAL))?;
            if head.key_id != key_id {
                return Err(TillError::Foreign(path.to_owned()));
            }
        } else {
            let event = intact.and_then(|json| serde_json::from_str(json).ok());
            orders.apply(&event.ok_or_else(|| corrupt(number))?);
        }
        line[..CHECKSUM_DIGITS].clone_into(&mut checksum);
    }
    if checksum.is_empty() {
        return Err(TillError::Damaged(path.to_owned(), NO_JOURNAL));
    }
    Ok((checksum, orders))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::till::order::{Call, Outcome, Payment, RequestId, Standing};

    const KEY: &str = "Wnp4zKSg9CDZvGK7Zpw8J1njn3I9OuENy-DwgVoH7NQ";

    fn sent(order_id: &str, number: u8) -> Event {
        let call = Call::Charge { amount_minor: 700, receipt_line: "bread".to_owned(), ask: false };
        Event::Sent { at_us: 1, order_id: order_id.to_owned(), request_id: RequestId([number; 16]), call }
    }

    fn known(order_id: &str, number: u8, standing: Standing) -> Event {
        let outcome = Outcome::Done(Payment::none(standing));
        Event::Known { at_us: 2, order_id: order_id.to_owned(), request_id: RequestId([number; 16]), outcome }
    }

    /// Two orders, the first settled, the second open.
    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        Journal::create(&path, KEY).unwrap();
        let mut journal = Journal::open(&path, KEY).unwrap();
        for event in [sent("A-1", 1), known("A-1", 1, Standing::Captured), sent("A-2", 2)] {
            journal.add(&event).unwrap();
        }
        (directory, path)
    }

    #[test]
    fn what_was_written_is_there_at_the_next_start() {
        let (_directory, path) = written();
        let mut journal = Journal::open(&path, KEY).unwrap();
        assert_eq!(journal.orders().unsettled(), ["A-2"]);
        assert_eq!(journal.orders().get("A-1").unwrap().payment.standing, Standing::Captured);
        journal.add(&known("A-2", 2, Standing::Reversed)).unwrap();
        assert_eq!(Journal::open(&path, KEY).unwrap().orders().unsettled(), [""; 0]);
    }

    #[test]
    fn a_line_torn_at_any_byte_is_cut_off_and_what_follows_is_written_after_what_is_left() {
        let (_directory, path) = written();
        let content = fs::read(&path).unwrap();
        let last = content[..content.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for length in last..content.len() {
            fs::write(&path, &content[..length]).unwrap();
            let mut journal = Journal::open(&path, KEY).unwrap();
            assert_eq!(journal.orders().unsettled(), [""; 0], "{length}");
            assert_eq!(fs::read(&path).unwrap(), &content[..last], "{length}");
            journal.add(&sent("A-2", 2)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content, "{length}");
        }
        // A block that was allocated and not written holds zeros.
        fs::write(&path, [&content[..], &[0; 64]].concat()).unwrap();
        assert_eq!(Journal::open(&path, KEY).unwrap().orders().unsettled(), ["A-2"]);
    }

    #[test]
    fn a_line_changed_removed_or_moved_is_refused_and_left_alone() {
        let (_directory, path) = written();
        let content = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = content.split_inclusive('\n').collect();
        for (what, changed, line) in [
            ("changed", content.replace("\"A-2\"", "\"A-3\""), 4),
            ("removed", [lines[0], lines[2], lines[3]].concat(), 2),
            ("moved", [lines[0], lines[1], lines[3], lines[2]].concat(), 3),
            ("of another version", [lines[0], &sealed(&lines[0][..16], "{\"later\":{}}").0].concat(), 2),
            ("no line", [lines[0], "\n"].concat(), 2),
        ] {
            fs::write(&path, &changed).unwrap();
            let error = Journal::open(&path, KEY).unwrap_err();
            assert!(matches!(error, TillError::Corrupt(_, at) if at == line), "{what}: {error:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), changed, "{what}");
        }
    }

    #[test]
    fn what_is_no_journal_of_this_till_is_refused() {
        let (_directory, path) = written();
        assert!(matches!(Journal::open(&path, "another").unwrap_err(), TillError::Foreign(_)));
        for content in ["", "cats", "cats\n", "0123456789abcdef {}\n"] {
            fs::write(&path, content).unwrap();
            let error = Journal::open(&path, KEY).unwrap_err();
            assert!(matches!(error, TillError::Damaged(..)), "{content:?}: {error:?}");
        }
        fs::write(&path, [0xff, b'\n']).unwrap();
        assert!(matches!(Journal::open(&path, KEY).unwrap_err(), TillError::Corrupt(_, 1)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(Journal::open(&path, KEY).unwrap_err(), TillError::NoJournal(_)));
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_written() {
        let (_directory, path) = written();
        let mut journal = Journal::open(&path, KEY).unwrap();
        // Reading only, as a disk that fails would leave it.
        journal.file = File::open(&path).unwrap();
        assert!(matches!(journal.add(&sent("A-3", 3)).unwrap_err(), TillError::Unwritable(..)));
        assert!(matches!(journal.add(&sent("A-3", 3)).unwrap_err(), TillError::Broken(_)));
        assert!(journal.orders().get("A-3").is_none());
    }
}
