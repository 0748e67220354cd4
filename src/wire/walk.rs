//! A message's bytes, field by field, with the first thing that is not canonical about them.

use std::fmt;

use super::schema::{self, Field, Form, Name};

/// Messages are within each other so deep at most.
const DEPTH_MAX: usize = 8;

/// What is odd about bytes that are not canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// Where: names of fields with dots between, a number where there is no name; nothing for the whole.
    pub path: String,
    /// The field, if it has a name.
    pub name: Option<Name>,
    /// What.
    pub what: Oddity,
}

/// What may be odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A field that the message has not.
    Unknown,
    /// A field with its default value.
    Default,
    /// A field for the second time.
    Twice,
    /// A field after one of a higher number.
    Order,
    /// A number in more bytes than need be.
    Long,
    /// A value of another type than the field's.
    Type,
    /// Text that is not UTF-8.
    Text,
    /// An end before the end.
    Short,
    /// Something else.
    Other,
}

impl Oddity {
    /// What it must be instead.
    pub fn must(self) -> &'static str {
        match self {
            Self::Unknown => "of its type: it holds a field that its message has not",
            Self::Default => "left out: canonical protobuf does not write a field that has its default value",
            Self::Twice => "given once: canonical protobuf writes no field twice",
            Self::Order => "in its place: canonical protobuf writes fields in the order of their numbers",
            Self::Long => "in as few bytes as it needs: canonical protobuf writes no varint longer",
            Self::Type => "of the type that its proto file says",
            Self::Text => "text in UTF-8",
            Self::Short => "whole: it ends before its end",
            Self::Other => "a canonical protobuf message of its type, without unknown fields",
        }
    }
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "it" } else { &self.path };
        write!(f, "{path} must be {}", self.what.must())
    }
}

/// A field as it was met.
pub struct Seen<'a> {
    /// Its number.
    pub number: u32,
    /// Its name with those of what holds it.
    pub path: &'a str,
    /// How many messages hold it, besides the outermost.
    pub depth: usize,
    /// Its value.
    pub value: Value<'a>,
    /// Whether it is written out although that says nothing.
    pub is_default: bool,
    /// Tag and value.
    pub whole: &'a [u8],
}

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Number(u64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A message, whose fields follow.
    Message(&'static str),
}

/// Which fields may be written out with their default values.
#[derive(Clone, Copy, Debug)]
pub enum Defaults {
    /// None, as canonical form has it.
    Refused,
    /// Those at these paths.
    At(&'static [&'static str]),
    /// All, for whoever only looks.
    Allowed,
}

/// Meets every field up to the first that is odd.
pub fn walk(
    bytes: &[u8],
    message: &'static str,
    defaults: Defaults,
    met: &mut dyn FnMut(&Seen<'_>),
) -> Result<(), Odd> {
    Walk { met, defaults }.message(bytes, message, "", 0)
}

struct Walk<'m> {
    met: &'m mut dyn FnMut(&Seen<'_>),
    defaults: Defaults,
}

impl Defaults {
    fn allow(self, path: &str) -> bool {
        match self {
            Self::Refused => false,
            Self::At(paths) => paths.contains(&path),
            Self::Allowed => true,
        }
    }
}

impl Walk<'_> {
    fn message(&mut self, bytes: &[u8], message: &str, within: &str, depth: usize) -> Result<(), Odd> {
        let odd = |what| Odd { path: within.to_owned(), name: None, what };
        let fields = schema::message(message).filter(|_| depth < DEPTH_MAX).ok_or(odd(Oddity::Other))?;
        let (mut rest, mut last_number) = (bytes, 0);
        while !rest.is_empty() {
            let begin = rest;
            let tag = varint(&mut rest).map_err(odd)?;
            let number = u32::try_from(tag >> 3).map_err(|_too_large| odd(Oddity::Other))?;
            let path =
                |name: &str| if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") };
            let Some(field) = fields.get(&number) else {
                return Err(Odd { path: path(&number.to_string()), name: None, what: Oddity::Unknown });
            };
            let path = path(field.name.plain);
            let odd = |what| Odd { path: path.clone(), name: Some(field.name), what };
            match number.cmp(&last_number) {
                std::cmp::Ordering::Less => return Err(odd(Oddity::Order)),
                std::cmp::Ordering::Equal if !field.is_repeated => return Err(odd(Oddity::Twice)),
                std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => last_number = number,
            }
            let (value, inner) = value(field, tag & 7, &mut rest).map_err(odd)?;
            let is_default = is_default(field, &value);
            if is_default && !self.defaults.allow(&path) {
                return Err(odd(Oddity::Default));
            }
            let whole = &begin[..begin.len() - rest.len()];
            (self.met)(&Seen { number, path: &path, depth, value, is_default, whole });
            if let (Value::Message(name), Some(inner)) = (value, inner) {
                self.message(inner, name, &path, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// A value, and the bytes of a message's fields.
fn value<'a>(
    field: &Field,
    wire_type: u64,
    rest: &mut &'a [u8],
) -> Result<(Value<'a>, Option<&'a [u8]>), Oddity> {
    match (field.form, wire_type) {
        (Form::Number, 0) => Ok((Value::Number(varint(rest)?), None)),
        (Form::Text, 2) => {
            let text = std::str::from_utf8(delimited(rest)?).map_err(|_not_text| Oddity::Text)?;
            Ok((Value::Text(text), None))
        }
        (Form::Bytes, 2) => Ok((Value::Bytes(delimited(rest)?), None)),
        (Form::Message(name), 2) => Ok((Value::Message(name), Some(delimited(rest)?))),
        // Several numbers may be written together; whether well, their reader says.
        (Form::Number, 2) if field.is_repeated => Ok((Value::Bytes(delimited(rest)?), None)),
        (Form::Number | Form::Text | Form::Bytes | Form::Message(_), _) => Err(Oddity::Type),
    }
}

fn is_default(field: &Field, value: &Value<'_>) -> bool {
    let is_empty = match value {
        Value::Number(number) => *number == 0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Message(_) => false,
    };
    is_empty && !field.has_presence && !field.is_repeated
}

fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Oddity> {
    let length = usize::try_from(varint(rest)?).map_err(|_too_long| Oddity::Short)?;
    let (taken, after) = rest.split_at_checked(length).ok_or(Oddity::Short)?;
    *rest = after;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Oddity> {
    let mut value = 0_u64;
    for at in 0..10 {
        let (byte, after) = rest.split_first().ok_or(Oddity::Short)?;
        *rest = after;
        if at == 9 && *byte > 1 {
            return Err(Oddity::Long);
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return if at > 0 && *byte == 0 { Err(Oddity::Long) } else { Ok(value) };
        }
    }
    Err(Oddity::Long)
}
