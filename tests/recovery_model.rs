//! Checks account recovery, exhaustively within stated bounds, over the production's transition function.

#[path = "recovery_model/choose.rs"]
mod choose;
#[path = "recovery_model/ending.rs"]
mod ending;
#[path = "recovery_model/losses.rs"]
mod losses;
#[path = "recovery_model/model.rs"]
mod model;
#[path = "recovery_model/money.rs"]
mod money;
#[path = "recovery_model/mutants.rs"]
mod mutants;
#[path = "recovery_model/proof.rs"]
mod proof;
#[path = "recovery_model/rows.rs"]
mod rows;
#[path = "recovery_model/scenario.rs"]
mod scenario;
#[path = "recovery_model/situations.rs"]
mod situations;
#[path = "recovery_model/watch.rs"]
mod watch;
#[path = "recovery_model/world.rs"]
mod world;

use std::sync::Arc;

use saifu::domain::recovery::factor::Kind;
use saifu::domain::recovery::table::Table;
use stateright::{Checker as _, HasDiscoveries, Model as _};

use model::{Recovery, Worst, failures};
use scenario::{Power, Scenario};
use world::Kinds;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// What a run came to.
struct Run {
    states: usize,
    steps: usize,
    worst: Arc<Worst>,
}

/// Checks one scenario by the rules in force, to its end, and says what it came to.
fn check(scenario: Scenario) -> Run {
    let name = format!("{}, {:?}, {}", scenario.powers.name(), scenario.habit, scenario.name);
    let checker = Recovery::new(scenario, &Arc::new(Table::standard().clone()))
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    let failures = failures(&checker);
    assert!(failures.is_empty(), "{name}: {failures:#?}");
    println!("{name}: {states} states, {steps} steps, depth {}: all hold", checker.max_depth());
    Run { states, steps, worst: Arc::clone(&checker.model().worst) }
}

#[test]
fn every_attacker_takes_what_the_documentation_says() {
    let losses = losses::losses(threads());
    let table = losses::table(&losses);
    let (states, steps): (Vec<_>, Vec<_>) = losses.iter().map(|loss| (loss.states, loss.steps)).unzip();
    let (states, steps): (usize, usize) = (states.iter().sum(), steps.iter().sum());
    println!("{table}\n{} sets: {states} states, {steps} steps", losses.len());
    compare_with_documentation(&table);
}

/// The section between the marks is what was found; `SAIFU_WRITE_DOCS=1` writes it anew.
fn compare_with_documentation(table: &str) {
    const BEGIN: &str = "<!-- recovery-model:begin -->\n";
    const END: &str = "<!-- recovery-model:end -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recovery.md");
    let text = std::fs::read_to_string(path).expect("docs/recovery.md");
    let (head, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (written, tail) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("SAIFU_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{head}{BEGIN}{table}{END}{tail}")).expect("docs/recovery.md");
        return;
    }
    assert_eq!(written, table, "docs/recovery.md says something else: SAIFU_WRITE_DOCS=1 writes it anew");
}

#[test]
fn an_owner_whom_nobody_hinders_completes() {
    let kinds = [Kind::Totp, Kind::SavedCode, Kind::Passphrase, Kind::EmailCode, Kind::PhoneCode];
    let pairs = kinds
        .iter()
        .enumerate()
        .flat_map(|(index, one)| kinds[index + 1..].iter().map(move |other| vec![*one, *other]));
    let mut sets: Vec<_> = pairs.filter(|pair| Kinds::of(pair).suffice()).collect();
    sets.push(vec![Kind::Proofing]);
    for set in sets {
        println!("with {set:?}:");
        let alone = situations::recovering("the owner alone", &set);
        // Strangers cannot use up what an owner has who proves his saved code first.
        if set.contains(&Kind::SavedCode) {
            check(Scenario { floods: 1, name: "the owner, and a flood", ..alone.clone() });
        }
        check(alone);
    }
}

#[test]
fn every_end_is_reached() {
    let powers = [Power::Authenticator, Power::Passphrase];
    let ends = ["COMPLETED", "CANCELLED", "CONTESTED"];
    let scenario = Scenario { owner_cases: 1, name: "every end", ..losses::free(&powers) };
    let checker = Recovery::new(scenario, &Arc::new(Table::standard().clone()))
        .checker()
        .finish_when(HasDiscoveries::AllOf(ends.into()))
        .spawn_bfs()
        .join();
    for end in ends {
        let events = checker.discovery(end).expect(end).into_actions();
        println!("{end}, for one by these events: {events:?}");
    }
}

#[test]
fn without_any_rule_guard_or_act_something_breaks() {
    let mut situations: Vec<_> =
        situations::all().into_iter().map(|scenario| (check(scenario.clone()).steps, scenario)).collect();
    situations.sort_by_key(|(steps, _)| *steps);
    let situations: Vec<_> = situations.into_iter().map(|(_, scenario)| scenario).collect();
    let mutants = mutants::all();
    let traces = mutants::traces(&situations, &mutants, threads());
    let mut survivors = Vec::new();
    for (mutant, trace) in mutants.iter().zip(traces) {
        match trace {
            Some(trace) => {
                println!("{mutant}: {} in {} events ({})", trace.property, trace.events, trace.scenario);
            }
            None => survivors.push(mutant.to_string()),
        }
    }
    assert!(survivors.is_empty(), "nothing breaks without: {survivors:#?}");
}
