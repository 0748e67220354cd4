//! Waiting, where something outside the process needs a moment and will not say when it has passed.

use std::time::Duration;

/// Waits. For back-off only: whatever can be waited for by name is.
#[expect(clippy::disallowed_methods, reason = "the one place that waits for a time")]
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
