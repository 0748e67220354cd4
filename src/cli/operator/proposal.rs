//! What is proposed, from a command line, and in words for whoever is to approve it.

use std::path::PathBuf;

use prost::Message as _;

use crate::cli::Failure;
use crate::cli::person::{Id, Introduction, Role};
use crate::crypto::envelope::key_id_text;
use crate::crypto::hash::sha256;
use crate::domain::id::hex;
use crate::pb;
use crate::pb::bar_subject::Subject;
use crate::pb::propose_request::Proposal;

/// What is proposed.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ProposalCommand {
    /// A new merchant with its first store.
    RegisterMerchant {
        /// What its server's key introduced itself with.
        #[arg(long, value_name = "FILE")]
        introduction: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Another store of a merchant.
    RegisterStore {
        /// The merchant's id.
        #[arg(long, value_name = "ID")]
        merchant: Id,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Another operator.
    AddOperator {
        /// What their key introduced itself with.
        #[arg(long, value_name = "FILE")]
        introduction: PathBuf,
    },
    /// An operator leaves.
    RevokeOperator {
        /// Their id.
        operator: Id,
    },
    /// Another operator signs by another key from now on.
    SetOperatorKey {
        /// Their id.
        #[arg(long, value_name = "ID")]
        operator: Id,
        /// What the new key introduced itself with, for this id.
        #[arg(long, value_name = "FILE")]
        introduction: PathBuf,
    },
    /// A merchant's key is revoked.
    RevokeMerchantKey {
        /// Its id.
        merchant: Id,
    },
    /// A merchant's server signs by another key from now on.
    SetMerchantKey {
        /// Its id.
        #[arg(long, value_name = "ID")]
        merchant: Id,
        /// What the new key introduced itself with, for this id.
        #[arg(long, value_name = "FILE")]
        introduction: PathBuf,
    },
    /// A suspended merchant takes part again.
    ResumeMerchant {
        /// Its id.
        merchant: Id,
    },
    /// Who was barred is barred no longer.
    LiftBar {
        #[command(flatten)]
        subject: SubjectArguments,
    },
    /// A store takes cash for customers' accounts, or with a ceiling of 0 none any more.
    AllowCash {
        /// The store's id.
        #[arg(long, value_name = "ID")]
        store: Id,
        /// The store holds at most so much.
        #[arg(long, value_name = "YEN")]
        ceiling: i64,
        /// One of its tills takes at most so much in a day.
        #[arg(long, value_name = "YEN")]
        till_day: i64,
    },
    /// A merchant's payments cost another share from now on.
    SetFee {
        /// Its id.
        #[arg(long, value_name = "ID")]
        merchant: Id,
        /// In hundredths of a percent.
        #[arg(long)]
        basis_points: u32,
    },
    /// An account whose outflow the operators stopped goes on.
    UnfreezeAccount {
        /// Its id.
        account: Id,
    },
    /// A person was seen, and is the owner of the account that a recovery is about.
    ProofRecovery {
        /// The recovery's id, as the person's phone shows it.
        case: Id,
    },
}

/// What is registered of a store.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArguments {
    /// The name that customers see.
    #[arg(long)]
    name: String,
    /// Its city.
    #[arg(long)]
    city: String,
    /// IANA name.
    #[arg(long, default_value = "Asia/Tokyo")]
    time_zone: String,
}

impl StoreArguments {
    fn read(self) -> pb::StoreDetails {
        pb::StoreDetails { name: self.name, city: self.city, time_zone: self.time_zone }
    }
}

/// One of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct SubjectArguments {
    /// A merchant with all that is its own.
    #[arg(long, value_name = "ID")]
    merchant: Option<Id>,
    /// A store with its tills.
    #[arg(long, value_name = "ID")]
    store: Option<Id>,
    /// A till.
    #[arg(long, value_name = "ID")]
    till: Option<Id>,
}

impl SubjectArguments {
    pub(super) fn read(self) -> Result<Subject, Failure> {
        let merchant = self.merchant.map(|Id(id)| Subject::MerchantId(id));
        let store = self.store.map(|Id(id)| Subject::StoreId(id));
        let till = self.till.map(|Id(id)| Subject::TerminalId(id));
        merchant.or(store).or(till).ok_or_else(|| "name --merchant, --store or --till".into())
    }
}

impl ProposalCommand {
    /// With the files that it names read.
    pub(super) fn read(self) -> Result<Proposal, Failure> {
        Ok(match self {
            Self::RegisterMerchant { introduction, store } => {
                let (key, key_proof) = Introduction::read(&introduction, Role::Merchant)?;
                let store = Some(store.read());
                Proposal::RegisterMerchant(pb::RegisterMerchant { key: Some(key), store, key_proof })
            }
            Self::RegisterStore { merchant, store } => Proposal::RegisterStore(pb::RegisterStore {
                merchant_id: merchant.0,
                store: Some(store.read()),
            }),
            Self::AddOperator { introduction } => {
                let (key, key_proof) = Introduction::read(&introduction, Role::Operator)?;
                Proposal::AddOperator(pb::AddOperator { key: Some(key), key_proof })
            }
            Self::RevokeOperator { operator: Id(operator_id) } => {
                Proposal::RevokeOperator(pb::RevokeOperator { operator_id })
            }
            Self::SetOperatorKey { operator: Id(operator_id), introduction } => {
                let (key, key_proof) = Introduction::read(&introduction, Role::Operator)?;
                Proposal::SetOperatorKey(pb::SetOperatorKey { operator_id, key: Some(key), key_proof })
            }
            Self::RevokeMerchantKey { merchant: Id(merchant_id) } => {
                Proposal::RevokeMerchantKey(pb::RevokeMerchantKey { merchant_id })
            }
            Self::SetMerchantKey { merchant: Id(merchant_id), introduction } => {
                let (key, key_proof) = Introduction::read(&introduction, Role::Merchant)?;
                Proposal::SetMerchantKey(pb::SetMerchantKey { merchant_id, key: Some(key), key_proof })
            }
            Self::ResumeMerchant { merchant: Id(merchant_id) } => {
                Proposal::ResumeMerchant(pb::ResumeMerchant { merchant_id })
            }
            Self::LiftBar { subject } => {
                let subject = Some(pb::BarSubject { subject: Some(subject.read()?) });
                Proposal::LiftBar(pb::LiftBar { subject })
            }
            Self::AllowCash { store: Id(store_id), ceiling: ceiling_minor, till_day: till_day_minor } => {
                Proposal::AllowCash(pb::AllowCash { store_id, ceiling_minor, till_day_minor })
            }
            Self::SetFee { merchant: Id(merchant_id), basis_points } => {
                Proposal::SetFee(pb::SetFee { merchant_id, basis_points })
            }
            Self::UnfreezeAccount { account: Id(account_id) } => {
                Proposal::UnfreezeAccount(pb::UnfreezeAccount { account_id })
            }
            Self::ProofRecovery { case: Id(case_id) } => {
                Proposal::ProofRecovery(pb::ProofRecovery { case_id })
            }
        })
    }
}

/// What a proposal says, from the bytes that its proposer signed.
pub(super) fn described(payload: &[u8]) -> Result<String, Failure> {
    let strange = "a proposal that this saifu cannot read: approve nothing that you cannot read";
    let request = pb::ProposeRequest::decode(payload).map_err(|_malformed| strange)?;
    Ok(match request.proposal.ok_or(strange)? {
        Proposal::RegisterMerchant(one) => {
            format!("a new merchant with {}, {}", store(one.store), key(one.key))
        }
        Proposal::RegisterStore(one) => {
            format!("merchant {} gets {}", hex(&one.merchant_id), store(one.store))
        }
        Proposal::AddOperator(one) => format!("a new operator, {}", key(one.key)),
        Proposal::ResumeMerchant(one) => format!("merchant {} takes part again", hex(&one.merchant_id)),
        Proposal::ProofRecovery(one) => {
            format!("recovery {}: its person was seen, and owns the account", hex(&one.case_id))
        }
        Proposal::AllowCash(one) => format!(
            "store {} takes cash: it holds {} yen at most, a till {} yen a day",
            hex(&one.store_id),
            one.ceiling_minor,
            one.till_day_minor
        ),
        Proposal::SetFee(one) => format!(
            "merchant {} pays {} hundredths of a percent from now on",
            hex(&one.merchant_id),
            one.basis_points
        ),
        Proposal::ClosePayouts(one) => format!(
            "payouts of {}: paid to {}; returned by {}",
            one.day,
            ids(&one.paid_merchant_ids),
            ids(&one.returned_merchant_ids)
        ),
        Proposal::RevokeOperator(one) => format!("operator {} leaves", hex(&one.operator_id)),
        Proposal::SetOperatorKey(one) => {
            format!("operator {} gets another key, {}", hex(&one.operator_id), key(one.key))
        }
        Proposal::RevokeMerchantKey(one) => {
            format!("merchant {}: its key is revoked", hex(&one.merchant_id))
        }
        Proposal::SetMerchantKey(one) => {
            format!("merchant {} gets another key, {}", hex(&one.merchant_id), key(one.key))
        }
        Proposal::LiftBar(one) => match one.subject.and_then(|subject| subject.subject) {
            Some(Subject::MerchantId(id)) => format!("merchant {} is barred no longer", hex(&id)),
            Some(Subject::StoreId(id)) => format!("store {} is barred no longer", hex(&id)),
            Some(Subject::TerminalId(id)) => format!("till {} is barred no longer", hex(&id)),
            None => "nobody is barred no longer".to_owned(),
        },
        Proposal::UnfreezeAccount(one) => format!("account {} goes on", hex(&one.account_id)),
    })
}

fn store(store: Option<pb::StoreDetails>) -> String {
    let store = store.unwrap_or_default();
    format!(
        "the store \"{}\" in {} ({})",
        store.name.escape_debug(),
        store.city.escape_debug(),
        store.time_zone
    )
}

fn key(candidate: Option<pb::Candidate>) -> String {
    let spki = candidate.unwrap_or_default().spki;
    format!("key {}", key_id_text(&sha256(&[&spki])))
}

fn ids(ids: &[Vec<u8>]) -> String {
    if ids.is_empty() { "nobody".into() } else { ids.iter().map(|id| hex(id)).collect::<Vec<_>>().join(", ") }
}
