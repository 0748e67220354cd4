//! Whoever reads the database has each call's payload and signature, and nothing else of it. What he makes
//! of them opens no secret.

use std::collections::BTreeSet;

use prost::Message as _;
use rusqlite::{Connection, OpenFlags};
use saifu::client::connection::unary;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::crypto::envelope::{PublicKey, SignatureForm, key_id_text};
use saifu::crypto::hash::sha256;
use saifu::pb;
use saifu::rpc::declared;
use saifu::store::sqlite::DATABASE_FILE;
use tonic::Code;

use crate::support::World;
use crate::support::shop::Shop;

/// The key of the journal row's candidate: the point, and how it signs.
fn candidate(stored: &[u8]) -> pb::Candidate {
    let (point, form) = stored.split_first_chunk::<65>().expect("a point and a form");
    let key = PublicKey::from_point(point, SignatureForm::Der);
    assert_eq!(form.len(), 1);
    pb::Candidate { spki: key.spki().to_vec(), signature_form: pb::SignatureForm::Der.into() }
}

/// Each journalled call of a client's, as far as its columns give it.
fn rebuilt(world: &World) -> Vec<(&'static str, pb::Envelope)> {
    let path = world.dir.path().join("data").join(DATABASE_FILE);
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
    let sql = "SELECT method, payload, signature, key_id, candidate_key FROM journal ORDER BY lane, sequence";
    let mut statement = database.prepare(sql).expect("the journal");
    let rows = statement.query_map((), |row| {
        let key_id: [u8; 32] = row.get(3)?;
        let candidate_key: Option<Vec<u8>> = row.get(4)?;
        let envelope = pb::Envelope {
            payload: row.get(1)?,
            signature: row.get(2)?,
            key_id: key_id_text(&key_id),
            private: Vec::new(),
            candidate: candidate_key.as_deref().map(candidate),
        };
        Ok((row.get::<_, String>(0)?, envelope))
    });
    let policies = declared();
    rows.expect("rows")
        .map(|row| row.expect("a row"))
        .filter_map(|(method, envelope)| {
            let policy = policies.iter().find(|policy| policy.method == method)?;
            policy.secret_reply.then_some((policy.method, envelope))
        })
        .collect()
}

async fn with_every_secret(world: &World) -> (Wallet, Shop) {
    let alice = world.funded("alice", 5_000).await;
    alice.issue_code(1_000, None, None).await.expect("a code");
    let next = world.next_code(&alice);
    alice.begin_totp(&next).await.expect("another authenticator");
    let next = world.next_code(&alice);
    alice.replace_saved_code(&next).await.expect("another saved code");
    let shop = world.shop("Kanda Books").await;
    let made = shop.merchant.create_webhook("https://hooks.invalid/in").await.expect("an endpoint");
    let request = pb::RotateWebhookSecretRequest { endpoint_id: made.endpoint_id };
    let draft = shop.merchant.draft(method::ROTATE_WEBHOOK_SECRET, &request);
    let _: pb::RotateWebhookSecretReply = shop.merchant.send(draft).await.expect("two secrets");
    (alice, shop)
}

#[tokio::test]
async fn an_envelope_rebuilt_from_the_journal_gets_no_secret() {
    let world = World::start().await;
    let (alice, _shop) = with_every_secret(&world).await;
    let replayed = rebuilt(&world);
    let methods: BTreeSet<_> = replayed.iter().map(|(method, _)| *method).collect();
    for expected in [
        method::ENROLMENT_CONFIRM,
        method::ENROLMENT_ACTIVATE,
        method::ISSUE_CODE,
        method::BEGIN_TOTP,
        method::REPLACE_SAVED_CODE,
        method::REGISTER_TERMINAL,
        method::CREATE_WEBHOOK_ENDPOINT,
        method::ROTATE_WEBHOOK_SECRET,
    ] {
        assert!(methods.contains(expected), "the journal has no {expected}");
    }
    for (method, envelope) in replayed {
        // Good until two minutes after it was signed; all of this took less.
        let call = pb::Call::decode(envelope.payload.as_slice()).expect("a call");
        let answer: Result<(), Refused> =
            unary(&alice.channel, method, envelope).await.map_err(Refused::from);
        let refused = answer.expect_err(method);
        assert_eq!(refused.reason(), Some(pb::Reason::Malformed), "{method}: {refused}");
        assert_eq!(call.private_sha256.len(), 32, "{method} binds a private part");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_call_for_a_secret_without_a_private_part_is_told_what_to_send() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let request = pb::IssueCodeRequest {
        purpose: pb::CodePurpose::Pay.into(),
        cap_minor: 1_000,
        currency: "JPY".into(),
    };
    let good = alice.draft(method::ISSUE_CODE, &request).seal(&alice.signer);
    let mut call = pb::Call::decode(good.payload.as_slice()).expect("a call");
    call.private_sha256 = Vec::new();
    let bare = alice.signer.sign_call(method::ISSUE_CODE, &call, Vec::new());
    let answer: Result<pb::IssueCodeReply, Refused> = alice.send_sealed(method::ISSUE_CODE, bare).await;
    let refused = answer.expect_err("no private part");
    assert_eq!(
        (refused.status.code(), refused.reason()),
        (Code::InvalidArgument, Some(pb::Reason::Malformed))
    );
    assert!(refused.message().contains("a Private with 16 random bytes of salt"), "{refused}");
    // Salt alone is enough, and each call has its own.
    let issued: pb::IssueCodeReply =
        alice.send_sealed(method::ISSUE_CODE, good.clone()).await.expect("a code");
    assert!(matches!(
        issued.payment_code.and_then(|secret| secret.state),
        Some(pb::secret::State::Value(digits)) if digits.len() == 18
    ));
    let private = pb::Private::decode(good.private.as_slice()).expect("salt");
    assert_eq!((private.salt.len(), private.body.len(), private.second_factor), (16, 0, None));
    assert_eq!(sha256(&[&good.private]).to_vec(), pb::Call::decode(&*good.payload).unwrap().private_sha256);
    world.server.stop().await;
}

/// The client's own list, and what the replies' descriptors say, are what is declared.
#[test]
fn every_reply_that_has_a_secret_is_declared_and_the_client_salts_its_call() {
    let set = prost_types::FileDescriptorSet::decode(pb::DESCRIPTORS).expect("a descriptor set");
    let mut with_secret = BTreeSet::new();
    for file in &set.file {
        for message in &file.message_type {
            if message.field.iter().any(|field| field.type_name() == ".saifu.v1.Secret") {
                with_secret.insert(format!(".{}.{}", file.package(), message.name()));
            }
        }
    }
    let mut in_replies = BTreeSet::new();
    for file in &set.file {
        for service in &file.service {
            for rpc in &service.method {
                if with_secret.remove(rpc.output_type()) {
                    in_replies.insert(format!("/{}.{}/{}", file.package(), service.name(), rpc.name()));
                }
            }
        }
    }
    assert_eq!(with_secret, BTreeSet::new(), "a message that is no RPC's reply has a secret");
    let declared: BTreeSet<String> = declared()
        .iter()
        .filter(|policy| policy.secret_reply)
        .map(|policy| policy.method.to_owned())
        .collect();
    assert_eq!(declared, in_replies);
    let salted: BTreeSet<String> = method::SECRET_REPLIES.iter().map(|&method| method.to_owned()).collect();
    assert_eq!(salted, declared);
}
