//! Which lane of the journal is this process's: a leased row with a fencing token.
//!
//! A lane is a chain, and a chain has one end at a time. Its head is locked by whoever appends, so
//! two writers on one lane would still be right, only in each other's way; the lease keeps them apart.
//! Every transaction locks its lease first: a process that was taken for dead finds it lost, and takes
//! another lane. After a connection that was lost during a commit, the same lock waits until the old
//! transaction has ended. Time is the database's: the clocks of servers need not agree.

use super::cells::{Parameter, scalar};
use super::connection::{Ask, Connection, Reply, Round};
use super::failure::Failure;
use crate::domain::record::Value;
use crate::store::backend::Place;

/// Microseconds that a lease lasts unless it is renewed; renewed when a third of it is over.
const TERM_US: i64 = 30_000_000;
/// As many others may take a new lane at the same time.
const TRIES: usize = 32;

const TAKE: &str = "UPDATE lane_lease SET holder = $1, token = token + 1, \
     until_us = CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) + $2 \
     WHERE lane = (SELECT lane FROM lane_lease \
         WHERE until_us < CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) \
         ORDER BY lane LIMIT 1 FOR UPDATE SKIP LOCKED) \
     RETURNING lane, token";

const NEW_LANE: &str = "INSERT INTO lane (lane, sequence, hash, at) \
     SELECT MAX(lane) + 1, 0, decode(repeat('00', 32), 'hex'), 0 FROM lane RETURNING lane";

const NEW_LEASE: &str = "INSERT INTO lane_lease (lane, holder, token, until_us) VALUES ($1, $2, 1, \
     CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) + $3)";

const CHECK: &str = "SELECT until_us - CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT), \
     CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) \
     FROM lane_lease WHERE lane = $1 AND holder = $2 AND token = $3 FOR UPDATE";

const RENEW: &str = "UPDATE lane_lease SET until_us = \
     CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) + $4 \
     WHERE lane = $1 AND holder = $2 AND token = $3 \
     RETURNING until_us - CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT), \
     CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";

const RELEASE: &str = "UPDATE lane_lease SET until_us = 0 WHERE lane = $1 AND holder = $2 AND token = $3";

const HELD: &str = "SELECT count(*) FROM lane_lease \
     WHERE until_us >= CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT)";

/// Whether any process has a lane.
pub(super) async fn is_any_held(connection: &mut Connection) -> Result<bool, Failure> {
    let held: i64 = match connection.ask(HELD, Vec::new()).await?.rows.first() {
        Some(row) => row.try_get(0)?,
        None => return Err(Failure::Count),
    };
    Ok(held > 0)
}

/// A lane that is this process's.
pub(super) struct Lease {
    lane: i64,
    /// What the database's clock showed when the lease was last looked at.
    pub clock_us: Option<i64>,
    holder: [u8; 16],
    token: i64,
    is_due: bool,
}

impl Lease {
    /// The first lane that nobody holds, or a new one.
    pub(super) async fn take(connection: &mut Connection, holder: [u8; 16]) -> Result<Self, Failure> {
        for _ in 0..TRIES {
            let free = connection.ask(TAKE, vec![bytes(&holder), int(TERM_US)]).await?;
            if let Some(row) = free.rows.first() {
                let (lane, token) = (row.try_get(0)?, row.try_get(1)?);
                return Ok(Self { lane, clock_us: None, holder, token, is_due: false });
            }
            match Self::make(connection, holder).await {
                Ok(lease) => return Ok(lease),
                Err(failure) if failure.meaning() == crate::store::backend::BackendError::Conflict => {
                    connection.client().batch_execute("ROLLBACK").await?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::LaneLost)
    }

    async fn make(connection: &mut Connection, holder: [u8; 16]) -> Result<Self, Failure> {
        let round = Round {
            before: Some("BEGIN"),
            asks: vec![Ask { text: NEW_LANE, parameters: Vec::new() }],
            after: None,
        };
        let made = connection.round(&round).await?.pop();
        let lane: i64 = made.as_ref().and_then(|made| made.rows.first()).ok_or(Failure::Count)?.try_get(0)?;
        let round = Round {
            before: None,
            asks: vec![Ask { text: NEW_LEASE, parameters: vec![int(lane), bytes(&holder), int(TERM_US)] }],
            after: Some("COMMIT"),
        };
        connection.round(&round).await?;
        Ok(Self { lane, clock_us: None, holder, token: 1, is_due: false })
    }

    /// The lane, and the token under which it is held.
    pub(super) fn place(&self) -> Place {
        Place { lane: self.lane, token: self.token }
    }

    /// Locks the lease for this transaction, and renews it when it is time to.
    pub(super) fn ask(&self) -> Ask<'static> {
        let mut parameters = self.named();
        if self.is_due {
            parameters.push(int(TERM_US));
        }
        Ask { text: if self.is_due { RENEW } else { CHECK }, parameters }
    }

    /// Whether it is still this process's.
    pub(super) fn heard(&mut self, reply: &Reply) -> Result<(), Failure> {
        let remaining_us: i64 = reply.rows.first().ok_or(Failure::LaneLost)?.try_get(0)?;
        self.is_due = remaining_us < TERM_US / 3 * 2;
        self.clock_us = reply.rows.first().map(|row| row.try_get(1)).transpose()?;
        Ok(())
    }

    /// Another process may have it at once.
    pub(super) async fn release(&self, connection: &mut Connection) -> Result<(), Failure> {
        connection.ask(RELEASE, self.named()).await.map(drop)
    }

    fn named(&self) -> Vec<Parameter<'static>> {
        vec![int(self.lane), bytes(&self.holder), int(self.token)]
    }
}

fn int(value: i64) -> Parameter<'static> {
    scalar(Value::Int(value))
}

fn bytes(value: &[u8]) -> Parameter<'static> {
    scalar(Value::Bytes(value.to_vec().into()))
}
