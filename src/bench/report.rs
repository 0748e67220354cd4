//! The figures of a measurement, as one JSON object or as text.

use std::fmt;

use serde::Serialize;

use crate::bench::load::{Round, real};

/// One side of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Calls answered well in a second, over all rounds.
    pub per_s: f64,
    /// Half of the calls took no longer.
    pub p50_ms: f64,
    /// 99 of 100 calls took no longer.
    pub p99_ms: f64,
    /// The longest call.
    pub max_ms: f64,
    /// The server's CPU time, user and system, for one call.
    pub server_cpu_us: f64,
    /// Calls refused or lost.
    pub errors: u64,
}

impl Side {
    /// Sums up all rounds of one side.
    pub fn new(rounds: &Round, server_cpu_us: u64) -> Self {
        let latency_ms = |quantile| real(rounds.latencies_us.value_at_quantile(quantile)) / 1e3;
        Self {
            per_s: rounded(rounds.per_s(), 1),
            p50_ms: rounded(latency_ms(0.5), 3),
            p99_ms: rounded(latency_ms(0.99), 3),
            max_ms: rounded(latency_ms(1.0), 3),
            server_cpu_us: rounded(real(server_cpu_us) / real(rounds.ok.max(1)), 1),
            errors: rounds.errors,
        }
    }
}

/// How the load was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// How often each side was measured.
    pub rounds: u32,
    /// How long each round was.
    pub seconds: u64,
    /// Calls under way at a time.
    pub in_flight: u32,
    /// Connections they were spread over.
    pub connections: usize,
    /// Whether the binary was built with optimisation. Without, the figures mean nothing.
    pub optimised: bool,
}

/// The floor by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FloorReport {
    /// Calls answered well in a second.
    pub floor_per_s: f64,
    /// Latencies, CPU time, errors.
    #[serde(flatten)]
    pub side: Side,
    /// How the load was made.
    #[serde(flatten)]
    pub conditions: Conditions,
}

/// Payments next to something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PayReport {
    /// What the payments were compared with: `floor` or `single-commit`.
    pub against: &'static str,
    /// The rate of payments divided by the other side's, over all rounds.
    pub ratio: f64,
    /// The same for the single pairs of rounds.
    pub spread: Spread,
    /// Payments in a second.
    pub pay_per_s: f64,
    /// The floor's calls in a second, when that is the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_per_s: Option<f64>,
    /// Payments with a commit each in a second, when that is the other side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single_commit_per_s: Option<f64>,
    /// Half of the payments took no longer.
    pub p50_ms: f64,
    /// 99 of 100 payments took no longer.
    pub p99_ms: f64,
    /// The server's CPU time for one payment.
    pub server_cpu_us: f64,
    /// Payments refused or lost.
    pub errors: u64,
    /// How the load was made.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// Accounts the payments were spread over.
    pub accounts: usize,
    /// Everything about the other side.
    pub other: Side,
}

/// The least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of these values; of none, an empty range at 0.
    pub fn of(values: &[f64]) -> Self {
        let (min, max) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &value| (min.min(value), max.max(value)));
        if min.is_finite() && max.is_finite() {
            Self { min: rounded(min, 3), max: rounded(max, 3) }
        } else {
            Self { min: 0.0, max: 0.0 }
        }
    }
}

/// With so many places after the point.
pub fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10f64.powi(places);
    (value * scale).round() / scale
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_s, p50_ms, p99_ms, max_ms, server_cpu_us, errors } = self;
        write!(
            f,
            "{per_s:.0} calls/s, p50 {p50_ms} ms, p99 {p99_ms} ms, max {max_ms} ms, {server_cpu_us} µs of \
             the server's CPU per call, {errors} errors"
        )
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, seconds, in_flight, connections, optimised } = self;
        write!(f, "{rounds} × {seconds} s a side, {in_flight} in flight over {connections} connections")?;
        if *optimised { Ok(()) } else { f.write_str("; NOT OPTIMISED, so these figures mean nothing") }
    }
}

impl fmt::Display for FloorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "floor: {}", self.side)?;
        write!(f, "({})", self.conditions)
    }
}

impl fmt::Display for PayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { against, ratio, spread, pay_per_s, p50_ms, p99_ms, server_cpu_us, errors, .. } = self;
        writeln!(
            f,
            "payments: {pay_per_s:.0} calls/s, p50 {p50_ms} ms, p99 {p99_ms} ms, {server_cpu_us} µs of \
             the server's CPU per call, {errors} errors"
        )?;
        writeln!(f, "{against}: {}", self.other)?;
        writeln!(f, "ratio: {ratio} ({} to {} by pairs of rounds)", spread.min, spread.max)?;
        write!(f, "({}, {} accounts)", self.conditions, self.accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side() -> Side {
        Side { per_s: 200.0, p50_ms: 1.0, p99_ms: 2.0, max_ms: 3.0, server_cpu_us: 4.0, errors: 0 }
    }

    fn report() -> PayReport {
        PayReport {
            against: "floor",
            ratio: 0.5,
            spread: Spread::of(&[0.52, 0.48, 0.5]),
            pay_per_s: 100.0,
            floor_per_s: Some(200.0),
            single_commit_per_s: None,
            p50_ms: 2.0,
            p99_ms: 4.0,
            server_cpu_us: 250.0,
            errors: 0,
            conditions: Conditions { rounds: 3, seconds: 5, in_flight: 128, connections: 4, optimised: true },
            accounts: 64,
            other: side(),
        }
    }

    #[test]
    fn the_figures_are_one_flat_object() {
        let json = serde_json::to_value(report()).unwrap();
        for (name, value) in
            [("ratio", 0.5), ("pay_per_s", 100.0), ("floor_per_s", 200.0), ("p50_ms", 2.0), ("p99_ms", 4.0)]
        {
            assert_eq!(json[name], value, "{name}");
        }
        assert_eq!(json["server_cpu_us"], 250.0);
        assert_eq!(json["rounds"], 3);
        assert_eq!(json["spread"], serde_json::json!({"min": 0.48, "max": 0.52}));
        assert!(json.get("single_commit_per_s").is_none());
    }

    #[test]
    fn an_unoptimised_binary_s_figures_say_so() {
        let mut report = report();
        assert!(!report.to_string().contains("NOT OPTIMISED"));
        report.conditions.optimised = false;
        assert!(report.to_string().contains("NOT OPTIMISED"));
    }

    #[test]
    fn a_spread_of_nothing_is_empty() {
        assert_eq!(Spread::of(&[]), Spread { min: 0.0, max: 0.0 });
    }

    #[test]
    fn a_side_sums_up_its_rounds() {
        let mut rounds = Round { ok: 100, elapsed_us: 500_000, ..Round::empty() };
        for latency_us in 1..=100 {
            rounds.latencies_us.saturating_record(latency_us * 10);
        }
        let side = Side::new(&rounds, 25_000);
        assert_eq!((side.per_s, side.p50_ms, side.p99_ms), (200.0, 0.5, 0.99));
        assert_eq!((side.max_ms, side.server_cpu_us, side.errors), (1.0, 250.0, 0));
    }
}
