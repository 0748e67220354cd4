//! What the proto files say, at run time: a message's fields by number.

use std::any::type_name;
use std::collections::HashMap;
use std::sync::OnceLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::pb;

/// A field's name, and the same as one of a private part is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// As the proto file has it.
    pub plain: &'static str,
    /// With `private.` before it.
    pub private: &'static str,
}

/// How a field's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number, by varint.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A message of this name.
    Message(&'static str),
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// How its value is written.
    pub form: Form,
    /// Whether there may be several.
    pub is_repeated: bool,
    /// Whether it is written also with its default value: a member of a `oneof`.
    pub has_presence: bool,
}

type Fields = HashMap<u32, Field>;

/// A message's fields, by its name without the package.
pub fn message(name: &str) -> Option<&'static Fields> {
    static MESSAGES: OnceLock<HashMap<String, Fields>> = OnceLock::new();
    MESSAGES.get_or_init(read).get(name)
}

/// What the proto files call a generated type; nothing for no message.
pub fn name_of<M>() -> &'static str {
    let path = type_name::<M>();
    let name = path.rsplit("::").next().unwrap_or(path);
    if name == "()" { "" } else { name }
}

fn read() -> HashMap<String, Fields> {
    let files = FileDescriptorSet::decode(pb::DESCRIPTORS).expect("the build wrote it");
    let ours = files.file.into_iter().flat_map(|file| file.message_type);
    ours.map(|message| (message.name().to_owned(), fields(&message))).collect()
}

fn fields(message: &DescriptorProto) -> Fields {
    let numbered = |field: &FieldDescriptorProto| {
        let number = u32::try_from(field.number()).ok()?;
        Some((number, described(field)?))
    };
    message.field.iter().filter_map(numbered).collect()
}

fn described(field: &FieldDescriptorProto) -> Option<Field> {
    let form = match field.r#type() {
        Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 | Type::Bool | Type::Enum => Form::Number,
        Type::String => Form::Text,
        Type::Bytes => Form::Bytes,
        Type::Message => Form::Message(kept(field.type_name().rsplit('.').next()?)),
        // The protocol has none of these.
        Type::Sint32
        | Type::Sint64
        | Type::Fixed32
        | Type::Fixed64
        | Type::Sfixed32
        | Type::Sfixed64
        | Type::Float
        | Type::Double
        | Type::Group => return None,
    };
    Some(Field {
        name: Name { plain: kept(field.name()), private: kept(&format!("private.{}", field.name())) },
        form,
        is_repeated: field.label() == Label::Repeated,
        has_presence: field.oneof_index.is_some(),
    })
}

/// Once for each field of the proto files, for as long as the process lives.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
