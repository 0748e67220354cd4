//! What was done to 7pay's customers in July 2019, and what its doors would have allowed, done to this
//! wallet: seven steps over real TLS and gRPC, with the yen that each of them cost.
//!
//! One test, because one step goes on where another ended: the same server, the same victims, one thief.

mod after;
mod cast;
mod doors;
mod guesses;
mod his_address;
mod mailbox;
mod pairs;
mod takeover;

use cast::Stage;

/// One line of the table.
pub struct Told {
    what: String,
    lost_minor: i64,
}

impl Told {
    fn new(what: impl Into<String>, lost_minor: i64) -> Self {
        Self { what: what.into(), lost_minor }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_to_7pay_costs_no_more_than_the_cap() {
    let mut stage = Stage::set().await;
    let mut told = vec![his_address::play(&stage).await];
    let (again, guessed) = Box::pin(guesses::play(stage)).await;
    stage = again;
    told.push(guessed);
    told.push(mailbox::one_factor(&mut stage).await);
    told.push(mailbox::two_factors_cancelled(&mut stage).await);
    let (taken, thief) = takeover::play(&mut stage).await;
    told.push(taken);
    told.push(doors::play(&stage).await);
    told.push(pairs::play(&mut stage).await);
    let cap_minor = takeover::cap_minor();
    let lost_minor = told.iter().map(|step| step.lost_minor).sum::<i64>();
    println!("{}", table(&told, lost_minor, cap_minor));
    assert!(lost_minor <= cap_minor, "¥{lost_minor} lost, and the cap is ¥{cap_minor}");
    after::look(stage, &thief, lost_minor).await;
}

fn table(told: &[Told], lost_minor: i64, cap_minor: i64) -> String {
    let line = |(number, step): (usize, &Told)| {
        let lost = format!("¥{}", step.lost_minor);
        format!("{number:>4}  {lost:>8}  {}\n", step.what)
    };
    let steps: String = (1..).zip(told).map(line).collect();
    format!(
        "step  yen lost  what\n{steps}yen lost in all: ¥{lost_minor}, at most the cap of \
         ¥{cap_minor} in 72 hours"
    )
}
