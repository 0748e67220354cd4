//! A letter as e-mail: one recipient, plain text, and a `Message-ID` that is the message's own, however
//! often it is sent.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use zeroize::Zeroizing;

use crate::domain::id::{MessageId, hex};
use crate::gate::message::Letter;
use crate::notify::subject;

/// The end of the year 9999: a date header has four digits for it.
const LAST_US: u64 = 253_402_300_799_000_000;

/// A message ready to be sent.
pub(super) struct Mail {
    /// Whom it is from.
    pub from: Address,
    /// Whom it is for.
    pub to: Address,
    /// Header and body, ASCII.
    pub content: Zeroizing<Vec<u8>>,
}

impl Mail {
    /// Nothing if e-mail does not go to such an address.
    pub fn new(from: &Mailbox, id: MessageId, at_us: i64, letter: &Letter) -> Option<Self> {
        let to = recipient(&letter.destination)?;
        let date = UNIX_EPOCH + Duration::from_micros(u64::try_from(at_us).unwrap_or(0).min(LAST_US));
        // RFC 3834, 5: nobody's absence is answered to it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        // Of its own accord the library would read the addresses from the header, and not every one.
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]).ok()?;
        let message = Message::builder()
            .envelope(envelope)
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .date(date)
            .message_id(Some(format!("<{}@{}>", hex(&id.0), from.email.domain())))
            .subject(subject(letter))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            // Without it no receiver need believe the rest of what the header says of the text.
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{}\n", letter.text.trim_end()))
            .ok()?;
        let content = Zeroizing::new(message.formatted());
        Some(Self { from: from.email.clone(), to, content })
    }
}

/// A contact's local part may have its dots anywhere (`contact`); such a one travels in quotes, where it
/// is the same address (RFC 5321, 4.1.2).
fn recipient(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_plain = local.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\<>@".contains(&byte));
    let plain = Address::new(local, domain).ok().filter(|_| is_plain);
    plain.or_else(|| Address::new(format!("\"{local}\""), domain).ok().filter(|_| is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_US: i64 = 1_767_582_000_000_000;

    fn mail(to: &str, subject: &str, text: &str) -> Option<String> {
        let from = "saifu <no-reply@example.jp>".parse().unwrap();
        let letter = Letter {
            channel: "email".into(),
            destination: to.into(),
            text: text.into(),
            subject: subject.into(),
        };
        let mail = Mail::new(&from, MessageId([0xab; 16]), AT_US, &letter)?;
        Some(String::from_utf8(mail.content.to_vec()).unwrap())
    }

    #[test]
    fn a_letter_is_plain_text_from_us_to_one_person_at_its_time() {
        let content = mail("alice@example.jp", "", "your code is 12345678   ").unwrap();
        let (head, body) = content.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.split("\r\n").collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "Auto-Submitted: auto-generated",
                "Content-Transfer-Encoding: 7bit",
                "Content-Type: text/plain; charset=utf-8",
                "Date: Mon, 05 Jan 2026 03:00:00 +0000",
                "From: saifu <no-reply@example.jp>",
                "MIME-Version: 1.0",
                "Message-ID: <abababababababababababababababab@example.jp>",
                "Subject: saifu",
                "To: alice@example.jp",
            ]
        );
        assert_eq!(body, "your code is 12345678\r\n");
    }

    #[test]
    fn japanese_travels_as_ascii_and_a_subject_is_one_header() {
        let content = mail("alice@example.jp", "財布\r\nBcc: mallory@example.jp", "コード").unwrap();
        assert!(content.is_ascii() && content.contains("Subject: =?utf-8?"), "{content}");
        assert!(!content.contains("\nBcc:"), "{content}");
    }

    #[test]
    fn an_address_with_its_dots_anywhere_goes_in_quotes_and_what_is_none_goes_nowhere() {
        for (address, as_sent) in [
            ("alice@example.jp", "alice@example.jp"),
            ("a.b+c@xn--wgv71a.jp", "a.b+c@xn--wgv71a.jp"),
            ("a..b@example.jp", "\"a..b\"@example.jp"),
            (".a.@example.jp", "\".a.\"@example.jp"),
        ] {
            assert_eq!(recipient(address).unwrap().to_string(), as_sent);
            assert!(mail(address, "", "text").unwrap().contains(&format!("\r\nTo: {as_sent}\r\n")));
        }
        for address in
            ["", "alice", "@example.jp", "a@", "a@b@example.jp", "a\"b@example.jp", "a b@example.jp"]
        {
            assert!(recipient(address).is_none(), "{address}");
        }
        assert!(recipient("a@example.jp>\r\nRCPT TO:<b@example.jp").is_none());
    }
}
