//! Permission rules: what of the tools is allowed, asked about, or denied. Pure.
//!
//! ```text
//! allow: run_command(git status)        exactly this command
//! allow: run_command(git log …)         it, and whatever stands behind
//! deny:  run_command(git push)          a denial also means whatever stands between and behind, and within `env`, `sh -c` …
//! allow: run_command(cargo test * --lib)    `*` is any one argument
//! ask:   http_fetch(GET https://example.org/*)    elsewhere `*` is any text
//! deny:  write_file                     every call of it
//! ```
//!
//! Denials go first, then what is to be asked, then what is allowed, then what is usual for the tool. A command line is
//! taken apart before it is looked at; of a pipeline, every part must pass. What a shell would make of a text (variables,
//! substitutions, redirections) cannot be known: such a line is a call of `sh -c`, and passes only as that.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// What a call would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The tool.
    pub(crate) tool: Cow<'static, str>,
    /// What it would do.
    pub(crate) deed: Deed,
    /// How it was written, where the deed does not tell.
    pub(crate) written: Option<String>,
}

/// What a call would do, as far as rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Something that a text says: a path, an address, a name.
    Text(String),
    /// Programs with their arguments; several in a pipeline or a sequence.
    Programs(Vec<Vec<String>>),
}

impl Subject {
    pub(crate) fn text(tool: impl Into<Cow<'static, str>>, text: &str) -> Self {
        Self { tool: tool.into(), deed: Deed::Text(text.to_owned()), written: None }
    }

    /// Programs, and the line that was written for them.
    pub(crate) fn programs(tool: &'static str, programs: Vec<Vec<String>>, written: Option<String>) -> Self {
        Self { tool: Cow::Borrowed(tool), deed: Deed::Programs(programs), written }
    }

    /// The rule that allows just this, for ever; none where that would say too much.
    pub(crate) fn rule(&self) -> Option<String> {
        match &self.deed {
            Deed::Text(text) if text.contains(['*', '…', '(', ')', '\n']) || text.len() > 300 => None,
            Deed::Text(text) => Some(format!("allow: {}({text})", self.tool)),
            Deed::Programs(programs) => {
                let [program] = &programs[..] else { return None };
                // `sh -c` with one text would never be asked for again with the same one.
                if is_shell(program) || program.iter().any(|word| word == "*" || is_ellipsis(word)) {
                    return None;
                }
                Some(format!("allow: {}({})", self.tool, join(program)))
            }
        }
    }
}

/// So deep a command line is looked for within the arguments of another one.
const MOST_NESTED: u32 = 4;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Text(text) => f.write_str(text),
            Deed::Programs(_) if self.written.is_some() => f.write_str(self.written.as_deref().unwrap_or_default()),
            Deed::Programs(programs) => {
                let lines: Vec<String> = programs.iter().map(|program| join(program)).collect();
                f.write_str(&lines.join(" | "))
            }
        }
    }
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// It may be done.
    Allow,
    /// Somebody is asked each time.
    Ask,
    /// It may not.
    Deny,
}

/// A permission rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    verb: Verb,
    tool: String,
    pattern: Option<Pattern>,
    /// Whether a skill says so, and not the user.
    of_skill: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Text(String),
    Words {
        words: Vec<String>,
        /// Whatever may stand behind.
        open: bool,
    },
}

/// Why a text is no rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{rule}` is no permission rule: {why}")]
pub(crate) struct NotARule {
    rule: String,
    why: String,
}

impl FromStr for Rule {
    type Err = NotARule;

    fn from_str(text: &str) -> Result<Self, NotARule> {
        let no = |why: &str| NotARule { rule: text.to_owned(), why: why.to_owned() };
        let form = "it has the form `allow: run_command(git status)`, with `allow`, `ask` or `deny`";
        let (verb, rest) = text.split_once(':').ok_or_else(|| no(form))?;
        let verb = match verb.trim() {
            "allow" => Verb::Allow,
            "ask" => Verb::Ask,
            "deny" => Verb::Deny,
            _ => return Err(no(form)),
        };
        let rest = rest.trim();
        let (tool, pattern) = match rest.split_once('(') {
            None => (rest, None),
            Some((tool, pattern)) => {
                let pattern = pattern.strip_suffix(')').ok_or_else(|| no("the bracket is not closed at its end"))?;
                (tool.trim(), Some(pattern.trim()))
            }
        };
        if super::find(tool).is_none() && !super::mcp::is_name(tool) {
            return Err(no(&super::no_such_tool(tool)));
        }
        let pattern = match pattern {
            None => None,
            Some("") => return Err(no("there is nothing between the brackets; without them it is about every call")),
            Some(pattern) if tool == super::commands::NAME => {
                let mut words = shlex::split(pattern).ok_or_else(|| no("a quotation mark is not closed"))?;
                let open = words.last().is_some_and(|last| is_ellipsis(last));
                if open {
                    words.pop();
                }
                if words.is_empty() {
                    return Err(no("it names no program; without brackets it is about every command"));
                }
                Some(Pattern::Words { words, open })
            }
            Some(pattern) => Some(Pattern::Text(pattern.replace('…', "*").replace("...", "*"))),
        };
        Ok(Self { verb, tool: tool.to_owned(), pattern, of_skill: false })
    }
}

impl Rule {
    /// Whether it speaks of a part of a deed.
    fn speaks_of(&self, subject: &Subject, part: &Part<'_>) -> bool {
        if self.tool != subject.tool {
            return false;
        }
        match (&self.pattern, part) {
            (None, _) => true,
            (Some(Pattern::Text(pattern)), Part::Text(text)) => fits(pattern, text),
            (Some(Pattern::Words { words, open }), Part::Program(program)) => match self.verb {
                Verb::Allow => begins_with(program, words) && (*open || program.len() == words.len()),
                Verb::Deny | Verb::Ask => might_be(program, words, 0),
            },
            _ => false,
        }
    }

    /// What a skill that is used allows, as its `allowed-tools` says it: `Bash(git:*)`, `Read`, or a tool of zo's own.
    /// None if that names no tool there is.
    pub(crate) fn of_skill(text: &str) -> Option<Self> {
        let (tool, pattern) = match text.trim().split_once('(') {
            None => (text.trim(), None),
            Some((tool, pattern)) => (tool.trim(), Some(pattern.strip_suffix(')')?.trim())),
        };
        let tool = match tool {
            "Bash" => super::commands::NAME,
            "Read" => "read_file",
            "Write" => "write_file",
            "Edit" => "edit_file",
            "Glob" | "LS" => "list_files",
            "WebFetch" => "http_fetch",
            own => own,
        };
        let rule = match pattern {
            None | Some("*") => format!("allow: {tool}"),
            Some(pattern) => match pattern.strip_suffix(":*") {
                Some(words) => format!("allow: {tool}({words} …)"),
                None => format!("allow: {tool}({pattern})"),
            },
        };
        Some(Self { of_skill: true, ..rule.parse().ok()? })
    }

    /// Whether it is no word of the user's about just this: one about each and every call, or a skill's.
    fn is_broad(&self) -> bool {
        self.pattern.is_none() || self.of_skill
    }

    /// Of a rule that allows a tool to reach an address: `host:port`, if it names both.
    pub(crate) fn allowed_origin(&self, tool: &str) -> Option<String> {
        let Some(Pattern::Text(pattern)) = &self.pattern else { return None };
        if self.verb != Verb::Allow || self.tool != tool || self.of_skill {
            return None;
        }
        let (_, behind) = pattern.split_once("://")?;
        let origin = behind.split(['/', '?', '#']).next()?;
        let (host, port) = origin.rsplit_once(':')?;
        let plain = !host.is_empty() && !origin.contains(['*', '@']) && port.parse::<u16>().is_ok();
        plain.then(|| origin.to_owned())
    }
}

impl Rule {
    /// Of a rule that denies browsers everything of a host: the host.
    pub(crate) fn denied_host(&self) -> Option<String> {
        let Some(Pattern::Text(pattern)) = &self.pattern else { return None };
        if self.verb != Verb::Deny || self.tool != "browse_open" {
            return None;
        }
        let (_, behind) = pattern.split_once("://")?;
        let (host, path) = behind.split_once('/').unwrap_or((behind, "*"));
        (path == "*" && !host.contains('@')).then(|| host.to_owned())
    }
}

enum Part<'a> {
    Text(&'a str),
    Program(&'a [String]),
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is done.
    Allow,
    /// Somebody is asked.
    Ask {
        /// Why.
        why: String,
        /// Whether a rule says so: then no allowance helps.
        by_rule: bool,
    },
    /// It is not done: why.
    Deny(String),
}

/// What rules make of a call. `careful`: the run was given a text that anybody may have written, and the call cannot be
/// taken back; then it is allowed only by a rule that names it.
pub(crate) fn judge(rules: &[Rule], subject: &Subject, usually: super::Usually, careful: bool) -> Ruling {
    let parts: Vec<Part<'_>> = match &subject.deed {
        Deed::Text(text) => vec![Part::Text(text)],
        Deed::Programs(programs) => programs.iter().map(|program| Part::Program(program)).collect(),
    };
    let mut asked = None;
    for part in &parts {
        let says = |verb| rules.iter().find(|rule| rule.verb == verb && rule.speaks_of(subject, part));
        if let Some(rule) = says(Verb::Deny) {
            return Ruling::Deny(format!("the rule `{rule}` denies it"));
        }
        let why = if let Some(rule) = says(Verb::Ask) {
            Some(Ruling::Ask { why: format!("the rule `{rule}` says so"), by_rule: true })
        } else {
            let mut allowing = rules.iter().filter(|rule| rule.verb == Verb::Allow && rule.speaks_of(subject, part));
            // What a shell makes of a text is not known, so it may be what is denied.
            let unknown = matches!(part, Part::Program(program) if is_shell(program))
                && rules.iter().any(|rule| rule.verb != Verb::Allow && rule.tool == subject.tool && !rule.is_broad());
            let allowed = match careful || unknown {
                true => allowing.any(|rule| !rule.is_broad()),
                false => allowing.next().is_some() || usually == super::Usually::Allow,
            };
            let why = match (careful, unknown) {
                (true, _) => "it cannot be taken back, and this run has read what anybody may have written",
                (false, true) => "what a shell makes of it cannot be known, and there are commands that are denied",
                (false, false) => "no rule allows it",
            };
            (!allowed).then(|| Ruling::Ask { why: why.to_owned(), by_rule: false })
        };
        asked = asked.or(why);
    }
    asked.unwrap_or(Ruling::Allow)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Allow => "allow",
            Verb::Ask => "ask",
            Verb::Deny => "deny",
        };
        write!(f, "{verb}: {}", self.tool)?;
        match &self.pattern {
            None => Ok(()),
            Some(Pattern::Text(text)) => write!(f, "({text})"),
            Some(Pattern::Words { words, open }) => write!(f, "({}{})", join(words), if *open { " …" } else { "" }),
        }
    }
}

fn is_ellipsis(word: &str) -> bool {
    word == "…" || word == "..."
}

/// Words as one would type them.
fn join(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| format!("{words:?}"))
}

/// Whether a program's words begin with those of a pattern.
fn begins_with(program: &[String], words: &[String]) -> bool {
    let same = |(index, (word, pattern)): (usize, (&String, &String))| word == pattern || (pattern == "*" && index > 0);
    program.len() >= words.len() && program.iter().zip(words).enumerate().all(same)
}

fn file_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_shell(program: &[String]) -> bool {
    matches!(program.first().map(|word| file_name(word)), Some("sh" | "bash" | "dash" | "zsh" | "ksh" | "fish"))
}

/// Whether a program, or one that it might start as its arguments say, is what a denial names: `git -C . push`,
/// `env A=1 git push` and `sh -c 'git push'` all are `git push`. It may be more than is meant, never less as far as the words
/// go; what a script does when it runs is for the sandbox.
fn might_be(program: &[String], words: &[String], depth: u32) -> bool {
    let Some((name, behind)) = words.split_first() else { return false };
    let starts = |(from, word): (usize, &String)| {
        file_name(word) == file_name(name) && stand_in_order(behind, &program[from + 1..])
    };
    if program.iter().enumerate().any(starts) {
        return true;
    }
    let within = |word: &String| {
        let lines = word.split(['\n', ';', '|', '&', '(', ')', '`']);
        let words_of = |line: &str| {
            shlex::split(line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        lines.map(words_of).any(|inner| might_be(&inner, words, depth + 1))
    };
    depth < MOST_NESTED && program.iter().filter(|word| word.contains(char::is_whitespace)).any(within)
}

/// Whether words stand in others in their order, whatever stands between.
fn stand_in_order(words: &[String], others: &[String]) -> bool {
    let mut others = others.iter();
    words.iter().all(|word| others.any(|other| word == "*" || other == word))
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

/// What a command line comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandLine {
    /// One program, started as it is.
    Program(Vec<String>),
    /// Several, which a shell joins; each was taken apart as the shell will.
    Joined(Vec<Vec<String>>),
    /// Something only a shell understands.
    Shell,
}

/// Takes a command line apart.
///
/// # Errors
/// If it is empty, or a quotation mark is not closed.
pub(crate) fn take_apart(line: &str) -> Result<CommandLine, String> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut quote: Option<char> = None;
    let mut characters = line.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let part = parts.last_mut().expect("there is always one");
        match (quote, character) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            // Within double quotes a shell still looks at these.
            (Some('"'), '$' | '`' | '\\' | '!') => return Ok(CommandLine::Shell),
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | ';') => {
                if characters.peek() == Some(&character) && character == '|' {
                    characters.next();
                } else if characters.peek() == Some(&'&') {
                    return Ok(CommandLine::Shell);
                }
                parts.push(String::new());
                continue;
            }
            (None, '&') if characters.peek() == Some(&'&') => {
                characters.next();
                parts.push(String::new());
                continue;
            }
            (
                None,
                '$' | '`' | '\\' | '<' | '>' | '(' | ')' | '{' | '}' | '&' | '*' | '?' | '[' | ']' | '~' | '#' | '!'
                | '\n',
            ) => {
                return Ok(CommandLine::Shell);
            }
            (None, _) => {}
        }
        part.push(character);
    }
    if quote.is_some() {
        return Err("a quotation mark is not closed".to_owned());
    }
    let mut programs = Vec::with_capacity(parts.len());
    for part in &parts {
        let words = shlex::split(part).ok_or("it cannot be taken apart into words")?;
        let first = words.first().ok_or("there is an empty command in it")?;
        // `A=1 program` and words of the shell's own.
        let assigns = first.contains('=');
        let own =
            ["if", "for", "while", "until", "case", "function", "select", "time", "then", "do", "eval", "source", "."];
        if assigns || own.contains(&first.as_str()) {
            return Ok(CommandLine::Shell);
        }
        programs.push(words);
    }
    match programs.len() {
        1 => Ok(CommandLine::Program(programs.remove(0))),
        _ => Ok(CommandLine::Joined(programs)),
    }
}

#[cfg(test)]
mod tests;
