//! Afterwards: the books balance, every message went to a victim, and what is gone is what was told.

use std::collections::BTreeSet;
use std::fs;

use saifu::client::wallet::Wallet;
use saifu::crypto::hash::sha256;
use saifu::domain::id::hex;
use saifu::verify::verify;

use super::cast::{BALANCE_MINOR, Stage, THIEF_EMAIL};
use crate::support::available;

pub async fn look(stage: Stage, thief: &Wallet, lost_minor: i64) {
    let Stage { world, alice, bob, .. } = stage;
    let left_minor = available(&alice.owner.wallet).await + available(thief).await;
    let spent_minor = 2 * BALANCE_MINOR - alice.balance_minor - bob.balance_minor;
    assert_eq!(2 * BALANCE_MINOR - spent_minor - left_minor, lost_minor, "what is gone is what was told");
    // The phone that took over is bob's device by now: it is told what happens to it, and nobody else is.
    let devices = thief.list_devices().await.expect("devices").devices;
    let his_phone: Vec<_> = devices.iter().map(|device| hex(&device.device_id)).collect();
    world.server.stop().await;

    let data = world.dir.path().join("data");
    let report = verify(&data).await.expect("the database can be read");
    assert_eq!((report.problems, report.sum_minor), (Vec::new(), 0));

    let folder_of = |address: &str| hex(&sha256(&[address.as_bytes()])[..8]);
    let allowed: BTreeSet<String> =
        alice.addresses().into_iter().chain(bob.addresses()).map(folder_of).collect();
    let allowed = &allowed | &his_phone.iter().map(|address| folder_of(address)).collect();
    let mut told = BTreeSet::new();
    for channel in fs::read_dir(data.join("messages")).expect("messages were sent") {
        for folder in fs::read_dir(channel.expect("an entry").path()).expect("a channel's") {
            let name = folder.expect("an entry").file_name();
            told.insert(name.into_string().expect("hexadecimal"));
        }
    }
    assert!(!told.contains(&folder_of(THIEF_EMAIL)));
    assert_eq!(&told - &allowed, BTreeSet::new(), "to nobody but the victims");
    assert!(told.len() >= 6, "and to each of their contacts and devices");
}
