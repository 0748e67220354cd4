//! Who does what: customers with two devices, shops with two tills and a server each, the system, and
//! callers who did not hear an answer, or ask twice at once.

use super::random::Random;
use crate::domain::command::{
    DeviceAction, MerchantAction, MerchantCall, Order, SaleDraft, TerminalAction, TerminalCall,
};
use crate::domain::id::{
    CodeTag, FIRST_TENANT, KeyId, OwnerId, PaymentCodeId, PaymentId, TerminalId, TopUpId,
};
use crate::domain::money::Amount;
use crate::domain::rows::{
    CodePurpose, KeyForm, KeyState, Merchant, Principal, SigningKey, Terminal, TerminalState,
};
use crate::domain::tests::fixture::{Attempt, Ledger, NOW, STEP, key_id, merchant_id, signed, store_id};
use crate::domain::time::{SECOND_US, Timestamp};

const CUSTOMERS: usize = 24;
const SHOPS: usize = 4;
/// As many earlier requests may come again.
const REMEMBERED: usize = 400;

/// The world in which it happens.
pub(crate) struct Actors {
    pub random: Random,
    earlier: Vec<Attempt>,
    top_ups: Vec<TopUpId>,
    codes: Vec<CodeTag>,
    orders: Vec<(usize, String)>,
    /// Requests that came again, on purpose.
    pub repeats: u64,
}

fn bytes<const N: usize>(kind: u8, number: u64) -> [u8; N] {
    let mut bytes = [kind; N];
    bytes[1..9].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn till(number: usize) -> (TerminalId, KeyId, String) {
    let shop = format!("s{}", number / 2);
    (TerminalId(bytes(b'T', number as u64)), key_id(&format!("till{number}")), shop)
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

/// Everybody, before anything happens.
pub(crate) fn ledger() -> Ledger {
    let customers = (0..CUSTOMERS).map(|number| {
        let age = if number % 8 == 7 { "young" } else { "" };
        format!("c{number} {} jpy fresh card tablet {age}", 20_000 + 5_000 * number)
    });
    let shops = (0..SHOPS).map(|number| format!("s{number}"));
    let mut ledger = Ledger::parse(&customers.chain(shops).collect::<Vec<_>>().join(" | "));
    for number in 0..2 * SHOPS {
        let (terminal_id, key, shop) = till(number);
        ledger.put(Terminal {
            terminal_id,
            tenant_id: FIRST_TENANT,
            merchant_id: merchant_id(&shop),
            store_id: store_id(&shop),
            label: format!("till {number}"),
            key_id: Some(key),
            state: TerminalState::Active,
            misses_until: Timestamp(0),
            refund_day: 0,
            refunded_today_minor: 0,
            registered_at: NOW,
            activated_at: Some(NOW),
            business_day: 1,
            cash_day: 0,
            cash_today_minor: 0,
            day_began_at: None,
            alarmed_at: None,
            alarms: 0,
            barred_at: None,
        });
        staff_key(&mut ledger, key, Principal::Terminal, OwnerId(terminal_id.0));
    }
    for number in 0..SHOPS {
        let shop = format!("s{number}");
        staff_key(&mut ledger, key_id(&shop), Principal::Merchant, OwnerId(merchant_id(&shop).0));
        ledger.change((merchant_id(&shop),), |row: &mut Merchant| row.key_id = Some(key_id(&shop)));
    }
    ledger
}

fn staff_key(ledger: &mut Ledger, key_id: KeyId, principal: Principal, owner_id: OwnerId) {
    ledger.put(SigningKey {
        key_id,
        tenant_id: FIRST_TENANT,
        principal,
        owner_id,
        account_id: None,
        point: vec![4; 65],
        form: KeyForm::Fixed,
        state: KeyState::Active,
        version: 1,
    });
}

impl Actors {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            earlier: Vec::new(),
            top_ups: Vec::new(),
            codes: Vec::new(),
            orders: Vec::new(),
            repeats: 0,
        }
    }

    /// How long until the next batch, in microseconds.
    pub(crate) fn wait_us(&mut self) -> i64 {
        match self.random.below(100) {
            0..3 => 0,
            3..80 => self.random.within(1, 8_000_000),
            80..93 => self.random.within(30, 61) * SECOND_US,
            93..98 => self.random.within(5, 16) * 60 * SECOND_US,
            98 => 7 * 3_600 * SECOND_US,
            _ => 2 * 86_400 * SECOND_US,
        }
    }

    /// The next call, and perhaps the same call again beside it.
    pub(crate) fn calls(&mut self, ledger: &mut Ledger, into: &mut Vec<Attempt>) {
        let attempt = match self.random.below(100) {
            0..10 if !self.earlier.is_empty() => self.repeat(ledger),
            10..50 => self.pay(ledger),
            50..58 => self.top_up(ledger),
            58..66 => self.settle(ledger),
            66..78 => self.issue(ledger),
            78..90 => self.charge(ledger),
            90..96 => self.reverse(ledger),
            _ => self.guard(ledger),
        };
        if self.earlier.len() == REMEMBERED {
            let place = self.random.below(REMEMBERED);
            self.earlier[place] = attempt.clone();
        } else {
            self.earlier.push(attempt.clone());
        }
        if self.random.one_in(20) {
            self.repeats += 1;
            let number = ledger.number();
            into.push(attempt.clone().executed_again(number));
        }
        into.push(attempt);
    }

    fn device(&mut self) -> String {
        let customer = self.random.below(CUSTOMERS);
        if self.random.one_in(4) { format!("c{customer}-tablet") } else { format!("c{customer}") }
    }

    fn minor(&mut self) -> i64 {
        match self.random.below(10) {
            0..7 => self.random.within(1, 900),
            7 | 8 => self.random.within(900, 9_999),
            _ => self.random.within(10_000, 60_000),
        }
    }

    /// Mostly with the right code, now and then with none, a used or a wrong one.
    fn coded(&mut self, ledger: &Ledger, attempt: Attempt) -> Attempt {
        let step = step(ledger);
        match self.random.below(20) {
            0..11 => attempt,
            11..18 => attempt.code(step),
            18 => attempt.code(step - 11),
            _ => attempt.wrong_code(),
        }
    }

    fn repeat(&mut self, ledger: &mut Ledger) -> Attempt {
        self.repeats += 1;
        let number = ledger.number();
        let attempt = self.earlier[self.random.below(self.earlier.len())].clone().executed_again(number);
        match self.random.below(8) {
            0..6 => attempt,
            6 => attempt.resigned(number),
            _ => attempt.other_body(number),
        }
    }

    fn pay(&mut self, ledger: &mut Ledger) -> Attempt {
        let (device, shop, minor) = (self.device(), self.random.below(SHOPS), self.minor());
        let attempt = ledger.pay(&format!("{device} → s{shop} {minor}"));
        self.coded(ledger, attempt)
    }

    fn top_up(&mut self, ledger: &mut Ledger) -> Attempt {
        let (device, minor) = (self.device(), self.random.within(100, 40_000));
        let mut attempt = ledger.top_up(&device, minor);
        if let DeviceAction::RequestTopUp { top_up_id, .. } = attempt.action() {
            self.top_ups.push(*top_up_id);
        }
        self.coded(ledger, attempt)
    }

    fn settle(&mut self, ledger: &mut Ledger) -> Attempt {
        if self.top_ups.is_empty() {
            return self.top_up(ledger);
        }
        // Each once, but for some that are settled again, perhaps otherwise.
        let place = self.random.below(self.top_ups.len());
        let succeeded = !self.random.one_in(5);
        let id = self.top_ups[place];
        if !self.random.one_in(10) {
            self.top_ups.swap_remove(place);
        }
        ledger.settle(id, succeeded)
    }

    fn issue(&mut self, ledger: &mut Ledger) -> Attempt {
        let device = self.device();
        let number = ledger.number();
        let code_tag = CodeTag(bytes(b'C', number));
        let purpose = if self.random.one_in(10) { CodePurpose::TopUp } else { CodePurpose::Pay };
        let cap = amount(self.random.within(100, 9_000));
        if self.codes.len() > 60 {
            self.codes.remove(0);
        }
        self.codes.push(code_tag);
        let action = DeviceAction::IssueCode {
            code_id: PaymentCodeId(bytes(b'I', number)),
            code_tag,
            purpose,
            cap,
            currency: "JPY".into(),
            secret: vec![3; 16],
        };
        let attempt = ledger.order(&device, action);
        self.coded(ledger, attempt)
    }

    fn charge(&mut self, ledger: &mut Ledger) -> Attempt {
        let (till, number) = (self.random.below(2 * SHOPS), ledger.number());
        let code_tag = match self.codes.len() {
            0 => CodeTag(bytes(b'?', number)),
            _ if self.random.one_in(40) => CodeTag(bytes(b'?', number)),
            length => self.codes[length - 1 - self.random.below(length.min(12))],
        };
        let order_id = self.order(till, number);
        let action = TerminalAction::Charge(SaleDraft {
            payment_id: PaymentId(bytes(b'P', number)),
            order_id,
            code_tag,
            amount: amount(self.random.within(1, 3_000)),
            currency: "JPY".into(),
            receipt_line: None,
            external_reference: None,
            ask: false,
        });
        at_till(ledger, till, number, action)
    }

    /// Mostly a new order, now and then one that another call named.
    fn order(&mut self, till: usize, number: u64) -> String {
        if !self.orders.is_empty() && self.random.one_in(8) {
            return self.orders[self.random.below(self.orders.len())].1.clone();
        }
        let order_id = format!("order {number}");
        if self.orders.len() == REMEMBERED {
            self.orders.remove(0);
        }
        self.orders.push((till, order_id.clone()));
        order_id
    }

    fn reverse(&mut self, ledger: &mut Ledger) -> Attempt {
        let number = ledger.number();
        let (till, order_id) = match self.orders.len() {
            0 => (0, format!("order {number}")),
            length => self.orders[self.random.below(length)].clone(),
        };
        let till = if self.random.one_in(10) { self.random.below(2 * SHOPS) } else { till };
        if self.random.one_in(4) {
            let (terminal_id, _, shop) = self::till(till);
            return at_shop(ledger, &shop, number, MerchantAction::Reverse { terminal_id, order_id });
        }
        at_till(ledger, till, number, TerminalAction::Reverse { order_id })
    }

    /// What opens and shuts: freezes, verified codes, tills, and at last a device that is gone.
    fn guard(&mut self, ledger: &mut Ledger) -> Attempt {
        let (device, number) = (self.device(), ledger.number());
        let (terminal_id, _, shop) = till(self.random.below(2 * SHOPS));
        let attempt = match self.random.below(60) {
            0..3 => ledger.order(&device, DeviceAction::Freeze),
            3..35 => {
                // Without its code nobody is unfrozen.
                let step = step(ledger);
                return ledger.order(&device, DeviceAction::Unfreeze).code(step);
            }
            35..45 => ledger.order(&device, DeviceAction::VerifySecondFactor),
            45..46 => {
                return at_shop(ledger, &shop, number, MerchantAction::SuspendTerminal { terminal_id });
            }
            46..59 => return at_shop(ledger, &shop, number, MerchantAction::ResumeTerminal { terminal_id }),
            _ => {
                let owner = device.split('-').next().expect("a name").to_owned();
                ledger.revoke(&owner, &format!("{owner}-tablet"))
            }
        };
        self.coded(ledger, attempt)
    }
}

/// The step of RFC 6238 that it is now.
fn step(ledger: &Ledger) -> i64 {
    STEP + (ledger.now().0 - NOW.0) / (30 * SECOND_US)
}

fn at_till(ledger: &mut Ledger, number: usize, request: u64, action: TerminalAction) -> Attempt {
    let (terminal_id, key, shop) = till(number);
    let (merchant_id, store_id) = (merchant_id(&shop), store_id(&shop));
    let call = TerminalCall { signed: signed(key, request), terminal_id, merchant_id, store_id };
    ledger.command(Order::Terminal(call, action))
}

fn at_shop(ledger: &mut Ledger, shop: &str, request: u64, action: MerchantAction) -> Attempt {
    let call = MerchantCall { signed: signed(key_id(shop), request), merchant_id: merchant_id(shop) };
    ledger.command(Order::Merchant(call, action))
}
