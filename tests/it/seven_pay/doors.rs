//! Step 6. 7pay took a login from another service by its id alone. Here is no such door: every RPC takes an
//! envelope, and nothing but an enrolled key's signature opens it.

use prost::Message as _;
use saifu::client::method;
use saifu::client::signer::{Draft, Signer};
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;
use tonic::{Code, Request};

use super::Told;
use super::cast::{Stage, call};
use crate::support::bakery;

/// Whose services the operators' listener has.
const OPERATORS: &str = "AdminService";

pub async fn play(stage: &Stage) -> Told {
    let rpcs = no_rpc_takes_an_unsigned_call(stage).await;
    let alice = &stage.alice.owner.wallet;
    stage.world.refresh(alice).await;
    let forged = forged_assertions(alice).await;
    let what = format!(
        "unsigned calls to all {rpcs} RPCs and {forged} forged assertions in her name, guessed ids among \
         them: each refused"
    );
    Told::new(what, stage.alice.lost_minor().await)
}

async fn no_rpc_takes_an_unsigned_call(stage: &Stage) -> usize {
    let alice = &stage.alice.owner.wallet;
    let [operator, _] = stage.world.operators().await;
    let set = prost_types::FileDescriptorSet::decode(pb::DESCRIPTORS).expect("a descriptor set");
    let mut count = 0;
    for file in &set.file {
        for service in &file.service {
            let channel = if service.name() == OPERATORS { &operator.channel } else { &alice.channel };
            for rpc in &service.method {
                assert_eq!(rpc.input_type(), ".saifu.v1.Envelope", "{}", rpc.name());
                let name = format!("/{}.{}/{}", file.package(), service.name(), rpc.name());
                let refused = call::<()>(channel, &name, Request::new(unsigned(alice))).await;
                let code = refused.expect_err(&name).code();
                assert!(matches!(code, Code::Unauthenticated | Code::InvalidArgument), "{name}: {code:?}");
                count += 1;
            }
        }
    }
    count
}

/// In her name, with nothing to show for it.
fn unsigned(alice: &Wallet) -> pb::Envelope {
    let good = alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&alice.signer);
    pb::Envelope { signature: Vec::new(), ..good }
}

/// Her calls, to Pay, TopUp and GetBalance, signed by nobody, by others, or in a name that was guessed.
async fn forged_assertions(alice: &Wallet) -> usize {
    let funding_id = alice.list_funding().await.expect("a list").sources[0].funding_id.clone();
    let top_up = pb::TopUpRequest { funding_id, amount_minor: 1_000, currency: "JPY".into() };
    let drafts: Vec<Draft> = vec![
        alice.draft(method::PAY, &bakery(alice, 100).await),
        alice.draft(method::TOP_UP, &top_up),
        alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}),
    ];
    let device = alice.list_devices().await.expect("devices").devices[0].device_id.clone();
    let mut count = 0;
    for draft in drafts {
        for (what, envelope) in forgeries(alice, &draft, &device) {
            let method = draft.method();
            let refused = call::<()>(&alice.channel, method, Request::new(envelope)).await;
            let code = refused.expect_err(what).code();
            assert_eq!(code, Code::Unauthenticated, "{method}: {what}");
            count += 1;
        }
    }
    count
}

fn forgeries(alice: &Wallet, draft: &Draft, device: &[u8]) -> Vec<(&'static str, pb::Envelope)> {
    let his = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    let good = draft.seal(&alice.signer);
    let by_him = draft.seal(&his);
    let guessed = saifu::crypto::envelope::key_id_text(&[7; 32]);
    let with_device = saifu::domain::id::hex(device);
    let signature = |signature: Vec<u8>| pb::Envelope { signature, ..good.clone() };
    vec![
        ("no signature", signature(Vec::new())),
        ("a signature of zeros", signature(vec![0; 64])),
        ("her payload as its own signature", signature(good.payload[..64].to_vec())),
        ("his signature, her name", pb::Envelope { key_id: good.key_id.clone(), ..by_him.clone() }),
        ("his signature, his name, her call", pb::Envelope { key_id: his.key_id(), ..by_him.clone() }),
        ("a guessed id", pb::Envelope { key_id: guessed, ..by_him.clone() }),
        ("her device's id", pb::Envelope { key_id: with_device, ..by_him.clone() }),
        ("her account's mail address", pb::Envelope { key_id: "alice@example.jp".into(), ..by_him }),
    ]
}
