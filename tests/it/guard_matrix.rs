//! Every RPC against every kind of bad envelope. The RPCs come from the proto files' own
//! descriptors: one that nobody declared, or that has no case here, fails.
//!
//! The calls below would be good but for the envelope, down to the one-time code: what a hole lets
//! through is done, and is seen in the victim's account.

mod attacks;
mod case;
mod hooks;
mod options;
mod recovery;
mod staffed;

use std::collections::BTreeSet;

use prost::Message;
use saifu::client::connection::watch;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::gate::limit::LimitTable;
use saifu::gate::operation::{CallerKind, Codes, Effect};
use saifu::pb;
use saifu::pb::second_factor::Factor;
use saifu::rpc::declared;
use saifu::server::SANDBOX_AUDIENCE;
use tonic::Status;

use self::attacks::{Answer, Attack, attacks};
use self::case::Case;
use self::recovery::Cast;
use self::staffed::{Keys, Staffed};
use crate::support::{PASSPHRASE, World, bakery, confirmation, email, set_up, started};

const SECOND_US: i64 = 1_000_000;

fn rpcs() -> BTreeSet<String> {
    let set = prost_types::FileDescriptorSet::decode(saifu::pb::DESCRIPTORS).expect("a descriptor set");
    let mut rpcs = BTreeSet::new();
    for file in &set.file {
        for service in &file.service {
            for rpc in &service.method {
                rpcs.insert(format!("/{}.{}/{}", file.package(), service.name(), rpc.name()));
            }
        }
    }
    rpcs
}

#[test]
fn every_rpc_of_the_proto_files_is_declared_and_no_other() {
    let declared: Vec<_> = declared().iter().map(|declared| declared.method.to_owned()).collect();
    let set: BTreeSet<_> = declared.iter().cloned().collect();
    assert_eq!(set.len(), declared.len(), "a method is declared twice");
    assert_eq!(set, rpcs());
}

#[test]
fn every_rpc_takes_an_envelope_and_nothing_else() {
    let set = prost_types::FileDescriptorSet::decode(saifu::pb::DESCRIPTORS).expect("a descriptor set");
    for rpc in set.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method) {
        assert_eq!(rpc.input_type(), ".saifu.v1.Envelope", "{}", rpc.name());
        assert!(!rpc.client_streaming(), "{}", rpc.name());
        assert_eq!(rpc.server_streaming(), rpc.name().starts_with("Watch"), "{}", rpc.name());
    }
}

fn expected() -> Vec<(&'static str, CallerKind, Effect, Codes)> {
    use CallerKind::{Candidate, Device};
    use Codes::{Contact, NewTotp, Recovery, Refused, Totp};
    use Effect::{Changes, Reads};
    vec![
        (method::ENROLMENT_START, Candidate, Changes, Refused),
        (method::ENROLMENT_CONFIRM, Candidate, Changes, Contact),
        (method::ENROLMENT_ACTIVATE, Device, Changes, Totp),
        (method::DEVICE_LIST, Device, Reads, Refused),
        (method::DEVICE_REVOKE, Device, Changes, Totp),
        (method::VERIFY_SECOND_FACTOR, Device, Changes, Totp),
        (method::FREEZE, Device, Changes, Refused),
        (method::UNFREEZE, Device, Changes, Totp),
        (method::LIST_EVENTS, Device, Reads, Refused),
        (method::GET_BALANCE, Device, Reads, Refused),
        (method::LIST_ENTRIES, Device, Reads, Refused),
        (method::LINK_FUNDING, Device, Changes, Totp),
        (method::UNLINK_FUNDING, Device, Changes, Totp),
        (method::LIST_FUNDING, Device, Reads, Refused),
        (method::TOP_UP, Device, Changes, Totp),
        (method::GET_TOP_UP, Device, Reads, Refused),
        (method::RESOLVE_PAYEE, Device, Reads, Refused),
        (method::PAY, Device, Changes, Totp),
        (method::GET_PAYMENT, Device, Reads, Refused),
        (method::WATCH_PAYMENTS, Device, Reads, Refused),
        (method::ISSUE_CODE, Device, Changes, Totp),
        (method::POS_ACTIVATE, Candidate, Changes, Refused),
        (method::CONFIRM_PAYMENT, Device, Changes, Totp),
        (method::DECLINE_PAYMENT, Device, Changes, Refused),
        (method::RECOVERY_START, Candidate, Changes, Refused),
        (method::RECOVERY_SEND_CODE, Candidate, Changes, Refused),
        (method::RECOVERY_PROVE, Candidate, Changes, Recovery),
        (method::RECOVERY_FREEZE, Candidate, Changes, Refused),
        (method::RECOVERY_REPORT_LOST, Candidate, Changes, Refused),
        (method::RECOVERY_STATUS, Candidate, Reads, Refused),
        (method::RECOVERY_COMPLETE, Candidate, Changes, Refused),
        (method::RECOVERY_CANCEL, Device, Changes, Refused),
        (method::RECOVERY_CANCEL_BY_NOTICE, Candidate, Changes, Refused),
        (method::DEVICE_REQUEST_ADD, Candidate, Changes, Refused),
        (method::DEVICE_APPROVE_ADD, Device, Changes, Totp),
        (method::DEVICE_REPORT_LOST, Device, Changes, Totp),
        (method::BEGIN_TOTP, Device, Changes, Totp),
        (method::CONFIRM_TOTP, Device, Changes, NewTotp),
        (method::REPLACE_SAVED_CODE, Device, Changes, Totp),
        (method::CHANGE_PASSPHRASE, Device, Changes, Totp),
        (method::LIST_CONTACTS, Device, Reads, Refused),
        (method::ADD_CONTACT, Device, Changes, Totp),
        (method::CONFIRM_CONTACT, Device, Changes, Totp),
        (method::REMOVE_CONTACT, Device, Changes, Totp),
        // The sandbox's change nothing in the store: their request ids are nonces.
        (method::ADVANCE_CLOCK, Candidate, Reads, Refused),
        (method::READ_MESSAGES, Candidate, Reads, Refused),
        (method::LIST_SHOPS, Candidate, Reads, Refused),
    ]
}

#[test]
fn who_may_call_what_and_with_a_code_is_written_down_here_once_more() {
    let expected = [expected(), staffed::expected(), hooks::expected()].concat();
    let declared = declared();
    assert_eq!(declared.len(), expected.len());
    for (method, caller, effect, codes) in expected {
        let policy = declared.iter().find(|policy| policy.method == method).expect(method);
        assert_eq!((policy.caller, policy.effect, policy.codes), (caller, effect, codes), "{method}");
    }
}

/// Who is in the play.
struct Stage {
    world: World,
    /// The victim, with money, a card, a payment and a top-up.
    alice: Wallet,
    /// A victim whose account waits for its first code.
    dora: Wallet,
    /// A key that asked for an enrolment and knows its code.
    carol: Wallet,
    /// Another account's owner.
    mallory: Wallet,
    /// A key that nobody knows.
    stranger: Wallet,
    /// The shop's side.
    staff: Keys,
    /// Those who recover, join, and are recovered.
    cast: Cast,
    cases: Vec<Case>,
}

/// What needs no account.
fn strangers() -> Vec<Case> {
    vec![
        Case::new(method::ENROLMENT_START, &pb::EnrolmentStartRequest {})
            .private(&pb::EnrolmentStartPrivate { contact: Some(email("new@example.jp")) }),
        Case::new(method::ADVANCE_CLOCK, &pb::AdvanceClockRequest { seconds: 1 }),
        Case::new(method::READ_MESSAGES, &pb::ReadMessagesRequest { destination: "carol@example.jp".into() }),
        Case::new(method::LIST_SHOPS, &pb::ListShopsRequest {}),
    ]
}

/// A wallet whose account waits for its first code.
async fn unactivated(world: &World, address: &str) -> Wallet {
    let mut wallet = world.phone().await;
    let (enrolment_id, code) = started(&wallet, address).await;
    let confirmed = wallet.confirm_enrolment(enrolment_id, &confirmation(&code)).await;
    set_up(&mut wallet, &confirmed.expect("an account"));
    wallet
}

/// The same key, as the matrix plays it.
fn as_wallet(world: &World, staff: Staff) -> Wallet {
    let clock = std::sync::Arc::clone(&world.clock);
    Wallet::with_signer(staff.channel, staff.signer, SANDBOX_AUDIENCE, clock)
}

/// Time passes between the cases.
async fn slow_world() -> World {
    World::start_with(|settings| {
        settings.limits = LimitTable::unlimited();
        recovery::slowly(&mut settings.policy);
    })
    .await
}

impl Stage {
    async fn set() -> Self {
        let world = slow_world().await;
        let shop = staffed::settled(&world).await;
        let cast = Cast::set(&world).await;
        let alice = world.funded("alice", 5_000).await;
        let paid = alice.pay(bakery(&alice, 300).await, None, None).await.expect("a payment");
        let mallory = world.funded("mallory", 1_000).await;
        let carol = world.phone().await;
        let confirm = started(&carol, "carol@example.jp").await;
        let dora = unactivated(&world, "dora@example.jp").await;
        let stranger = world.phone().await;
        let staffed = Staffed::set(&world, shop, &alice, &mallory).await;
        // Reads from before the server's start are stale: past two minutes a call may be 120 s old.
        world.pass(120);
        world.refresh(&alice).await;

        let shop = alice.list_shops().await.expect("shops").shops.remove(0);
        let funding_id =
            alice.list_funding().await.expect("sources").sources.pop().expect("a card").funding_id;
        let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
        let top_up_id = entries.last().expect("the top-up").subject_id.clone();
        let device_id = alice.list_devices().await.expect("devices").devices.remove(0).device_id;
        let (recovering, completing) = cast.cases(&world, &alice).await;
        let top_up =
            pb::TopUpRequest { funding_id: funding_id.clone(), amount_minor: 200, currency: "JPY".into() };
        let mut cases = strangers();
        cases.extend([
            // The last of the candidate's: its key is a device's from then on.
            Case::new(method::ENROLMENT_CONFIRM, &pb::EnrolmentConfirmRequest { enrolment_id: confirm.0 })
                .private(&newcomer())
                .given(Factor::ContactCode(confirm.1)),
            Case::new(method::ENROLMENT_ACTIVATE, &pb::EnrolmentActivateRequest {}).code(),
            Case::new(method::DEVICE_LIST, &pb::DeviceListRequest {}),
            Case::new(
                method::LIST_EVENTS,
                &pb::ListEventsRequest { page_size: 3, ..pb::ListEventsRequest::default() },
            ),
            Case::new(method::GET_BALANCE, &pb::GetBalanceRequest {}),
            Case::new(
                method::LIST_ENTRIES,
                &pb::ListEntriesRequest { page_size: 1, ..pb::ListEntriesRequest::default() },
            ),
            Case::new(method::LIST_FUNDING, &pb::ListFundingRequest {}),
            Case::new(method::GET_TOP_UP, &pb::GetTopUpRequest { top_up_id }).foreign(pb::Reason::NotFound),
            Case::new(method::RESOLVE_PAYEE, &pb::ResolvePayeeRequest { scanned: shop.static_qr }),
            Case::new(method::GET_PAYMENT, &pb::GetPaymentRequest { payment_id: paid.payment_id })
                .foreign(pb::Reason::NotFound),
            Case::new(method::WATCH_PAYMENTS, &pb::WatchPaymentsRequest {}),
            Case::new(method::PAY, &bakery(&alice, 100).await),
            Case::new(method::TOP_UP, &top_up).foreign(pb::Reason::FundingNotLinked),
            Case::new(method::LINK_FUNDING, &pb::LinkFundingRequest {})
                .private(&pb::LinkFundingPrivate { token: "sandbox-other".into(), label: "other".into() }),
            Case::new(method::UNLINK_FUNDING, &pb::UnlinkFundingRequest { funding_id })
                .foreign(pb::Reason::FundingNotLinked),
            Case::new(method::VERIFY_SECOND_FACTOR, &pb::VerifySecondFactorRequest {}).code(),
        ]);
        // Behind Confirm, whose code is good for a quarter of an hour.
        cases.extend(recovering);
        cases.extend(staffed.cases);
        cases.push(completing);
        // Last, for it is the end of Alice's device.
        let revoke = pb::DeviceRevokeRequest { device_id };
        cases.push(Case::new(method::DEVICE_REVOKE, &revoke).code().foreign(pb::Reason::NotFound));
        let staff = staffed.keys;
        Self { world, alice, dora, carol, mallory, stranger, staff, cast, cases }
    }

    /// Whose good call it is.
    fn owner(&self, case: &Case) -> &Wallet {
        if let Some(phone) = case.phone {
            return &self.cast.phones[phone];
        }
        match case.policy.caller {
            CallerKind::Merchant if case.policy.method == method::ROTATE_MERCHANT_KEY => {
                &self.staff.leaving[0]
            }
            CallerKind::Operator if case.policy.method == method::ROTATE_OPERATOR_KEY => {
                &self.staff.leaving[1]
            }
            CallerKind::Candidate if case.policy.method == method::POS_ACTIVATE => &self.staff.new_till,
            CallerKind::Candidate => &self.carol,
            CallerKind::Terminal => &self.staff.till,
            CallerKind::Merchant => &self.staff.merchant,
            CallerKind::Operator => &self.staff.operator,
            CallerKind::Device if case.policy.method == method::ENROLMENT_ACTIVATE => &self.dora,
            CallerKind::Device => &self.alice,
        }
    }

    /// All that a hole could have changed.
    async fn look(&self) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        for wallet in [&self.alice, &self.dora].into_iter().chain(self.cast.owners()) {
            seen.push(shown(wallet.get_balance().await));
            seen.push(shown(wallet.list_entries(pb::ListEntriesRequest::default()).await));
            seen.push(shown(wallet.list_events(pb::ListEventsRequest::default()).await));
            seen.push(shown(wallet.list_devices().await));
            seen.push(shown(wallet.list_funding().await));
            seen.push(shown(wallet.list_contacts().await));
        }
        for (phone, case_id) in self.cast.recoveries() {
            seen.push(shown(phone.recovery_status(case_id.clone()).await));
        }
        let request = pb::ListTerminalsRequest::default();
        let draft = self.staff.merchant.draft(method::LIST_TERMINALS, &request);
        let terminals: pb::ListTerminalsReply = self.staff.merchant.send(draft).await.expect("tills");
        seen.push(terminals.encode_to_vec());
        let draft = self.staff.operator.draft(method::LIST_PROPOSALS, &pb::ListProposalsRequest {});
        let proposals: pb::ListProposalsReply = self.staff.operator.send(draft).await.expect("proposals");
        seen.push(proposals.encode_to_vec());
        let request = pb::ListReconciliationItemsRequest::default();
        let draft = self.staff.operator.draft(method::LIST_RECONCILIATION_ITEMS, &request);
        let differences: pb::ListReconciliationItemsReply =
            self.staff.operator.send(draft).await.expect("items");
        seen.push(differences.encode_to_vec());
        let messages = self.stranger.read_messages("new@example.jp").await;
        seen.push(messages.expect("messages").encode_to_vec());
        seen.push(self.alice.now_us().to_be_bytes().to_vec());
        seen
    }
}

/// A reply, or why there is none.
fn shown(result: Result<impl Message, Refused>) -> Vec<u8> {
    result.map_or_else(|refused| format!("{:?}", refused.reason()).into(), |reply| reply.encode_to_vec())
}

fn newcomer() -> pb::EnrolmentConfirmPrivate {
    pb::EnrolmentConfirmPrivate { passphrase: PASSPHRASE.into(), device_label: "Pixel 9".into() }
}

/// What every answer of the kind "not authenticated" looks like, byte for byte.
#[derive(Default)]
struct OneFace(Option<(String, Vec<u8>)>);

impl OneFace {
    fn check(&mut self, status: &Status, what: &str) {
        let face = (status.message().to_owned(), status.details().to_vec());
        let first = self.0.get_or_insert_with(|| face.clone());
        assert_eq!(*first, face, "{what}: not authenticated, but told apart");
    }
}

async fn check(wallet: &Wallet, method: &'static str, attack: Attack, face: &mut OneFace) {
    let (what, envelope, answer) = attack;
    let what = format!("{method}: {what}");
    let result: Result<(), Refused> = wallet.send_sealed(method, envelope).await;
    let Err(refused) = result else { panic!("{what}: was done") };
    let got = (refused.status.code(), refused.reason());
    let (code, reason) = answer.expected();
    assert_eq!(got, (code, Some(reason)), "{what}");
    assert_eq!(refused.is_final(), Some(false), "{what}");
    if answer == Answer::Unauthenticated {
        face.check(&refused.status, &what);
    }
}

/// The same call of its owner's is done: at 120 s of age, and again 30 s ahead of the clock.
async fn good_calls(stage: &Stage, case: &Case, face: &mut OneFace) {
    let owner = stage.owner(case);
    let method = case.policy.method;
    let parts = case.by(owner).at(owner.now_us() - 120 * SECOND_US);
    let first = parts.seal(&owner.signer);
    let done = send(owner, method, first.clone()).await;
    assert!(done.is_ok(), "{method}, 120 s old: {done:?}");
    if ends_its_key(method) {
        return;
    }
    match case.policy.effect {
        Effect::Reads => {
            let other = case.by(owner);
            let other = other.at(owner.now_us() + 30 * SECOND_US).seal(&owner.signer);
            let done = send(owner, method, other.clone()).await;
            assert!(done.is_ok(), "{method}, 30 s ahead: {done:?}");
            if method != method::ADVANCE_CLOCK {
                let replay = ("the first read again".to_owned(), first, Answer::Unauthenticated);
                check(owner, method, replay, face).await;
            }
            let replay = ("the second read again".to_owned(), other, Answer::Unauthenticated);
            check(owner, method, replay, face).await;
        }
        Effect::Changes => {
            let again = parts.at(owner.now_us() + 30 * SECOND_US).seal(&owner.signer);
            let done: Result<(), Refused> = owner.send_sealed(method, again).await;
            assert!(done.is_ok(), "{method}, again, 30 s ahead: {done:?}");
        }
    }
}

/// After it its key signs nothing more, not even the same again.
fn ends_its_key(method: &str) -> bool {
    [method::DEVICE_REVOKE, method::ROTATE_MERCHANT_KEY, method::ROTATE_OPERATOR_KEY].contains(&method)
}

/// A call's answer, or the first message of one that goes on.
async fn send(owner: &Wallet, method: &'static str, envelope: pb::Envelope) -> Result<(), Refused> {
    if !method.contains("/Watch") {
        return owner.send_sealed(method, envelope).await;
    }
    let mut stream = watch::<()>(&owner.channel, method, envelope).await?;
    stream.message().await?.expect("what there is now");
    Ok(())
}

/// H01: another account's device, or another candidate, names what is not its own.
async fn foreign_calls(stage: &Stage, case: &Case) {
    let Some(expected) = case.foreign else { return };
    let other = if case.is_anonymous() { &stage.stranger } else { &stage.mallory };
    let envelope = case.by(other).seal(&other.signer);
    let result: Result<(), Refused> = stage.owner(case).send_sealed(case.policy.method, envelope).await;
    let refused = result.expect_err("somebody else's");
    assert_eq!(refused.reason(), Some(expected), "{}", case.policy.method);
}

#[tokio::test]
async fn no_rpc_takes_a_bad_envelope_and_nothing_comes_of_one() {
    let stage = Box::pin(Stage::set()).await;
    let covered: BTreeSet<_> = stage.cases.iter().map(|case| case.policy.method.to_owned()).collect();
    assert_eq!(covered, rpcs(), "an RPC has no case");
    let mut face = OneFace::default();
    for case in &stage.cases {
        // Both are fresh, and the present code is not used up.
        stage.world.refresh(&stage.alice).await;
        stage.world.refresh(&stage.mallory).await;
        stage.world.pass(30);
        let before = stage.look().await;
        let owner = stage.owner(case);
        for attack in attacks(&stage, case) {
            check(owner, case.policy.method, attack, &mut face).await;
        }
        foreign_calls(&stage, case).await;
        assert_eq!(stage.look().await, before, "{}: something came of it", case.policy.method);
        good_calls(&stage, case, &mut face).await;
    }
    revoked(&stage, &mut face).await;
    stage.world.server.stop().await;
}

/// Alice revoked her last device: its key is nobody's, for every RPC and for ever.
async fn revoked(stage: &Stage, face: &mut OneFace) {
    for case in &stage.cases {
        let envelope = case.by(&stage.alice).seal(&stage.alice.signer);
        let answer = if case.is_anonymous() { Answer::Denied } else { Answer::Unauthenticated };
        let attack = ("a revoked key".to_owned(), envelope, answer);
        check(stage.owner(case), case.policy.method, attack, face).await;
    }
}
