//! `saifu merchant`: what a merchant's server does from a terminal, by the merchant's key.

use super::Failure;
use super::person::{Id, PersonArguments, follow, told};
use crate::client::Staff;
use crate::domain::id::hex;
use crate::pb;

/// What `saifu merchant` takes.
#[derive(Debug, clap::Args)]
pub struct MerchantArguments {
    #[command(flatten)]
    person: PersonArguments,
    #[command(subcommand)]
    command: MerchantCommand,
}

#[derive(Debug, clap::Subcommand)]
enum MerchantCommand {
    /// Prints the merchant's stores: id, name, city.
    Stores,
    /// Prints the merchant's tills: id, label, state.
    Tills,
    /// Registers a till; prints its id and the activation code, which is good once, for a day.
    AddTill {
        /// The store's id.
        #[arg(long, value_name = "ID")]
        store: Id,
        /// What the merchant calls it.
        #[arg(long)]
        label: String,
    },
    /// A till charges no more.
    SuspendTill {
        /// Its id.
        till: Id,
    },
    /// A suspended till, or a blocked one, goes on.
    ResumeTill {
        /// Its id.
        till: Id,
    },
    /// Has every step of the merchant's payments told to this URL; prints its id and its secret, once.
    AddWebhook {
        /// `https://…`, a public name.
        url: String,
    },
}

pub(super) fn run(arguments: MerchantArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (merchant, clock) = arguments.person.staff().await?;
        follow(merchant.list_stores().await, &clock)?;
        done(&merchant, arguments.command).await
    })
}

async fn done(merchant: &Staff, command: MerchantCommand) -> Result<(), Failure> {
    match command {
        MerchantCommand::Stores => {
            for store in merchant.list_stores().await?.stores {
                println!("{} {}, {}", hex(&store.store_id), store.name, store.city);
            }
        }
        MerchantCommand::Tills => tills(merchant).await?,
        MerchantCommand::AddTill { store, label } => {
            let registered = merchant.register_terminal(store.0, &label).await?;
            println!("{}\n{}", hex(&registered.terminal_id), told(registered.activation_code)?);
        }
        MerchantCommand::SuspendTill { till } => {
            merchant.suspend_terminal(till.0).await?;
            println!("suspended");
        }
        MerchantCommand::ResumeTill { till } => {
            merchant.resume_terminal(till.0).await?;
            println!("resumed");
        }
        MerchantCommand::AddWebhook { url } => {
            let created = merchant.create_webhook(&url).await?;
            println!("{}\n{}", hex(&created.endpoint_id), told(created.secret)?);
        }
    }
    Ok(())
}

async fn tills(merchant: &Staff) -> Result<(), Failure> {
    let mut request = pb::ListTerminalsRequest::default();
    loop {
        let page = merchant.list_terminals(request.clone()).await?;
        for till in &page.terminals {
            let state = till.state().as_str_name().trim_start_matches("TERMINAL_STATE_").to_lowercase();
            println!("{} {} {state}", hex(&till.terminal_id), till.label);
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}
