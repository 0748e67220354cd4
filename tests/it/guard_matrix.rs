//! Every RPC against every kind of bad envelope. The RPCs come from the proto files' own
//! descriptors: one that nobody declared, or that has no case here, fails.
//!
//! The calls below would be good but for the envelope, down to the one-time code: what a hole lets
//! through is done, and is seen in the victim's account.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::signer::{Signer, timestamp};
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::crypto::envelope::{SignatureForm, key_id_text};
use saifu::crypto::hash::sha256;
use saifu::domain::time::DAY_US;
use saifu::gate::limit::LimitTable;
use saifu::gate::operation::{CallerKind, Codes, Declared, Effect};
use saifu::pb;
use saifu::rpc::declared;
use saifu::server::SANDBOX_AUDIENCE;
use tonic::{Code, Status};

use crate::support::shop::{order, register, secret};
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
        assert!(!rpc.client_streaming() && !rpc.server_streaming(), "{}", rpc.name());
    }
}

#[test]
fn who_may_call_what_and_with_a_code_is_written_down_here_once_more() {
    use CallerKind::{Candidate, Device, Merchant, Operator, Terminal};
    use Codes::{Contact, Refused, Totp};
    use Effect::{Changes, Reads};
    let expected = [
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
        (method::ISSUE_CODE, Device, Changes, Totp),
        (method::POS_ACTIVATE, Candidate, Changes, Refused),
        (method::CHARGE, Terminal, Changes, Refused),
        (method::POS_GET_PAYMENT, Terminal, Reads, Refused),
        (method::REVERSE, Terminal, Changes, Refused),
        (method::LIST_STORES, Merchant, Reads, Refused),
        (method::REGISTER_TERMINAL, Merchant, Changes, Refused),
        (method::LIST_TERMINALS, Merchant, Reads, Refused),
        (method::SUSPEND_TERMINAL, Merchant, Changes, Refused),
        (method::RESUME_TERMINAL, Merchant, Changes, Refused),
        (method::MERCHANT_REVERSE, Merchant, Changes, Refused),
        (method::PROPOSE, Operator, Changes, Refused),
        (method::LIST_PROPOSALS, Operator, Reads, Refused),
        (method::APPROVE, Operator, Changes, Refused),
        (method::SUSPEND_MERCHANT, Operator, Changes, Refused),
        // The sandbox's change nothing in the store: their request ids are nonces.
        (method::ADVANCE_CLOCK, Candidate, Reads, Refused),
        (method::READ_MESSAGES, Candidate, Reads, Refused),
        (method::LIST_SHOPS, Candidate, Reads, Refused),
    ];
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
    /// A key that has an activation code.
    new_till: Wallet,
    /// A till, its merchant's server, and an operator.
    till: Wallet,
    merchant: Wallet,
    operator: Wallet,
    cases: Vec<Case>,
}

/// The shop's side of the play.
struct Staffed {
    /// A new till, a till, its merchant's server, an operator.
    keys: [Wallet; 4],
    cases: Vec<Case>,
}

impl Staffed {
    async fn set(world: &World, alice: &Wallet) -> Self {
        let shop = world.shop("Bakery One").await;
        let [first, second] = world.operators().await;
        let registered = shop.merchant.register_terminal(shop.store_id.clone(), "till 2").await;
        let activation_code = secret(registered.expect("a till").activation_code);
        let issued = alice.issue_code(500, None, None).await.expect("a code");
        let payment_code = secret(issued.payment_code);
        let newcomer = world.staff(SignatureForm::Der).await;
        let applicant = world.staff(SignatureForm::Der).await;
        first.propose(register(&applicant, "Books")).await.expect("a proposal");
        let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
        let approve = pb::ApproveRequest {
            payload_sha256: sha256(&[&proposal.payload]).to_vec(),
            proposal_id: proposal.proposal_id,
        };
        let propose = pb::ProposeRequest { proposal: Some(register(&applicant, "Fish")) };
        let terminal_id = shop.terminal_id;
        let order_id = || "order-1".to_owned();
        let reverse = pb::MerchantReverseRequest { terminal_id: terminal_id.clone(), order_id: order_id() };
        let new_terminal =
            pb::RegisterTerminalRequest { store_id: shop.store_id, label: "till 3".to_owned() };
        let cases = vec![
            Case::new(method::POS_ACTIVATE, &pb::PosActivateRequest {})
                .private(&pb::PosActivatePrivate { activation_code }),
            Case::new(method::CHARGE, &order("order-1", 100)).private(&pb::ChargePrivate { payment_code }),
            // Behind Charge: a device's new code kills its old one.
            Case::new(method::ISSUE_CODE, &code_request()),
            Case::new(method::POS_GET_PAYMENT, &pb::PosGetPaymentRequest { order_id: order_id() }),
            Case::new(method::REVERSE, &pb::ReverseRequest { order_id: order_id() }),
            Case::new(method::LIST_STORES, &pb::ListStoresRequest {}),
            Case::new(method::REGISTER_TERMINAL, &new_terminal),
            Case::new(
                method::LIST_TERMINALS,
                &pb::ListTerminalsRequest { page_size: 1, ..pb::ListTerminalsRequest::default() },
            ),
            Case::new(method::MERCHANT_REVERSE, &reverse),
            Case::new(
                method::SUSPEND_TERMINAL,
                &pb::SuspendTerminalRequest { terminal_id: terminal_id.clone() },
            ),
            Case::new(method::RESUME_TERMINAL, &pb::ResumeTerminalRequest { terminal_id }),
            Case::new(method::PROPOSE, &propose),
            Case::new(method::LIST_PROPOSALS, &pb::ListProposalsRequest {}),
            Case::new(method::APPROVE, &approve),
            Case::new(method::FREEZE, &pb::FreezeRequest {}),
            Case::new(method::UNFREEZE, &pb::UnfreezeRequest {}).code(),
            Case::new(
                method::SUSPEND_MERCHANT,
                &pb::SuspendMerchantRequest { merchant_id: shop.merchant_id },
            ),
        ];
        let keys = [newcomer, shop.till, shop.merchant, second].map(|staff| as_wallet(world, staff));
        Self { keys, cases }
    }
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

fn code_request() -> pb::IssueCodeRequest {
    pb::IssueCodeRequest { purpose: pb::CodePurpose::TopUp.into(), cap_minor: 5, currency: "JPY".into() }
}

/// The same key, as the matrix plays it.
fn as_wallet(world: &World, staff: Staff) -> Wallet {
    let clock = std::sync::Arc::clone(&world.clock);
    Wallet::with_signer(staff.channel, staff.signer, SANDBOX_AUDIENCE, clock)
}

/// A good call of one RPC, but for who signs it.
#[derive(Clone)]
struct Case {
    policy: Declared,
    body: Vec<u8>,
    private: Vec<u8>,
    /// Whether the call brings a code.
    code: bool,
    /// The code to a contact that the call brings.
    contact_code: Option<String>,
    /// What it comes to when another account's device signs it, where the body names something.
    foreign: Option<pb::Reason>,
}

impl Stage {
    async fn set() -> Self {
        let world = World::start_with(|settings| {
            settings.limits = LimitTable::unlimited();
            // Time passes between the cases.
            settings.policy.payment_codes.live_us = DAY_US;
        })
        .await;
        let alice = world.funded("alice", 5_000).await;
        let paid = alice.pay(bakery(&alice, 300).await, None, None).await.expect("a payment");
        let mallory = world.funded("mallory", 1_000).await;
        let carol = world.phone().await;
        let confirm = started(&carol, "carol@example.jp").await;
        let mut dora = world.phone().await;
        let (enrolment_id, code) = started(&dora, "dora@example.jp").await;
        let confirmed = dora.confirm_enrolment(enrolment_id, &confirmation(&code)).await;
        set_up(&mut dora, &confirmed.expect("an account"));
        let stranger = world.phone().await;
        let staffed = Staffed::set(&world, &alice).await;
        // Reads from before the server's start are stale: past two minutes a call may be 120 s old.
        world.pass(120);
        world.refresh(&alice).await;

        let shop = alice.list_shops().await.expect("shops").shops.remove(0);
        let funding_id =
            alice.list_funding().await.expect("sources").sources.pop().expect("a card").funding_id;
        let entries = alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
        let top_up_id = entries.last().expect("the top-up").subject_id.clone();
        let device_id = alice.list_devices().await.expect("devices").devices.remove(0).device_id;
        let pay = bakery(&alice, 100).await;
        let top_up =
            pb::TopUpRequest { funding_id: funding_id.clone(), amount_minor: 200, currency: "JPY".into() };
        let mut cases = strangers();
        cases.extend([
            // The last of the candidate's: its key is a device's from then on.
            Case::new(method::ENROLMENT_CONFIRM, &pb::EnrolmentConfirmRequest { enrolment_id: confirm.0 })
                .private(&newcomer())
                .contact_code(&confirm.1),
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
            Case::new(method::PAY, &pay),
            Case::new(method::TOP_UP, &top_up).foreign(pb::Reason::FundingNotLinked),
            Case::new(method::LINK_FUNDING, &pb::LinkFundingRequest {})
                .private(&pb::LinkFundingPrivate { token: "sandbox-other".into(), label: "other".into() }),
            Case::new(method::UNLINK_FUNDING, &pb::UnlinkFundingRequest { funding_id })
                .foreign(pb::Reason::FundingNotLinked),
            Case::new(method::VERIFY_SECOND_FACTOR, &pb::VerifySecondFactorRequest {}).code(),
        ]);
        cases.extend(staffed.cases);
        // Last, for it is the end of Alice's device.
        let revoke = pb::DeviceRevokeRequest { device_id };
        cases.push(Case::new(method::DEVICE_REVOKE, &revoke).code().foreign(pb::Reason::NotFound));
        let [new_till, till, merchant, operator] = staffed.keys;
        Self { world, alice, dora, carol, mallory, stranger, new_till, till, merchant, operator, cases }
    }

    /// Whose good call it is.
    fn owner(&self, case: &Case) -> &Wallet {
        match case.policy.caller {
            CallerKind::Candidate if case.policy.method == method::POS_ACTIVATE => &self.new_till,
            CallerKind::Candidate => &self.carol,
            CallerKind::Terminal => &self.till,
            CallerKind::Merchant => &self.merchant,
            CallerKind::Operator => &self.operator,
            CallerKind::Device if case.policy.method == method::ENROLMENT_ACTIVATE => &self.dora,
            CallerKind::Device => &self.alice,
        }
    }

    /// All that a hole could have changed.
    async fn look(&self) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        for wallet in [&self.alice, &self.dora] {
            seen.push(wallet.get_balance().await.expect("a balance").encode_to_vec());
            let entries = wallet.list_entries(pb::ListEntriesRequest::default()).await;
            seen.push(entries.expect("entries").encode_to_vec());
            let events = wallet.list_events(pb::ListEventsRequest::default()).await;
            seen.push(events.expect("events").encode_to_vec());
            seen.push(wallet.list_devices().await.expect("devices").encode_to_vec());
            seen.push(wallet.list_funding().await.expect("sources").encode_to_vec());
        }
        let request = pb::ListTerminalsRequest::default();
        let draft = self.merchant.draft(method::LIST_TERMINALS, &request);
        let terminals: pb::ListTerminalsReply = self.merchant.send(draft).await.expect("tills");
        seen.push(terminals.encode_to_vec());
        let draft = self.operator.draft(method::LIST_PROPOSALS, &pb::ListProposalsRequest {});
        let proposals: pb::ListProposalsReply = self.operator.send(draft).await.expect("proposals");
        seen.push(proposals.encode_to_vec());
        let messages = self.stranger.read_messages("new@example.jp").await;
        seen.push(messages.expect("messages").encode_to_vec());
        seen.push(self.alice.now_us().to_be_bytes().to_vec());
        seen
    }
}

impl Case {
    fn new(method: &str, body: &impl Message) -> Self {
        let policy = declared().into_iter().find(|policy| policy.method == method).expect("a declared RPC");
        Self {
            policy,
            body: body.encode_to_vec(),
            private: Vec::new(),
            code: false,
            contact_code: None,
            foreign: None,
        }
    }

    fn private(mut self, private: &impl Message) -> Self {
        self.private = private.encode_to_vec();
        self
    }

    fn code(mut self) -> Self {
        self.code = true;
        self
    }

    fn contact_code(mut self, code: &str) -> Self {
        self.contact_code = Some(code.to_owned());
        self
    }

    /// The second factor as this wallet would give it now.
    fn factor(&self, wallet: &Wallet) -> Option<pb::SecondFactor> {
        let shown = || wallet.code().map_or("123456".to_owned(), |code| code.to_string());
        match &self.contact_code {
            Some(code) => Some(contact_factor(code.clone())),
            None => self.code.then(|| second_factor(shown())),
        }
    }

    fn foreign(mut self, reason: pb::Reason) -> Self {
        self.foreign = Some(reason);
        self
    }

    fn is_anonymous(&self) -> bool {
        self.policy.caller == CallerKind::Candidate
    }

    /// The call as this wallet would make it now.
    fn by(&self, wallet: &Wallet) -> Parts {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let second_factor = self.factor(wallet);
        let has_private = second_factor.is_some() || !self.private.is_empty();
        let private = pb::Private { salt: vec![7; 16], second_factor, body: self.private.clone() };
        let mut parts = Parts {
            method: self.policy.method,
            call: pb::Call {
                audience: SANDBOX_AUDIENCE.to_owned(),
                key_id: wallet.signer.key_id(),
                request_id: [[0xab; 8], id.to_be_bytes()].concat(),
                issued_at: Some(timestamp(wallet.now_us())),
                epoch: u64::from(!self.is_anonymous()),
                body: self.body.clone(),
                private_sha256: Vec::new(),
            },
            private: Vec::new(),
            is_anonymous: self.is_anonymous(),
        };
        if has_private {
            parts.bind(private.encode_to_vec());
        }
        parts
    }
}

fn second_factor(code: String) -> pb::SecondFactor {
    pb::SecondFactor { factor: Some(pb::second_factor::Factor::TotpCode(code)) }
}

fn newcomer() -> pb::EnrolmentConfirmPrivate {
    pb::EnrolmentConfirmPrivate { passphrase: PASSPHRASE.into(), device_label: "Pixel 9".into() }
}

fn contact_factor(code: String) -> pb::SecondFactor {
    pb::SecondFactor { factor: Some(pb::second_factor::Factor::ContactCode(code)) }
}

/// A call before it is signed.
#[derive(Clone)]
struct Parts {
    method: &'static str,
    call: pb::Call,
    private: Vec<u8>,
    is_anonymous: bool,
}

impl Parts {
    fn bind(&mut self, private: Vec<u8>) {
        self.call.private_sha256 = sha256(&[&private]).to_vec();
        self.private = private;
    }

    fn with(mut self, change: impl FnOnce(&mut pb::Call)) -> Self {
        change(&mut self.call);
        self
    }

    fn at(self, at_us: i64) -> Self {
        self.with(|call| call.issued_at = Some(timestamp(at_us)))
    }

    fn seal(&self, signer: &Signer) -> pb::Envelope {
        self.seal_payload(signer, self.call.encode_to_vec())
    }

    /// Well signed, whatever the payload is.
    fn seal_payload(&self, signer: &Signer, payload: Vec<u8>) -> pb::Envelope {
        pb::Envelope {
            signature: signer.key().sign(self.method, &payload),
            payload,
            key_id: signer.key_id(),
            private: self.private.clone(),
            candidate: self.is_anonymous.then(|| signer.candidate()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unauthenticated,
    Skew,
    Epoch,
    Malformed,
    Denied,
}

impl Answer {
    fn expected(self) -> (Code, pb::Reason) {
        match self {
            Self::Unauthenticated => (Code::Unauthenticated, pb::Reason::Unauthenticated),
            Self::Skew => (Code::Unauthenticated, pb::Reason::ClockSkew),
            Self::Epoch => (Code::Unauthenticated, pb::Reason::EpochChanged),
            Self::Malformed => (Code::InvalidArgument, pb::Reason::Malformed),
            Self::Denied => (Code::PermissionDenied, pb::Reason::PermissionDenied),
        }
    }
}

/// A bad envelope, what is bad about it, and the answer it must get.
type Attack = (String, pb::Envelope, Answer);

/// All bad envelopes of one call.
fn attacks(stage: &Stage, case: &Case) -> Vec<Attack> {
    let owner = stage.owner(case);
    let mut attacks = signature_attacks(stage, case, owner);
    attacks.extend(call_attacks(case, owner));
    attacks.extend(form_attacks(case, owner));
    attacks.extend(private_attacks(case, owner));
    attacks.extend(identity_attacks(stage, case, owner));
    if case.is_anonymous() {
        attacks.extend(candidate_attacks(stage, case, owner));
    }
    attacks
}

/// B01, B02: not signed, altered after signing, signed for another method.
fn signature_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner).seal(&owner.signer);
    let mut attacks = Vec::new();
    let mut add = |what: String, envelope| attacks.push((what, envelope, Answer::Unauthenticated));
    add("no signature".into(), pb::Envelope { signature: Vec::new(), ..good.clone() });
    add("an empty payload".into(), pb::Envelope { payload: Vec::new(), ..good.clone() });
    for at in 0..good.payload.len() {
        let mut envelope = good.clone();
        envelope.payload[at] ^= 0x01;
        add(format!("payload byte {at} flipped"), envelope);
    }
    for at in 0..good.signature.len() {
        let mut envelope = good.clone();
        envelope.signature[at] ^= 0x01;
        add(format!("signature byte {at} flipped"), envelope);
    }
    let mut longer = good.clone();
    longer.signature.push(0);
    add("a byte behind the signature".into(), longer);
    let mut longer = good.clone();
    longer.payload.push(0);
    add("a byte behind the payload".into(), longer);
    add("no key id".into(), pb::Envelope { key_id: String::new(), ..good.clone() });
    add("a padded key id".into(), pb::Envelope { key_id: format!("{}=", good.key_id), ..good.clone() });
    for other in &stage.cases {
        if other.policy.method != case.policy.method {
            let parts = Parts { method: other.policy.method, ..case.by(owner) };
            add(format!("a signature for {}", parts.method), parts.seal(&owner.signer));
        }
    }
    attacks
}

/// B04, C05, C12: well signed, for another deployment, moment or epoch.
fn call_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let now_us = owner.now_us();
    let mut attacks = Vec::new();
    let mut add = |what: &str, parts: Parts, answer| {
        attacks.push((what.to_owned(), parts.seal(&owner.signer), answer));
    };
    for audience in ["", "wallet.example.jp", "sandbox.saifu.invalid.", "SANDBOX.saifu.invalid"] {
        let parts = good.clone().with(|call| audience.clone_into(&mut call.audience));
        add("another audience", parts, Answer::Unauthenticated);
    }
    add("121 s old", good.clone().at(now_us - 121 * SECOND_US), Answer::Skew);
    add("120 s and 1 µs old", good.clone().at(now_us - 120 * SECOND_US - 1), Answer::Skew);
    add("31 s ahead", good.clone().at(now_us + 31 * SECOND_US), Answer::Skew);
    add("30 s and 1 µs ahead", good.clone().at(now_us + 30 * SECOND_US + 1), Answer::Skew);
    add("a year ahead", good.clone().at(now_us + 365 * 86_400 * SECOND_US), Answer::Skew);
    let seconds = now_us / SECOND_US;
    for (seconds, nanos) in [
        (0, 0),
        (i64::MIN, 0),
        (i64::MAX, 0),
        (i64::MAX / SECOND_US, 999_999_999),
        (seconds, 1_000_000_000),
        (seconds, -1),
        (seconds, i32::MIN),
        (seconds, i32::MAX),
    ] {
        let at = prost_types::Timestamp { seconds, nanos };
        let parts = good.clone().with(|call| call.issued_at = Some(at));
        add(&format!("issued at {seconds} s, {nanos} ns"), parts, Answer::Skew);
    }
    add("no moment", good.clone().with(|call| call.issued_at = None), Answer::Skew);
    if case.is_anonymous() {
        add("a candidate's epoch", good.clone().with(|call| call.epoch = 1), Answer::Malformed);
    } else {
        add("epoch 0", good.clone().with(|call| call.epoch = 0), Answer::Epoch);
        add("a future epoch", good.clone().with(|call| call.epoch = 2), Answer::Epoch);
        add("epoch u64::MAX", good.clone().with(|call| call.epoch = u64::MAX), Answer::Unauthenticated);
    }
    for bytes in [0, 15, 17] {
        let parts = good.clone().with(|call| call.request_id = vec![7; bytes]);
        add(&format!("a request id of {bytes} bytes"), parts, Answer::Malformed);
    }
    attacks
}

/// B10: what another encoder might write, or a field that nobody knows.
fn deformed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    // Field 1000, length 1.
    let mut forms = vec![("an unknown field", [bytes, &[0xc2, 0x3e, 0x01, 0x00]].concat())];
    forms.push(("no protobuf", [bytes, &[0xff]].concat()));
    if let Some((tag, rest)) = bytes.split_first() {
        assert!(*tag < 0x80, "a field below 16");
        forms.push(("a repeated field", [bytes, bytes].concat()));
        forms.push(("a non-minimal varint", [&[tag | 0x80, 0x00], rest].concat()));
        forms.push(("an explicit default", vec![*tag, 0x00]));
    }
    forms
}

fn form_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let mut attacks = Vec::new();
    for (what, payload) in deformed(&good.call.encode_to_vec()) {
        // A call with nothing but an empty audience says nothing about a key id.
        let envelope = good.seal_payload(&owner.signer, payload);
        attacks.push((format!("{what} in Call"), envelope, Answer::Malformed));
    }
    attacks.push((
        "an explicit default inside Call".into(),
        good.seal_payload(&owner.signer, with_explicit_nanos(&good.call)),
        Answer::Malformed,
    ));
    for (what, body) in deformed(&case.body) {
        let parts = good.clone().with(|call| call.body = body);
        attacks.push((format!("{what} in the body"), parts.seal(&owner.signer), Answer::Malformed));
    }
    attacks
}

/// Canonical but for `nanos = 0` written out.
fn with_explicit_nanos(call: &pb::Call) -> Vec<u8> {
    let at = call.issued_at.expect("a moment");
    assert_eq!(at.nanos, 0, "the clock stands on a whole second");
    let moment = [at.encode_to_vec(), vec![0x10, 0x00]].concat();
    let before = pb::Call { issued_at: None, epoch: 0, body: Vec::new(), ..call.clone() };
    let before = pb::Call { private_sha256: Vec::new(), ..before };
    let behind = pb::Call {
        epoch: call.epoch,
        body: call.body.clone(),
        private_sha256: call.private_sha256.clone(),
        ..pb::Call::default()
    };
    let length = u8::try_from(moment.len()).expect("a short message");
    [before.encode_to_vec(), vec![0x22, length], moment, behind.encode_to_vec()].concat()
}

/// The private part: altered, exchanged, missing, or where none belongs.
fn private_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let signer = &owner.signer;
    let mut attacks = Vec::new();
    let mut add = |what: String, envelope, answer| attacks.push((what, envelope, answer));
    let contact = case.contact_code.clone().map(contact_factor);
    let plain = pb::Private { salt: vec![9; 16], second_factor: contact, body: case.private.clone() };
    let private = if good.private.is_empty() {
        let added = pb::Envelope { private: plain.encode_to_vec(), ..good.seal(signer) };
        add("a private part that was not signed".into(), added, Answer::Unauthenticated);
        plain.clone()
    } else {
        for at in 0..good.private.len() {
            let mut envelope = good.seal(signer);
            envelope.private[at] ^= 0x01;
            add(format!("private byte {at} flipped"), envelope, Answer::Unauthenticated);
        }
        let missing = good.clone().with(|call| call.private_sha256 = Vec::new()).seal(signer);
        add("no hash of the private part".into(), missing, Answer::Unauthenticated);
        let wrong = good.clone().with(|call| call.private_sha256 = vec![0; 32]).seal(signer);
        add("another hash".into(), wrong, Answer::Unauthenticated);
        let short = good.clone().with(|call| call.private_sha256.truncate(31)).seal(signer);
        add("a shorter hash".into(), short, Answer::Unauthenticated);
        let stripped = pb::Envelope { private: Vec::new(), ..good.seal(signer) };
        add("the private part taken away".into(), stripped, Answer::Malformed);
        pb::Private::decode(good.private.as_slice()).expect("our own")
    };
    let bind = |private: Vec<u8>| {
        let mut parts = good.clone();
        parts.bind(private);
        parts.seal(signer)
    };
    for (what, private) in deformed(&private.encode_to_vec()) {
        add(format!("{what} in Private"), bind(private), Answer::Malformed);
    }
    for (what, body) in deformed(&private.body) {
        let private = pb::Private { body, ..private.clone() };
        add(format!("{what} in the private body"), bind(private.encode_to_vec()), Answer::Malformed);
    }
    let unsalted = pb::Private { salt: vec![9; 15], ..private.clone() };
    add("15 bytes of salt".into(), bind(unsalted.encode_to_vec()), Answer::Malformed);
    let empty = pb::Private { second_factor: Some(pb::SecondFactor { factor: None }), ..private.clone() };
    add("a second factor that is none".into(), bind(empty.encode_to_vec()), Answer::Malformed);
    let totp =
        ["", "12345", "1234567", "+12345", "12345 ", "１２３４５６"].map(|code| second_factor(code.into()));
    let contact =
        ["", "1234567", "123456789", "+1234567", "１２３４５６７８"].map(|code| contact_factor(code.into()));
    let factors = match case.policy.codes {
        Codes::Refused => vec![second_factor("123456".into()), contact_factor("12345678".into())],
        Codes::Totp | Codes::NewTotp => [&totp[..], &[contact_factor("12345678".into())]].concat(),
        Codes::Recovery => [&totp[..], &contact[..], &unprovable()].concat(),
        Codes::Contact => [&contact[..], &[second_factor("123456".into())]].concat(),
    };
    for factor in factors {
        let what = format!("the factor {factor:?}");
        let private = pb::Private { second_factor: Some(factor), ..private.clone() };
        add(what, bind(private.encode_to_vec()), Answer::Malformed);
    }
    attacks
}

/// What no saved code and no passphrase looks like.
fn unprovable() -> [pb::SecondFactor; 4] {
    let saved = |code: &str| pb::second_factor::Factor::SavedCode(code.into());
    let passphrase = |text: &str| pb::second_factor::Factor::Passphrase(text.into());
    [saved(""), saved("0123-4567"), passphrase(""), passphrase("short")]
        .map(|factor| pb::SecondFactor { factor: Some(factor) })
}

/// B05, H03: somebody else's key, or somebody else's name on it.
fn identity_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let mut attacks = Vec::new();
    let mut add = |what: &str, envelope, answer| attacks.push((what.to_owned(), envelope, answer));
    let good = case.by(owner);
    for other in [&stage.mallory, &stage.stranger] {
        let forged = pb::Envelope { key_id: owner.signer.key_id(), ..case.by(other).seal(&other.signer) };
        add("the owner's key as the hint", forged, Answer::Unauthenticated);
        let forged = pb::Envelope { key_id: owner.signer.key_id(), ..good.seal(&other.signer) };
        add("the owner's call, signed by another", forged, Answer::Unauthenticated);
        add("the owner's key id in the call", good.seal(&other.signer), Answer::Unauthenticated);
        let foreign = pb::Envelope { key_id: other.signer.key_id(), ..good.seal(&owner.signer) };
        add("another's key as the hint", foreign, Answer::Unauthenticated);
    }
    for (kind, other) in [
        (CallerKind::Device, &stage.mallory),
        (CallerKind::Terminal, &stage.till),
        (CallerKind::Merchant, &stage.merchant),
        (CallerKind::Operator, &stage.operator),
    ] {
        if kind != case.policy.caller {
            let envelope = case.by(other).seal(&other.signer);
            add("another kind of principal", envelope, Answer::Denied);
        }
    }
    if case.is_anonymous() {
        let enrolled = case.by(&stage.mallory).seal(&stage.mallory.signer);
        add("an enrolled key as a candidate", enrolled, Answer::Denied);
    } else {
        let unknown = case.by(&stage.stranger).seal(&stage.stranger.signer);
        add("a key that is not enrolled", unknown, Answer::Unauthenticated);
        let candidate = Some(stage.stranger.signer.candidate());
        let unknown = pb::Envelope { candidate, ..case.by(&stage.stranger).seal(&stage.stranger.signer) };
        add("a candidate on a device's RPC", unknown, Answer::Malformed);
        let candidate = Some(owner.signer.candidate());
        let shown = pb::Envelope { candidate, ..good.seal(&owner.signer) };
        add("the device's own key as a candidate", shown, Answer::Malformed);
    }
    attacks
}

/// A10: keys that are none.
fn candidate_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner).seal(&owner.signer);
    let own = owner.signer.candidate();
    let mut attacks = Vec::new();
    let mut add = |what: &str, candidate, answer| {
        attacks.push((what.to_owned(), pb::Envelope { candidate, ..good.clone() }, answer));
    };
    add("no candidate", None, Answer::Malformed);
    add("another's key", Some(stage.stranger.signer.candidate()), Answer::Unauthenticated);
    for (what, form) in [("unspecified", 0), ("unknown", 9)] {
        let candidate = pb::Candidate { signature_form: form, ..own.clone() };
        add(&format!("a signature form {what}"), Some(candidate), Answer::Malformed);
    }
    let fixed = pb::Candidate { signature_form: pb::SignatureForm::Fixed.into(), ..own.clone() };
    add("the other signature form", Some(fixed), Answer::Unauthenticated);
    let mut spki = |what: &str, spki: Vec<u8>| {
        add(what, Some(pb::Candidate { spki, ..own.clone() }), Answer::Malformed);
    };
    spki("no key", Vec::new());
    spki("90 bytes", own.spki[..90].to_vec());
    spki("92 bytes", [own.spki.as_slice(), &[0]].concat());
    // id-ecPublicKey on secp384r1, filled up to 91 bytes.
    let p384 = [
        &[0x30, 0x59, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x45, 0x00, 0x04],
        &[0x11; 67],
    ];
    spki("a P-384 key", p384.concat());
    for (what, first) in [("compressed", 0x02), ("hybrid", 0x06), ("at infinity", 0x00)] {
        let mut bytes = own.spki.clone();
        bytes[26] = first;
        spki(&format!("a point {what}"), bytes);
    }
    // A point beside the curve verifies nothing, and is not told apart from a wrong signature.
    let mut beside = own.spki.clone();
    beside[90] ^= 0x01;
    let key_id = key_id_text(&sha256(&[&beside]));
    let mut envelope = case.by(owner).with(|call| call.key_id.clone_from(&key_id)).seal(&owner.signer);
    envelope.key_id.clone_from(&key_id);
    envelope.candidate = Some(pb::Candidate { spki: beside, ..own });
    attacks.push(("a point beside the curve".into(), envelope, Answer::Unauthenticated));
    attacks
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
    let done: Result<(), Refused> = owner.send_sealed(method, first.clone()).await;
    assert!(done.is_ok(), "{method}, 120 s old: {done:?}");
    if method == method::DEVICE_REVOKE {
        return;
    }
    match case.policy.effect {
        Effect::Reads => {
            let other = case.by(owner);
            let other = other.at(owner.now_us() + 30 * SECOND_US).seal(&owner.signer);
            let done: Result<(), Refused> = owner.send_sealed(method, other.clone()).await;
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

/// H01: another account's device names what is not its own.
async fn foreign_calls(stage: &Stage, case: &Case) {
    let Some(expected) = case.foreign else { return };
    let mallory = &stage.mallory;
    let envelope = case.by(mallory).seal(&mallory.signer);
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
