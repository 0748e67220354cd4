//! What the transport lets through, and what it does not.

use prost::Message as _;
use saifu::client::connection::unary;
use saifu::client::method;
use saifu::pb;
use tonic::Code;
use tonic::metadata::MetadataValue;

use crate::support::{World, available, bakery, reason};

#[tokio::test]
async fn a_message_over_64_kib_is_refused_and_the_connection_goes_on() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let good = alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&alice.signer);
    let large = pb::Envelope { private: vec![0; 64 * 1024], ..good };
    let refused = unary::<pb::GetBalanceReply>(&alice.channel, method::GET_BALANCE, large).await;
    assert_eq!(refused.expect_err("too large").code(), Code::OutOfRange);
    assert_eq!(available(&alice).await, 1_000);
    world.server.stop().await;
}

#[tokio::test]
async fn many_empty_fields_within_the_limit_are_malformed() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    // 15,000 times an empty field 15 behind the body of a payment.
    let body = [bakery(&alice, 1).await.encode_to_vec(), [0x7a, 0x00].repeat(15_000)].concat();
    let call = pb::Call {
        audience: saifu::server::SANDBOX_AUDIENCE.into(),
        key_id: alice.signer.key_id(),
        request_id: vec![3; 16],
        issued_at: Some(saifu::client::signer::timestamp(alice.now_us())),
        epoch: 1,
        body,
        private_sha256: Vec::new(),
    };
    let envelope = alice.signer.sign_call(method::PAY, &call, Vec::new());
    let result = alice.send_sealed::<pb::PayReply>(method::PAY, envelope).await;
    assert_eq!(reason(result), pb::Reason::Malformed);
    assert_eq!(available(&alice).await, 1_000);
    world.server.stop().await;
}

#[tokio::test]
async fn headers_that_name_somebody_are_not_looked_at() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let mallory = world.wallet("mallory").await;
    let envelope = mallory.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&mallory.signer);
    let mut client = pb::wallet_service_client::WalletServiceClient::new(mallory.channel.clone());
    let mut request = tonic::Request::new(envelope);
    for header in ["x-account-id", "x-device-id", "x-forwarded-user", "authorization"] {
        let value = MetadataValue::try_from(alice.signer.key_id()).expect("text");
        request.metadata_mut().insert(header, value);
    }
    let balance = client.get_balance(request).await.expect("mallory's own").into_inner();
    assert_eq!(balance.available_minor, 0);
    world.server.stop().await;
}

#[tokio::test]
async fn unknown_methods_and_reflection_are_unimplemented() {
    let world = World::start().await;
    let alice = world.wallet("alice").await;
    let envelope = || alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&alice.signer);
    for method in
        ["/saifu.v1.WalletService/Drain", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]
    {
        let result = unary::<pb::GetBalanceReply>(&alice.channel, method, envelope()).await;
        assert_eq!(result.expect_err(method).code(), Code::Unimplemented, "{method}");
    }
    world.server.stop().await;
}
