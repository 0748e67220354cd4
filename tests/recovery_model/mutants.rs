//! Without any one rule, any one guard or any one act, something that must hold doesn't: the test of the
//! test.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use saifu::domain::recovery::act::Act;
use saifu::domain::recovery::guard::Guard;
use saifu::domain::recovery::table::Table;
use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::model::{Recovery, failures};
use crate::scenario::Scenario;

/// What is left out.
#[derive(Clone, Copy, Debug)]
pub enum Without {
    Rule,
    Guard(Guard),
    Act(Act, usize),
}

/// A table without something.
pub struct Mutant {
    pub rule: &'static str,
    pub without: Without,
    pub table: Arc<Table>,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.without {
            Without::Rule => write!(f, "{}: the rule", self.rule),
            Without::Guard(guard) => write!(f, "{}: guard {guard:?}", self.rule),
            Without::Act(act, _) => write!(f, "{}: act {act:?}", self.rule),
        }
    }
}

/// All of them.
pub fn all() -> Vec<Mutant> {
    let standard = Table::standard();
    let mut mutants = Vec::new();
    for (index, rule) in standard.rules.iter().enumerate() {
        let guards = rule.guards.iter().map(|guard| Without::Guard(*guard));
        let acts = rule.acts.iter().enumerate().map(|(at, act)| Without::Act(*act, at));
        for without in std::iter::once(Without::Rule).chain(guards).chain(acts) {
            let mut table = standard.clone();
            match without {
                Without::Rule => drop(table.rules.remove(index)),
                Without::Guard(guard) => table.rules[index].guards.retain(|other| *other != guard),
                Without::Act(_, at) => drop(table.rules[index].acts.remove(at)),
            }
            mutants.push(Mutant { rule: rule.name, without, table: Arc::new(table) });
        }
    }
    mutants
}

/// A property that does not hold, and the shortest way there.
pub struct Trace {
    pub scenario: &'static str,
    pub property: &'static str,
    pub events: usize,
}

/// The first scenario in which something does not hold.
pub fn trace(scenarios: &[Scenario], table: &Arc<Table>) -> Option<Trace> {
    scenarios.iter().find_map(|scenario| {
        let checker = Recovery::new(scenario.clone(), table)
            .checker()
            .finish_when(HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        failures(&checker).into_iter().next().map(|(property, actions)| Trace {
            scenario: scenario.name,
            property,
            events: scenario.prefix.len() + actions.len(),
        })
    })
}

/// Every mutant's trace, in the mutants' order.
pub fn traces(scenarios: &[Scenario], mutants: &[Mutant], threads: usize) -> Vec<Option<Trace>> {
    let next = AtomicUsize::new(0);
    let mut found: Vec<(usize, Option<Trace>)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = mutants.get(index) else { return mine };
                mine.push((index, trace(scenarios, &mutant.table)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a checker")).collect()
    });
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, trace)| trace).collect()
}
