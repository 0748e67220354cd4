//! What messages to people say: in Japanese, then in English. They carry codes, times and a phone's model,
//! never a link, and never a word on whether somebody else has an account.

use zeroize::Zeroizing;

use crate::domain::recovery::Told;
use crate::domain::time::{HOUR_US, Timestamp, civil};

/// A subject and a text.
pub struct Text {
    /// One line.
    pub subject: &'static str,
    /// The whole text.
    pub body: Zeroizing<String>,
}

/// What texts about a recovery fill in.
pub struct Facts<'a> {
    /// The new phone's model.
    pub device_model: &'a str,
    /// The secret that cancels, for whoever may be told it.
    pub cancel_code: Option<&'a str>,
    /// When the text was made.
    pub at: Timestamp,
}

struct Template {
    subject: &'static str,
    ja: &'static str,
    en: &'static str,
}

fn of(told: Told) -> Template {
    match told {
        Told::Proven => Template {
            subject: "saifu: アカウント復旧の手続き / Recovery of your wallet",
            ja: "「{model}」という端末でお客様のウォレットの復旧手続きが始まりました({time})。お心当たりがない場合は、\
                 {stop}。待機期間が過ぎるまで復旧は完了しません。",
            en: "A phone called \"{model}\" began a recovery of your wallet ({time}). If it was not you, \
                 {stop}. Nothing is handed over before a waiting period has passed.",
        },
        Told::Reminder => Template {
            subject: "saifu: 復旧の待機期間です / The recovery of your wallet goes on",
            ja: "「{model}」による復旧は待機期間中です({time})。お心当たりがない場合は、{stop}。",
            en: "The recovery by \"{model}\" is waiting ({time}). If it was not you, {stop}.",
        },
        Told::Ready => Template {
            subject: "saifu: 復旧がまもなく完了します / The recovery of your wallet can be completed",
            ja: "「{model}」による復旧の待機期間が終わりました({time})。お心当たりがない場合は、ただちに{stop}。",
            en: "The waiting period of the recovery by \"{model}\" is over ({time}). If it was not you, \
                 {stop}, now.",
        },
        Told::Contested => Template {
            subject: "saifu: 出金を停止しました / Payments are stopped",
            ja: "お客様のウォレットについて二つの申し出があったため、出金を停止しました({time})。解除には窓口での本人確認が必要です。",
            en: "Two people claim your wallet, so payments are stopped ({time}). Please come to a counter \
                 to prove who you are.",
        },
        Told::Cancelled => Template {
            subject: "saifu: 復旧を取り消しました / The recovery was cancelled",
            ja: "復旧の手続きは取り消されました({time})。使われた認証手段は、新しくするまで復旧に使えません。アプリで更新して\
                 ください。",
            en: "The recovery was cancelled ({time}). What was used to prove it is of no use until it is \
                 replaced: do so in the app.",
        },
        Told::CancelledByNotice => Template {
            subject: "saifu: 復旧を取り消しました / The recovery was cancelled",
            ja: "復旧の手続きは通知の取消コードで取り消されました({time})。使われた認証手段は引き続き有効です。ご自身の手続き\
                 でなかった場合は、アプリで新しくしてください。",
            en: "The recovery was cancelled with the code of a notice ({time}). What was used to prove it \
                 still counts: if it was not you who used it, replace it in the app.",
        },
        Told::Completed => Template {
            subject: "saifu: 新しい端末に切り替わりました / Your wallet is on a new phone",
            ja: "ウォレットは「{model}」に移りました({time})。以前の端末は使えません。連携していたカードは、もう一度連携するまで\
                 停止しています。",
            en: "Your wallet is on \"{model}\" now ({time}). Earlier phones cannot use it. Linked cards \
                 are suspended until they are linked again.",
        },
        Told::Frozen => Template {
            subject: "saifu: 出金を停止しました / Payments are stopped",
            ja: "復旧の手続きの中で出金が停止されました({time})。",
            en: "Payments were stopped in a recovery ({time}).",
        },
    }
}

/// What everybody who can be reached is told about a recovery.
pub fn recovery(told: Told, facts: &Facts<'_>) -> Text {
    let template = of(told);
    let time = local_time(facts.at);
    let [stop_ja, stop_en] = stop(facts.cancel_code);
    let fill = |text: &str, stop: &str| {
        // The phone's model is somebody else's text: it comes last, and nothing in it is filled in.
        text.replace("{stop}", stop).replace("{time}", &time).replace("{model}", facts.device_model)
    };
    let (ja, en) = (fill(template.ja, &stop_ja), fill(template.en, &stop_en));
    Text { subject: template.subject, body: Zeroizing::new(format!("{ja}\n\n{en}")) }
}

/// How a recovery is stopped, in Japanese and in English.
fn stop(cancel_code: Option<&str>) -> [Zeroizing<String>; 2] {
    let (ja, en) = match cancel_code {
        Some(code) => (
            format!("いつもの端末のアプリで取り消すか、どの端末からでも取消コード {code} を入力してください"),
            format!(
                "cancel it in the app on your own phone, or enter the cancellation code {code} on any phone"
            ),
        ),
        None => (
            "いつもの端末のアプリで取り消してください".to_owned(),
            "cancel it in the app on your own phone".to_owned(),
        ),
    };
    [Zeroizing::new(ja), Zeroizing::new(en)]
}

/// The code of a recovery.
pub fn recovery_code(code: &str) -> Text {
    Text {
        subject: "saifu: 確認コード / Your code",
        body: Zeroizing::new(format!(
            "確認コード: {code}。ウォレットの復旧を申し込んだ端末で入力してください。お心当たりがなければ、何もしないでください。\
             saifuの者がこのコードをお尋ねすることはありません。\n\nYour code is {code}. Enter it on the phone that asked \
             for the recovery of your wallet. If you did not ask, do nothing. Nobody from saifu ever asks \
             you for it."
        )),
    }
}

/// The code of a contact that is to be added.
pub fn contact_code(code: &str) -> Text {
    Text {
        subject: "saifu: 確認コード / Your code",
        body: Zeroizing::new(format!(
            "連絡先の確認コード: {code}。\n\nYour code is {code}. It adds this contact to a wallet. Nobody from \
             saifu ever asks you for it."
        )),
    }
}

/// For a contact that belongs to a wallet already. As long as [`contact_code`] says it.
pub fn contact_taken() -> Text {
    Text {
        subject: "saifu: 確認コード / Your code",
        body: Zeroizing::new(
            "この連絡先はすでに登録されています。\n\nSomebody wanted to add this contact to a wallet, but it belongs to one \
             already. If it was not you, do nothing."
                .to_owned(),
        ),
    }
}

/// What changed about an account, for everybody who can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A phone joined.
    DeviceAdded,
    /// The authenticator.
    Totp,
    /// The saved code.
    SavedCode,
    /// The passphrase.
    Passphrase,
    /// A contact came.
    ContactAdded,
    /// A contact went.
    ContactRemoved,
}

/// What everybody who can be reached is told about a change.
pub fn changed(what: Changed, at: Timestamp) -> Text {
    let (ja, en) = match what {
        Changed::DeviceAdded => ("端末が追加されました", "A phone was added to your wallet"),
        Changed::Totp => ("認証アプリが変更されました", "Your authenticator was replaced"),
        Changed::SavedCode => ("復旧コードが再発行されました", "Your recovery code was replaced"),
        Changed::Passphrase => ("パスフレーズが変更されました", "Your passphrase was changed"),
        Changed::ContactAdded => ("連絡先が追加されました", "A contact was added to your wallet"),
        Changed::ContactRemoved => ("連絡先が削除されました", "A contact was removed from your wallet"),
    };
    let time = local_time(at);
    Text {
        subject: "saifu: 設定の変更 / A change of your wallet",
        body: Zeroizing::new(format!(
            "{ja}({time})。お心当たりがない場合は、アプリでただちに停止してください。\n\n{en} ({time}). If it was not you, \
             freeze your wallet in the app at once."
        )),
    }
}

/// A moment as people read it, in Japan's time: `2026-11-23 11:05 JST`.
fn local_time(at: Timestamp) -> String {
    let local = at.plus_us(9 * HOUR_US);
    let (year, month, day) = civil(local.day());
    let minutes = local.0.div_euclid(60_000_000).rem_euclid(24 * 60);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} JST", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> = Facts {
        device_model: "Pixel 9",
        cancel_code: Some("0123-4567"),
        at: Timestamp(1_763_863_500_000_000),
    };

    const TOLD: [Told; 8] = [
        Told::Proven,
        Told::Reminder,
        Told::Ready,
        Told::Contested,
        Told::Cancelled,
        Told::CancelledByNotice,
        Told::Completed,
        Told::Frozen,
    ];

    #[test]
    fn no_text_has_a_link_or_a_gap() {
        let without = Facts { cancel_code: None, ..FACTS };
        let mut texts: Vec<Text> =
            TOLD.into_iter().flat_map(|told| [recovery(told, &FACTS), recovery(told, &without)]).collect();
        texts.extend([recovery_code("12345678"), contact_code("12345678"), contact_taken()]);
        for what in [
            Changed::DeviceAdded,
            Changed::Totp,
            Changed::SavedCode,
            Changed::Passphrase,
            Changed::ContactAdded,
            Changed::ContactRemoved,
        ] {
            texts.push(changed(what, FACTS.at));
        }
        for text in texts {
            for bad in ["http", "www.", "://", "{", "}"] {
                assert!(!text.body.contains(bad) && !text.subject.contains(bad), "{}", *text.body);
            }
            assert!(!text.subject.contains('\n'), "{}", text.subject);
        }
    }

    #[test]
    fn what_can_be_cancelled_says_how() {
        for told in TOLD {
            let cancellable = matches!(told, Told::Proven | Told::Reminder | Told::Ready);
            let body = recovery(told, &FACTS).body;
            assert_eq!(body.matches("0123-4567").count(), if cancellable { 2 } else { 0 }, "{told:?}");
        }
    }

    #[test]
    fn times_are_those_of_a_clock_in_japan() {
        for (seconds, text) in [
            (0, "1970-01-01 09:00 JST"),
            (951_782_400, "2000-02-29 09:00 JST"),
            (1_763_863_500, "2025-11-23 11:05 JST"),
            (1_798_729_199, "2026-12-31 23:59 JST"),
        ] {
            assert_eq!(local_time(Timestamp(seconds * 1_000_000)), text);
        }
    }
}
