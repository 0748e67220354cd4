//! The channels that the configuration names, built: nothing is connected, but everything that can be
//! wrong without that is found.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::StartError;
use crate::config::notify::{EmailAt, Notify, WebhookAt};
use crate::notify::channels::Channels;
use crate::notify::folder::Folder;
use crate::notify::smtp::{Login, Smtp, SmtpError, SmtpSettings};
use crate::notify::webhook::{Webhook, WebhookError, WebhookSecret, WebhookSettings};
use crate::notify::{Channel, Notifier};

/// Relay and webhook, for the channels that they carry.
pub(super) fn channels(notify: &Notify) -> Result<Channels, StartError> {
    let mut channels = Channels::default();
    if let Some(at) = &notify.email {
        channels.email = Some(Arc::new(email(at)?));
    }
    if let Some(at) = &notify.webhook {
        let webhook: Arc<dyn Notifier> = Arc::new(webhook(at)?);
        let carried = |channel| webhook.reaches(channel).then(|| Arc::clone(&webhook));
        channels.sms = carried(Channel::Sms);
        channels.push = carried(Channel::Push);
    }
    Ok(channels)
}

/// A sandbox's folder takes what nobody else carries.
pub(super) fn completed(channels: &Channels, folder: Option<&Folder>) -> Channels {
    let folder = folder.map(|folder| Arc::new(folder.clone()) as Arc<dyn Notifier>);
    let or_folder = |carrier: &Option<Arc<dyn Notifier>>| carrier.clone().or_else(|| folder.clone());
    Channels {
        email: or_folder(&channels.email),
        sms: or_folder(&channels.sms),
        push: or_folder(&channels.push),
    }
}

pub(super) fn email(at: &EmailAt) -> Result<Smtp, SmtpError> {
    let login = at.login.as_ref().map(|(username, password)| Login {
        username: username.clone(),
        password: Zeroizing::new(password.expose().to_owned()),
    });
    Smtp::new(SmtpSettings {
        host: at.host.clone(),
        port: at.port,
        tls: at.tls,
        login,
        from: at.from.clone(),
        ca_pem: read(at.ca_file.as_deref(), SmtpError::Authority)?,
        timeout: SmtpSettings::TIMEOUT,
    })
}

pub(super) fn webhook(at: &WebhookAt) -> Result<Webhook, WebhookError> {
    let secrets = at.secrets.iter().map(|secret| WebhookSecret::parse(secret.expose()));
    Webhook::new(WebhookSettings {
        url: at.url.url.expose().to_owned(),
        secrets: secrets.collect::<Result<_, _>>()?,
        channels: at.channels.clone(),
        ca_pem: read(at.ca_file.as_deref(), WebhookError::Authority)?,
        timeout: WebhookSettings::TIMEOUT,
    })
}

fn read<E>(path: Option<&Path>, unreadable: E) -> Result<Option<Vec<u8>>, E> {
    path.map(std::fs::read).transpose().map_err(|_| unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::config::url::WebhookUrl;

    #[test]
    fn a_webhook_carries_its_channels_and_a_sandboxs_folder_the_others() {
        let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
        let webhook = WebhookAt {
            url: WebhookUrl::parse(Secret::new("https://localhost/".to_owned())).unwrap(),
            secrets: vec![Secret::new(secret)],
            channels: vec![Channel::Sms],
            ca_file: None,
        };
        let notify = Notify { folder: None, email: None, webhook: Some(webhook) };
        let channels = channels(&notify).unwrap();
        let is_there =
            |channels: &Channels| [&channels.email, &channels.sms, &channels.push].map(Option::is_some);
        assert_eq!(is_there(&channels), [false, true, false]);
        assert_eq!(is_there(&completed(&channels, None)), [false, true, false]);
        let folder = Folder::new("messages".into());
        let all = completed(&channels, Some(&folder));
        assert_eq!(is_there(&all), [true; 3]);
        assert!(all.sms.unwrap().reaches(Channel::Sms) && all.push.unwrap().reaches(Channel::Push));
    }
}
