//! The proto files' options say which messages are signed, for tools; the code says it for itself.

use std::collections::BTreeMap;

use prost::Message;
use saifu::rpc::declared;

/// Of a descriptor set, what leads to the options; the library's own types drop what they do not know.
#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Method>,
}

#[derive(Clone, PartialEq, Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<Options>,
}

#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(message, optional, tag = "50001")]
    signed: Option<saifu::pb::SignedMessages>,
}

#[test]
fn every_rpcs_option_names_the_messages_that_its_code_reads() {
    let set = Files::decode(saifu::pb::DESCRIPTORS).expect("a descriptor set");
    let mut said = BTreeMap::new();
    for file in &set.files {
        for service in &file.services {
            for method in &service.methods {
                let signed = method.options.as_ref().and_then(|options| options.signed.clone());
                let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                said.insert(path.clone(), signed.unwrap_or_else(|| panic!("{path} has no option signed")));
            }
        }
    }
    let full = |name: &str| if name.is_empty() { String::new() } else { format!("saifu.v1.{name}") };
    let read: BTreeMap<_, _> = declared()
        .iter()
        .map(|declared| {
            let signed =
                saifu::pb::SignedMessages { body: full(declared.body), private: full(declared.private) };
            (declared.method.to_owned(), signed)
        })
        .collect();
    assert_eq!(said, read);
}
