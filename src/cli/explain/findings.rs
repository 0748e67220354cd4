//! What was found in an envelope, as it is told.

use crate::wire::walk::Odd;

/// A text is shown up to here.
const SHOWN: usize = 80;

/// Lines, and what is wrong.
#[derive(Default)]
pub(super) struct Findings {
    told: Vec<String>,
    wrong: Vec<String>,
}

impl Findings {
    pub(super) fn head(&mut self, text: &str) {
        self.told.push(text.to_owned());
    }

    pub(super) fn field(&mut self, name: &str, value: impl AsRef<str>) {
        self.told.push(format!("  {name:<24} {}", value.as_ref()));
    }

    pub(super) fn note(&mut self, text: &str) {
        self.told.push(format!("  {text}"));
    }

    pub(super) fn wrong(&mut self, text: &str) {
        self.wrong.push(text.to_owned());
    }

    pub(super) fn odd(&mut self, within: &str, odd: &Odd) {
        self.wrong.push(format!("{within}: {odd}"));
    }

    pub(super) fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Everything, what is wrong at the end.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let verdict =
            if self.is_good() { "nothing is wrong with it that can be seen here" } else { "wrong:" };
        let told = self.told.iter().cloned().chain([verdict.to_owned()]);
        told.chain(self.wrong.iter().map(|wrong| format!("  {wrong}")))
    }
}

/// A text, so that it breaks no line.
pub(super) fn shown(text: &str) -> String {
    let begin: String = text.chars().take(SHOWN).collect();
    format!("{begin:?}")
}
