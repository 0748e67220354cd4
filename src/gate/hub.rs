//! Who waits for news of which account. A commit wakes those who watch the accounts that it touched, and
//! nobody else.
//!
//! Only this process's commits are heard: whoever watches also looks again after a while, and that is all
//! that a watcher costs who hears nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::domain::id::AccountId;
use crate::store::Committed;

/// As many wait for one account at a time: its devices, and what they left open. So nobody takes up the
/// room of others, from however many places he comes.
const PER_ACCOUNT: usize = 8;

/// Those who wait.
pub struct Hub {
    accounts: Mutex<HashMap<AccountId, watch::Sender<()>>>,
    closed: watch::Sender<bool>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { accounts: Mutex::default(), closed: watch::channel(false).0 }
    }
}

/// Somebody who waits.
pub struct Waiting {
    hub: Arc<Hub>,
    account_id: AccountId,
    news: watch::Receiver<()>,
    closed: watch::Receiver<bool>,
}

impl Hub {
    /// Waits for news of an account from now on; nothing when as many do already as there may be.
    pub fn wait(self: &Arc<Self>, account_id: AccountId) -> Option<Waiting> {
        let mut accounts = self.lock();
        let sender = accounts.entry(account_id).or_insert_with(|| watch::channel(()).0);
        if sender.receiver_count() >= PER_ACCOUNT {
            return None;
        }
        let news = sender.subscribe();
        drop(accounts);
        Some(Waiting { hub: Arc::clone(self), account_id, news, closed: self.closed.subscribe() })
    }

    /// There will be no more news: whoever waits may go, and wait at another server.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Hears of commits until there are none any more.
    pub async fn hear(self: Arc<Self>, mut tail: Receiver<Arc<[Committed]>>) {
        loop {
            match tail.recv().await {
                Ok(batch) => self.wake(batch.iter().filter_map(|row| row.account_id)),
                // What was missed may have been about anybody.
                Err(RecvError::Lagged(_)) => {
                    let all: Vec<_> = self.lock().keys().copied().collect();
                    self.wake(all.into_iter());
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, accounts: impl Iterator<Item = AccountId>) {
        let waiting = self.lock();
        if waiting.is_empty() {
            return;
        }
        for account_id in accounts {
            if let Some(sender) = waiting.get(&account_id) {
                sender.send_replace(());
            }
        }
    }

    // Each critical section leaves the map whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, watch::Sender<()>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Ready when there is news; false when there will be no more. Both senders outlive whoever waits.
    pub async fn news(&mut self) -> bool {
        tokio::select! {
            _ = self.closed.wait_for(|closed| *closed) => false,
            news = self.news.changed() => news.is_ok(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut accounts = self.hub.lock();
        // This receiver is still counted.
        if accounts.get(&self.account_id).is_some_and(|sender| sender.receiver_count() <= 1) {
            accounts.remove(&self.account_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::broadcast;
    use tokio::time::timeout;

    use super::*;
    use crate::domain::journal::Kind;

    const SOON: Duration = Duration::from_secs(10);
    const NEVER: Duration = Duration::from_millis(50);

    fn committed(account: u8) -> Arc<[Committed]> {
        let account_id = Some(AccountId([account; 16]));
        Arc::new([Committed { lane: 0, sequence: 1, kind: Kind::Charge, account_id }])
    }

    #[tokio::test]
    async fn a_commit_wakes_who_waits_for_its_account_and_nobody_stays_in_the_map() {
        let hub = Arc::new(Hub::default());
        let (sender, tail) = broadcast::channel(1);
        let hearing = tokio::spawn(Arc::clone(&hub).hear(tail));
        let [mut one, mut again, mut other] =
            [1, 1, 2].map(|number| hub.wait(AccountId([number; 16])).expect("room"));
        sender.send(committed(1)).expect("it is heard");
        assert!(timeout(SOON, one.news()).await.expect("news"));
        assert!(timeout(SOON, again.news()).await.expect("news"));
        timeout(NEVER, other.news()).await.expect_err("no news");
        assert_eq!(hub.lock().len(), 2);
        drop((one, again));
        assert_eq!(hub.lock().len(), 1);
        drop(other);
        assert!(hub.lock().is_empty());
        drop(sender);
        hearing.await.expect("it ends");
    }

    #[test]
    fn one_account_takes_up_no_room_of_others() {
        let hub = Arc::new(Hub::default());
        let mut waiting: Vec<_> =
            (0..PER_ACCOUNT).map(|_| hub.wait(AccountId([1; 16])).expect("room")).collect();
        assert!(hub.wait(AccountId([1; 16])).is_none());
        assert!(hub.wait(AccountId([2; 16])).is_some());
        waiting.pop();
        assert!(hub.wait(AccountId([1; 16])).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_there_is_no_more() {
        let hub = Arc::new(Hub::default());
        let mut before = hub.wait(AccountId([1; 16])).expect("room");
        hub.close();
        let mut after = hub.wait(AccountId([2; 16])).expect("room");
        for waiting in [&mut before, &mut after] {
            assert!(!timeout(SOON, waiting.news()).await.expect("told"));
        }
    }

    #[tokio::test]
    async fn whoever_may_have_missed_something_looks_again() {
        let hub = Arc::new(Hub::default());
        let (sender, tail) = broadcast::channel(1);
        let mut one = hub.wait(AccountId([1; 16])).expect("room");
        for number in [2, 3, 4] {
            sender.send(committed(number)).expect("it is kept");
        }
        drop(sender);
        Arc::clone(&hub).hear(tail).await;
        assert!(timeout(SOON, one.news()).await.expect("news"));
    }
}
