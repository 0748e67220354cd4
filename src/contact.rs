//! An e-mail address or a phone number in its one normal form.
//!
//! A contact belongs to at most one account, and a code goes to what was confirmed. Both fail if two
//! texts mean one mailbox or if one text means two: so a contact can only be made normalised, and
//! whatever isn't plainly one address is refused.

use std::fmt;

/// RFC 5321, 4.5.3.1.3 less the angle brackets.
const EMAIL_BYTES_MAX: usize = 254;
/// RFC 5321, 4.5.3.1.1.
const LOCAL_PART_BYTES_MAX: usize = 64;
/// 15 digits (E.164) with every separator that people write between them.
const PHONE_BYTES_MAX: usize = 40;

/// Where a person can be reached. Its text is personal: it is in no log and in no `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Contact {
    kind: Kind,
    address: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Email,
    Phone,
}

impl Contact {
    /// An e-mail address: `local@domain`, once.
    ///
    /// The local part is folded to lower case (no provider of note tells case apart, and two accounts
    /// for one mailbox would be worse) and may contain the characters of RFC 5322's `atext` and dots.
    /// Dots may stand anywhere: Japanese carriers gave out such addresses. Quoted forms are refused,
    /// and so is whatever a mail system could take for a second recipient. The domain goes through
    /// UTS 46 to its ASCII form and has at least two labels.
    pub fn email(text: &str) -> Result<Self, InvalidContact> {
        if text.len() > EMAIL_BYTES_MAX {
            return Err(InvalidContact::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(InvalidContact::NotOneAddress)?;
        if domain.contains('@') {
            return Err(InvalidContact::NotOneAddress);
        }
        if local.is_empty() || local.len() > LOCAL_PART_BYTES_MAX || !local.bytes().all(is_local_part) {
            return Err(InvalidContact::LocalPart);
        }
        let domain = normal_domain(domain)?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        // Punycode may be longer than what it stands for.
        if address.len() > EMAIL_BYTES_MAX {
            return Err(InvalidContact::TooLong);
        }
        Ok(Self { kind: Kind::Email, address })
    }

    /// A phone number with its country code, as people write it: `+81 090-1234-5678` and
    /// `+819012345678` are one. Kept as E.164. Extensions and letters are refused.
    pub fn phone(text: &str) -> Result<Self, InvalidContact> {
        if text.len() > PHONE_BYTES_MAX {
            return Err(InvalidContact::TooLong);
        }
        let digits = text.strip_prefix('+').ok_or(InvalidContact::CountryCode)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || b" -().".contains(&byte)) {
            return Err(InvalidContact::Number);
        }
        let number = phonenumber::parse(None, text).map_err(|_unparsed| InvalidContact::Number)?;
        if number.extension().is_some() || !phonenumber::is_valid(&number) {
            return Err(InvalidContact::Number);
        }
        let address = number.format().mode(phonenumber::Mode::E164).to_string();
        Ok(Self { kind: Kind::Phone, address })
    }

    /// The channel that reaches it: `"email"` or `"sms"`.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Email => "email",
            Kind::Phone => "sms",
        }
    }

    /// The normalised address.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contact({}, …)", self.kind())
    }
}

fn is_local_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn normal_domain(domain: &str) -> Result<String, InvalidContact> {
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_unmapped| InvalidContact::Domain)?;
    let (_, top) = domain.rsplit_once('.').ok_or(InvalidContact::Domain)?;
    // An IP address is no domain, and no top-level domain is a number (RFC 3696, 2).
    if top.is_empty() || top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidContact::Domain);
    }
    Ok(domain)
}

/// Why a text is not a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidContact {
    /// Longer than any address.
    TooLong,
    /// Not exactly one `@`.
    NotOneAddress,
    /// What stands before the `@` is empty, too long or has characters that are not taken.
    LocalPart,
    /// What stands after the `@` is not a domain name.
    Domain,
    /// A phone number begins with `+` and its country code.
    CountryCode,
    /// Not a number that the country has given out.
    Number,
}

impl fmt::Display for InvalidContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the address is too long",
            Self::NotOneAddress => "an e-mail address has exactly one @",
            Self::LocalPart => "the part before the @ is not one that is accepted",
            Self::Domain => "the part after the @ is not a domain name",
            Self::CountryCode => "a phone number begins with + and the country code",
            Self::Number => "this is not a valid phone number",
        })
    }
}

impl std::error::Error for InvalidContact {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_of_an_e_mail_address_is_one_contact() {
        for (written, normal) in [
            ("Taro.Yamada@Example.JP", "taro.yamada@example.jp"),
            ("taro+wallet@example.jp", "taro+wallet@example.jp"),
            ("..old..@docomo.ne.jp", "..old..@docomo.ne.jp"),
            ("o'brien@example.ie", "o'brien@example.ie"),
            ("a@日本語。ＪＰ", "a@xn--wgv71a119e.jp"),
            ("a@xn--wgv71a119e.jp", "a@xn--wgv71a119e.jp"),
            ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ] {
            let contact = Contact::email(written).expect(written);
            assert_eq!((contact.kind(), contact.address()), ("email", normal));
        }
    }

    #[test]
    fn what_is_not_plainly_one_e_mail_address_is_refused() {
        use InvalidContact as E;
        for (text, error) in [
            ("", E::NotOneAddress),
            ("taro", E::NotOneAddress),
            ("a@b@example.jp", E::NotOneAddress),
            ("@example.jp", E::LocalPart),
            ("a b@example.jp", E::LocalPart),
            ("\"a\"@example.jp", E::LocalPart),
            ("a,b@example.jp", E::LocalPart),
            ("a;b@example.jp", E::LocalPart),
            ("<a@example.jp", E::LocalPart),
            ("a\r\nBcc:b@example.jp", E::LocalPart),
            ("太郎@example.jp", E::LocalPart),
            // KELVIN SIGN lower-cases to k outside ASCII (the GitHub reset of 2019).
            ("\u{212a}@example.jp", E::LocalPart),
            ("a@", E::Domain),
            ("a@localhost", E::Domain),
            ("a@example.jp.", E::Domain),
            ("a@.jp", E::Domain),
            ("a@exa mple.jp", E::Domain),
            ("a@exa_mple.jp", E::Domain),
            ("a@-example.jp", E::Domain),
            ("a@example.jp>", E::Domain),
            ("a@192.0.2.1", E::Domain),
            ("a@[192.0.2.1]", E::Domain),
            ("a@example.jp\n", E::Domain),
        ] {
            assert_eq!(Contact::email(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn an_e_mail_address_has_bounds() {
        let long = "a".repeat(64);
        assert!(Contact::email(&format!("{long}@example.jp")).is_ok());
        assert_eq!(Contact::email(&format!("{long}a@example.jp")), Err(InvalidContact::LocalPart));
        let label = "d".repeat(60);
        let domain = format!("{label}.{label}.{label}");
        assert!(Contact::email(&format!("a@{domain}.jp")).is_ok());
        assert_eq!(Contact::email(&format!("{long}@{domain}.{label}.jp")), Err(InvalidContact::TooLong));
    }

    #[test]
    fn every_writing_of_a_phone_number_is_one_contact() {
        for written in ["+819012345678", "+81 90 1234 5678", "+81 090-1234-5678", "+81 (0)90.1234.5678"] {
            let contact = Contact::phone(written).expect(written);
            assert_eq!((contact.kind(), contact.address()), ("sms", "+819012345678"), "{written}");
        }
        assert_eq!(Contact::phone("+1 650-253-0000").unwrap().address(), "+16502530000");
    }

    #[test]
    fn what_is_not_one_valid_phone_number_is_refused() {
        use InvalidContact as E;
        for (text, error) in [
            ("", E::CountryCode),
            ("09012345678", E::CountryCode),
            ("0081 90 1234 5678", E::CountryCode),
            (" +819012345678", E::CountryCode),
            ("+", E::Number),
            ("+81", E::Number),
            ("+8190123456", E::Number),
            ("+8190123456789", E::Number),
            ("+999123456789", E::Number),
            ("+1 650-253-0000 ext 5", E::Number),
            ("+1 650-253-0000;ext=5", E::Number),
            ("+1 800 FLOWERS", E::Number),
            ("+81９０12345678", E::Number),
            ("++819012345678", E::Number),
            ("+81 90 1234 5678                              ", E::TooLong),
        ] {
            assert_eq!(Contact::phone(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn debug_does_not_print_the_address() {
        let contact = Contact::email("taro@example.jp").unwrap();
        assert_eq!(format!("{contact:?}"), "Contact(email, …)");
    }
}
