//! Addresses that are taken, and those that are refused with what to write instead.

use super::*;

fn refusal(url: &str) -> String {
    Settings::parse(url, None).expect_err(url).to_string()
}

#[test]
fn what_does_not_verify_is_refused_with_what_to_write() {
    let cases = [
        ("mysql://host/db", "write postgresql://user:password@host:5432/database"),
        ("host=db1 user=saifu", "write postgresql://user:password@host:5432/database"),
        ("postgresql:///saifu", "names no host"),
        ("postgresql://u:p@db1/saifu?sslmode=disable", "write sslmode=verify-full"),
        ("postgresql://u:p@localhost,db1/saifu?sslmode=disable", "to db1 unencrypted"),
        ("postgresql://u:p@localhost/saifu?sslmode=disable&hostaddr=192.0.2.1", "to 192.0.2.1 unencrypted"),
        ("postgresql://u:p@db1/saifu?sslmode=prefer", "write sslmode=verify-full"),
        ("postgresql://u:p@localhost/saifu?sslmode=allow", "write sslmode=verify-full"),
        ("postgresql://u:p@db1/saifu?target_session_attrs=any", "write target_session_attrs=read-write"),
        ("postgresql://u:p@db1/saifu?sslmode", "cannot be read"),
    ];
    for (url, expected) in cases {
        let said = refusal(url);
        assert!(said.contains(expected), "{url}: {said}");
    }
}

#[test]
fn tls_is_left_out_on_this_machine_alone_and_only_when_asked_for() {
    let cases = [
        ("postgresql://u:p@db1/saifu", true),
        ("postgresql://u:p@localhost/saifu", true),
        ("postgresql://u:p@db1,db2:5433/saifu?sslmode=require", true),
        ("postgresql://u:p@db1/saifu?sslmode=verify-full&target_session_attrs=read-write", true),
        ("postgresql://u:p@localhost/saifu?sslmode=disable", false),
        ("postgresql://u:p@127.0.0.9,[::1]/saifu?sslmode=disable", false),
        ("postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/saifu", false),
    ];
    for (url, is_encrypted) in cases {
        let settings = Settings::parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(settings.tls.is_some(), is_encrypted, "{url}");
        let mode = if is_encrypted { SslMode::Require } else { SslMode::Disable };
        assert_eq!(settings.config.get_ssl_mode(), mode, "{url}");
        assert_eq!(settings.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite, "{url}");
    }
}

#[test]
fn a_password_is_never_printed() {
    let settings = Settings::parse("postgresql://u:hunter2@db1/saifu", None).expect("an address");
    assert_eq!(format!("{settings:?}"), "Settings { place: \"saifu at db1\", .. }");
    for url in ["postgresql://u:hunter2@db1:port/saifu", "postgresql://u:hunter2@db1/saifu?nonsense=1"] {
        assert!(!refusal(url).contains("hunter2"), "{url}");
    }
}

#[test]
fn a_file_of_authorities_must_hold_some() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let path = directory.path().join("ca.pem");
    let parse = || Settings::parse("postgresql://u:p@db1/saifu", Some(&path)).map(drop);
    assert!(matches!(parse(), Err(SettingsError::Authorities(..))));
    std::fs::write(&path, "nothing").expect("a file");
    assert!(matches!(parse(), Err(SettingsError::NotAuthorities(..))));
}
