//! `saifu operator`: what an operator does from a terminal. What raises money or privilege one proposes and
//! another, who has read it, approves.

mod proposal;

use super::Failure;
use super::person::{Id, PersonArguments, follow};
use crate::client::Staff;
use crate::client::clock::moment_us;
use crate::crypto::hash::sha256;
use crate::domain::id::{hex, unhex};
use crate::domain::time::SECOND_US;
use crate::pb;
use crate::pb::bar_subject::Subject;
use proposal::{ProposalCommand, SubjectArguments, described};

/// What `saifu operator` takes.
#[derive(Debug, clap::Args)]
pub struct OperatorArguments {
    #[command(flatten)]
    person: PersonArguments,
    #[command(subcommand)]
    command: OperatorCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OperatorCommand {
    /// Proposes something, and prints the proposal's id.
    Propose {
        #[command(subcommand)]
        proposal: ProposalCommand,
    },
    /// Prints what waits for approval: id, hash, and what it says.
    List,
    /// Approves what another operator proposed, as it was read.
    Approve {
        /// The proposal's id, as `list` prints it.
        proposal: Id,
        /// The hash of what was read, as `list` prints it.
        #[arg(value_name = "SHA256")]
        hash: String,
    },
    /// A merchant takes no more payments; what it owes goes back all the same.
    Suspend {
        /// The merchant's id.
        merchant: Id,
    },
    /// Nothing at all is done any more for a merchant, a store or a till.
    Bar {
        #[command(flatten)]
        subject: SubjectArguments,
    },
    /// Nothing leaves an account any more.
    Freeze {
        /// The account's id, as its owner's app shows it.
        account: Id,
    },
}

pub(super) fn run(arguments: OperatorArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (operator, clock) = arguments.person.staff().await?;
        follow(operator.list_proposals().await, &clock)?;
        done(&operator, arguments.command).await
    })
}

async fn done(operator: &Staff, command: OperatorCommand) -> Result<(), Failure> {
    match command {
        OperatorCommand::Propose { proposal } => {
            let proposed = operator.propose(proposal.read()?).await?;
            println!("{}", hex(&proposed.proposal_id));
        }
        OperatorCommand::List => list(&operator.list_proposals().await?.proposals)?,
        OperatorCommand::Approve { proposal, hash } => approve(operator, &proposal.0, &hash).await?,
        OperatorCommand::Suspend { merchant } => {
            operator.suspend_merchant(merchant.0).await?;
            println!("suspended");
        }
        OperatorCommand::Bar { subject } => {
            let subject: Subject = subject.read()?;
            operator.bar(subject).await?;
            println!("barred");
        }
        OperatorCommand::Freeze { account } => {
            let request = pb::FreezeAccountRequest { account_id: account.0, top_up_id: Vec::new() };
            operator.freeze_account(&request).await?;
            println!("frozen");
        }
    }
    Ok(())
}

fn list(proposals: &[pb::Proposal]) -> Result<(), Failure> {
    for proposal in proposals {
        let until = proposal.expires_at.as_ref().map_or(0, |at| moment_us(at) / SECOND_US);
        println!(
            "{} {}\n  {}\n  proposed by {}, good until {until} s since the epoch",
            hex(&proposal.proposal_id),
            hex(&sha256(&[&proposal.payload])),
            described(&proposal.payload)?,
            hex(&proposal.proposer_id),
        );
    }
    Ok(())
}

/// What is approved is what was read: the hash is its reader's, and the server's proposal must have it.
async fn approve(operator: &Staff, proposal_id: &[u8], hash: &str) -> Result<(), Failure> {
    let read: [u8; 32] = unhex(hash).ok_or("the hash is 64 hexadecimal digits, as `list` prints it")?;
    let proposals = operator.list_proposals().await?.proposals;
    let proposal = proposals.iter().find(|one| one.proposal_id == proposal_id);
    let proposal = proposal.ok_or("no such proposal waits: it was approved, or is older than a day")?;
    if sha256(&[&proposal.payload]) != read {
        return Err("the proposal is not the one that was read: list it, and read it again".into());
    }
    let approved = operator.approve(proposal).await?;
    println!("{}", described(&proposal.payload)?);
    for (name, id) in [
        ("merchant", &approved.merchant_id),
        ("store", &approved.store_id),
        ("operator", &approved.operator_id),
    ] {
        if !id.is_empty() {
            println!("{name} {}", hex(id));
        }
    }
    Ok(())
}
