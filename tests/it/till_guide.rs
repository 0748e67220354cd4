//! docs/till.md, run as it is printed.

use crate::support::guide::{commands, is_as_printed, run};

const GUIDE: &str = include_str!("../../docs/till.md");

#[test]
fn the_till_guides_commands_say_what_it_says() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let commands = commands(GUIDE);
    assert!(commands.len() > 30, "the guide is read");
    run(&commands, dir.path());
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    for (line, printed, is_right) in [
        ("A-1 captured 100 JPY", "A-1 captured 100 JPY", true),
        ("A-1 captured 100 JPY", "A-1 captured 10 JPY", false),
        ("A-1 captured 100 JPY, more", "A-1 captured 100 JPY", false),
        ("active: terminal ab, store cd", "active: terminal …, store …", true),
        ("active: terminal ab", "active: terminal …, store …", false),
        ("x unknown (why): settle", "x unknown (…): settle", true),
        ("x unknown (why): settled", "x unknown (…): settle", false),
    ] {
        assert_eq!(is_as_printed(line, printed), is_right, "{line}, {printed}");
    }
}
