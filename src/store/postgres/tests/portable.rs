//! The SQL stays within what CockroachDB, YugabyteDB and Citus also do.

use std::fs;
use std::path::{Path, PathBuf};

/// Words of PostgreSQL's own, in lower case, each as it would stand in a statement.
const FOREIGN: [&str; 24] = [
    "advisory",
    "listen",
    "notify",
    "trigger",
    "serial",
    "bigserial",
    "sequence ",
    "nextval",
    "identity",
    "lock table",
    "ctid",
    "xmin",
    "do $$",
    "lateral",
    "deferrable",
    "create function",
    "create extension",
    "create type",
    "unlogged",
    "tablespace",
    "exclude using",
    "inherits",
    "pg_catalog",
    "copy ",
];

fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = fs::read_dir(directory).expect("the directory is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it lists").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files
}

/// Whether a text holds a word, not as a piece of a longer one.
fn says(text: &str, word: &str) -> bool {
    let is_letter = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(is_letter) && (word.ends_with(' ') || !after.starts_with(is_letter))
    })
}

/// Without comments, in lower case; a column may be called `sequence`. Only databases from before rows were
/// tagged are adopted, under a lock on a table: those are PostgreSQL's.
fn statements(sql: &str, comment: &str) -> String {
    let lines = sql.lines().map(|line| line.split(comment).next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let text = text.replace("lock table lane in exclusive mode", "");
    text.replace("sequence bigint", "").replace("sequence >=", "").replace("sequence desc", "")
}

#[test]
fn migrations_and_statements_are_within_what_other_engines_speak() {
    let migrations = files("migrations/postgres", "sql");
    assert!(!migrations.is_empty());
    let sources = files("src/store/postgres", "rs");
    assert!(sources.iter().any(|path| path.ends_with("lease.rs")), "{sources:?}");
    for (path, comment) in
        migrations.iter().map(|path| (path, "--")).chain(sources.iter().map(|path| (path, "//")))
    {
        let text = statements(&fs::read_to_string(path).expect("it reads"), comment);
        for word in FOREIGN {
            assert!(!says(&text, word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn both_folders_number_their_migrations_alike() {
    let names = |folder: &str| -> Vec<_> {
        files(folder, "sql").iter().map(|path| path.file_name().map(ToOwned::to_owned)).collect()
    };
    assert_eq!(names("migrations/postgres"), names("migrations/sqlite"));
}

#[test]
fn the_words_are_found() {
    assert!(says("select pg_advisory_lock(1); listen x", "listen"));
    assert!(says("create trigger t", "trigger") && says("create sequence s", "sequence "));
    assert!(!says("listener", "listen"));
}
