//! Which rows an operator's call looks at.

use crate::domain::command::{Approved, HaltSubject, OperatorAction, OperatorCall};
use crate::domain::rows::{Merchant, Operator, Proposal, RowKey, TopUp};
use crate::domain::standing::BarSubject;
use crate::domain::view::View;

#[expect(clippy::wildcard_enum_match_arm, reason = "every other action names all of its rows itself")]
pub(super) fn follow(action: &OperatorAction, view: &View) -> Vec<RowKey> {
    match action {
        OperatorAction::Approve { proposal_id, approved, .. } => {
            let proposal = view.get::<Proposal>((*proposal_id,));
            let proposer = proposal.map(|proposal| RowKey::SigningKey(proposal.key_id));
            proposer.into_iter().chain(follow_approved(approved, view)).collect()
        }
        OperatorAction::FreezeAccount(HaltSubject::TopUp(top_up_id)) => {
            let top_up = view.get::<TopUp>((*top_up_id,));
            top_up.map(|top_up| RowKey::Account(top_up.account_id)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything else names all of its rows itself")]
fn follow_approved(approved: &Approved, view: &View) -> Vec<RowKey> {
    match approved {
        Approved::SetFee { merchant_id, .. } => view
            .get::<Merchant>((*merchant_id,))
            .map(|merchant| RowKey::FeeRule(*merchant_id, merchant.fee_rule_version))
            .into_iter()
            .collect(),
        Approved::RevokeOperator { operator_id } | Approved::SetOperatorKey { operator_id, .. } => view
            .get::<Operator>((*operator_id,))
            .map(|operator| RowKey::SigningKey(operator.key_id))
            .into_iter()
            .collect(),
        Approved::RevokeMerchantKey { merchant_id } | Approved::SetMerchantKey { merchant_id, .. } => view
            .get::<Merchant>((*merchant_id,))
            .and_then(|merchant| merchant.key_id)
            .map(RowKey::SigningKey)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn named(call: &OperatorCall, action: &OperatorAction) -> Vec<RowKey> {
    let mut keys = vec![RowKey::SigningKey(call.signed.key_id), RowKey::Operator(call.operator_id)];
    match action {
        OperatorAction::Propose { .. } => {}
        OperatorAction::Approve { proposal_id, approved, .. } => {
            keys.push(RowKey::Proposal(*proposal_id));
            match approved.as_ref() {
                Approved::RegisterMerchant { key, .. } | Approved::AddOperator { key, .. } => {
                    keys.push(RowKey::SigningKey(key.key_id));
                }
                Approved::RevokeOperator { operator_id } => keys.push(RowKey::Operator(*operator_id)),
                Approved::SetOperatorKey { operator_id, key } => {
                    keys.extend([RowKey::Operator(*operator_id), RowKey::SigningKey(key.key_id)]);
                }
                Approved::SetMerchantKey { merchant_id, key } => {
                    keys.extend([RowKey::Merchant(*merchant_id), RowKey::SigningKey(key.key_id)]);
                }
                Approved::LiftBar(subject) => keys.push(barred(*subject)),
                Approved::RevokeMerchantKey { merchant_id }
                | Approved::RegisterStore { merchant_id, .. }
                | Approved::SetFee { merchant_id, .. }
                | Approved::ResumeMerchant { merchant_id } => {
                    keys.push(RowKey::Merchant(*merchant_id));
                }
                Approved::UnfreezeAccount { account_id } => keys.push(RowKey::Account(*account_id)),
                Approved::AllowCash { store_id, .. } => {
                    keys.extend([RowKey::Store(*store_id), RowKey::CashDesk(*store_id)]);
                }
                Approved::ProofRecovery { case, .. } => keys.extend(case.keys()),
                Approved::ClosePayouts { day, ends } => {
                    for merchant_id in ends.keys() {
                        keys.push(RowKey::Merchant(*merchant_id));
                        keys.push(RowKey::Payable(*merchant_id));
                        keys.push(RowKey::Settlement(*merchant_id, *day));
                    }
                }
            }
        }
        OperatorAction::SuspendMerchant { merchant_id } => keys.push(RowKey::Merchant(*merchant_id)),
        OperatorAction::Bar(subject) => keys.push(barred(*subject)),
        OperatorAction::RotateKey(key) => keys.push(RowKey::SigningKey(key.key_id)),
        OperatorAction::FreezeAccount(HaltSubject::Account(account_id)) => {
            keys.push(RowKey::Account(*account_id));
        }
        OperatorAction::FreezeAccount(HaltSubject::TopUp(top_up_id)) => keys.push(RowKey::TopUp(*top_up_id)),
        OperatorAction::CancelRecovery { case, .. } => keys.extend(case.keys()),
        OperatorAction::Reconciliation(action) => keys.push(RowKey::ReconciliationItem(action.item_id())),
    }
    keys
}

fn barred(subject: BarSubject) -> RowKey {
    match subject {
        BarSubject::Merchant(id) => RowKey::Merchant(id),
        BarSubject::Store(id) => RowKey::Store(id),
        BarSubject::Terminal(id) => RowKey::Terminal(id),
    }
}
