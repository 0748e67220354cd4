//! What every store promises, over the embedded one.

use super::rig::Embeddable;
use crate::store::tests::cases::{self, each_case};
use crate::store::tests::stories;

macro_rules! tests {
    ($($name:ident)+) => {
        $(#[tokio::test]
        async fn $name() {
            cases::$name(&Embeddable).await;
        })+
    };
}
each_case!(tests);

#[test]
fn random_stories_end_as_decide_says() {
    stories::all(&Embeddable, 16);
}
