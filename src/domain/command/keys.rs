//! Which rows a command's decision looks at. Named up front, so that loading takes two rounds: the
//! named rows, then those which they name.

use super::{
    CandidateAction, CandidateCall, CaseAction, CashDraft, Chore, Command, DeviceAction, DeviceCall,
    MerchantAction, MerchantCall, Order, PayableOrder, SaleDraft, ShopStep, SystemAction, TerminalAction,
    TerminalCall,
};
use crate::domain::id::{CodeTag, MerchantId, TargetId};
use crate::domain::ledger::PROVIDER_CLEARING;
use crate::domain::rows::{
    Activation, Addition, Contact, Device, Funding, Merchant, OrderSlot, Payment, PaymentCode, RowKey, Store,
    Terminal, TopUp,
};
use crate::domain::view::View;

mod operator;

impl Command {
    /// The rows that its decision looks at, as far as the command itself names them.
    pub fn keys(&self) -> Vec<RowKey> {
        let mut keys = match &self.order {
            Order::Device(call, action) => device_keys(call, action),
            Order::Candidate(call, action) => candidate_keys(call, action),
            Order::Terminal(call, action) => terminal_keys(call, action),
            Order::Merchant(call, action) => merchant_keys(call, action),
            Order::Operator(call, action) => operator::named(call, action),
            Order::System(_, action) => system_keys(action),
            Order::Chore(chore) => chore_keys(chore),
        };
        if let Some(signed) = self.signed() {
            keys.push(RowKey::Finished(signed.request_id, signed.key_id));
            keys.push(RowKey::OpenRequest(signed.request_id, signed.key_id));
        }
        keys
    }

    /// The rows that the loaded ones name: a second round. It is asked once more before each decision, for
    /// what the rows of the second round name.
    pub fn follow(&self, view: &View) -> Vec<RowKey> {
        match &self.order {
            Order::Device(_, action) => follow_device(action, view),
            Order::Candidate(_, action) => follow_candidate(action, view),
            Order::Terminal(call, action) => follow_terminal(call.merchant_id, action, view),
            Order::Merchant(call, action) => follow_merchant(call.merchant_id, action, view),
            Order::Operator(_, action) => operator::follow(action, view),
            Order::System(_, action) => follow_system(action, view),
            Order::Chore(_) => Vec::new(),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other action names all of its rows itself")]
fn follow_device(action: &DeviceAction, view: &View) -> Vec<RowKey> {
    let named = match action {
        DeviceAction::Pay { store_id, .. } => {
            let store = view.get::<Store>((*store_id,));
            [store.map(|store| RowKey::Merchant(store.merchant_id)), None, None]
        }
        DeviceAction::RequestTopUp { funding_id, .. } => {
            let source = view.get::<Funding>((*funding_id,));
            [source.and_then(|source| source.card_tag).map(RowKey::Card), None, None]
        }
        DeviceAction::RevokeDevice { target_id } => {
            let target = view.get::<Device>((*target_id,));
            [target.map(|target| RowKey::SigningKey(target.key_id)), None, None]
        }
        DeviceAction::ApproveAddition { addition_id, .. } => {
            let addition = view.get::<Addition>((*addition_id,));
            [addition.map(|addition| RowKey::SigningKey(addition.key_id)), None, None]
        }
        DeviceAction::ConfirmPayment { payment_id, .. } | DeviceAction::DeclinePayment { payment_id } => {
            let payment = view.get::<Payment>((*payment_id,));
            [
                payment.map(|payment| RowKey::Store(payment.store_id)),
                payment.map(|payment| RowKey::Merchant(payment.merchant_id)),
                payment.and_then(|payment| payment.terminal_id).map(RowKey::Terminal),
            ]
        }
        _ => [None, None, None],
    };
    named.into_iter().flatten().collect()
}

fn follow_terminal(merchant_id: MerchantId, action: &TerminalAction, view: &View) -> Vec<RowKey> {
    match action {
        TerminalAction::Charge(SaleDraft { code_tag, .. })
        | TerminalAction::Authorize { sale: SaleDraft { code_tag, .. }, .. } => follow_code(*code_tag, view),
        TerminalAction::CashTopUp(CashDraft { code_tag, .. }) => {
            let mut keys = follow_code(*code_tag, view);
            keys.extend(payable(merchant_id, view));
            keys
        }
        TerminalAction::Step { order_id, step } => follow_step(merchant_id, order_id, *step, view),
        TerminalAction::Reverse { order_id } => follow_reversal(merchant_id, order_id, view),
        TerminalAction::CreateOrder(_)
        | TerminalAction::CancelOrder { .. }
        | TerminalAction::CloseDay { .. } => Vec::new(),
    }
}

fn follow_merchant(merchant_id: MerchantId, action: &MerchantAction, view: &View) -> Vec<RowKey> {
    match action {
        MerchantAction::Step { order_id, step } => follow_step(merchant_id, order_id, *step, view),
        MerchantAction::Reverse { order_id, .. } => follow_reversal(merchant_id, order_id, view),
        MerchantAction::CreateOrder { terminal_id, .. } | MerchantAction::ResumeTerminal { terminal_id } => {
            view.get::<Terminal>((*terminal_id,))
                .map(|terminal| RowKey::Store(terminal.store_id))
                .into_iter()
                .collect()
        }
        MerchantAction::RegisterTerminal { .. }
        | MerchantAction::SuspendTerminal { .. }
        | MerchantAction::CancelOrder { .. }
        | MerchantAction::RotateKey(_)
        | MerchantAction::Webhook(_) => Vec::new(),
    }
}

/// Whose a customer's code is.
fn follow_code(code_tag: CodeTag, view: &View) -> Vec<RowKey> {
    view.get::<PaymentCode>((code_tag,))
        .map(|code| [RowKey::Account(code.account_id), RowKey::Device(code.device_id)])
        .into_iter()
        .flatten()
        .collect()
}

fn follow_reversal(merchant_id: MerchantId, order_id: &str, view: &View) -> Vec<RowKey> {
    let mut keys = follow_order(merchant_id, order_id, view);
    keys.extend(payable(merchant_id, view));
    keys
}

fn follow_step(merchant_id: MerchantId, order_id: &str, step: ShopStep, view: &View) -> Vec<RowKey> {
    let mut keys = follow_order(merchant_id, order_id, view);
    match step {
        ShopStep::Refund { .. } => keys.extend(payable(merchant_id, view)),
        ShopStep::Capture { .. } | ShopStep::Void => {}
    }
    keys
}

/// What a merchant is owed: looked at where it is taken down. What only adds to it need not know it.
fn payable(merchant_id: MerchantId, view: &View) -> Option<RowKey> {
    let merchant = view.get::<Merchant>((merchant_id,));
    merchant.map(|merchant| RowKey::LedgerAccount(merchant.ledger_account_id))
}

/// What an order came to, and whose it is.
fn follow_order(merchant_id: MerchantId, order_id: &str, view: &View) -> Vec<RowKey> {
    let Some(slot) = view.get::<OrderSlot>((merchant_id, order_id.to_owned())) else { return Vec::new() };
    let payment = slot.payment_id.map(RowKey::Payment);
    let account = slot.account_id.map(RowKey::Account);
    let cash = slot.cash_top_up_id.map(RowKey::CashTopUp);
    // The till is among what the command itself names, wherever cash is given back.
    let till = slot.cash_top_up_id.map(|_| RowKey::Terminal(slot.terminal_id)).filter(|key| view.knows(key));
    let desk = till.and_then(|_| view.get::<Terminal>((slot.terminal_id,)));
    let desk = desk.map(|terminal| RowKey::CashDesk(terminal.store_id));
    [payment, account, cash, desk].into_iter().flatten().collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other action names all of its rows itself")]
fn follow_system(action: &SystemAction, view: &View) -> Vec<RowKey> {
    let named = match action {
        SystemAction::SettleTopUp { top_up_id, .. }
        | SystemAction::AwaitTopUp { top_up_id, .. }
        | SystemAction::TakeBackTopUp { top_up_id, .. } => {
            let top_up = view.get::<TopUp>((*top_up_id,));
            return top_up
                .into_iter()
                .flat_map(|top_up| {
                    let card = top_up.card_tag.map(RowKey::Card);
                    [Some(RowKey::Account(top_up.account_id)), Some(RowKey::Funding(top_up.funding_id)), card]
                })
                .flatten()
                .collect();
        }
        SystemAction::CloseUnactivated { device_id, .. } => {
            let device = view.get::<Device>((*device_id,));
            [device.map(|device| RowKey::SigningKey(device.key_id)), None]
        }
        SystemAction::ExpirePayment { payment_id, .. } => {
            let payment = view.get::<Payment>((*payment_id,));
            [
                payment.map(|payment| RowKey::Account(payment.account_id)),
                payment.map(|payment| RowKey::Merchant(payment.merchant_id)),
            ]
        }
        SystemAction::SettleMerchant(draft) => [payable(draft.merchant_id, view), None],
        _ => [None, None],
    };
    named.into_iter().flatten().collect()
}

fn follow_candidate(action: &CandidateAction, view: &View) -> Vec<RowKey> {
    match action {
        CandidateAction::StartEnrolment { contact_index, .. }
        | CandidateAction::ConfirmEnrolment { contact_index, .. } => view
            .get::<Contact>((*contact_index,))
            .map(|contact| RowKey::Account(contact.account_id))
            .into_iter()
            .collect(),
        // The account is found in the transaction: whose the contact is by then.
        CandidateAction::StartRecovery { contact_index, .. }
        | CandidateAction::RequestAddition { contact_index, .. } => view
            .get::<Contact>((*contact_index,))
            .map(|contact| {
                let target_id = TargetId::of_account(contact.account_id);
                [RowKey::Account(contact.account_id), RowKey::RecoveryTarget(target_id)]
            })
            .into_iter()
            .flatten()
            .collect(),
        CandidateAction::Recovery { action: CaseAction::Complete(completion), .. } => completion
            .devices
            .iter()
            .filter_map(|device_id| view.get::<Device>((*device_id,)))
            .map(|device| RowKey::SigningKey(device.key_id))
            .collect(),
        CandidateAction::ActivateTerminal { activation_tag } => follow_activation(*activation_tag, view),
        CandidateAction::Recovery { .. } => Vec::new(),
    }
}

/// The till that is to be activated; and whose it is, once that is known.
fn follow_activation(activation_tag: CodeTag, view: &View) -> Vec<RowKey> {
    let Some(activation) = view.get::<Activation>((activation_tag,)) else { return Vec::new() };
    let till = RowKey::Terminal(activation.terminal_id);
    let row = view.knows(&till).then(|| view.get::<Terminal>((activation.terminal_id,))).flatten();
    let shop = row.map(|row| [RowKey::Merchant(row.merchant_id), RowKey::Store(row.store_id)]);
    [till].into_iter().chain(shop.into_iter().flatten()).collect()
}

fn device_keys(call: &DeviceCall, action: &DeviceAction) -> Vec<RowKey> {
    let mut keys = vec![
        RowKey::Account(call.account_id),
        RowKey::Device(call.device_id),
        RowKey::SigningKey(call.signed.key_id),
    ];
    match action {
        DeviceAction::VerifySecondFactor | DeviceAction::Freeze | DeviceAction::Unfreeze => {}
        DeviceAction::RevokeDevice { target_id } | DeviceAction::ReportLost { target_id } => {
            keys.push(RowKey::Device(*target_id));
        }
        DeviceAction::LinkFunding { funding_id, card_tag, .. } => {
            keys.push(RowKey::Document(call.account_id));
            keys.push(RowKey::Funding(*funding_id));
            keys.push(RowKey::Card(*card_tag));
        }
        DeviceAction::UnlinkFunding { funding_id, .. } => {
            keys.push(RowKey::Document(call.account_id));
            keys.push(RowKey::Funding(*funding_id));
        }
        DeviceAction::RequestTopUp { funding_id, .. } => keys.push(RowKey::Funding(*funding_id)),
        DeviceAction::Pay { store_id, order, .. } => {
            keys.push(RowKey::Store(*store_id));
            if let Some(PayableOrder { merchant_id, order_id, terminal_id }) = order {
                keys.push(RowKey::OrderSlot(*merchant_id, order_id.clone()));
                keys.extend(terminal_id.map(RowKey::Terminal));
            }
        }
        DeviceAction::ConfirmPayment { payment_id, .. } | DeviceAction::DeclinePayment { payment_id } => {
            keys.push(RowKey::Payment(*payment_id));
        }
        DeviceAction::IssueCode { code_tag, .. } => keys.push(RowKey::PaymentCode(*code_tag)),
        DeviceAction::CancelRecovery { case, .. } => {
            keys.extend(case.keys().into_iter().filter(|key| *key != RowKey::Account(call.account_id)));
        }
        DeviceAction::ApproveAddition { addition_id, .. } => {
            keys.push(RowKey::Addition(*addition_id));
            keys.extend(factor_keys(call));
        }
        DeviceAction::Activate { .. }
        | DeviceAction::BeginTotp { .. }
        | DeviceAction::ConfirmTotp { .. }
        | DeviceAction::ReplaceSavedCode { .. }
        | DeviceAction::ChangePassphrase { .. } => keys.extend(factor_keys(call)),
        DeviceAction::AddContact { contact, .. } => {
            keys.push(RowKey::Contact(contact.contact_index));
            keys.extend(factor_keys(call));
        }
        DeviceAction::ConfirmContact { pending_contact_id, contact_index, .. } => {
            keys.push(RowKey::PendingContact(*pending_contact_id));
            keys.push(RowKey::Contact(*contact_index));
            keys.extend(factor_keys(call));
        }
        DeviceAction::RemoveContact { contact_index, .. } => {
            keys.extend(contact_index.map(RowKey::Contact));
            keys.extend(factor_keys(call));
        }
    }
    keys
}

/// What a change of factors, contacts or devices looks at.
fn factor_keys(call: &DeviceCall) -> [RowKey; 3] {
    [
        RowKey::Document(call.account_id),
        RowKey::Factors(call.account_id),
        RowKey::RecoveryTarget(TargetId::of_account(call.account_id)),
    ]
}

fn candidate_keys(call: &CandidateCall, action: &CandidateAction) -> Vec<RowKey> {
    let mut keys = vec![RowKey::SigningKey(call.signed.key_id)];
    match action {
        CandidateAction::StartEnrolment { contact_index, .. } => {
            keys.push(RowKey::Contact(*contact_index));
        }
        CandidateAction::ConfirmEnrolment { enrolment_id, contact_index, .. } => {
            keys.push(RowKey::Enrolment(*enrolment_id));
            keys.push(RowKey::Contact(*contact_index));
        }
        CandidateAction::ActivateTerminal { activation_tag } => {
            keys.push(RowKey::Activation(*activation_tag));
        }
        CandidateAction::StartRecovery { contact_index, .. }
        | CandidateAction::RequestAddition { contact_index, .. } => {
            keys.push(RowKey::Contact(*contact_index));
            keys.push(RowKey::RecoveryTarget(TargetId::of_shadow(*contact_index)));
        }
        CandidateAction::Recovery { case, action, .. } => {
            keys.extend(case.keys());
            if let (CaseAction::Complete(completion), Some(account_id)) = (action, case.account_id) {
                keys.push(RowKey::Document(account_id));
                keys.extend(completion.devices.iter().map(|device_id| RowKey::Device(*device_id)));
            }
        }
    }
    keys
}

fn terminal_keys(call: &TerminalCall, action: &TerminalAction) -> Vec<RowKey> {
    let slot = |order_id: &String| RowKey::OrderSlot(call.merchant_id, order_id.clone());
    let mut keys = vec![
        RowKey::SigningKey(call.signed.key_id),
        RowKey::Merchant(call.merchant_id),
        RowKey::Store(call.store_id),
        RowKey::Terminal(call.terminal_id),
    ];
    match action {
        TerminalAction::Charge(sale) | TerminalAction::Authorize { sale, .. } => {
            keys.extend([slot(&sale.order_id), RowKey::PaymentCode(sale.code_tag)]);
        }
        TerminalAction::CashTopUp(cash) => {
            keys.extend([slot(&cash.order_id), RowKey::PaymentCode(cash.code_tag)]);
            keys.extend([RowKey::CashDesk(call.store_id), RowKey::Payable(call.merchant_id)]);
        }
        TerminalAction::CreateOrder(order) => keys.push(slot(&order.order_id)),
        TerminalAction::Reverse { order_id } => {
            keys.extend([slot(order_id), RowKey::Payable(call.merchant_id)]);
        }
        TerminalAction::Step { order_id, .. } | TerminalAction::CancelOrder { order_id } => {
            keys.push(slot(order_id));
        }
        TerminalAction::CloseDay { business_day, .. } => {
            keys.push(RowKey::ClosedDay(call.terminal_id, *business_day));
        }
    }
    keys
}

fn merchant_keys(call: &MerchantCall, action: &MerchantAction) -> Vec<RowKey> {
    let mut keys = vec![RowKey::SigningKey(call.signed.key_id), RowKey::Merchant(call.merchant_id)];
    match action {
        MerchantAction::RegisterTerminal { store_id, .. } => keys.push(RowKey::Store(*store_id)),
        MerchantAction::SuspendTerminal { terminal_id } | MerchantAction::ResumeTerminal { terminal_id } => {
            keys.push(RowKey::Terminal(*terminal_id));
        }
        MerchantAction::Webhook(action) => keys.extend(action.keys(call.merchant_id)),
        MerchantAction::RotateKey(key) => keys.push(RowKey::SigningKey(key.key_id)),
        MerchantAction::Step { order_id, .. } | MerchantAction::CancelOrder { order_id } => {
            keys.push(RowKey::OrderSlot(call.merchant_id, order_id.clone()));
        }
        MerchantAction::CreateOrder { terminal_id, order } => {
            keys.push(RowKey::Terminal(*terminal_id));
            keys.push(RowKey::OrderSlot(call.merchant_id, order.order_id.clone()));
        }
        MerchantAction::Reverse { terminal_id, order_id } => {
            keys.push(RowKey::Terminal(*terminal_id));
            keys.push(RowKey::OrderSlot(call.merchant_id, order_id.clone()));
            keys.push(RowKey::Payable(call.merchant_id));
        }
    }
    keys
}

fn system_keys(action: &SystemAction) -> Vec<RowKey> {
    match action {
        SystemAction::Genesis { .. } => vec![RowKey::LedgerAccount(PROVIDER_CLEARING)],
        SystemAction::Restore { .. } => Vec::new(),
        SystemAction::RegisterStore { merchant_id, store_id, .. } => {
            vec![RowKey::Merchant(*merchant_id), RowKey::Store(*store_id)]
        }
        SystemAction::SettleTopUp { top_up_id, .. }
        | SystemAction::AwaitTopUp { top_up_id, .. }
        | SystemAction::TakeBackTopUp { top_up_id, .. } => vec![RowKey::TopUp(*top_up_id)],
        SystemAction::CloseUnactivated { account_id, device_id, contact_index } => vec![
            RowKey::Account(*account_id),
            RowKey::Device(*device_id),
            RowKey::Contact(*contact_index),
            RowKey::DataKey(*account_id),
        ],
        SystemAction::EnrolOperators { operators } => {
            operators.iter().map(|operator| RowKey::SigningKey(operator.key_id)).collect()
        }
        SystemAction::AnswerNotice { case, message_id, .. } => {
            let mut keys = case.keys();
            keys.push(RowKey::Message(*message_id));
            keys
        }
        SystemAction::AdvanceRecovery { case, .. } => case.keys(),
        SystemAction::ExpirePayment { payment_id, .. } => vec![RowKey::Payment(*payment_id)],
        SystemAction::CloseDay { terminal_id, business_day, .. } => {
            vec![RowKey::Terminal(*terminal_id), RowKey::ClosedDay(*terminal_id, *business_day)]
        }
        SystemAction::SettleMerchant(draft) => {
            let mut keys = vec![RowKey::Merchant(draft.merchant_id), RowKey::Payable(draft.merchant_id)];
            keys.extend(draft.sums.cash.keys().map(|store_id| RowKey::CashDesk(*store_id)));
            keys
        }
    }
}

fn chore_keys(chore: &Chore) -> Vec<RowKey> {
    match chore {
        Chore::Expire(keys) => keys.clone(),
        Chore::MessageDelivered(id) | Chore::MessageDelayed(id, _) | Chore::MessageFailed(id) => {
            vec![RowKey::Message(*id)]
        }
        Chore::ClaimTopUp { top_up_id, .. }
        | Chore::DelayTopUp { top_up_id, .. }
        | Chore::HintTopUp(top_up_id) => vec![RowKey::TopUp(*top_up_id)],
        Chore::AlarmTerminal(terminal_id) => vec![RowKey::Terminal(*terminal_id)],
        Chore::Lease { name, .. } => vec![RowKey::Lease((*name).to_owned())],
        Chore::Webhook(chore) => chore.keys(),
        Chore::Reconciliation(chore) => chore.keys(),
    }
}
