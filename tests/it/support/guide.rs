//! A guide of docs/, run as it is printed: every command in one shell, every line of output compared.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Ends what a command said; no command says it.
const END: char = '\u{1e}';

/// The commands of the `console` blocks, each with the lines that it must say.
pub fn commands(guide: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    let mut is_inside = false;
    for line in guide.lines() {
        match (is_inside, line) {
            (false, "```console") => is_inside = true,
            (true, "```") => is_inside = false,
            (true, _) => match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), Vec::new())),
                None => commands.last_mut().expect("a block begins with a command").1.push(line.to_owned()),
            },
            (false, _) => {}
        }
    }
    assert!(!is_inside, "the guide is read");
    commands
}

/// Whether a line is as printed, where `…` stands for anything.
pub fn is_as_printed(line: &str, printed: &str) -> bool {
    let mut pieces = printed.split('…');
    let Some(mut rest) = line.strip_prefix(pieces.next().expect("one at least")) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Runs them in a directory, and compares what they say. A server that they start is `$server`.
pub fn run(commands: &[(String, Vec<String>)], directory: &Path) {
    let programs = Path::new(env!("CARGO_BIN_EXE_saifu")).parent().expect("a directory").display();
    let mut script = format!("PATH='{programs}':$PATH\ntrap 'kill \"$server\" 2>/dev/null' EXIT\n");
    for (command, _) in commands {
        script.extend([command, "\nprintf '", &END.to_string(), "'\n"]);
    }
    fs::write(directory.join("guide.sh"), script).expect("written");
    // A crash on purpose leaves no core file behind.
    let output = Command::new("timeout")
        .args(["240", "bash", "-c", "ulimit -c 0; . ./guide.sh"])
        .current_dir(directory)
        .output()
        .expect("bash runs");
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said: Vec<&str> = said.split(END).collect();
    for (number, (command, printed)) in commands.iter().enumerate() {
        let lines: Vec<&str> = said.get(number).map(|said| said.lines().collect()).unwrap_or_default();
        let is_right = lines.len() == printed.len()
            && lines.iter().zip(printed).all(|(line, printed)| is_as_printed(line, printed));
        assert!(
            is_right,
            "$ {command}\nthe guide has\n{}\nand it says\n{}\nand, of all commands,\n{wrong}",
            printed.join("\n"),
            lines.join("\n")
        );
    }
}
