//! Quoting for a shell, and the line that resumes a run, without any password.

use crate::process::harmless::harmless;
use crate::store::without_password;

/// Returns the command line that repeats this one, without any password. If a password was removed, the line passes it
/// as a variable.
pub fn resume_line(arguments: &[String]) -> String {
    let safe = without_passwords(arguments);
    let supplied = if safe == arguments { "" } else { "DB_PASSWORD=\"$DB_PASSWORD\" " };
    let words: Vec<String> = safe.iter().map(|word| quoted(word)).collect();
    format!("{supplied}convoke {}", words.join(" "))
}

/// Inserts flags at the end of a line, but before `--`.
pub fn insert_flags<'a>(mut line: Vec<String>, flags: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, flags.into_iter().map(str::to_owned));
    line
}

/// Removes passwords from the addresses among the arguments.
pub fn without_passwords(arguments: &[String]) -> Vec<String> {
    let mut is_store = false;
    let safe = arguments.iter().map(|word| {
        let after = std::mem::replace(&mut is_store, word == "--store");
        let (flag, value) = match word.split_once('=') {
            Some(("--store", value)) => ("--store=", value),
            _ => ("", word.as_str()),
        };
        let is_address = (after || !flag.is_empty()) && !value.starts_with("sqlite:");
        if is_address || value.contains("://") { format!("{flag}{}", without_password(value)) } else { word.clone() }
    });
    safe.collect()
}

/// Returns the arguments as a run keeps them for everybody: without passwords, and without the command of `--notify`,
/// which is the person's own and may hold an address with a secret.
pub fn recorded_words(arguments: &[String]) -> Vec<String> {
    let mut is_command = false;
    let mut kept = without_passwords(arguments);
    kept.retain(|word| {
        let after = std::mem::replace(&mut is_command, word == "--notify");
        !after && !is_command && !word.starts_with("--notify=")
    });
    kept
}

/// Quotes a word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if harmless(word) == word {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        format!("$'{}'", word.chars().map(escaped).collect::<String>())
    }
}

/// Writes a character within `$'…'`. A character that controls a terminal is written as its number.
fn escaped(c: char) -> String {
    match c {
        '\'' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        c if c == '\t' || harmless(&c.to_string()) != c.to_string() => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// Replaces `--more N` by `--replicates M`, where M is the total number.
pub fn spelled_out(arguments: &[String], replicates: u32) -> Vec<String> {
    let mut is_more = false;
    let spelled = arguments.iter().map(|word| {
        let after = std::mem::replace(&mut is_more, word == "--more");
        match word {
            _ if after => replicates.to_string(),
            word if word == "--more" => "--replicates".to_owned(),
            word if word.starts_with("--more=") => format!("--replicates={replicates}"),
            word => word.clone(),
        }
    });
    spelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resume_line_is_quoted_for_a_shell() {
        assert_eq!(quoted("experiments/prison"), "experiments/prison");
        assert_eq!(quoted("goal=escape risks=true"), "'goal=escape risks=true'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\nb\u{1b}[31m'"), r"$'a\nb\U0000001b[31m\''");
        assert_eq!(quoted("\u{202e}x"), r"$'\U0000202ex'");
        let typed = ["run", "x", "--store", "mongodb://ann:hunter2@host/d"].map(str::to_owned);
        let line = r#"DB_PASSWORD="$DB_PASSWORD" convoke run x --store mongodb://ann@host/d"#;
        assert_eq!(resume_line(&typed), line);
        let typed = ["run", "x", "--store=ann:hunter2@host"].map(str::to_owned);
        assert_eq!(without_passwords(&typed)[2], "--store=ann@host");
        for kept in ["--store=mongodb://ann@host/d", "--set=a=b:c@d", "goal=x:y@z", "sqlite:a:b@c", "./a@b:c"] {
            assert_eq!(without_passwords(&["--model".to_owned(), kept.to_owned()])[1], kept);
        }
    }

    #[test]
    fn a_run_keeps_no_command_of_the_person() {
        let typed =
            ["run", "x", "--notify", "curl https://hooks/secret", "--notify=y", "--jobs", "2"].map(str::to_owned);
        assert_eq!(recorded_words(&typed), ["run", "x", "--jobs", "2"]);
    }

    #[test]
    fn the_line_that_repeats_it_says_how_far_it_goes() {
        let of = |words: &[&str]| spelled_out(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), 7).join(" ");
        assert_eq!(of(&["run", "e", "--more", "2", "--offline"]), "run e --replicates 7 --offline");
        assert_eq!(of(&["run", "--more=2", "e"]), "run --replicates=7 e");
        assert_eq!(of(&["run", "more"]), "run more");
    }
}
