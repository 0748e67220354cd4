//! Who waits for news of which account or order. A commit wakes those who watch what it touched, and nobody
//! else.
//!
//! Only this process's commits are heard: whoever watches also looks again after a while, and that is all
//! that a watcher costs who hears nothing. The more there are, the longer that while is, so that all of them
//! together look no more often than a store answers beside its work.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::domain::id::{AccountId, MerchantId, TerminalId};
use crate::store::Committed;

/// Looks again so often though there was no news: another process may have committed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// But all who wait look no more often than this apart.
const LOOKS_APART: Duration = Duration::from_millis(5);

/// What there may be news of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A customer's account.
    Account(AccountId),
    /// An order of a merchant.
    Order(MerchantId, String),
}

/// On whose account somebody waits. So nobody takes up the room of others, from however many places he
/// comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A customer: his devices, and what they left open.
    Account(AccountId),
    /// A till.
    Terminal(TerminalId),
    /// A merchant's server: one stream an order that is shown somewhere.
    Merchant(MerchantId),
}

impl Owner {
    /// As many of his wait at a time.
    fn most(self) -> usize {
        match self {
            Self::Account(_) | Self::Terminal(_) => 8,
            Self::Merchant(_) => 4_000,
        }
    }
}

/// Those who wait.
pub struct Hub {
    room: Mutex<Room>,
    closed: watch::Sender<bool>,
}

/// Who waits for what, and how many on whose account.
#[derive(Default)]
struct Room {
    topics: HashMap<Topic, watch::Sender<()>>,
    owners: HashMap<Owner, usize>,
    waiting: usize,
    /// How far this process answered in each lane, and the last row's hash.
    answered: BTreeMap<i64, (i64, [u8; 32])>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { room: Mutex::default(), closed: watch::channel(false).0 }
    }
}

/// Somebody who waits.
pub struct Waiting {
    hub: Arc<Hub>,
    topic: Topic,
    owner: Owner,
    news: watch::Receiver<()>,
    closed: watch::Receiver<bool>,
}

impl Hub {
    /// Waits for news from now on; nothing when as many of this owner's do already as may.
    pub fn wait(self: &Arc<Self>, topic: Topic, owner: Owner) -> Option<Waiting> {
        let mut room = self.lock();
        let count = room.owners.entry(owner).or_default();
        if *count >= owner.most() {
            return None;
        }
        *count += 1;
        room.waiting += 1;
        let news = room.topics.entry(topic.clone()).or_insert_with(|| watch::channel(()).0).subscribe();
        drop(room);
        Some(Waiting { hub: Arc::clone(self), topic, owner, news, closed: self.closed.subscribe() })
    }

    /// There will be no more news: whoever waits may go, and wait at another server.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// After this, whoever heard nothing looks again.
    pub fn look_again(&self) -> Duration {
        let waiting = u32::try_from(self.lock().waiting).unwrap_or(u32::MAX);
        LOOKS_APART.saturating_mul(waiting).max(LOOK_AGAIN)
    }

    /// How far this process has answered in each lane: lane, sequence, hash. Late by a moment.
    pub fn answered(&self) -> Vec<(i64, i64, [u8; 32])> {
        self.lock().answered.iter().map(|(lane, (sequence, hash))| (*lane, *sequence, *hash)).collect()
    }

    /// Hears of commits until there are none any more.
    pub async fn hear(self: Arc<Self>, mut tail: Receiver<Arc<[Committed]>>) {
        loop {
            match tail.recv().await {
                Ok(batch) => self.wake(&batch),
                // What was missed may have been about anybody.
                Err(RecvError::Lagged(_)) => {
                    self.lock().topics.values().for_each(|sender| {
                        sender.send_replace(());
                    });
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, batch: &[Committed]) {
        let mut room = self.lock();
        room.answered.extend(batch.iter().map(|row| (row.lane, (row.sequence, row.hash))));
        if room.topics.is_empty() {
            return;
        }
        let accounts = batch.iter().filter_map(|row| row.account_id).map(Topic::Account);
        let orders =
            batch.iter().filter_map(|row| row.order.clone()).map(|(id, order)| Topic::Order(id, order));
        for topic in accounts.chain(orders) {
            if let Some(sender) = room.topics.get(&topic) {
                sender.send_replace(());
            }
        }
    }

    // Each critical section leaves the room whole, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut room = self.hub.lock();
        room.waiting = room.waiting.saturating_sub(1);
        if let Some(count) = room.owners.get_mut(&self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                room.owners.remove(&self.owner);
            }
        }
        // This receiver is still counted.
        if room.topics.get(&self.topic).is_some_and(|sender| sender.receiver_count() <= 1) {
            room.topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;
    use tokio::time::timeout;

    use super::*;
    use crate::domain::journal::Kind;

    const SOON: Duration = Duration::from_secs(10);
    const NEVER: Duration = Duration::from_millis(50);

    fn committed(account: u8) -> Arc<[Committed]> {
        let account_id = Some(AccountId([account; 16]));
        Arc::new([Committed {
            lane: 0,
            sequence: 1,
            hash: [0; 32],
            kind: Kind::Charge,
            account_id,
            order: None,
        }])
    }

    fn is_empty(hub: &Hub) -> bool {
        let room = hub.lock();
        room.topics.is_empty() && room.owners.is_empty() && room.waiting == 0
    }

    fn waiting(hub: &Arc<Hub>, account: u8) -> Option<Waiting> {
        let account_id = AccountId([account; 16]);
        hub.wait(Topic::Account(account_id), Owner::Account(account_id))
    }

    #[tokio::test]
    async fn a_commit_wakes_who_waits_for_its_account_and_nobody_stays_in_the_map() {
        let hub = Arc::new(Hub::default());
        let (sender, tail) = broadcast::channel(1);
        let hearing = tokio::spawn(Arc::clone(&hub).hear(tail));
        let [mut one, mut again, mut other] = [1, 1, 2].map(|number| waiting(&hub, number).expect("room"));
        sender.send(committed(1)).expect("it is heard");
        assert!(timeout(SOON, one.news()).await.expect("news"));
        assert!(timeout(SOON, again.news()).await.expect("news"));
        timeout(NEVER, other.news()).await.expect_err("no news");
        assert_eq!(hub.lock().topics.len(), 2);
        drop((one, again));
        assert_eq!(hub.lock().topics.len(), 1);
        drop(other);
        assert!(is_empty(&hub));
        drop(sender);
        hearing.await.expect("it ends");
    }

    #[test]
    fn one_owner_takes_up_no_room_of_others() {
        let hub = Arc::new(Hub::default());
        let merchant_id = MerchantId([1; 16]);
        for (owner, other) in [
            (Owner::Account(AccountId([1; 16])), Owner::Account(AccountId([2; 16]))),
            (Owner::Terminal(TerminalId([1; 16])), Owner::Terminal(TerminalId([2; 16]))),
            (Owner::Merchant(merchant_id), Owner::Merchant(MerchantId([2; 16]))),
        ] {
            let topic = |number: usize| Topic::Order(merchant_id, number.to_string());
            let mut those: Vec<_> =
                (0..owner.most()).map(|number| hub.wait(topic(number), owner).expect("room")).collect();
            assert!(hub.wait(topic(0), owner).is_none());
            assert!(hub.wait(topic(0), other).is_some());
            those.pop();
            assert!(hub.wait(topic(0), owner).is_some());
        }
        assert_eq!(hub.lock().waiting, 0);
    }

    #[tokio::test]
    async fn a_commit_wakes_who_waits_for_its_order() {
        let hub = Arc::new(Hub::default());
        let (merchant_id, terminal) = (MerchantId([1; 16]), Owner::Terminal(TerminalId([1; 16])));
        let order = |order_id: &str| Topic::Order(merchant_id, order_id.to_owned());
        let [mut one, mut other] = ["1", "2"].map(|id| hub.wait(order(id), terminal).expect("room"));
        let touched = Some((merchant_id, "1".to_owned()));
        hub.wake(&[Committed {
            lane: 0,
            sequence: 1,
            hash: [0; 32],
            kind: Kind::Charge,
            account_id: None,
            order: touched,
        }]);
        assert!(timeout(SOON, one.news()).await.expect("news"));
        timeout(NEVER, other.news()).await.expect_err("no news");
    }

    #[test]
    fn the_more_wait_the_longer_each_of_them_does() {
        let hub = Arc::new(Hub::default());
        assert_eq!(hub.look_again(), LOOK_AGAIN);
        let owner = Owner::Merchant(MerchantId([1; 16]));
        let order = |number: usize| Topic::Order(MerchantId([1; 16]), number.to_string());
        let those: Vec<_> = (0..4_000).map(|number| hub.wait(order(number), owner).expect("room")).collect();
        assert_eq!(hub.look_again(), Duration::from_secs(20));
        drop(those);
        assert_eq!(hub.look_again(), LOOK_AGAIN);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_there_is_no_more() {
        let hub = Arc::new(Hub::default());
        let mut before = waiting(&hub, 1).expect("room");
        hub.close();
        let mut after = waiting(&hub, 2).expect("room");
        for waiting in [&mut before, &mut after] {
            assert!(!timeout(SOON, waiting.news()).await.expect("told"));
        }
    }

    #[tokio::test]
    async fn whoever_may_have_missed_something_looks_again() {
        let hub = Arc::new(Hub::default());
        let (sender, tail) = broadcast::channel(1);
        let mut one = waiting(&hub, 1).expect("room");
        for number in [2, 3, 4] {
            sender.send(committed(number)).expect("it is kept");
        }
        drop(sender);
        Arc::clone(&hub).hear(tail).await;
        assert!(timeout(SOON, one.news()).await.expect("news"));
    }
}
