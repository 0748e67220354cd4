//! What every store promises, whatever the database: each case runs over each kind of database.

pub(crate) mod cases;
mod day_rows;
pub(crate) mod examples;
pub(crate) mod rig;
pub(crate) mod simulation;
pub(crate) mod stories;
