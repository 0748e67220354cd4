//! The story itself: which steps there are, in which order, and with which figures.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use super::Time;
use super::attacks::{self, amount};
use super::customer::Customer;
use super::main_job;
use super::otherwise::{DemoError, Otherwise};
use super::picture;
use super::seven_pay;
use super::shop::{self, Operators, Street, order};
use super::teller::{Teller, Told};
use crate::client::Staff;
use crate::pb;
use crate::verify;

/// For so long the limits of a new phone and of a new card are low.
const NEW_SECONDS: u32 = 24 * 60 * 60;

/// What the chapters hand on to each other.
struct Scene {
    customer: Customer,
    /// Her card.
    funding_id: Vec<u8>,
    /// A payment to the shop, of nothing yet.
    shop: pb::PayRequest,
}

/// A sandbox server, and what is known of it.
pub struct Place<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whom to trust.
    pub ca_pem: &'a [u8],
    /// Its data directory.
    pub data_dir: Option<&'a Path>,
    /// Its operators.
    pub operators: Option<&'a Operators>,
    /// What may become of its clock.
    pub time: Time,
}

/// Tells all of it, or what can be told without waiting.
pub async fn tell<W: Write>(teller: &mut Teller<W>, place: &Place<'_>) -> Result<(), DemoError> {
    let Place { address, ca_pem, data_dir, operators, time } = *place;
    let mut scene = main_job(teller, address, ca_pem).await?;
    thefts(teller, &scene, time).await?;
    lost_answer(teller, &mut scene).await?;
    if time == Time::Moved {
        larger_amounts(teller, &mut scene).await?;
    }
    let street = Street { address, ca_pem };
    if let Some(operators) = operators {
        a_till(teller, &mut scene.customer, &street, operators, time).await?;
    }
    match time {
        Time::Moved => robbery(teller, &scene, &street).await?,
        Time::Kept => teller.say(
            "\nWhat needs a later time was left out: larger amounts, and recoveries with their delays. \
             `saifu demo` alone plays it on a server of its own; --moves-clock plays it here, and puts this \
             server's clock forward by more than a month, for good.",
        )?,
    }
    journal(teller, data_dir).await
}

async fn robbery<W: Write>(
    teller: &mut Teller<W>,
    scene: &Scene,
    street: &Street<'_>,
) -> Result<(), DemoError> {
    teller.say(
        "\nOf these, 7pay, closed in 2019 after 808 people had been robbed of ¥38,615,473, lacked two: \
         a wallet bound to its phone, and a second factor.",
    )?;
    seven_pay::play(teller, &scene.customer, street, &scene.shop).await
}

async fn main_job<W: Write>(
    teller: &mut Teller<W>,
    address: SocketAddr,
    ca_pem: &[u8],
) -> Result<Scene, DemoError> {
    teller.chapter("The main job")?;
    let arrival = async {
        let customer = Customer::arrive(address, ca_pem).await?;
        let happened = "it trusts this server's certificate alone, and makes a signing key of its own";
        Ok(Told::done(happened).with(customer))
    };
    let mut customer = teller.step("Hanako's phone connects", arrival).await?;
    teller.step("The phone enrols", main_job::enrol(&mut customer)).await?;
    let funding_id = teller.step("She links a card", main_job::link_card(&customer)).await?;
    let topping_up = main_job::top_up(&mut customer, &funding_id, 8_000, None);
    teller.step("She tops up ¥8,000", topping_up).await?;
    let code = teller.step("She enters a shop", main_job::counter(&customer)).await?;
    if let Some(picture) = picture::qr(&code) {
        teller.picture(&picture)?;
    }
    let shop = teller.step("She scans it", main_job::scan(&customer, &code)).await?;
    teller.step("She pays ¥1,200", main_job::pay(&mut customer, amount(&shop, 1_200))).await?;
    teller.step("She looks at her entries", main_job::look(&customer, &[8_000, -1_200])).await?;
    Ok(Scene { customer, funding_id, shop })
}

async fn thefts<W: Write>(teller: &mut Teller<W>, scene: &Scene, time: Time) -> Result<(), DemoError> {
    let Scene { customer, shop, .. } = scene;
    teller.chapter("A thief copied her traffic, has a phone of his own, and saw a code of hers")?;
    teller.step("Her request for the balance is sent again", attacks::replayed_read(customer)).await?;
    teller.step("Her payment's amount is raised to ¥4,000", attacks::changed_amount(customer, shop)).await?;
    teller.step("Another phone signs a payment for her", attacks::other_device(customer, shop)).await?;
    let title = "What she signed for another method is sent as a payment";
    teller.step(title, attacks::other_method(customer, shop)).await?;
    if time == Time::Kept {
        return Ok(());
    }
    teller.step("The code she just used is used again", attacks::used_code(customer)).await
}

async fn lost_answer<W: Write>(teller: &mut Teller<W>, scene: &mut Scene) -> Result<(), DemoError> {
    let Scene { customer, shop, .. } = scene;
    teller.chapter("An answer is lost on the way")?;
    let title = "Her phone pays ¥800 and sends it again, and so does the thief";
    let request = amount(shop, 800);
    let request_id = teller.step(title, attacks::double_pay(customer, &request)).await?;
    let title = "The same request id comes with ¥900";
    teller.step(title, attacks::reused_id(customer, amount(shop, 900), request_id)).await
}

async fn larger_amounts<W: Write>(teller: &mut Teller<W>, scene: &mut Scene) -> Result<(), DemoError> {
    let Scene { customer, funding_id, shop } = scene;
    teller.chapter("Larger amounts")?;
    let title = "The new phone asks for another ¥5,000 from the card";
    teller.step(title, attacks::young_device(customer, funding_id, 5_000)).await?;
    let waiting = async {
        customer.wait(NEW_SECONDS).await?;
        Ok(Told::done("neither phone nor card is new any more, and the last code is too long ago to count"))
    };
    teller.step("A day passes", waiting).await?;
    let topping_up = async {
        let code = customer.next_code().await?;
        main_job::top_up(customer, funding_id, 20_000, Some(&code)).await
    };
    teller.step("She tops up ¥20,000", topping_up).await?;
    let request = amount(shop, 12_000);
    let title = "Her phone asks to pay ¥12,000, without a code";
    let request_id = teller.step(title, attacks::no_code(customer, request.clone())).await?;
    let title = "She types her code, and the same request goes again";
    teller.step(title, attacks::with_code(customer, request, request_id)).await?;
    teller.step("She asks to pay ¥1 more than she has", attacks::overdraft(customer, shop)).await?;
    let entries = [8_000, -1_200, -800, 20_000, -12_000];
    teller.step("She looks at her entries", main_job::look(customer, &entries)).await
}

async fn a_till<W: Write>(
    teller: &mut Teller<W>,
    customer: &mut Customer,
    street: &Street<'_>,
    operators: &Operators,
    time: Time,
) -> Result<(), DemoError> {
    teller.chapter("A shop with a till")?;
    let (merchant, store_id) =
        teller.step("Two operators let a shop in", shop::open(customer, street, operators)).await?;
    let activating = shop::activate(customer, street, &merchant, store_id);
    let till = teller.step("Its till is activated", activating).await?;
    let digits = teller.step("She shows a code for up to ¥1,000", shop::issue(customer, 1_000)).await?;
    if let Some(picture) = picture::qr(&digits) {
        teller.picture(&picture)?;
    }
    let coffee = order("coffee-1", 700);
    teller.step("The till charges ¥700", shop::charge(customer, &till, &digits, &coffee)).await?;
    let shows = "A code is good once, whoever read it over her shoulder.";
    let again = order("coffee-2", 300);
    let charging = shop::unusable(customer, &till, &digits, &again, shows);
    teller.step("The code is charged a second time", charging).await?;
    if time == Time::Moved {
        late_code(teller, customer, &till).await?;
    }
    let digits = teller.step("She shows one more", shop::issue(customer, 1_000)).await?;
    let fourth = order("coffee-4", 300);
    let overtaken = shop::overtaken(customer, &till, &digits, &fourth);
    teller.step("A reversal overtakes its charge", overtaken).await?;
    teller.step("The first coffee is given back", shop::reverse(customer, &till, "coffee-1")).await
}

async fn late_code<W: Write>(
    teller: &mut Teller<W>,
    customer: &Customer,
    till: &Staff,
) -> Result<(), DemoError> {
    let late = teller.step("She shows another code", shop::issue(customer, 1_000)).await?;
    let waiting = async {
        customer.wait(61).await?;
        Ok(Told::done("a code lives for 60 seconds"))
    };
    teller.step("A minute passes", waiting).await?;
    let shows = "Expired, used, replaced or never issued: the till cannot tell them apart.";
    let third = order("coffee-3", 300);
    let charging = shop::unusable(customer, till, &late, &third, shows);
    teller.step("The till charges it after its minute", charging).await
}

async fn journal<W: Write>(teller: &mut Teller<W>, data_dir: Option<&Path>) -> Result<(), DemoError> {
    let Some(data_dir) = data_dir else {
        return teller.end("journal not verified (another process owns it)");
    };
    teller.chapter("The journal")?;
    teller.step("Everything is derived anew from the journal", verified(data_dir)).await?;
    teller.end("journal verified, sum 0")
}

async fn verified(data_dir: &Path) -> Result<Told<()>, Otherwise> {
    let report = verify::verify(data_dir).await.map_err(Otherwise::Unverifiable)?;
    if !report.holds() {
        return Err(Otherwise::Journal(report.problems));
    }
    if report.sum_minor != 0 {
        return Err(Otherwise::Answer("the balances do not add up to 0"));
    }
    Ok(Told::done(format!(
        "{} rows; {} payments, each signed by a phone of its owner's, and at a till by the till too; \
         the balances of customers, shops and card provider add up to {}",
        report.rows, report.payments, report.sum_minor
    )))
}
