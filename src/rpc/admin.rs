//! AdminService: The operators' own, on a listener of its own.

mod approve;
mod bar;
mod cancel_recovery;
mod freeze_account;
mod get_payout_file;
mod list_proposals;
mod list_reconciliation_items;
mod propose;
mod resolve_reconciliation_item;
mod rotate_key;
mod suspend_merchant;
mod take_reconciliation_item;

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::domain::command::{Approved, NewStore, PayoutEnd};
use crate::domain::fee::BasisPoints;
use crate::domain::id::{AccountId, CaseId, LedgerAccountId, MerchantId, OperatorId, StoreId};
use crate::domain::recovery::Told;
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::gate::rejection::Rejection;
use crate::gate::signature::possession::{Owner, proved};
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{NAME, STORE_NAME, id16, readable};

/// The operators' own, on a listener of its own.
pub struct Admin {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 12] {
    [
        Declared::of::<propose::Propose>(),
        Declared::of::<list_proposals::ListProposals>(),
        Declared::of::<approve::Approve>(),
        Declared::of::<suspend_merchant::SuspendMerchant>(),
        Declared::of::<bar::Bar>(),
        Declared::of::<rotate_key::RotateKey>(),
        Declared::of::<freeze_account::FreezeAccount>(),
        Declared::of::<cancel_recovery::CancelRecovery>(),
        Declared::of::<get_payout_file::GetPayoutFile>(),
        Declared::of::<list_reconciliation_items::ListReconciliationItems>(),
        Declared::of::<take_reconciliation_item::TakeReconciliationItem>(),
        Declared::of::<resolve_reconciliation_item::ResolveReconciliationItem>(),
    ]
}

#[tonic::async_trait]
impl pb::admin_service_server::AdminService for Admin {
    async fn propose(&self, request: Request<pb::Envelope>) -> Result<Response<pb::ProposeReply>, Status> {
        let peer = peer(&request);
        answer(propose::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_proposals(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListProposalsReply>, Status> {
        let peer = peer(&request);
        answer(list_proposals::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn approve(&self, request: Request<pb::Envelope>) -> Result<Response<pb::ApproveReply>, Status> {
        let peer = peer(&request);
        answer(approve::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn suspend_merchant(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::SuspendMerchantReply>, Status> {
        let peer = peer(&request);
        answer(suspend_merchant::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn bar(&self, request: Request<pb::Envelope>) -> Result<Response<pb::BarReply>, Status> {
        let peer = peer(&request);
        answer(bar::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn rotate_key(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RotateKeyReply>, Status> {
        let peer = peer(&request);
        answer(rotate_key::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn freeze_account(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::FreezeAccountReply>, Status> {
        let peer = peer(&request);
        answer(freeze_account::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn cancel_recovery(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CancelRecoveryReply>, Status> {
        let peer = peer(&request);
        answer(cancel_recovery::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_payout_file(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetPayoutFileReply>, Status> {
        let peer = peer(&request);
        answer(get_payout_file::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_reconciliation_items(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListReconciliationItemsReply>, Status> {
        let peer = peer(&request);
        answer(list_reconciliation_items::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn take_reconciliation_item(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::TakeReconciliationItemReply>, Status> {
        let peer = peer(&request);
        answer(take_reconciliation_item::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn resolve_reconciliation_item(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ResolveReconciliationItemReply>, Status> {
        let peer = peer(&request);
        answer(resolve_reconciliation_item::call(&self.gate, request.into_inner(), peer)).await
    }
}

/// As many payouts are closed by one proposal.
const PAYOUTS_MAX: usize = 200;

/// What a proposal would set going, with new ids; the fields' form is checked here.
async fn approved(proposed: &pb::ProposeRequest, tools: &Tools) -> Result<Approved, Rejection> {
    use pb::propose_request::Proposal;
    let merchant = |id: &[u8]| id16(id, "merchant_id").map(MerchantId);
    let operator = |id: &[u8]| id16(id, "operator_id").map(OperatorId);
    let key = |key: &Option<pb::Candidate>, proof: &[u8], owner| {
        proved(key.as_ref(), proof, owner, &tools.audience)
    };
    Ok(match &proposed.proposal {
        Some(Proposal::RegisterMerchant(proposed)) => Approved::RegisterMerchant {
            merchant_id: MerchantId(tools.new_id()),
            ledger_account_id: LedgerAccountId(tools.random_id()),
            key: key(&proposed.key, &proposed.key_proof, Owner::Merchant(None))?,
            store: new_store(proposed.store.as_ref(), tools)?,
        },
        Some(Proposal::RegisterStore(proposed)) => Approved::RegisterStore {
            merchant_id: merchant(&proposed.merchant_id)?,
            store: new_store(proposed.store.as_ref(), tools)?,
        },
        Some(Proposal::AddOperator(proposed)) => Approved::AddOperator {
            operator_id: OperatorId(tools.new_id()),
            key: key(&proposed.key, &proposed.key_proof, Owner::Operator(None))?,
        },
        Some(Proposal::RevokeOperator(proposed)) => {
            Approved::RevokeOperator { operator_id: operator(&proposed.operator_id)? }
        }
        Some(Proposal::SetOperatorKey(proposed)) => {
            let operator_id = operator(&proposed.operator_id)?;
            let owner = Owner::Operator(Some(operator_id));
            Approved::SetOperatorKey { operator_id, key: key(&proposed.key, &proposed.key_proof, owner)? }
        }
        Some(Proposal::RevokeMerchantKey(proposed)) => {
            Approved::RevokeMerchantKey { merchant_id: merchant(&proposed.merchant_id)? }
        }
        Some(Proposal::SetMerchantKey(proposed)) => {
            let merchant_id = merchant(&proposed.merchant_id)?;
            let owner = Owner::Merchant(Some(merchant_id));
            Approved::SetMerchantKey { merchant_id, key: key(&proposed.key, &proposed.key_proof, owner)? }
        }
        Some(Proposal::LiftBar(proposed)) => Approved::LiftBar(bar::subject(proposed.subject.as_ref())?),
        Some(Proposal::ResumeMerchant(proposed)) => {
            Approved::ResumeMerchant { merchant_id: merchant(&proposed.merchant_id)? }
        }
        Some(Proposal::ProofRecovery(proposed)) => {
            let open = tools.case(CaseId(id16(&proposed.case_id, "case_id")?)).await?;
            // Nobody is seen for an account that does not exist.
            open.case.account_id.ok_or(Rejection::NotFound)?;
            Approved::ProofRecovery { case: open.case, notices: tools.notices(&open, &[Told::Proven])? }
        }
        Some(Proposal::AllowCash(proposed)) => Approved::AllowCash {
            store_id: StoreId(id16(&proposed.store_id, "store_id")?),
            ledger_account_id: LedgerAccountId(tools.random_id()),
            ceiling_minor: ceiling(proposed.ceiling_minor, "ceiling_minor")?,
            till_day_minor: ceiling(proposed.till_day_minor, "till_day_minor")?,
        },
        Some(Proposal::SetFee(proposed)) => Approved::SetFee {
            merchant_id: merchant(&proposed.merchant_id)?,
            basis_points: BasisPoints::new(i64::from(proposed.basis_points))
                .ok_or(Rejection::malformed("basis_points", "0 to 3000"))?,
        },
        Some(Proposal::ClosePayouts(proposed)) => {
            Approved::ClosePayouts { day: get_payout_file::day(&proposed.day)?, ends: ends(proposed)? }
        }
        Some(Proposal::UnfreezeAccount(proposed)) => {
            Approved::UnfreezeAccount { account_id: AccountId(id16(&proposed.account_id, "account_id")?) }
        }
        None => return Err(Rejection::malformed("proposal", "one of the proposals")),
    })
}

/// What became of whose payout: of each merchant's one thing.
fn ends(proposed: &pb::ClosePayouts) -> Result<BTreeMap<MerchantId, PayoutEnd>, Rejection> {
    let lists = [
        (&proposed.paid_merchant_ids, "paid_merchant_ids", PayoutEnd::Paid),
        (&proposed.returned_merchant_ids, "returned_merchant_ids", PayoutEnd::Returned),
    ];
    let mut ends = BTreeMap::new();
    for (ids, field, end) in lists {
        for id in ids {
            if ends.insert(MerchantId(id16(id, field)?), end).is_some() {
                return Err(Rejection::malformed(field, "merchants, each named once"));
            }
        }
    }
    match ends.len() {
        1..=PAYOUTS_MAX => Ok(ends),
        _ => Err(Rejection::malformed("paid_merchant_ids", "1 to 200 merchants with the returned ones")),
    }
}

/// The version of a difference, as it was listed.
fn version(version: i64) -> Result<i64, Rejection> {
    if version >= 1 { Ok(version) } else { Err(Rejection::malformed("version", "at least 1")) }
}

/// So much cash, or none.
fn ceiling(minor: i64, field: &'static str) -> Result<i64, Rejection> {
    if (0..=1_000_000_000_000).contains(&minor) {
        Ok(minor)
    } else {
        Err(Rejection::malformed(field, "0 to 1,000,000,000,000"))
    }
}

fn new_store(store: Option<&pb::StoreDetails>, tools: &Tools) -> Result<NewStore, Rejection> {
    let store = store.ok_or(Rejection::malformed("store", "name, city and time zone of a store"))?;
    let name = readable(&store.name, &STORE_NAME, "name")?;
    let city = readable(&store.city, &NAME, "city")?;
    let zone = &store.time_zone;
    let is_zone = (1..=64).contains(&zone.len())
        && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    if !is_zone {
        return Err(Rejection::malformed("time_zone", "an IANA name such as Asia/Tokyo"));
    }
    Ok(NewStore {
        store_id: StoreId(tools.new_id()),
        name: name.to_owned(),
        city: city.to_owned(),
        time_zone: zone.clone(),
    })
}
