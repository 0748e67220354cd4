//! Step 1. 7pay let whoever asked for a new password name the mail address that it went to.

use prost::Message;
use saifu::client::method;
use saifu::client::signer::Draft;
use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::recovery_start_private::Locator;
use tonic::Request;

use super::Told;
use super::cast::{Stage, THIEF_EMAIL, Victim, call, messages};
use crate::support::{reason, texts};

/// `RecoveryStartRequest` with one field more.
#[derive(Clone, PartialEq, Message)]
struct BodyAndMail {
    #[prost(bool, tag = "1")]
    with_proofing: bool,
    #[prost(string, tag = "15")]
    send_to: String,
}

/// `RecoveryStartPrivate` with one field more, or with its address as often as one likes.
#[derive(Clone, PartialEq, Message)]
struct PrivateAndMail {
    #[prost(string, repeated, tag = "1")]
    email: Vec<String>,
    #[prost(string, tag = "3")]
    device_model: String,
    #[prost(string, tag = "15")]
    send_to: String,
}

pub async fn play(stage: &Stage) -> Told {
    let thief = stage.thief().await;
    let drafts = drafts(&thief, &stage.alice);
    let count = drafts.len();
    for (what, draft) in drafts {
        let refused = thief.send::<pb::RecoveryStartReply>(draft).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "{what}");
    }
    as_metadata(stage, &thief).await;
    an_unknown_account_looks_the_same(&stage.alice, &thief).await;
    assert_eq!(messages(&thief, THIEF_EMAIL).await, 0, "not one message to him");
    let what = format!(
        "recovery with his own address in {count} places of the call: MALFORMED; as metadata: ignored; \
         no message to it, and an unknown account gets the same reply"
    );
    Told::new(what, stage.alice.lost_minor().await)
}

/// Signed correctly, with his address in the body, in the private part, beside the victim's and after it.
fn drafts(thief: &Wallet, victim: &Victim) -> Vec<(&'static str, Draft)> {
    let (his, hers) = (THIEF_EMAIL.to_owned(), victim.owner.email.clone());
    let start = || thief.draft(method::RECOVERY_START, &pb::RecoveryStartRequest::default()).as_candidate();
    let device_model = || "Pixel 9".to_owned();
    let good = pb::RecoveryStartPrivate {
        locator: Some(Locator::Email(hers.clone())),
        device_model: device_model(),
    };
    let body = BodyAndMail { with_proofing: false, send_to: his.clone() };
    let private = |email: Vec<String>, send_to: &str| PrivateAndMail {
        email,
        device_model: device_model(),
        send_to: send_to.to_owned(),
    };
    vec![
        ("the body", thief.draft(method::RECOVERY_START, &body).private(&good).as_candidate()),
        ("the private part", start().private(&private(vec![hers.clone()], &his))),
        ("a second address", start().private(&private(vec![hers.clone(), his.clone()], ""))),
        ("a first address", start().private(&private(vec![his, hers], ""))),
    ]
}

fn good_start(thief: &Wallet, email: &str) -> Draft {
    let locator = Some(Locator::Email(email.to_owned()));
    let private = pb::RecoveryStartPrivate { locator, device_model: "Pixel 9".to_owned() };
    let draft = thief.draft(method::RECOVERY_START, &pb::RecoveryStartRequest::default());
    draft.private(&private).as_candidate()
}

async fn as_metadata(stage: &Stage, thief: &Wallet) {
    let draft = good_start(thief, &stage.alice.owner.email);
    let mut request = Request::new(draft.seal(&thief.signer));
    for name in ["email", "x-send-to", "from", "reply-to"] {
        request.metadata_mut().insert(name, THIEF_EMAIL.parse().expect("ASCII"));
    }
    let before = messages(thief, &stage.alice.owner.email).await;
    let started: pb::RecoveryStartReply =
        call(&thief.channel, method::RECOVERY_START, request).await.expect("a case like any other");
    let channel = pb::RecoveryChannel::Email;
    thief.send_recovery_code(started.case_id, channel).await.expect("to her, whoever asks");
    texts(thief, &stage.alice.owner.email, before + 1).await;
}

async fn an_unknown_account_looks_the_same(victim: &Victim, thief: &Wallet) {
    let mut replies = Vec::new();
    for email in [victim.owner.email.as_str(), "nobody@example.jp"] {
        let reply: pb::RecoveryStartReply = thief.send(good_start(thief, email)).await.expect("a case");
        replies.push((reply.encoded_len(), reply.case_id.len(), reply.expires_at));
    }
    assert_eq!(replies[0], replies[1], "size and content");
}
