//! Secrets by the environment: a variable names a file, and is never the secret.

use std::path::Path;

use super::super::*;
use super::{POSTGRES, halves, parse_in, place};

fn variables(pairs: &[(&str, &Path)]) -> Environment {
    Environment::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_os_str().to_owned())))
}

#[test]
fn a_variable_names_a_secrets_file_and_never_holds_the_secret() {
    let dir = place();
    let store_url = dir.path().join("secrets/store-url");
    let text = halves()[1].replace("url_file = \"secrets/store-url\"\n", "");
    assert!(parse_in(&dir, &text, &Environment::default()).is_err());
    let config = parse_in(&dir, &text, &variables(&[("SAIFU_STORE_URL_FILE", &store_url)])).unwrap();
    assert!(matches!(config.store, StoreAt::Postgres(..)));

    let twice = parse_in(&dir, &halves()[1], &variables(&[("SAIFU_STORE_URL_FILE", &store_url)]));
    assert!(twice.unwrap_err().to_string().contains("same thing twice"));
    let by_value = parse_in(&dir, &halves()[1], &variables(&[("SAIFU_STORE_URL", Path::new(POSTGRES))]));
    let said = by_value.unwrap_err().to_string();
    assert!(said.contains("SAIFU_STORE_URL_FILE") && !said.contains("hunter"), "{said}");
    for (half, key, name) in [
        (0, "password_file", "SAIFU_NOTIFY_EMAIL_PASSWORD"),
        (1, "secret_file", "SAIFU_NOTIFY_WEBHOOK_SECRET"),
        (1, "second_secret_file", "SAIFU_NOTIFY_WEBHOOK_SECOND_SECRET"),
    ] {
        let whole = halves()[half].clone();
        let by_value = parse_in(&dir, &whole, &variables(&[(name, Path::new("hunter7"))]));
        let said = by_value.unwrap_err().to_string();
        assert!(said.contains(&format!("{name}_FILE")) && !said.contains("hunter"), "{said}");
        let without: Vec<_> = whole.lines().filter(|line| !line.starts_with(&format!("{key} = "))).collect();
        let named = variables(&[(&format!("{name}_FILE"), &dir.path().join("secrets/mail-password"))]);
        let config = parse_in(&dir, &without.join("\n"), &named);
        assert!(config.is_ok(), "{name}_FILE: {config:?}");
    }
    // Kubernetes makes such variables for a service of this name.
    assert!(
        parse_in(&dir, &halves()[1], &variables(&[("SAIFU_PORT", Path::new("tcp://10.0.0.1:8443"))])).is_ok()
    );
}
