//! What is still done for whoever is suspended or barred, and that nobody's money is locked by it.

use saifu::client::method;
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::bar_subject::Subject;
use saifu::pb::propose_request::Proposal;

use crate::support::recovery::HOUR;
use crate::support::shop::{Shop, asking, digits, hold, order, payable};
use crate::support::{World, available, books_hold, reason};

const URL: &str = "https://hooks.invalid/in";

/// A shop with something of everything, and a customer.
struct Street {
    world: World,
    shop: Shop,
    alice: Wallet,
    asked: pb::PaymentStatus,
    endpoint_id: Vec<u8>,
}

impl Street {
    async fn begin() -> Self {
        let world = World::start().await;
        let alice = world.funded("alice", 9_000).await;
        let shop = world.shop("Bakery One").await;
        let endpoint_id = shop.merchant.create_webhook(URL).await.expect("a webhook").endpoint_id;
        shop.till.charge(&order("sold", 500), &digits(&alice, 500).await).await.expect("a charge");
        shop.till.authorize(&hold("held", 400), &digits(&alice, 400).await).await.expect("a hold");
        shop.till.create_order(&payable("made", 60)).await.expect("an order");
        let asked = shop.till.charge(&asking("asked", 150), &digits(&alice, 100).await).await.expect("asked");
        let asked = alice.get_payment(asked.payment_id).await.expect("theirs").payment.expect("a status");
        Self { world, shop, alice, asked, endpoint_id }
    }

    async fn bar(&self, subject: Subject) {
        let [operator, _] = self.world.operators().await;
        operator.bar(subject).await.expect("one operator suffices");
    }

    async fn lift(&self, subject: Subject) {
        let subject = Some(pb::BarSubject { subject: Some(subject) });
        self.world.approved(Proposal::LiftBar(pb::LiftBar { subject })).await.expect("two lift it");
    }

    /// A till that waits for its key: who is to have it, and its activation code.
    async fn waiting_till(&self) -> (Staff, String) {
        let Shop { merchant, store_id, .. } = &self.shop;
        let registered = merchant.register_terminal(store_id.clone(), "till 3").await.expect("a till");
        let newcomer = self.world.staff(saifu::crypto::envelope::SignatureForm::Der).await;
        (newcomer, crate::support::shop::secret(registered.activation_code))
    }

    /// What the first day's settlement ordered of the bank, once there is one: who is barred reads none.
    async fn first_payout(&self) -> i64 {
        let path = self.world.dir.path().join("data").join(saifu::store::sqlite::DATABASE_FILE);
        let database = rusqlite::Connection::open(path).expect("the database");
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
        for _ in 0..200 {
            looks.tick().await;
            let payout = database.query_row("SELECT payout_minor FROM settlement", [], |row| row.get(0));
            if let Ok(payout_minor) = payout {
                return payout_minor;
            }
        }
        panic!("the day was not settled");
    }

    fn paying(&self, order_id: &str) -> pb::PayRequest {
        pb::PayRequest {
            store_id: self.shop.store_id.clone(),
            payee_name: "Bakery One".into(),
            amount_minor: 60,
            currency: "JPY".into(),
            order_id: order_id.into(),
        }
    }

    /// What the till's calls are refused for.
    async fn tills(&self) -> Vec<pb::Reason> {
        let (till, alice) = (&self.shop.till, &self.alice);
        let code = digits(alice, 10).await;
        vec![
            reason(till.charge(&order("more", 10), &code).await),
            reason(till.authorize(&hold("more", 10), &code).await),
            reason(till.cash_top_up("cash", 10, &code).await),
            reason(till.capture("held", 1, true).await),
            reason(till.void("held").await),
            reason(till.refund("sold", 1).await),
            reason(till.reverse("sold").await),
            reason(till.create_order(&payable("another", 10)).await),
            reason(till.cancel_order("made").await),
            reason(till.close_day(1, Vec::new()).await),
            reason(till.order("sold").await),
            reason(till.day(0).await),
            reason(till.watch_order("made").await),
        ]
    }

    /// What its merchant's server's calls are refused for that a suspension leaves.
    async fn servers_left(&self) -> Vec<pb::Reason> {
        let Shop { merchant, terminal_id, .. } = &self.shop;
        let back = pb::RefundRequest { order_id: "sold".into(), amount_minor: 1 };
        let reversal =
            pb::MerchantReverseRequest { terminal_id: terminal_id.clone(), order_id: "sold".into() };
        vec![
            step(merchant, method::MERCHANT_REFUND, &back).await,
            step(merchant, method::MERCHANT_VOID, &pb::VoidRequest { order_id: "held".into() }).await,
            step(merchant, method::MERCHANT_REVERSE, &reversal).await,
            step(
                merchant,
                method::MERCHANT_CANCEL_ORDER,
                &pb::CancelOrderRequest { order_id: "made".into() },
            )
            .await,
            reason(merchant.suspend_terminal(terminal_id.clone()).await),
            reason(merchant.list_stores().await),
            reason(merchant.list_payments(pb::ListPaymentsRequest::default()).await),
        ]
    }

    /// What its merchant's server's calls are refused for that a suspension takes away.
    async fn servers_taken(&self) -> Vec<pb::Reason> {
        let Shop { merchant, terminal_id, store_id, .. } = &self.shop;
        let part = pb::CaptureRequest { order_id: "held".into(), amount_minor: 1, more_follows: true };
        let new = saifu::client::signer::Signer::new(
            saifu::crypto::device_key::DeviceKey::generate(saifu::crypto::envelope::SignatureForm::Der),
            saifu::server::SANDBOX_AUDIENCE,
        );
        let created = pb::MerchantCreateOrderRequest {
            terminal_id: terminal_id.clone(),
            order: Some(payable("another", 10)),
        };
        let mut taken = vec![
            step(merchant, method::MERCHANT_CAPTURE, &part).await,
            step(merchant, method::MERCHANT_CREATE_ORDER, &created).await,
            reason(merchant.register_terminal(store_id.clone(), "till 2").await),
            reason(merchant.resume_terminal(terminal_id.clone()).await),
            reason(merchant.rotate_merchant_key(&self.shop.merchant_id, &new).await),
        ];
        taken.extend(self.hooks().await);
        taken
    }

    /// What every change of webhooks is refused for.
    async fn hooks(&self) -> Vec<pb::Reason> {
        let merchant = &self.shop.merchant;
        let endpoint_id = || self.endpoint_id.clone();
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let replay = pb::ReplayWebhooksRequest {
            endpoint_id: endpoint_id(),
            from: at(1),
            until: at(2),
            ..Default::default()
        };
        vec![
            reason(merchant.create_webhook(URL).await),
            step(
                merchant,
                method::ROTATE_WEBHOOK_SECRET,
                &pb::RotateWebhookSecretRequest { endpoint_id: endpoint_id() },
            )
            .await,
            step(
                merchant,
                method::END_WEBHOOK_SECRET,
                &pb::EndWebhookSecretRequest { endpoint_id: endpoint_id() },
            )
            .await,
            step(
                merchant,
                method::DELETE_WEBHOOK_ENDPOINT,
                &pb::DeleteWebhookEndpointRequest { endpoint_id: endpoint_id() },
            )
            .await,
            step(merchant, method::REPLAY_WEBHOOKS, &replay).await,
        ]
    }

    /// What a customer's payments to it are refused for.
    async fn customers(&self) -> Vec<pb::Reason> {
        vec![
            reason(self.alice.pay(self.paying(""), None, None).await),
            reason(self.alice.pay(self.paying("made"), None, None).await),
            reason(self.alice.confirm_payment(&self.asked, None).await),
        ]
    }
}

/// Why a call was refused, whatever it would have replied.
async fn step(merchant: &Staff, method: &'static str, body: &impl prost::Message) -> pb::Reason {
    reason(merchant.send::<pb::RotateKeyReply>(merchant.draft(method, body)).await)
}

fn all(reasons: &[pb::Reason], expected: pb::Reason) {
    assert!(reasons.iter().all(|reason| *reason == expected), "{expected:?}: {reasons:?}");
}

#[tokio::test]
async fn a_suspended_merchant_gives_back_and_changes_no_webhook() {
    let street = Street::begin().await;
    let [operator, _] = street.world.operators().await;
    operator.suspend_merchant(street.shop.merchant_id.clone()).await.expect("suspended");
    all(&street.servers_taken().await, pb::Reason::MerchantSuspended);
    all(&street.customers().await, pb::Reason::PayeeSuspended);
    let back = pb::RefundRequest { order_id: "sold".into(), amount_minor: 1 };
    let draft = street.shop.merchant.draft(method::MERCHANT_REFUND, &back);
    street.shop.merchant.send::<pb::PaymentStepReply>(draft).await.expect("a refund");
    street.shop.till.reverse("sold").await.expect("a reversal");
    books_hold(street.world, |_| {}).await;
}

#[tokio::test]
async fn for_a_barred_merchant_nothing_at_all_is_done_until_two_lift_it() {
    let street = Street::begin().await;
    let (newcomer, code) = street.waiting_till().await;
    let subject = || Subject::MerchantId(street.shop.merchant_id.clone());
    street.bar(subject()).await;
    street.bar(subject()).await;
    assert_eq!(reason(newcomer.activate(&code).await), pb::Reason::ActivationOver);
    all(&street.tills().await, pb::Reason::Barred);
    all(&street.servers_left().await, pb::Reason::Barred);
    all(&street.servers_taken().await, pb::Reason::Barred);
    all(&street.customers().await, pb::Reason::PayeeSuspended);

    // Neither does it lock anybody's money: they say no, and holds end by time.
    street.alice.decline_payment(street.asked.payment_id.clone()).await.expect("a no");
    assert_eq!(available(&street.alice).await, 8_100);
    street.world.pass(8 * 24 * HOUR);
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
    for _ in 0..200 {
        looks.tick().await;
        if available(&street.alice).await == 8_500 {
            break;
        }
    }
    assert_eq!(available(&street.alice).await, 8_500, "the hold ended");

    street.lift(subject()).await;
    let subject = Some(pb::BarSubject { subject: Some(subject()) });
    let again = street.world.approved(Proposal::LiftBar(pb::LiftBar { subject })).await;
    assert_eq!(reason(again), pb::Reason::NotBarred);
    street.shop.merchant.list_stores().await.expect("it reads");
    street.shop.till.refund("sold", 1).await.expect("it gives back");
    books_hold(street.world, |_| {}).await;
}

#[tokio::test]
async fn a_bar_lifted_leaves_whoever_was_suspended_suspended() {
    let street = Street::begin().await;
    let [operator, _] = street.world.operators().await;
    operator.suspend_merchant(street.shop.merchant_id.clone()).await.expect("suspended");
    let subject = || Subject::MerchantId(street.shop.merchant_id.clone());
    street.bar(subject()).await;
    all(&street.hooks().await, pb::Reason::Barred);
    street.lift(subject()).await;
    all(&street.hooks().await, pb::Reason::MerchantSuspended);
    books_hold(street.world, |_| {}).await;
}

#[tokio::test]
async fn a_barred_stores_tills_do_nothing_and_nobody_pays_it() {
    let street = Street::begin().await;
    let (newcomer, code) = street.waiting_till().await;
    let subject = || Subject::StoreId(street.shop.store_id.clone());
    street.bar(subject()).await;
    assert_eq!(reason(newcomer.activate(&code).await), pb::Reason::ActivationOver);
    all(&street.tills().await, pb::Reason::Barred);
    all(&street.customers().await, pb::Reason::PayeeSuspended);
    let Shop { merchant, store_id, terminal_id, .. } = &street.shop;
    assert_eq!(reason(merchant.register_terminal(store_id.clone(), "till 2").await), pb::Reason::Barred);
    let created = pb::MerchantCreateOrderRequest {
        terminal_id: terminal_id.clone(),
        order: Some(payable("another", 10)),
    };
    assert_eq!(step(merchant, method::MERCHANT_CREATE_ORDER, &created).await, pb::Reason::Barred);
    merchant.reverse_for(terminal_id.clone(), "sold").await.expect("its server gives back");
    street.lift(subject()).await;
    newcomer.activate(&code).await.expect("the code is good for a day");
    books_hold(street.world, |_| {}).await;
}

#[tokio::test]
async fn a_barred_till_does_nothing_and_its_merchant_does_not_resume_it() {
    let street = Street::begin().await;
    let Shop { merchant, terminal_id, store_id, .. } = &street.shop;
    let (other, other_id) = street.world.till(merchant, store_id.clone()).await;
    street.bar(Subject::TerminalId(terminal_id.clone())).await;
    all(&street.tills().await, pb::Reason::Barred);
    let [free, order_paid, confirmed] = [
        street.alice.pay(street.paying(""), None, None).await,
        street.alice.pay(street.paying("made"), None, None).await,
        street.alice.confirm_payment(&street.asked, None).await.map(|_| pb::PayReply::default()),
    ];
    free.expect("the store itself takes part");
    all(&[reason(order_paid), reason(confirmed)], pb::Reason::PayeeSuspended);
    merchant.suspend_terminal(terminal_id.clone()).await.expect("it only takes away");
    assert_eq!(reason(merchant.resume_terminal(terminal_id.clone()).await), pb::Reason::Barred);
    let listed = merchant.list_terminals(pb::ListTerminalsRequest::default()).await.expect("tills").terminals;
    let barred: Vec<_> = listed.iter().filter(|till| till.barred_at.is_some()).collect();
    assert_eq!(barred.iter().map(|till| &till.terminal_id).collect::<Vec<_>>(), [terminal_id]);
    other.charge(&order("theirs", 10), &digits(&street.alice, 10).await).await.expect("another till");
    assert_ne!(&other_id, terminal_id);

    // One that waits for its key is not activated.
    let registered = merchant.register_terminal(store_id.clone(), "till 3").await.expect("a till");
    street.bar(Subject::TerminalId(registered.terminal_id)).await;
    let newcomer = street.world.staff(saifu::crypto::envelope::SignatureForm::Der).await;
    let code = crate::support::shop::secret(registered.activation_code);
    assert_eq!(reason(newcomer.activate(&code).await), pb::Reason::ActivationOver);
    books_hold(street.world, |_| {}).await;
}

#[tokio::test]
async fn nothing_is_paid_out_to_whoever_is_barred_and_nothing_is_lost() {
    let street = Street::begin().await;
    let subject = || Subject::MerchantId(street.shop.merchant_id.clone());
    street.bar(subject()).await;
    street.world.pass(14 * HOUR);
    assert_eq!(street.first_payout().await, 0);
    street.lift(subject()).await;
    street.world.pass(24 * HOUR);
    let listed = street.shop.settlements(2).await;
    assert_eq!((listed[0].carried_minor, listed[0].payout_minor), (500, 500));
    books_hold(street.world, |_| {}).await;
}
