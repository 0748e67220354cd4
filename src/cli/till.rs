//! `saifu till`: a till on the command line. One line a command on standard output, and an exit status that
//! says whether the goods may be handed over.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use super::{Failure, log_to_stderr};
use crate::server::SANDBOX_AUDIENCE;
use crate::till::activation::{Server, activate};
use crate::till::order::{Call, Kind};
use crate::till::{Fault, Till, TillError};

mod tell;

use tell::{Exit, Teller};

/// What `saifu till` takes.
#[derive(Debug, clap::Args)]
pub struct TillArguments {
    /// The till's folder: its key, whom it calls, its journal.
    #[arg(long, global = true, value_name = "DIR", default_value = "till-data")]
    data: PathBuf,
    /// One JSON object a line instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Says every step that the till takes.
    #[arg(long, global = true)]
    steps: bool,
    /// So long one attempt of a call may take, in milliseconds.
    #[arg(long, global = true, value_name = "MS", default_value_t = 5_000,
          value_parser = clap::value_parser!(u64).range(1..=60_000))]
    timeout_ms: u64,
    /// What goes wrong on purpose with the command's own call; for a server on this machine.
    #[arg(long, global = true, value_enum)]
    fault: Option<Fault>,
    /// What is logged, by target: for example "info" or "saifu=debug".
    #[arg(long, global = true, default_value = "warn")]
    log: String,
    #[command(subcommand)]
    command: TillCommand,
}

#[derive(Debug, Subcommand)]
enum TillCommand {
    /// Makes a till of this folder, with the code that its merchant's server asked for. When no answer
    /// came, the same once more.
    Activate {
        /// Where the server listens; its certificate is for localhost.
        #[arg(long, value_name = "ADDRESS", value_parser = server_address)]
        address: SocketAddr,
        /// The certificate that the server's is signed by.
        #[arg(long, value_name = "FILE")]
        ca: PathBuf,
        /// The activation code.
        #[arg(long)]
        code: String,
        /// The deployment's name.
        #[arg(long, default_value = SANDBOX_AUDIENCE)]
        audience: String,
    },
    /// Does one thing for an order.
    #[command(flatten)]
    Order(OrderCommand),
    /// Reads commands for orders from standard input, one a line, until its end: a till that stays open.
    Run,
}

/// What is done for orders; `saifu till run` reads these from its input.
#[derive(Debug, Subcommand)]
enum OrderCommand {
    /// Charges a customer's payment code.
    Charge {
        #[command(flatten)]
        sale: Sale,
    },
    /// Holds an amount on a customer's payment code, to be captured later.
    Authorize {
        #[command(flatten)]
        sale: Sale,
        /// Held for so long; the server's usual time when it is left out.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        hold: u32,
    },
    /// Takes what is held, or a part of it.
    Capture {
        /// The order's id.
        order: String,
        /// A part, in yen; all of it when it is left out.
        #[arg(long, value_name = "YEN", default_value_t = 0,
              value_parser = clap::value_parser!(i64).range(0..))]
        amount: i64,
        /// Another part follows: the rest stays held.
        #[arg(long)]
        more: bool,
    },
    /// Releases what is held, or withdraws what the customer is asked for.
    Void {
        /// The order's id.
        order: String,
    },
    /// Gives back what was captured, or a part of it.
    Refund {
        /// The order's id.
        order: String,
        /// In yen.
        #[arg(long, value_name = "YEN", value_parser = clap::value_parser!(i64).range(1..))]
        amount: i64,
    },
    /// Undoes an order, or sees to it that it comes to nothing.
    Reverse {
        /// The order's id.
        order: String,
    },
    /// Asks the server how an order stands.
    Status {
        /// The order's id.
        order: String,
    },
    /// Finds out about every order whose outcome is not known, or reverses it.
    Settle,
    /// Lists the orders of the till's own journal.
    Orders,
}

/// What is sold to whom.
#[derive(Debug, clap::Args)]
struct Sale {
    /// The order's id: 1 to 64 printable ASCII characters, never used before.
    #[arg(long)]
    order: String,
    /// In yen.
    #[arg(long, value_name = "YEN", value_parser = clap::value_parser!(i64).range(1..))]
    amount: i64,
    /// The 18 digits that the customer shows.
    #[arg(long)]
    code: String,
    /// Above the code's cap the customer is asked, instead of being declined.
    #[arg(long)]
    ask: bool,
    /// A line for the customer's receipt.
    #[arg(long, value_name = "LINE", default_value = "")]
    receipt: String,
}

/// A line of `saifu till run`.
#[derive(Debug, Parser)]
#[command(multicall = true)]
struct Line {
    #[command(subcommand)]
    command: OrderCommand,
}

/// `127.0.0.1:8443`, with or without `https://` before it.
pub(super) fn server_address(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix("https://").unwrap_or(text);
    bare.parse()
        .map_err(|_malformed| "write an address and a port, for example https://127.0.0.1:8443".to_owned())
}

pub(super) fn run(arguments: TillArguments) -> Result<ExitCode, Failure> {
    log_to_stderr(&arguments.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let timeout = Duration::from_millis(arguments.timeout_ms);
    let data = &arguments.data;
    let teller = Teller { is_json: arguments.json, tells_steps: arguments.steps };
    let exit = runtime.block_on(async {
        match arguments.command {
            TillCommand::Activate { address, ca, code, audience } => {
                let enrolled = begin(data, address, &ca, &code, &audience, timeout).await?;
                teller.activated(&enrolled);
                Ok(Exit::Done)
            }
            TillCommand::Order(command) => {
                let mut till = Till::open(data, timeout, arguments.fault).await?;
                match order(&mut till, command, teller).await {
                    // The disk failed after the call was written down: it may have been done.
                    Err(error) if !till.orders().unsettled().is_empty() && error.is_of_the_journal() => {
                        eprintln!("saifu: {error}");
                        Ok(Exit::Unknown)
                    }
                    ended => Ok(ended?),
                }
            }
            TillCommand::Run => {
                let mut till = Till::open(data, timeout, arguments.fault).await?;
                stay(&mut till, teller).await
            }
        }
    });
    exit.map(Exit::into)
}

async fn begin(
    data: &Path,
    address: SocketAddr,
    ca: &Path,
    code: &str,
    audience: &str,
    timeout: Duration,
) -> Result<crate::till::folder::Enrolled, Failure> {
    let authority = std::fs::read(ca)
        .map_err(|error| format!("the CA certificate {} cannot be read: {error}", ca.display()))?;
    let server = Server { address, authority: &authority, audience };
    Ok(activate(data, &server, code, timeout).await?)
}

/// Until the input ends. What cannot be done is told, and the next line is read.
async fn stay(till: &mut Till, teller: Teller) -> Result<Exit, Failure> {
    let settled = till.settle().await;
    teller.taken(till.take_steps());
    for verdict in settled? {
        teller.settled(&verdict);
    }
    let mut line = String::new();
    // Nothing else runs meanwhile: the clerk's next line is all that there is to wait for.
    while std::io::stdin().lock().read_line(&mut line)? > 0 {
        let words = words(&line);
        line.clear();
        if words.is_empty() {
            continue;
        }
        match Line::try_parse_from(words) {
            Ok(Line { command }) => {
                if let Err(error) = order(till, command, teller).await {
                    eprintln!("saifu: {error}");
                }
            }
            Err(error) => eprintln!("{error}"),
        }
        std::io::stdout().flush()?;
    }
    Ok(if till.orders().unsettled().is_empty() { Exit::Done } else { Exit::Unknown })
}

/// Words, and what is between double quotes as one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, piece) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}

async fn order(till: &mut Till, command: OrderCommand, teller: Teller) -> Result<Exit, TillError> {
    let (order_id, call, code) = match command {
        OrderCommand::Charge { sale: Sale { order, amount, code, ask, receipt } } => {
            (order, Call::Charge { amount_minor: amount, receipt_line: receipt, ask }, Some(code))
        }
        OrderCommand::Authorize { sale: Sale { order, amount, code, ask, receipt }, hold } => {
            let receipt_line = receipt;
            (
                order,
                Call::Authorize { amount_minor: amount, receipt_line, hold_seconds: hold, ask },
                Some(code),
            )
        }
        OrderCommand::Capture { order, amount, more } => {
            (order, Call::Capture { amount_minor: amount, more_follows: more }, None)
        }
        OrderCommand::Void { order } => (order, Call::Void, None),
        OrderCommand::Refund { order, amount } => (order, Call::Refund { amount_minor: amount }, None),
        OrderCommand::Reverse { order } => {
            let verdict = till.reverse(&order).await;
            return Ok(teller.taken(till.take_steps()).verdict(Kind::Reverse, &verdict?));
        }
        OrderCommand::Status { order } => {
            let verdict = till.status(&order).await;
            return Ok(teller.verdict(Kind::Pay, &verdict?));
        }
        OrderCommand::Settle => {
            let settled = till.settle().await;
            teller.taken(till.take_steps());
            let verdicts = settled?;
            for verdict in &verdicts {
                teller.settled(verdict);
            }
            let is_all = till.orders().unsettled().is_empty();
            if verdicts.is_empty() {
                teller.nothing_open();
            }
            return Ok(if is_all { Exit::Done } else { Exit::Unknown });
        }
        OrderCommand::Orders => {
            till.orders().all().iter().for_each(|order| teller.order(order));
            return Ok(Exit::Done);
        }
    };
    let kind = call.kind();
    let verdict = till.call(&order_id, call, code.as_deref()).await;
    // Also when it came to nothing: the steps say why.
    teller.taken(till.take_steps());
    for settled in till.take_settled() {
        teller.settled(&settled);
    }
    Ok(teller.verdict(kind, &verdict?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_into_words_and_what_is_quoted_is_one() {
        assert_eq!(words("status A-1\n"), ["status", "A-1"]);
        assert_eq!(
            words("charge --receipt \"two  books\" --ask"),
            ["charge", "--receipt", "two  books", "--ask"]
        );
        assert_eq!(words(" \n"), [""; 0]);
    }

    #[test]
    fn a_line_of_run_is_a_command_without_the_programs_name() {
        let line = Line::try_parse_from(["capture", "A-1", "--amount", "300", "--more"]).unwrap();
        assert!(matches!(line.command, OrderCommand::Capture { amount: 300, more: true, .. }));
        assert!(Line::try_parse_from(["activate"]).is_err(), "a till that is open is active");
    }

    #[test]
    fn an_address_is_one_with_or_without_its_scheme() {
        let expected: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        assert_eq!(server_address("https://127.0.0.1:8443"), Ok(expected));
        assert_eq!(server_address("127.0.0.1:8443"), Ok(expected));
        assert!(server_address("localhost").is_err());
    }
}
