//! `[notify]`: who carries messages to people. A sandbox puts them into a folder; production has a relay
//! or a webhook, or else nobody could enrol.

use std::path::{Path, PathBuf};

use super::secret::Secret;
use super::url::WebhookUrl;
use super::{Because, Reading};
use crate::notify::Channel;
use crate::notify::smtp::Tls;

/// Who carries messages to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// A sandbox's folder, for every channel that nobody else carries.
    pub folder: Option<PathBuf>,
    /// The relay that e-mail goes to.
    pub email: Option<EmailAt>,
    /// The webhook that text messages and pushes go to.
    pub webhook: Option<WebhookAt>,
}

/// A mail relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAt {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub tls: Tls,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// Whom messages are from.
    pub from: String,
    /// The authorities that its certificate may be from.
    pub ca_file: Option<PathBuf>,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAt {
    /// Where it is.
    pub url: WebhookUrl,
    /// One secret, or two.
    pub secrets: Vec<Secret>,
    /// What it carries.
    pub channels: Vec<Channel>,
    /// The authorities that its certificate may be from.
    pub ca_file: Option<PathBuf>,
}

impl Reading<'_> {
    pub(super) fn notify(&self) -> Result<Notify, Because> {
        let (folder, email, webhook) = (self.folder()?, self.email()?, self.webhook()?);
        let carries_sms = webhook.as_ref().is_some_and(|webhook| webhook.channels.contains(&Channel::Sms));
        if self.is_production() && email.is_none() && !carries_sms {
            return Err(Because::Missing(
                "[notify]",
                "[notify.email] with a mail relay, or [notify.webhook] with channels = [\"sms\"]: without \
                 either nobody could enrol",
            ));
        }
        Ok(Notify { folder, email, webhook })
    }

    fn folder(&self) -> Result<Option<PathBuf>, Because> {
        const WRITE: &str = "[notify.email] with a mail relay, or [notify.webhook]";
        match self.raw.notify.spool_dir.as_deref() {
            Some(_) if self.is_production() => Err(Because::OfTheSandbox("[notify] spool_dir", WRITE)),
            Some(written) => Ok(Some(self.source.path(written))),
            None if self.is_production() => Ok(None),
            None => Ok(Some(self.data_dir()?.join("messages"))),
        }
    }

    fn email(&self) -> Result<Option<EmailAt>, Because> {
        const USERNAME: &str = "[notify.email] username";
        const PASSWORD: &str = "[notify.email] password_file";
        let Some(section) = &self.raw.notify.email else { return Ok(None) };
        let missing = |key, write| move || Because::Missing(key, write);
        let password =
            self.secret(section.password_file.as_deref(), PASSWORD, "SAIFU_NOTIFY_EMAIL_PASSWORD_FILE")?;
        let login = match (section.username.clone(), password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => return Err(Because::Missing(PASSWORD, "the file of the user's password")),
            (None, Some(_)) => return Err(Because::Missing(USERNAME, "the user whose password it is")),
        };
        let host = section.host.clone().filter(|host| !host.is_empty());
        Ok(Some(EmailAt {
            host: host.ok_or_else(missing("[notify.email] host", "the mail relay's name"))?,
            port: section.port.filter(|port| *port != 0).ok_or_else(missing(
                "[notify.email] port",
                "587 where TLS begins by STARTTLS, 465 where it is implicit, or the relay's own",
            ))?,
            tls: section.tls.ok_or_else(missing(
                "[notify.email] tls",
                "\"starttls\" or \"implicit\": nothing goes in plaintext",
            ))?,
            login,
            from: section.from.clone().ok_or_else(missing(
                "[notify.email] from",
                "the sender, such as \"saifu <no-reply@wallet.example.jp>\"",
            ))?,
            ca_file: section.ca_file.as_deref().map(|path| self.source.path(path)),
        }))
    }

    fn webhook(&self) -> Result<Option<WebhookAt>, Because> {
        const SECRET: &str = "[notify.webhook] secret_file";
        const SECOND: &str = "[notify.webhook] second_secret_file";
        let Some(section) = &self.raw.notify.webhook else { return Ok(None) };
        let url = section.url.clone().ok_or(Because::Missing(
            "[notify.webhook] url",
            "the address that messages are posted to, https://host/path",
        ))?;
        let url = WebhookUrl::parse(Secret::new(url))?;
        if !url.is_protected() && (self.is_production() || !url.is_here()) {
            return Err(Because::Unprotected("[notify.webhook] url", "a URL that begins with https://"));
        }
        let first =
            self.secret(section.secret_file.as_deref(), SECRET, "SAIFU_NOTIFY_WEBHOOK_SECRET_FILE")?;
        let second = self.secret(
            section.second_secret_file.as_deref(),
            SECOND,
            "SAIFU_NOTIFY_WEBHOOK_SECOND_SECRET_FILE",
        )?;
        let first = first.ok_or(Because::Missing(
            SECRET,
            "the file of the secret that messages are signed with, as the receiver has it",
        ))?;
        if second.as_ref() == Some(&first) {
            return Err(Because::Twice(SECRET, SECOND));
        }
        let secrets = std::iter::once(first).chain(second).collect();
        let ca_file = section.ca_file.as_deref().map(|path| self.source.path(path));
        Ok(Some(WebhookAt { url, secrets, channels: channels(section.channels.as_deref())?, ca_file }))
    }

    /// What a file holds that only the server's user can read.
    pub(super) fn secret(
        &self,
        written: Option<&Path>,
        key: &'static str,
        variable: &'static str,
    ) -> Result<Option<Secret>, Because> {
        let text = self.source.text((None, key), (written, key, variable))?;
        Ok(text.map(|text| text.secret))
    }
}

fn channels(written: Option<&[String]>) -> Result<Vec<Channel>, Because> {
    const MUST: Because =
        Because::OutOfRange("[notify.webhook] channels", "[\"sms\"], [\"push\"] or [\"sms\", \"push\"]");
    let written = written.ok_or(MUST)?;
    let known = |name: &String| Channel::of(name).filter(|channel| *channel != Channel::Email);
    let mut channels: Vec<_> = written.iter().map(known).collect::<Option<_>>().ok_or(MUST)?;
    channels.sort_by_key(|channel| channel.number());
    channels.dedup();
    if channels.is_empty() || channels.len() != written.len() { Err(MUST) } else { Ok(channels) }
}
