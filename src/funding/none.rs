//! No provider: nothing can be linked, so nothing is ever charged.

use std::future::ready;
use std::ops::Range;

use super::{Charge, Found, FundingProvider, Inspected, Opened, Owner, Page, Reply};
use crate::domain::id::TopUpId;
use crate::domain::time::Timestamp;
use crate::store::Later;

/// Knows no token. LinkFunding answers that the token is not the provider's (`MALFORMED`,
/// `private.token`), whatever it is.
#[derive(Debug)]
pub struct NoProvider;

// A source that was linked under another provider may still be charged by that one, once it is
// configured again: so what became of its charges is unknown, and nothing is declined.
impl FundingProvider for NoProvider {
    fn number(&self) -> i64 {
        0
    }

    fn accepts(&self, _token: &str) -> bool {
        false
    }

    fn inspect<'a>(&'a self, _owner: Owner<'a>, _token: &'a str) -> Later<'a, Inspected> {
        Box::pin(ready(Inspected::Refused))
    }

    fn open<'a>(&'a self, _charge: Charge<'a>) -> Later<'a, Opened> {
        Box::pin(ready(Opened::Silent))
    }

    fn confirm<'a>(&'a self, _reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(Reply::Silent))
    }

    fn query<'a>(&'a self, _reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(Reply::Silent))
    }

    fn cancel<'a>(&'a self, _reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(Reply::Silent))
    }

    fn refund<'a>(&'a self, _top_up_id: TopUpId, _reference: &'a str) -> Later<'a, Reply> {
        Box::pin(ready(Reply::Silent))
    }

    fn list<'a>(&'a self, _made: Range<Timestamp>, _after: Option<&'a str>) -> Later<'a, Page> {
        Box::pin(ready(Page::NoList))
    }

    fn find<'a>(&'a self, _reference: &'a str) -> Later<'a, Found> {
        Box::pin(ready(Found::Silent))
    }
}
