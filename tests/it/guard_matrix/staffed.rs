//! The shop's side of the matrix: a till, its merchant's server and an operator, with a good call of each RPC
//! of theirs.

use saifu::client::method::{self, MERCHANT_KEY, OPERATOR_KEY};
use saifu::client::signer::Signer;
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::crypto::hash::sha256;
use saifu::domain::id::{FIRST_TENANT, ReconciliationItemId};
use saifu::domain::reconciliation::{Difference, ItemState};
use saifu::domain::record::Record as _;
use saifu::domain::rows::ReconciliationItem;
use saifu::domain::time::Timestamp;
use saifu::gate::operation::{CallerKind, Codes, Effect};
use saifu::pb;
use saifu::pb::bar_subject::Subject;
use saifu::server::SANDBOX_AUDIENCE;

use super::as_wallet;
use super::case::Case;
use crate::support::recovery::HOUR;
use crate::support::shop::{Shop, asking, digits, hold, order, payable, register, secret};
use crate::support::{World, put};

/// The day that worlds begin on.
const FIRST_DAY: &str = "2026-01-05";

/// Who may call what of it, written down once more.
pub fn expected() -> Vec<(&'static str, CallerKind, Effect, Codes)> {
    use CallerKind::{Merchant, Operator, Terminal};
    use Codes::Refused;
    use Effect::{Changes, Reads};
    vec![
        (method::CHARGE, Terminal, Changes, Refused),
        (method::POS_GET_PAYMENT, Terminal, Reads, Refused),
        (method::REVERSE, Terminal, Changes, Refused),
        (method::LIST_STORES, Merchant, Reads, Refused),
        (method::REGISTER_TERMINAL, Merchant, Changes, Refused),
        (method::LIST_TERMINALS, Merchant, Reads, Refused),
        (method::SUSPEND_TERMINAL, Merchant, Changes, Refused),
        (method::RESUME_TERMINAL, Merchant, Changes, Refused),
        (method::MERCHANT_REVERSE, Merchant, Changes, Refused),
        (method::AUTHORIZE, Terminal, Changes, Refused),
        (method::CAPTURE, Terminal, Changes, Refused),
        (method::VOID, Terminal, Changes, Refused),
        (method::REFUND, Terminal, Changes, Refused),
        (method::MERCHANT_CAPTURE, Merchant, Changes, Refused),
        (method::MERCHANT_VOID, Merchant, Changes, Refused),
        (method::MERCHANT_REFUND, Merchant, Changes, Refused),
        (method::CREATE_ORDER, Terminal, Changes, Refused),
        (method::CANCEL_ORDER, Terminal, Changes, Refused),
        (method::WATCH_ORDER, Terminal, Reads, Refused),
        (method::CASH_TOP_UP, Terminal, Changes, Refused),
        (method::CLOSE_DAY, Terminal, Changes, Refused),
        (method::GET_DAY, Terminal, Reads, Refused),
        (method::COMPARE_DAY, Terminal, Reads, Refused),
        (method::MERCHANT_CREATE_ORDER, Merchant, Changes, Refused),
        (method::MERCHANT_CANCEL_ORDER, Merchant, Changes, Refused),
        (method::MERCHANT_WATCH_ORDER, Merchant, Reads, Refused),
        (method::PROPOSE, Operator, Changes, Refused),
        (method::LIST_PROPOSALS, Operator, Reads, Refused),
        (method::APPROVE, Operator, Changes, Refused),
        (method::SUSPEND_MERCHANT, Operator, Changes, Refused),
        (method::CANCEL_RECOVERY, Operator, Changes, Refused),
        (method::BAR, Operator, Changes, Refused),
        (method::ROTATE_OPERATOR_KEY, Operator, Changes, Refused),
        (method::ROTATE_MERCHANT_KEY, Merchant, Changes, Refused),
        (method::FREEZE_ACCOUNT, Operator, Changes, Refused),
        (method::LIST_SETTLEMENTS, Merchant, Reads, Refused),
        (method::LIST_SETTLEMENT_LINES, Merchant, Reads, Refused),
        (method::GET_PAYOUT_FILE, Operator, Reads, Refused),
        (method::LIST_RECONCILIATION_ITEMS, Operator, Reads, Refused),
        (method::TAKE_RECONCILIATION_ITEM, Operator, Changes, Refused),
        (method::RESOLVE_RECONCILIATION_ITEM, Operator, Changes, Refused),
    ]
}

/// The shop's side of the play.
pub struct Staffed {
    pub keys: Keys,
    pub cases: Vec<Case>,
}

/// Those who call.
pub struct Keys {
    /// A key that has an activation code.
    pub new_till: Wallet,
    pub till: Wallet,
    pub merchant: Wallet,
    pub operator: Wallet,
    /// Another merchant's server, and another operator, who give their keys up.
    pub leaving: [Wallet; 2],
}

/// A shop whose first day is settled.
pub async fn settled(world: &World) -> Shop {
    let (shop, holly) = (world.shop("Bakery One").await, world.funded("holly", 100).await);
    shop.till.charge(&order("settled", 10), &digits(&holly, 10).await).await.expect("a charge");
    world.pass(14 * HOUR);
    shop.settlements(1).await;
    // The bank's file of that day is told when nothing is added to it any more.
    world.pass(25 * HOUR);
    shop
}

impl Staffed {
    pub async fn set(world: &World, shop: Shop, alice: &Wallet, mallory: &Wallet) -> Self {
        let [first, second] = world.operators().await;
        let registered = shop.merchant.register_terminal(shop.store_id.clone(), "till 2").await;
        let activation_code = secret(registered.expect("a till").activation_code);
        let steps = steps(world, &shop, alice, mallory).await;
        let day = day(world, &shop).await;
        let hooks = super::hooks::cases(world, &shop).await;
        let payment_code = digits(alice, 500).await;
        let newcomer = world.staff(SignatureForm::Der).await;
        let applicant = world.staff(SignatureForm::Der).await;
        first.propose(register(&applicant, "Books")).await.expect("a proposal");
        let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
        let (leaver, ends) = ends(world, &shop, &proposal.proposer_id).await;
        let approve = pb::ApproveRequest {
            payload_sha256: sha256(&[&proposal.payload]).to_vec(),
            proposal_id: proposal.proposal_id,
        };
        let propose = pb::ProposeRequest { proposal: Some(register(&applicant, "Fish")) };
        let terminal_id = shop.terminal_id;
        let order_id = || "order-1".to_owned();
        let reverse = pb::MerchantReverseRequest { terminal_id: terminal_id.clone(), order_id: order_id() };
        let mut cases = vec![
            Case::new(method::POS_ACTIVATE, &pb::PosActivateRequest {})
                .private(&pb::PosActivatePrivate { activation_code }),
            Case::new(method::CHARGE, &order("order-1", 100)).private(&pb::ChargePrivate { payment_code }),
            Case::new(method::AUTHORIZE, &hold("held-4", 100))
                .private(&pb::ChargePrivate { payment_code: digits(mallory, 100).await }),
            // Behind Charge: a device's new code kills its old one.
            Case::new(method::ISSUE_CODE, &code_request()),
            Case::new(method::POS_GET_PAYMENT, &pb::PosGetPaymentRequest { order_id: order_id() }),
            Case::new(method::REVERSE, &pb::ReverseRequest { order_id: order_id() }),
            Case::new(
                method::LIST_STORES,
                &pb::ListStoresRequest { page_size: 1, ..pb::ListStoresRequest::default() },
            ),
            another_till(shop.store_id),
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
            Case::new(method::FREEZE_ACCOUNT, &freeze(mallory).await),
        ];
        cases.extend(differences(world));
        cases.splice(3..3, steps);
        cases.splice(3..3, day);
        cases.extend(hooks);
        cases.extend(paid());
        // What the first operator proposed is approved by then.
        cases.extend(ends);
        let keys = Keys {
            new_till: as_wallet(world, newcomer),
            till: as_wallet(world, shop.till),
            merchant: as_wallet(world, shop.merchant),
            operator: as_wallet(world, second),
            leaving: [leaver, first].map(|staff| as_wallet(world, staff)),
        };
        Self { keys, cases }
    }
}

/// A till that is registered.
fn another_till(store_id: Vec<u8>) -> Case {
    let request = pb::RegisterTerminalRequest { store_id, label: "till 3".to_owned() };
    Case::new(method::REGISTER_TERMINAL, &request)
}

/// A merchant that is suspended, a till that is barred, and keys that are given up: of another merchant's
/// server, and of who proposed.
async fn ends(world: &World, shop: &Shop, proposer_id: &[u8]) -> (Staff, Vec<Case>) {
    let spare = shop.merchant.register_terminal(shop.store_id.clone(), "till 4").await.expect("a till");
    let (leaver, leaving) = world.merchant("Leaver").await;
    let subject = Some(pb::BarSubject { subject: Some(Subject::TerminalId(spare.terminal_id)) });
    let merchant_id = shop.merchant_id.clone();
    let cases = vec![
        Case::new(method::SUSPEND_MERCHANT, &pb::SuspendMerchantRequest { merchant_id }),
        Case::new(method::BAR, &pb::BarRequest { subject }),
        rotation(method::ROTATE_MERCHANT_KEY, MERCHANT_KEY, &leaving.merchant_id),
        rotation(method::ROTATE_OPERATOR_KEY, OPERATOR_KEY, proposer_id),
    ];
    (leaver, cases)
}

/// A key given up for another.
fn rotation(method: &str, kind: &str, owner_id: &[u8]) -> Case {
    let new = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    let key_proof = new.possession(kind, owner_id);
    Case::new(method, &pb::RotateKeyRequest { key: Some(new.candidate()), key_proof })
}

/// The account behind a top-up of Mallory's.
async fn freeze(mallory: &Wallet) -> pb::FreezeAccountRequest {
    let entries = mallory.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries;
    let top_up = entries.into_iter().find(|entry| entry.kind() == pb::EntryKind::TopUp);
    pb::FreezeAccountRequest { top_up_id: top_up.expect("a top-up").subject_id, ..Default::default() }
}

/// What a merchant was paid, and what the bank is told.
fn paid() -> Vec<Case> {
    vec![
        Case::new(
            method::LIST_SETTLEMENTS,
            &pb::ListSettlementsRequest { page_size: 1, ..pb::ListSettlementsRequest::default() },
        ),
        Case::new(
            method::LIST_SETTLEMENT_LINES,
            &pb::ListSettlementLinesRequest { day: FIRST_DAY.into(), ..Default::default() },
        ),
        Case::new(
            method::GET_PAYOUT_FILE,
            &pb::GetPayoutFileRequest { day: FIRST_DAY.into(), ..Default::default() },
        ),
    ]
}

fn code_request() -> pb::IssueCodeRequest {
    pb::IssueCodeRequest { purpose: pb::CodePurpose::TopUp.into(), cap_minor: 5, currency: "JPY".into() }
}

/// A difference from a provider's list, as the comparison would have stored it: the sandbox's provider keeps
/// none.
fn differences(world: &World) -> Vec<Case> {
    let item_id = vec![7; 16];
    let item = ReconciliationItem {
        item_id: ReconciliationItemId([7; 16]),
        tenant_id: FIRST_TENANT,
        provider: 2,
        reference: "pi_1".to_owned(),
        difference: Difference::UnknownHere,
        top_up_id: None,
        ours_minor: None,
        theirs_minor: Some(700),
        theirs_currency: Some("JPY".to_owned()),
        version: 1,
        first_seen_at: Timestamp(0),
        last_seen_at: Timestamp(0),
        state: ItemState::Open,
        owner_id: None,
        note: None,
    };
    put(&world.dir.path().join("data"), &item.into_row());
    let take = pb::TakeReconciliationItemRequest { item_id: item_id.clone(), version: 1 };
    let resolve = pb::ResolveReconciliationItemRequest { item_id, version: 1, note: "another shop's".into() };
    vec![
        Case::new(method::LIST_RECONCILIATION_ITEMS, &pb::ListReconciliationItemsRequest::default()),
        Case::new(method::TAKE_RECONCILIATION_ITEM, &take),
        Case::new(method::RESOLVE_RECONCILIATION_ITEM, &resolve),
    ]
}

/// Orders, cash and a business day.
async fn day(world: &World, shop: &Shop) -> Vec<Case> {
    world.allow_cash(&shop.store_id, 1_000, 500).await;
    let gwen = world.wallet("gwen").await;
    let cash = secret(gwen.issue_cash_code(100, None).await.expect("a code").payment_code);
    for order_id in ["made-1", "made-2"] {
        shop.till.create_order(&payable(order_id, 70)).await.expect("an order");
    }
    let cancel = |order_id: &str| pb::CancelOrderRequest { order_id: order_id.to_owned() };
    let watch = pb::WatchOrderRequest { order_id: "made-1".into() };
    let for_till = pb::MerchantCreateOrderRequest {
        terminal_id: shop.terminal_id.clone(),
        order: Some(payable("made-4", 70)),
    };
    let taken = pb::CashTopUpRequest { order_id: "cash".into(), amount_minor: 50, currency: "JPY".into() };
    let compare = pb::CompareDayRequest { business_day: 1, ..pb::CompareDayRequest::default() };
    vec![
        Case::new(method::CREATE_ORDER, &payable("made-3", 70)),
        Case::new(method::MERCHANT_CREATE_ORDER, &for_till),
        Case::new(method::WATCH_ORDER, &watch),
        Case::new(method::MERCHANT_WATCH_ORDER, &watch),
        Case::new(method::CANCEL_ORDER, &cancel("made-1")),
        Case::new(method::MERCHANT_CANCEL_ORDER, &cancel("made-2")),
        Case::new(method::CASH_TOP_UP, &taken).private(&pb::ChargePrivate { payment_code: cash }),
        Case::new(method::GET_DAY, &pb::GetDayRequest { business_day: 0 }),
        Case::new(method::COMPARE_DAY, &compare),
        Case::new(method::CLOSE_DAY, &pb::CloseDayRequest { business_day: 1, totals: Vec::new() }),
    ]
}

/// Steps of payments that are there: three holds, and two for which Alice is asked.
async fn steps(world: &World, shop: &Shop, alice: &Wallet, mallory: &Wallet) -> Vec<Case> {
    for order_id in ["held-1", "held-2", "held-3"] {
        let code = digits(mallory, 100).await;
        shop.till.authorize(&hold(order_id, 100), &code).await.expect("a hold");
    }
    let mut asked = Vec::new();
    for order_id in ["asked-1", "asked-2"] {
        let code = digits(alice, 10).await;
        asked.push(shop.till.charge(&asking(order_id, 20), &code).await.expect("he is asked").payment_id);
    }
    world.refresh(alice).await;
    let [yes, no] = asked.try_into().expect("two");
    let part = pb::CaptureRequest { order_id: "held-1".into(), amount_minor: 10, more_follows: true };
    let back = pb::RefundRequest { order_id: "held-1".into(), amount_minor: 5 };
    let void = |order_id: &str| pb::VoidRequest { order_id: order_id.into() };
    let confirm = pb::ConfirmPaymentRequest {
        payment_id: yes,
        payee_name: "Bakery One".into(),
        amount_minor: 20,
        currency: "JPY".into(),
    };
    vec![
        Case::new(method::CAPTURE, &part),
        Case::new(method::MERCHANT_CAPTURE, &part),
        Case::new(method::REFUND, &back),
        Case::new(method::MERCHANT_REFUND, &back),
        Case::new(method::VOID, &void("held-2")),
        Case::new(method::MERCHANT_VOID, &void("held-3")),
        Case::new(method::CONFIRM_PAYMENT, &confirm).foreign(pb::Reason::NotFound),
        Case::new(method::DECLINE_PAYMENT, &pb::DeclinePaymentRequest { payment_id: no })
            .foreign(pb::Reason::NotFound),
    ]
}
