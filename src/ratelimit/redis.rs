//! Buckets, marks and counts in one Redis, for any number of servers.
//!
//! Each question is one script, so it happens whole or not at all, and no other comes between. All names
//! share one hash tag: a cluster keeps them in one place. They are digests of ours, never caller text.
//!
//! What is in Redis makes the wallet stricter, never looser, and nothing is owed to it: lost, buckets
//! are full again, and reads signed before the loss are stale. A bucket without room, a full Redis, an
//! error or silence is never an allowance.

mod link;
#[cfg(test)]
#[path = "../../tests/it/support/redis_server.rs"]
mod redis_server;
pub mod settings;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::time::Duration;

use redis::{RedisResult, Script, ScriptInvocation};
use tokio::time::timeout;

use self::link::Link;
use self::settings::{RedisSettings, TimeBase};
use crate::ratelimit::gcra::Limit;
use crate::ratelimit::marks::{ClaimFuture, Claimed, Marks, Read, Terms};
use crate::ratelimit::source::{BucketKey, Charge, Source, SourceUnavailable, TakeFuture, Taken};
use crate::ratelimit::spread::{Place, Seen, Spread, TouchFuture};

/// The longest time, in microseconds, that a script adds or subtracts: 71 years. Twice that and the
/// present together are far below 2^53, up to which Lua counts exactly. A wider limit is cut to it.
const LONGEST_US: i64 = 1 << 51;
/// The caller's clock may stand while Redis' runs on: then nothing may expire that is still needed.
const CALLERS_SLACK_MS: i64 = 86_400_000;
/// The counts of an hour are looked at until it is over by everybody's clock.
const SPREAD_KEPT_MS: i64 = 2 * 3_600_000;

/// A probe waits so long.
const PROBE: Duration = Duration::from_secs(5);

/// One Redis.
pub struct Redis {
    link: Link,
    time: TimeBase,
    take: Script,
    claim: Script,
    touch: Script,
}

impl Redis {
    /// Connects when it is first asked, and again whenever it must: nothing fails here.
    pub fn new(settings: &RedisSettings) -> Self {
        Self {
            link: Link::new(settings),
            time: settings.time,
            take: Script::new(include_str!("redis/take.lua")),
            claim: Script::new(include_str!("redis/claim.lua")),
            touch: Script::new(include_str!("redis/touch.lua")),
        }
    }

    /// Whether it can be reached, lets us in, and runs what a call asks of it, or why not. Leaves one bucket
    /// of nobody's for a moment.
    pub async fn probe(&self, now_us: i64) -> Result<(), String> {
        let limit = Limit::per_second(1, 1);
        let nobodys = Charge { key: BucketKey::new("probe", &[]), limit, cost: 1 };
        let asked = async {
            let mut connection = self.link.another().await?;
            let answer: RedisResult<(i64, i64)> =
                self.taking(now_us, &[nobodys]).invoke_async(&mut connection).await;
            answer.map(drop)
        };
        match timeout(PROBE, asked).await {
            Ok(answered) => answered.map_err(|error| error.category().to_owned()),
            Err(_elapsed) => Err("no answer in time".to_owned()),
        }
    }

    fn taking(&self, now_us: i64, charges: &[Charge]) -> ScriptInvocation<'_> {
        let mut question = self.take.prepare_invoke();
        question.arg(self.time(now_us)).arg(self.slack_ms());
        for Charge { key, limit, cost } in charges {
            let cost_us = limit.interval_us().saturating_mul(i64::from(*cost)).min(2 * LONGEST_US);
            question
                .key(name("bucket", key.bytes()))
                .arg(limit.tolerance_us().min(LONGEST_US))
                .arg(cost_us)
                .arg(u8::from(*cost <= limit.burst()));
        }
        question
    }

    fn time(&self, now_us: i64) -> String {
        match self.time {
            TimeBase::Redis => "redis".to_owned(),
            TimeBase::Callers => now_us.clamp(0, LONGEST_US).to_string(),
        }
    }

    fn slack_ms(&self) -> i64 {
        match self.time {
            TimeBase::Redis => 0,
            TimeBase::Callers => CALLERS_SLACK_MS,
        }
    }

    async fn ask<T: redis::FromRedisValue + Send>(
        &self,
        question: ScriptInvocation<'_>,
    ) -> Result<T, SourceUnavailable> {
        let ask = |mut connection| async move {
            let answer: RedisResult<T> = question.invoke_async(&mut connection).await;
            answer
        };
        self.link.call(ask).await
    }
}

impl Source for Redis {
    fn take<'a>(&'a self, now_us: i64, charges: &'a [Charge]) -> TakeFuture<'a> {
        if charges.is_empty() {
            return Box::pin(async { Ok(Taken::Allowed) });
        }
        let question = self.taking(now_us, charges);
        Box::pin(async move {
            Ok(match self.ask(question).await? {
                (0_i64, _) => Taken::Allowed,
                (retry_after_us, at) => Taken::Denied { retry_after_us, at },
            })
        })
    }
}

impl Marks for Redis {
    fn claim<'a>(&'a self, read: &'a Read, terms: Terms) -> ClaimFuture<'a> {
        // Which request ids a key draws is its own business, and of any form: in here they are digests.
        let mark = BucketKey::new("read", &[&read.key_id[..], &read.request_id].concat());
        let mut question = self.claim.prepare_invoke();
        question
            .key("{saifu}:reads-since")
            .key(name("reads", &read.key_id))
            .arg(self.time(read.now_us))
            .arg(read.issued_at_us)
            .arg(terms.kept_us)
            .arg(terms.reads_per_key)
            .arg(mark.bytes())
            .arg(self.slack_ms());
        Box::pin(async move {
            match self.ask(question).await? {
                0_i64 => Ok(Claimed::Good),
                1 => Ok(Claimed::Used),
                2 => Ok(Claimed::Stale),
                3 => Ok(Claimed::TooMany),
                _ => Err(SourceUnavailable),
            }
        })
    }
}

impl Spread for Redis {
    fn touch<'a>(&'a self, hour: i64, account: BucketKey, places: &'a [Place]) -> TouchFuture<'a> {
        let mut question = self.touch.prepare_invoke();
        question.arg(account.bytes()).arg(SPREAD_KEPT_MS);
        for place in places {
            let hourly = [&hour.to_be_bytes()[..], place.key.bytes()].concat();
            question.key(name("spread", &hourly)).key(name("spread-told", &hourly)).arg(place.accounts_max);
        }
        Box::pin(async move {
            let answers: Vec<u8> = self.ask(question).await?;
            let seen = answers.iter().map(|answer| match answer {
                0 => Some(Seen::Within),
                1 => Some(Seen::Over { first: false }),
                2 => Some(Seen::Over { first: true }),
                _ => None,
            });
            let seen: Option<Vec<Seen>> = seen.collect();
            seen.filter(|seen| seen.len() == places.len()).ok_or(SourceUnavailable)
        })
    }
}

/// What a thing of ours is called in Redis.
fn name(kind: &'static str, id: &[u8]) -> String {
    let mut name = format!("{{saifu}}:{kind}:");
    for byte in id {
        write!(name, "{byte:02x}").expect("a string takes what is written");
    }
    name
}
