//! The worked example of `docs/protocol.md`: every value of it is made again from the others.

use std::collections::HashMap;

use prost::Message;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::{PublicKey, SignatureForm, key_id_text, pae};
use saifu::crypto::hash::sha256;
use saifu::crypto::totp::TotpSecret;
use saifu::emvco::{self, MerchantCode};
use saifu::pb;

const PROTOCOL: &str = include_str!("../../docs/protocol.md");

/// The values of the document's example blocks: `name: value`, gone on with in indented lines.
struct Example(HashMap<&'static str, String>);

impl Example {
    fn read() -> Self {
        let mut values: HashMap<&str, String> = HashMap::new();
        for block in PROTOCOL.split("```example\n").skip(1) {
            let (block, _) = block.split_once("```").expect("a block ends");
            let mut last = "";
            for line in block.lines() {
                if let Some(more) = line.strip_prefix("  ") {
                    values.get_mut(last).expect("a value was begun").push_str(more);
                } else {
                    let (name, value) = line.split_once(": ").expect("a name and a value");
                    assert!(values.insert(name, value.to_owned()).is_none(), "{name} stands there twice");
                    last = name;
                }
            }
        }
        Self(values)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("docs/protocol.md has no {name}"))
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> N {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} is no number"))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let digits = self.text(name);
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_else(|_| panic!("{name}"));
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    fn call(&self) -> pb::Call {
        let (seconds, nanos) = self.text("issued_at").split_once('.').expect("seconds and nanoseconds");
        pb::Call {
            audience: self.text("audience").to_owned(),
            key_id: self.text("key_id").to_owned(),
            request_id: self.bytes("request_id"),
            issued_at: Some(prost_types::Timestamp {
                seconds: seconds.parse().expect("seconds"),
                nanos: nanos.parse().expect("nanoseconds"),
            }),
            epoch: self.number("epoch"),
            body: self.bytes("body"),
            private_sha256: self.bytes("private_sha256"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    saifu::domain::id::hex(bytes)
}

/// RFC 5915 in PKCS#8: the private key and its point.
fn pkcs8(private_key: &[u8], point: &[u8; 65]) -> Vec<u8> {
    let head: &[u8] = &[
        0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
        0x04, 0x20,
    ];
    [head, private_key, &[0xa1, 0x44, 0x03, 0x42, 0x00], point].concat()
}

#[test]
fn the_key_of_the_example_has_that_public_half_and_that_id() {
    let example = Example::read();
    let key = PublicKey::from_spki(&example.bytes("spki"), SignatureForm::Der).expect("an SPKI");
    assert_eq!(key_id_text(&key.key_id()), example.text("key_id"));
    let pkcs8 = pkcs8(&example.bytes("private_key"), key.point());
    let device = DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der).expect("the halves belong together");
    assert_eq!(device.public(), key);
    assert!(PROTOCOL.contains(&format!("`{}`", &example.text("spki")[..54])), "the fixed prefix");
}

#[test]
fn the_messages_of_the_example_have_those_bytes() {
    let example = Example::read();
    let body = pb::PayRequest {
        store_id: example.bytes("store_id"),
        payee_name: example.text("payee_name").to_owned(),
        amount_minor: example.number("amount_minor"),
        currency: example.text("currency").to_owned(),
        order_id: String::new(),
    };
    assert_eq!(hex(&body.encode_to_vec()), example.text("body"));
    let code = pb::second_factor::Factor::TotpCode(example.text("totp_code").to_owned());
    let private = pb::Private {
        salt: example.bytes("salt"),
        second_factor: Some(pb::SecondFactor { factor: Some(code) }),
        body: Vec::new(),
        stamp: Vec::new(),
    };
    assert_eq!(hex(&private.encode_to_vec()), example.text("private"));
    assert_eq!(hex(&sha256(&[&example.bytes("private")])), example.text("private_sha256"));
    assert_eq!(hex(&example.call().encode_to_vec()), example.text("payload"));
    let envelope = pb::Envelope {
        payload: example.bytes("payload"),
        signature: example.bytes("signature_der"),
        key_id: example.text("key_id").to_owned(),
        private: example.bytes("private"),
        candidate: None,
    };
    assert_eq!(hex(&envelope.encode_to_vec()), example.text("envelope"));
}

#[test]
fn the_signature_of_the_example_verifies_in_both_forms() {
    let example = Example::read();
    let (method, payload) = (example.text("method"), example.bytes("payload"));
    let signed = pae(method, &payload);
    assert_eq!(hex(&signed), example.text("pae"));
    assert_eq!(hex(&sha256(&[&signed])), example.text("sha256_of_pae"));
    let head = format!("`DSSEv1 {} {method} {} `", method.len(), payload.len());
    assert!(PROTOCOL.contains(&head), "{head}");
    for (form, name) in [(SignatureForm::Der, "signature_der"), (SignatureForm::Fixed, "signature_fixed")] {
        let key = PublicKey::from_spki(&example.bytes("spki"), form).expect("an SPKI");
        assert_eq!(key.verify(method, &payload, &example.bytes(name)), Ok(()), "{name}");
    }
    // Both of its integers have their highest bit set, so DER puts a zero byte before each.
    let (der, fixed) = (example.text("signature_der"), example.text("signature_fixed"));
    assert_eq!(der, format!("3046022100{}022100{}", &fixed[..64], &fixed[64..]));
}

#[test]
fn the_authenticator_of_the_example_shows_that_code() {
    let example = Example::read();
    let uri =
        TotpSecret::from_bytes(b"12345678901234567890").expect("20 bytes").uri("saifu", "taro@example.jp");
    assert_eq!(*uri, example.text("totp_uri"));
    let secret = TotpSecret::from_uri(example.text("totp_uri")).expect("a provisioning URI");
    let time_us = example.number::<i64>("totp_time") * 1_000_000;
    assert_eq!(*secret.code_at(time_us), example.text("totp_code_then"));
}

#[test]
fn the_shops_code_of_the_example_is_that_of_the_seed_file() {
    let example = Example::read();
    let code = MerchantCode {
        store_id: example.bytes("qr_store_id").try_into().expect("16 bytes"),
        amount_minor: None,
        order_id: None,
        name: example.text("qr_name").to_owned(),
        city: example.text("qr_city").to_owned(),
    };
    assert_eq!(emvco::make(&code), example.text("qr"));
    assert_eq!(emvco::parse(example.text("qr")), Ok(code));
    let shop = saifu::server::seed::Seed::load(None).expect("the seed file").shops().remove(0);
    assert_eq!(shop.static_qr, example.text("qr"));
}
