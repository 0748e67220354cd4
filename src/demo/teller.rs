//! Tells the story: a line a step, with what happened and how long it took.

use std::io::Write;

use super::otherwise::{DemoError, Otherwise};
use crate::env::Stopwatch;
use crate::pb::Reason;

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[1;31m";
const BOLD: &str = "\x1b[1m";
// A scanner needs white, which a terminal's own foreground seldom is.
const WHITE_ON_BLACK: &str = "\x1b[38;5;231;48;5;16m";
const PLAIN: &str = "\x1b[0m";

/// What a step came to, when it came to what it must.
#[derive(Debug)]
pub struct Told<T> {
    happened: String,
    refusal: Option<Reason>,
    value: T,
}

impl Told<()> {
    /// It was done.
    pub fn done(happened: impl Into<String>) -> Self {
        Self { happened: happened.into(), refusal: None, value: () }
    }

    /// It was refused, as it must be; and what that shows.
    pub fn refused(reason: Reason, shows: impl Into<String>) -> Self {
        Self { happened: shows.into(), refusal: Some(reason), value: () }
    }

    /// With something for the steps after it.
    pub fn with<T>(self, value: T) -> Told<T> {
        Told { happened: self.happened, refusal: self.refusal, value }
    }
}

/// Writes the lines and counts them.
pub struct Teller<W> {
    out: W,
    has_colours: bool,
    steps: u32,
    refused: u32,
}

impl<W: Write> Teller<W> {
    /// Tells it to `out`.
    pub fn new(out: W, has_colours: bool) -> Self {
        Self { out, has_colours, steps: 0, refused: 0 }
    }

    /// A line between the steps.
    pub fn say(&mut self, text: &str) -> Result<(), DemoError> {
        writeln!(self.out, "{text}").map_err(DemoError::Output)
    }

    /// A part of the story begins.
    pub fn chapter(&mut self, title: &str) -> Result<(), DemoError> {
        let title = self.paint(BOLD, title);
        self.say(&format!("\n{title}"))
    }

    /// A picture of several lines.
    pub fn picture(&mut self, picture: &str) -> Result<(), DemoError> {
        for line in picture.lines() {
            let line = self.paint(WHITE_ON_BLACK, line);
            self.say(&format!("    {line}"))?;
        }
        Ok(())
    }

    /// Takes a step and tells it. What is measured is the whole of it, its checks included.
    pub async fn step<T>(
        &mut self,
        title: &str,
        act: impl Future<Output = Result<Told<T>, Otherwise>>,
    ) -> Result<T, DemoError> {
        let watch = Stopwatch::start();
        let told = act.await;
        let taken_us = watch.elapsed_us();
        self.steps += 1;
        match told {
            Ok(Told { happened, refusal: None, value }) => {
                let word = self.paint(GREEN, "done   ");
                self.line(taken_us, &format!("{word}  {title}: {happened}"))?;
                Ok(value)
            }
            Ok(Told { happened, refusal: Some(reason), value }) => {
                self.refused += 1;
                let text = format!("refused  {title}: {}. {happened}", reason.as_str_name());
                let text = self.paint(YELLOW, &text);
                self.line(taken_us, &text)?;
                Ok(value)
            }
            Err(otherwise) => {
                let text = self.paint(RED, &format!("FAILED   {title}: {otherwise}"));
                self.line(taken_us, &text)?;
                Err(DemoError::Step { number: self.steps, title: title.to_owned(), otherwise })
            }
        }
    }

    /// The last line.
    pub fn end(&mut self, journal: &str) -> Result<(), DemoError> {
        let (steps, refused) = (self.steps, self.refused);
        let ok = self.paint(GREEN, "ok");
        self.say(&format!("\ndemo: {ok}, {steps} steps, {refused} attacks refused, {journal}"))?;
        self.out.flush().map_err(DemoError::Output)
    }

    fn line(&mut self, taken_us: i64, text: &str) -> Result<(), DemoError> {
        let number = self.steps;
        self.say(&format!("{number:>3} {:>8} ms  {text}", milliseconds(taken_us)))
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.has_colours { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

fn milliseconds(us: i64) -> String {
    let tenths = (us + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Whole yen, in groups of three.
pub fn yen(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut grouped = String::from(if amount < 0 { "-¥" } else { "¥" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_are_read_as_people_read_them() {
        for (amount, expected) in
            [(0, "¥0"), (999, "¥999"), (1_200, "¥1,200"), (-12_000, "-¥12,000"), (1_234_567, "¥1,234,567")]
        {
            assert_eq!(yen(amount), expected);
        }
        for (us, expected) in [(0, "0.0"), (49, "0.0"), (950, "1.0"), (12_345, "12.3"), (1_000_000, "1000.0")]
        {
            assert_eq!(milliseconds(us), expected);
        }
    }

    async fn story(teller: &mut Teller<&mut Vec<u8>>) -> Result<(), DemoError> {
        let value = teller.step("A", async { Ok(Told::done("went well").with(7)) }).await?;
        assert_eq!(value, 7);
        teller.step("B", async { Ok(Told::refused(Reason::NotFound, "It is not there.")) }).await?;
        teller.end("journal verified, sum 0")
    }

    // The time is the only thing that is not known beforehand.
    fn without_times(text: &str) -> Vec<String> {
        text.lines()
            .map(|line| match line.split_once(" ms  ") {
                Some((before, after)) => format!("{} {after}", before.split_whitespace().next().unwrap()),
                None => line.to_owned(),
            })
            .collect()
    }

    #[tokio::test]
    async fn a_plain_story_has_a_line_a_step_and_no_escape_codes() {
        let mut out = Vec::new();
        story(&mut Teller::new(&mut out, false)).await.unwrap();
        let lines = without_times(std::str::from_utf8(&out).unwrap());
        assert_eq!(
            lines,
            [
                "1 done     A: went well",
                "2 refused  B: NOT_FOUND. It is not there.",
                "",
                "demo: ok, 2 steps, 1 attacks refused, journal verified, sum 0",
            ]
        );
    }

    #[tokio::test]
    async fn on_a_terminal_a_refusal_has_a_colour_of_its_own() {
        let mut out = Vec::new();
        story(&mut Teller::new(&mut out, true)).await.unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\x1b[32mdone   \x1b[0m  A: went well"), "{text}");
        assert!(text.contains("\x1b[33mrefused  B: NOT_FOUND. It is not there.\x1b[0m"), "{text}");
    }

    #[tokio::test]
    async fn a_step_that_went_otherwise_is_told_and_ends_the_story() {
        let mut out = Vec::new();
        let mut teller = Teller::new(&mut out, false);
        let step = teller.step("C", async { Err::<Told<()>, _>(Otherwise::WentThrough) });
        let error = step.await.unwrap_err();
        assert!(matches!(error, DemoError::Step { number: 1, .. }));
        assert_eq!(
            without_times(std::str::from_utf8(&out).unwrap()),
            [format!("1 FAILED   C: {}", Otherwise::WentThrough)]
        );
    }
}
