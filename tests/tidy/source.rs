//! Source files as text. No syntax tree: comments and literals are blanked, braces are counted.

use std::fs;
use std::path::Path;

/// A source file, in three views of the same length in lines.
pub struct Source {
    /// From the package's root, with slashes.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Without comments and without what literals hold.
    pub code: String,
    /// `code` without what is compiled for tests only; empty for a file of tests.
    pub shipped: String,
    /// `text` without comments and test code.
    pub literals: String,
}

impl Source {
    /// The first module of the path: `gate` for `src/gate/limit.rs`.
    pub fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        inside.split(['/', '.']).next()
    }

    /// Whether it is this file, given without its ending, or below this folder.
    pub fn is_below(&self, place: &str) -> bool {
        self.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    }
}

/// A file of the package.
pub fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn collect(directory: &str, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)) else { return };
    for entry in entries {
        let entry = entry.expect("a directory can be listed to its end");
        let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&path, paths);
        } else if entry.path().extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
}

/// Every source file, in the order of their paths.
pub fn sources() -> Vec<Source> {
    let mut paths = vec!["build.rs".to_owned()];
    for directory in ["src", "tests", "examples", "benches"] {
        collect(directory, &mut paths);
    }
    paths.sort();
    let mut sources: Vec<Source> = paths
        .into_iter()
        .map(|path| {
            let text = read(&path);
            let (code, without_comments) = (blanked(&text, true), blanked(&text, false));
            let tests = test_lines(&code);
            let (shipped, literals) = (without(&code, &tests), without(&without_comments, &tests));
            Source { path, text, code, shipped, literals }
        })
        .collect();
    for path in test_files(&sources) {
        for source in sources.iter_mut().filter(|source| source.is_below(&path)) {
            source.shipped.clear();
            source.literals.clear();
        }
    }
    sources
}

/// The text with its comments blanked, and with what literals hold, if `literals` says so.
fn blanked(text: &str, literals: bool) -> String {
    let mut left = text;
    let mut out = String::with_capacity(text.len());
    while let Some(character) = left.chars().next() {
        let (length, blank) = token(left, out.chars().next_back());
        let taken = if length == 0 { character.len_utf8() } else { length };
        let (piece, rest) = left.split_at(taken);
        if length > 0 && (blank || literals) {
            out.extend(piece.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        } else {
            out += piece;
        }
        left = rest;
    }
    out
}

/// How long the comment (`true`) or the literal (`false`) is that begins here; 0 for neither.
fn token(text: &str, before: Option<char>) -> (usize, bool) {
    if text.starts_with("//") {
        return (text.find('\n').unwrap_or(text.len()), true);
    }
    if text.starts_with("/*") {
        return (text.find("*/").map_or(text.len(), |end| end + 2), true);
    }
    let in_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
    let raw = text.strip_prefix("br").or(text.strip_prefix('r')).filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let opened = text.len() - raw.len() + hashes + 1;
            return (text[opened..].find(&end).map_or(text.len(), |at| opened + at + end.len()), false);
        }
    }
    match text.as_bytes()[0] {
        b'"' => (quoted(text, '"'), false),
        // A character literal closes after one character or an escape; a lifetime does not.
        b'\'' if text[1..].starts_with('\\') || text.chars().nth(2) == Some('\'') => {
            (quoted(text, '\''), false)
        }
        _ => (0, false),
    }
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The lines of `mod … { … }` under `#[cfg(test)]`, first and last.
fn test_lines(code: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let opens = |at: &usize| lines[*at].trim() == "#[cfg(test)]";
    (0..lines.len())
        .filter(opens)
        .filter(|at| lines.get(at + 1).is_some_and(|line| line.trim_end().ends_with('{')))
        .map(|at| (at, block_end(&lines, at + 1)))
        .collect()
}

/// The line in which the first block that opens from `start` on is closed.
pub fn block_end(lines: &[&str], start: usize) -> usize {
    let (mut depth, mut opened) = (0_i32, false);
    for (at, line) in lines.iter().enumerate().skip(start) {
        for character in line.chars() {
            depth += match character {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            opened |= character == '{';
            if opened && depth == 0 {
                return at;
            }
        }
    }
    lines.len()
}

fn without(code: &str, ranges: &[(usize, usize)]) -> String {
    let is_out = |at: usize| ranges.iter().any(|(first, last)| (*first..=*last).contains(&at));
    code.lines()
        .enumerate()
        .map(|(at, line)| if is_out(at) { "\n".into() } else { format!("{line}\n") })
        .collect()
}

/// The files of modules that are compiled for tests only, without `.rs`.
fn test_files(sources: &[Source]) -> Vec<String> {
    let mut files = vec!["tests".to_owned(), "examples".to_owned(), "benches".to_owned()];
    for source in sources.iter().filter(|source| source.path.starts_with("src/")) {
        let lines: Vec<&str> = source.code.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]") {
            let name = pair[1].trim().strip_suffix(';').and_then(|line| line.split("mod ").nth(1));
            if let Some(name) = name {
                files.push(format!("{}/{name}", source.path.trim_end_matches(".rs")));
            }
        }
    }
    files
}

/// Where a path of this crate or module begins in the code: the rest of the line and of what follows.
pub fn mentions<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    code.match_indices(name).filter_map(move |(at, _)| {
        let starts = !code[..at].chars().next_back().is_some_and(is_word);
        let rest = code[at + name.len()..].strip_prefix("::")?;
        starts.then_some((code[..at].lines().count().max(1), rest))
    })
}

/// The paths of a use tree, two segments deep at most: `a::{b, c::d}` gives `a::b` and `a::c`.
pub fn paths(tree: &str) -> Vec<String> {
    let length =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    let Some(group) = tree.strip_prefix('{') else {
        let (first, rest) = tree.split_at(length(tree));
        let below = rest.strip_prefix("::").map_or_else(Vec::new, |rest| match rest.strip_prefix('{') {
            Some(_) => paths(rest),
            None => vec![rest[..length(rest)].to_owned()],
        });
        return match below.as_slice() {
            [] => vec![first.to_owned()],
            _ => below.iter().map(|second| format!("{first}::{second}")).collect(),
        };
    };
    let (mut found, mut depth, mut item) = (Vec::new(), 0, String::new());
    for character in group.chars().filter(|character| !character.is_whitespace()) {
        match character {
            '}' if depth == 0 => break,
            ',' if depth == 0 => found.extend(paths(&std::mem::take(&mut item))),
            _ => {
                depth += i32::from(character == '{') - i32::from(character == '}');
                item.push(character);
            }
        }
    }
    if !item.is_empty() {
        found.extend(paths(&item));
    }
    found
}
