//! A ledger as text: `alice 1000 jpy fresh card | bakery suspended`. Who has a balance is a
//! customer, everybody else a shop.
//!
//! A customer's device and account are 30 days old, and no code was accepted yet. Words change
//! that: `fresh` (a code a minute ago), `young` (the device is an hour old), `card` (a linked
//! source), `tablet` (a second device, called `alice-tablet`), `pending`, `frozen`, `closed`.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::command::{
    Command, DeviceAction, DeviceCall, DocumentWrite, Evidence, Order, Signed, SystemAction,
};
use crate::domain::decide::{Decision, Stale, Traceless, decide};
use crate::domain::id::{
    AccountId, CardTag, CommandId, ContactIndex, DeviceId, FIRST_TENANT, FundingId, KeyId, LedgerAccountId,
    LotId, MerchantId, PaymentId, RequestId, StoreId, TopUpId,
};
use crate::domain::journal::Entry;
use crate::domain::ledger::{FEES, LOSSES, PROVIDER_CLEARING};
use crate::domain::lots::{Lot, Lots};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::{Factor, Proof, Step};
use crate::domain::record::Record;
use crate::domain::recovery::factor::{Channel, ContactFact, Contacts};
use crate::domain::rows::{
    Account, AccountState, Card, Contact, DataKey, Device, Document, Factors, Finished, Funding, KeyForm,
    KeyState, LedgerAccount, LedgerKind, Merchant, Principal, Row, RowKey, SigningKey, Standing, Store,
};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use crate::domain::view::View;
use crate::domain::write::Write;

/// 2026-01-05 03:00:00 UTC, on a step of 30 s and on a full hour.
pub(crate) const NOW: Timestamp = Timestamp(1_767_582_000_000_000);
/// The step of `NOW`.
pub(crate) const STEP: Step = 58_919_400;

fn id<const N: usize>(kind: u8, name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = kind;
    for (place, byte) in bytes[1..].iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    bytes
}

fn numbered<const N: usize>(kind: u8, number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = kind;
    bytes[1..9].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn account_id(name: &str) -> AccountId {
    AccountId(id(b'a', name))
}

pub(crate) fn device_id(name: &str) -> DeviceId {
    DeviceId(id(b'd', name))
}

pub(crate) fn key_id(name: &str) -> KeyId {
    KeyId(id(b'k', name))
}

pub(crate) fn contact_index(name: &str) -> ContactIndex {
    ContactIndex(id(b'c', name))
}

pub(crate) fn funding_id(name: &str) -> FundingId {
    FundingId(id(b'f', name))
}

/// The card that this customer has from the beginning.
pub(crate) fn card_tag(name: &str) -> CardTag {
    CardTag(id(b'C', name))
}

pub(crate) fn ledger_account_id(name: &str) -> LedgerAccountId {
    LedgerAccountId(id(b'l', name))
}

pub(crate) fn merchant_id(name: &str) -> MerchantId {
    MerchantId(id(b'm', name))
}

pub(crate) fn store_id(name: &str) -> StoreId {
    StoreId(id(b's', name))
}

/// Something signed under a request id of its own.
pub(crate) fn signed(key_id: KeyId, number: u64) -> Signed {
    Signed {
        key_id,
        request_id: RequestId(numbered(b'r', number)),
        digest: numbered(b'b', number),
        payload_hash: numbered(b'h', number),
        evidence: Evidence {
            method: "/saifu.v1.Test/Call",
            payload: number.to_be_bytes().to_vec(),
            signature: vec![7; 64],
        },
    }
}

/// The owner of a device: `alice` of `alice-tablet`.
fn owner(device: &str) -> &str {
    device.split('-').next().expect("a split yields something")
}

/// What was said, without the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Done,
    No(Refusal),
    Open(OpenAnswer),
    Again(Outcome),
    OpenAgain(OpenAnswer),
    Kept,
    Stale(Stale),
    Nothing(Traceless),
}

impl Said {
    pub(crate) fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Repeat(outcome) => Self::Again(outcome.clone()),
            Decision::RepeatOpen(answer) => Self::OpenAgain(*answer),
            Decision::Commit { .. } => Self::Done,
            Decision::Refuse { entry, .. } => {
                let Outcome::Refused { refusal, .. } = &entry.outcome else {
                    panic!("refused, and yet {:?}", entry.outcome)
                };
                Self::No(*refusal)
            }
            Decision::Reject { answer, .. } => Self::Open(*answer),
            Decision::Keep { .. } => Self::Kept,
            Decision::Stale(stale) => Self::Stale(*stale),
            Decision::Nothing(traceless) => Self::Nothing(*traceless),
        }
    }
}

/// The writes of a decision.
pub(crate) fn writes(decision: &Decision) -> &[Write] {
    match decision {
        Decision::Commit { writes, .. }
        | Decision::Refuse { writes, .. }
        | Decision::Reject { writes, .. }
        | Decision::Keep { writes } => writes,
        Decision::Repeat(_) | Decision::RepeatOpen(_) | Decision::Stale(_) | Decision::Nothing(_) => &[],
    }
}

/// The journal's entry of a decision.
pub(crate) fn entry(decision: &Decision) -> Option<&Entry> {
    match decision {
        Decision::Commit { entry, .. } | Decision::Refuse { entry, .. } => Some(entry),
        Decision::Repeat(_)
        | Decision::RepeatOpen(_)
        | Decision::Reject { .. }
        | Decision::Keep { .. }
        | Decision::Stale(_)
        | Decision::Nothing(_) => None,
    }
}

/// Inserted and updated rows of one type.
pub(crate) fn written<R: Record>(decision: &Decision) -> Vec<&R> {
    writes(decision)
        .iter()
        .filter_map(|write| match write {
            Write::Insert(row) | Write::Update(row) => R::of(row),
            Write::Delete(_) | Write::Credit { .. } => None,
        })
        .collect()
}

/// A command that is still being put together.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub command: Command,
    document_version: i64,
}

impl Attempt {
    fn call(&mut self) -> &mut DeviceCall {
        let Order::Device(call, _) = &mut self.command.order else { panic!("no device's call") };
        call
    }

    pub(crate) fn action(&mut self) -> &mut DeviceAction {
        let Order::Device(_, action) = &mut self.command.order else { panic!("no device's call") };
        action
    }

    pub(crate) fn signed(&mut self) -> &mut Signed {
        match &mut self.command.order {
            Order::Device(call, _) => &mut call.signed,
            Order::Candidate(call, _) => &mut call.signed,
            Order::Terminal(call, _) => &mut call.signed,
            Order::Merchant(call, _) => &mut call.signed,
            Order::Operator(call, _) => &mut call.signed,
            Order::System(signed, _) => signed,
            Order::Chore(_) => panic!("chores are not signed"),
        }
    }

    /// Executed once more: what the gate makes of the same envelope that comes again.
    pub(crate) fn executed_again(mut self, number: u64) -> Self {
        self.command.id = CommandId(numbered(b'x', number));
        self
    }

    /// With the code of this step.
    pub(crate) fn code(self, step: Step) -> Self {
        let version = self.document_version;
        self.proof(Some(Proof::new(Factor::Totp, version, Some(step))))
    }

    /// With a code that matches nothing.
    pub(crate) fn wrong_code(self) -> Self {
        let version = self.document_version;
        self.proof(Some(Proof::new(Factor::Totp, version, None)))
    }

    pub(crate) fn proof(mut self, proof: Option<Proof>) -> Self {
        self.call().proof = proof;
        self
    }

    pub(crate) fn epoch(&mut self, epoch: i64) {
        self.call().epoch = epoch;
    }

    /// The same body in an envelope of another time.
    pub(crate) fn resigned(mut self, number: u64) -> Self {
        self.signed().payload_hash = numbered(b'H', number);
        self
    }

    /// The same request id with another body.
    pub(crate) fn other_body(self, number: u64) -> Self {
        let mut attempt = self.resigned(number);
        attempt.signed().digest = numbered(b'B', number);
        attempt
    }

    /// Under another request id.
    pub(crate) fn other_request(mut self, number: u64) -> Self {
        self.signed().request_id = RequestId(numbered(b'R', number));
        self
    }
}

/// Rows, and what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    pub view: View,
    pub policy: Policy,
    /// Debits and credits of accounts that are only added to.
    pub credits: BTreeMap<LedgerAccountId, (i64, i64)>,
    /// The journal.
    pub entries: Vec<Entry>,
    /// Every row that is known to exist or not.
    pub keys: BTreeSet<RowKey>,
    numbers: u64,
}

impl Ledger {
    pub(crate) fn parse(text: &str) -> Self {
        let mut ledger = Self {
            view: View::new(NOW),
            policy: Policy::standard(),
            credits: BTreeMap::new(),
            entries: Vec::new(),
            keys: BTreeSet::new(),
            numbers: 0,
        };
        let mut held_minor = 0;
        for party in text.split('|') {
            let words: Vec<&str> = party.split_whitespace().collect();
            match words.as_slice() {
                [name, amount, "jpy", words @ ..] => {
                    let balance_minor = amount.parse().expect("a balance is a number");
                    held_minor += balance_minor;
                    ledger.customer(name, balance_minor, words);
                }
                [name] => ledger.shop(name, Standing::Active),
                [name, "suspended"] => ledger.shop(name, Standing::Suspended),
                other => panic!("neither a customer nor a shop: {other:?}"),
            }
        }
        ledger.ledger_account(PROVIDER_CLEARING, LedgerKind::ProviderClearing, held_minor);
        ledger.ledger_account(FEES, LedgerKind::Fees, 0);
        ledger.ledger_account(LOSSES, LedgerKind::Losses, 0);
        ledger
    }

    fn customer(&mut self, name: &str, balance_minor: i64, words: &[&str]) {
        let has = |word: &str| words.contains(&word);
        if let Some(word) = words
            .iter()
            .find(|w| !["fresh", "young", "card", "tablet", "pending", "frozen", "closed"].contains(w))
        {
            panic!("unknown word: {word}");
        }
        self.put(account(name, balance_minor));
        self.put(Document { account_id: account_id(name), version: 3, sealed: vec![1; 8] });
        self.put(DataKey { account_id: account_id(name), kek_version: 1, sealed: vec![2; 8] });
        self.put(Contact { contact_index: contact_index(name), account_id: account_id(name) });
        self.put(factors(name));
        self.bind(name, has("young"), has("fresh"));
        if has("tablet") {
            self.bind(&format!("{name}-tablet"), has("young"), has("fresh"));
            self.account(name, |account| account.active_devices = 2);
        }
        if has("card") {
            self.put(Funding {
                funding_id: funding_id(name),
                tenant_id: FIRST_TENANT,
                account_id: account_id(name),
                provider: 1,
                linked_at: NOW.plus_us(-DAY_US),
                ended_at: None,
                epoch: 1,
                card_tag: Some(card_tag(name)),
                topped_up_at: Some(NOW.plus_us(-DAY_US)),
            });
            self.put(Card::new(card_tag(name)));
        }
        self.account(name, |account| {
            if has("pending") {
                account.state = AccountState::Pending;
                account.activated_at = None;
                account.created_at = NOW.plus_us(-HOUR_US);
            }
            if has("closed") {
                account.state = AccountState::Closed;
            }
            account.frozen_at = has("frozen").then_some(NOW.plus_us(-HOUR_US));
        });
    }

    fn bind(&mut self, name: &str, young: bool, fresh: bool) {
        self.put(Device {
            device_id: device_id(name),
            tenant_id: FIRST_TENANT,
            account_id: account_id(owner(name)),
            key_id: key_id(name),
            state: KeyState::Active,
            enrolled_at: NOW.plus_us(if young { -HOUR_US } else { -30 * DAY_US }),
            revoked_at: None,
            last_code_at: fresh.then_some(NOW.plus_us(-MINUTE_US)),
            spent_at_code_minor: 0,
            payments_at_code: 0,
            lost_at: None,
            code_failures: 0,
            code_failures_day: NOW.day(),
            code_failures_today: 0,
            code_blocked_until: Timestamp(0),
            code_failures_ever: 0,
        });
        self.put(SigningKey {
            key_id: key_id(name),
            tenant_id: FIRST_TENANT,
            principal: Principal::Device,
            owner_id: crate::domain::id::OwnerId(device_id(name).0),
            account_id: Some(account_id(owner(name))),
            point: vec![4; 65],
            form: KeyForm::Der,
            state: KeyState::Active,
            version: 1,
        });
    }

    fn shop(&mut self, name: &str, standing: Standing) {
        self.ledger_account(ledger_account_id(name), LedgerKind::MerchantPayable, 0);
        self.put(Merchant {
            merchant_id: merchant_id(name),
            tenant_id: FIRST_TENANT,
            parent_id: None,
            settlement_party_id: merchant_id(name),
            ledger_account_id: ledger_account_id(name),
            standing,
            fee_rule_version: 0,
            key_id: None,
            barred_at: None,
        });
        self.put(Store {
            store_id: store_id(name),
            tenant_id: FIRST_TENANT,
            merchant_id: merchant_id(name),
            name: name.to_owned(),
            city: "Tokyo".into(),
            time_zone: "Asia/Tokyo".into(),
            business_day: 1,
            standing,
            barred_at: None,
        });
    }

    fn ledger_account(&mut self, id: LedgerAccountId, kind: LedgerKind, debits_minor: i64) {
        self.put(LedgerAccount {
            ledger_account_id: id,
            tenant_id: FIRST_TENANT,
            kind,
            asset: Asset::PrepaidJpy,
            may_be_negative: matches!(
                kind,
                LedgerKind::ProviderClearing | LedgerKind::MerchantPayable | LedgerKind::Losses
            ),
            debits_posted_minor: debits_minor,
            credits_posted_minor: 0,
            debits_pending_minor: 0,
            credits_pending_minor: 0,
        });
        self.credits.insert(id, (debits_minor, 0));
    }

    pub(crate) fn put<R: Record>(&mut self, record: R) {
        let row = record.into_row();
        self.keys.insert(row.key());
        self.view.insert(row.key(), Some(row));
    }

    /// As if it had never been.
    pub(crate) fn remove(&mut self, key: RowKey) {
        self.keys.insert(key.clone());
        self.view.insert(key, None);
    }

    pub(crate) fn get<R: Record>(&self, key: R::Key) -> &R {
        self.view.get(key).expect("the row is there")
    }

    pub(crate) fn change<R: Record>(&mut self, key: R::Key, change: impl FnOnce(&mut R)) {
        let mut row = self.get::<R>(key).clone();
        change(&mut row);
        self.put(row);
    }

    pub(crate) fn account(&mut self, name: &str, change: impl FnOnce(&mut Account)) {
        self.change((account_id(name),), change);
    }

    pub(crate) fn device(&mut self, name: &str, change: impl FnOnce(&mut Device)) {
        self.change((device_id(name),), change);
    }

    pub(crate) fn account_of(&self, name: &str) -> &Account {
        self.get((account_id(name),))
    }

    pub(crate) fn device_of(&self, name: &str) -> &Device {
        self.get((device_id(name),))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.view.now()
    }

    pub(crate) fn pass(&mut self, span_us: i64) {
        self.view.set_now(self.now().plus_us(span_us));
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A call by this device, under a new request id, without a code.
    pub(crate) fn order(&mut self, device: &str, action: DeviceAction) -> Attempt {
        let number = self.number();
        let account = self.account_of(owner(device));
        let (epoch, document_version) = (account.epoch, account.document_version);
        let call = DeviceCall {
            signed: signed(key_id(device), number),
            account_id: account_id(owner(device)),
            device_id: device_id(device),
            epoch,
            proof: None,
        };
        let command = Command { id: CommandId(numbered(b'x', number)), order: Order::Device(call, action) };
        Attempt { command, document_version }
    }

    /// `alice → bakery 800`.
    pub(crate) fn pay(&mut self, text: &str) -> Attempt {
        let (device, rest) = text.split_once(" → ").expect("payer → store amount");
        let (store, amount) = rest.split_once(' ').expect("payer → store amount");
        let amount = Amount::new(amount.parse().expect("a number")).expect("an amount");
        let payment_id = PaymentId(numbered(b'p', self.number()));
        self.order(
            device,
            DeviceAction::Pay {
                payment_id,
                store_id: store_id(store),
                payee_name: store.to_owned(),
                amount,
                currency: "JPY".into(),
                order: None,
            },
        )
    }

    /// From the linked card.
    pub(crate) fn top_up(&mut self, device: &str, amount_minor: i64) -> Attempt {
        let top_up_id = TopUpId(numbered(b't', self.number()));
        self.order(
            device,
            DeviceAction::RequestTopUp {
                top_up_id,
                funding_id: funding_id(owner(device)),
                amount: Amount::new(amount_minor).expect("an amount"),
                currency: "JPY".into(),
            },
        )
    }

    pub(crate) fn document(&self, device: &str) -> DocumentWrite {
        let version = self.account_of(owner(device)).document_version;
        DocumentWrite { expected_version: version, sealed: vec![9; 8] }
    }

    pub(crate) fn activate(&mut self, device: &str) -> Attempt {
        let document = self.document(device);
        self.order(device, DeviceAction::Activate { document, secret: vec![5] })
    }

    /// Another card, the `sources`th of the account.
    pub(crate) fn link(&mut self, device: &str, sources: usize) -> Attempt {
        let document = self.document(device);
        let funding_id = FundingId(numbered(b'F', self.number()));
        // A card that nobody else has.
        let card_tag = CardTag(numbered(b'C', self.number()));
        let action = DeviceAction::LinkFunding { funding_id, provider: 1, card_tag, document, sources };
        self.order(device, action)
    }

    pub(crate) fn unlink(&mut self, device: &str) -> Attempt {
        let document = self.document(device);
        let funding_id = funding_id(owner(device));
        self.order(device, DeviceAction::UnlinkFunding { funding_id, document })
    }

    pub(crate) fn revoke(&mut self, device: &str, target: &str) -> Attempt {
        self.order(device, DeviceAction::RevokeDevice { target_id: device_id(target) })
    }

    /// What the system does on its own.
    pub(crate) fn system(&mut self, action: SystemAction) -> Attempt {
        let number = self.number();
        let request_id = action.request_id();
        let mut digest = [0; 32];
        for (place, byte) in action.encode().into_iter().enumerate() {
            digest[place % 32] ^= byte;
        }
        let signed = Signed { request_id, digest, ..signed(KeyId(id(b'k', "system")), number) };
        let command = Command { id: CommandId(numbered(b'x', number)), order: Order::System(signed, action) };
        Attempt { command, document_version: 0 }
    }

    /// The provider names it, or does not say yet what became of it.
    pub(crate) fn await_top_up(&mut self, top_up_id: TopUpId, turn: i64, requires_action: bool) -> Attempt {
        self.system(SystemAction::AwaitTopUp {
            top_up_id,
            turn,
            requires_action,
            provider_reference: Some(crate::domain::id::hex(&top_up_id.0)),
            sealed_action: requires_action.then(|| vec![7]),
        })
    }

    /// Its money went back.
    pub(crate) fn take_back(&mut self, top_up_id: TopUpId, charged_back: bool) -> Attempt {
        self.system(SystemAction::TakeBackTopUp { top_up_id, charged_back })
    }

    pub(crate) fn settle(&mut self, top_up_id: TopUpId, succeeded: bool) -> Attempt {
        let provider_reference = crate::domain::id::hex(&top_up_id.0);
        let challenged = succeeded;
        self.system(SystemAction::SettleTopUp { top_up_id, succeeded, challenged, provider_reference })
    }

    /// Any other command.
    pub(crate) fn command(&mut self, order: Order) -> Attempt {
        let command = Command { id: CommandId(numbered(b'x', self.number())), order };
        Attempt { command, document_version: 0 }
    }

    fn learn(&mut self, keys: Vec<RowKey>) {
        for key in keys {
            if !self.view.knows(&key) {
                self.remove(key);
            }
        }
    }

    /// The decision, without its effect.
    pub(crate) fn decide(&mut self, attempt: &Attempt) -> Decision {
        self.learn(attempt.command.keys());
        self.learn(attempt.command.follow(&self.view));
        decide(&attempt.command, &self.view, &self.policy)
    }

    /// What would be said.
    pub(crate) fn ask(&mut self, attempt: &Attempt) -> Said {
        Said::of(&self.decide(attempt))
    }

    /// The decision, with its effect.
    pub(crate) fn act(&mut self, attempt: &Attempt) -> Decision {
        let decision = self.decide(attempt);
        for write in writes(&decision) {
            self.view.fold(write);
            match write {
                Write::Insert(row) | Write::Update(row) => {
                    self.keys.insert(row.key());
                }
                Write::Delete(_) => {}
                Write::Credit { ledger_account_id, debits_minor, credits_minor } => {
                    let sums = self.credits.entry(*ledger_account_id).or_default();
                    sums.0 += debits_minor;
                    sums.1 += credits_minor;
                }
            }
        }
        if let (Some(entry), Some(signed)) = (entry(&decision), attempt.command.signed()) {
            let outcome = entry.outcome.encode();
            self.entries.push(entry.clone());
            let (request_id, key_id, digest) = (signed.request_id, signed.key_id, signed.digest);
            self.put(Finished { request_id, key_id, digest, outcome });
        }
        decision
    }

    /// What is said, with its effect.
    pub(crate) fn say(&mut self, attempt: &Attempt) -> Said {
        Said::of(&self.act(attempt))
    }

    /// Every row that exists.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.keys.iter().filter_map(|key| self.view.row(key))
    }
}

fn account(name: &str, balance_minor: i64) -> Account {
    let mut lots = Lots::default();
    if balance_minor > 0 {
        let lot_id = LotId(id(b'o', name));
        lots.add(Lot { lot_id, remaining_minor: balance_minor, expires_at: None });
    }
    Account {
        state: AccountState::Active,
        version: 7,
        document_version: 3,
        created_at: NOW.plus_us(-30 * DAY_US),
        activated_at: Some(NOW.plus_us(-30 * DAY_US)),
        totp_last_step: STEP - 10,
        code_failures_day: NOW.day(),
        credits_posted_minor: balance_minor,
        lots,
        ..Account::enrolled(account_id(name), ledger_account_id(name), NOW.plus_us(-HOUR_US))
    }
}

/// Old enough for everything.
pub(crate) fn factors(name: &str) -> Factors {
    let bound_at = NOW.plus_us(-90 * DAY_US);
    Factors {
        account_id: account_id(name),
        tenant_id: FIRST_TENANT,
        version: 1,
        totp_bound_at: Some(bound_at),
        saved_code_bound_at: Some(bound_at),
        saved_code_case: None,
        passphrase_bound_at: Some(bound_at),
        totp_suspect: false,
        saved_code_suspect: false,
        passphrase_suspect: false,
        issued_locked_until: Timestamp(0),
        contacts: Contacts(vec![ContactFact {
            contact_index: contact_index(name),
            channel: Channel::Email,
            confirmed_at: bound_at,
            removed_at: None,
        }]),
    }
}
