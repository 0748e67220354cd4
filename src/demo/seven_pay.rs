//! What 7pay's doors would have allowed, tried against two more customers: one who reads her messages, and
//! one who reads none.

use std::io::Write;

use super::attacks::amount;
use super::customer::Customer;
use super::otherwise::DemoError;
use super::recovery;
use super::shop::Street;
use super::teller::{Teller, Told, yen};
use super::victim::Victim;
use crate::domain::policy::Policy;
use crate::domain::time::DAY_US;
use crate::pb;

/// What each of them has.
const BALANCE_MINOR: i64 = 5_000;
/// Factors count after 30 days, and so does a new contact.
const SETTLED_SECONDS: u32 = 31 * DAY_SECONDS;
const DAY_SECONDS: u32 = 24 * 60 * 60;

/// The most that may leave an account in 72 hours after its recovery, whatever is on it.
fn cap_minor() -> i64 {
    let Policy { limits, recovery, .. } = Policy::standard();
    let day_minor = limits.standard.day_minor.unwrap_or(i64::MAX);
    let days = 3 - recovery.stages_us[0] / DAY_US;
    recovery.first_day_minor + days * (day_minor / 100 * recovery.stages_percent[0])
}

/// The whole chapter; `hanako` lends her clock.
pub async fn play<W: Write>(
    teller: &mut Teller<W>,
    hanako: &Customer,
    street: &Street<'_>,
    shop: &pb::PayRequest,
) -> Result<(), DemoError> {
    teller.chapter("What 7pay's doors would have allowed")?;
    let settling = Victim::settle(hanako, street, "sachiko", BALANCE_MINOR);
    let mut sachiko = teller.step("Sachiko opens a wallet", settling).await?;
    let settling = Victim::settle(hanako, street, "taro", BALANCE_MINOR);
    let mut taro = teller.step("Taro opens one too", settling).await?;
    let waiting = async {
        hanako.wait(SETTLED_SECONDS).await?;
        Ok(Told::done("a recovery counts nothing that is younger"))
    };
    teller.step("31 days pass", waiting).await?;
    sachikos(teller, &mut sachiko, street, shop).await?;
    let lost_minor = taros(teller, &mut taro, street, shop).await?;
    let doors = recovery::no_such_door(&sachiko);
    teller.step("He sends her calls unsigned, or under her ids", doors).await?;
    teller.say(&format!(
        "\nYen lost in all: {}, Taro's, who had his mailbox and his saved code stolen and looked at nothing \
         for days; at most the cap of {} in 72 hours. Sachiko: {}.",
        yen(lost_minor),
        yen(cap_minor()),
        yen(0)
    ))
}

/// She is told, and cancels.
async fn sachikos<W: Write>(
    teller: &mut Teller<W>,
    sachiko: &mut Victim,
    street: &Street<'_>,
    shop: &pb::PayRequest,
) -> Result<(), DemoError> {
    let thief = recovery::thief(&sachiko.customer, street);
    let mut thief = teller.step("A thief knows her mail address, number and birthday", thief).await?;
    let title = "He asks for her recovery, its code to his own address";
    teller.step(title, recovery::his_own_address(&thief, sachiko)).await?;
    let title = "He reads her mail, and her text messages";
    teller.step(title, recovery::one_method(&mut thief, sachiko)).await?;
    let title = "She pays ¥100 as ever";
    teller.step(title, recovery::pays(&mut sachiko.customer, amount(shop, 100))).await?;
    let title = "He reads her mail, and finds her saved code";
    let case_id = teller.step(title, recovery::two_factors(&thief, sachiko)).await?;
    let title = "He completes ten seconds before the 48 hours are over";
    teller.step(title, recovery::early(&mut thief, sachiko, &case_id)).await?;
    teller.step("She cancels, on her phone", recovery::cancel(sachiko, &case_id)).await?;
    let title = "He completes when the 48 hours are over";
    teller.step(title, recovery::too_late(&mut thief, sachiko, &case_id)).await
}

/// He is told as well, and does nothing; what is gone then.
async fn taros<W: Write>(
    teller: &mut Teller<W>,
    taro: &mut Victim,
    street: &Street<'_>,
    shop: &pb::PayRequest,
) -> Result<i64, DemoError> {
    let thief = recovery::thief(&taro.customer, street);
    let mut thief = teller.step("The thief knows Taro as well", thief).await?;
    let title = "He reads Taro's mail, and has his saved code";
    let case_id = teller.step(title, recovery::two_factors(&thief, taro)).await?;
    let title = "Nobody cancels for 48 hours";
    teller.step(title, recovery::taken(&mut thief, taro, &case_id)).await?;
    let title = "He tops up ¥30,000, three times in a row";
    teller.step(title, recovery::no_money_in(&thief)).await?;
    let title = "He wants to show a till a code for ¥95,000";
    teller.step(title, recovery::no_cigarettes(&thief)).await?;
    let first_minor = Policy::standard().recovery.first_day_minor;
    let title = format!("He pays {}", yen(first_minor + 1));
    teller.step(&title, recovery::first_day(&thief, amount(shop, first_minor + 1))).await?;
    let paying = recovery::pays(&mut thief, amount(shop, first_minor));
    teller.step(&format!("He pays {}", yen(first_minor)), paying).await?;
    let waiting = async {
        thief.wait(DAY_SECONDS).await?;
        Ok(Told::done("after the first day, a tenth of the limits"))
    };
    teller.step("A day passes", waiting).await?;
    let rest_minor = thief.balance_minor;
    let paying = recovery::pays(&mut thief, amount(shop, rest_minor));
    teller.step("He pays the rest", paying).await?;
    Ok(BALANCE_MINOR - thief.balance_minor)
}
