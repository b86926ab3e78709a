//! The fields of a frontmatter: read and checked, each with its line.

use std::collections::BTreeMap;

use crate::names::{self, shown};
use crate::problem::Remark;
use crate::skill::Requires;
use crate::yaml::{Entry, Value};

/// Most characters of a description, by the specification.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 1024;
/// Most characters of the compatibility, by the specification.
const MAX_COMPATIBILITY_CHARS: usize = 500;
/// The fields that the specification has; the reference validator rejects any other.
const FIELDS: [&str; 6] = ["name", "description", "license", "compatibility", "metadata", "allowed-tools"];
/// What the keys below `metadata` begin with that are read here.
const OURS: &str = "zo.";

/// What a frontmatter says, as far as it can be used.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields {
    /// NFKC; any text.
    pub(crate) name: Option<String>,
    /// Not empty; any length.
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) compatibility: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) allowed_tools: Vec<String>,
    pub(crate) triggers: Vec<String>,
    pub(crate) requires: Requires,
}

/// Reads the fields of a skill whose folder is called `folder_name`. What is wrong with them is added to `remarks`.
pub(crate) fn read(entries: &[Entry], folder_name: &str, remarks: &mut Vec<Remark>) -> Fields {
    let mut fields = Fields::default();
    for entry in entries {
        match entry.key.as_str() {
            "name" => fields.name = name(entry, folder_name, remarks),
            "description" => fields.description = description(entry, remarks),
            "license" => fields.license = text(entry, remarks).map(str::to_owned),
            "compatibility" => fields.compatibility = compatibility(entry, remarks),
            "metadata" => fields.metadata = metadata(entry, remarks),
            "allowed-tools" => fields.allowed_tools = allowed_tools(entry, remarks),
            "triggers" => {
                remarks.push(unknown(entry));
                fields.triggers = triggers(entry);
            }
            _ => remarks.push(unknown(entry)),
        }
    }
    for required in ["name", "description"] {
        if entries.iter().all(|entry| entry.key != required) {
            remarks.push(Remark::about_the_file(format!("the field `{required}` is missing in the frontmatter")));
        }
    }
    let ours = entries.iter().find(|entry| entry.key == "metadata");
    if let Some(Value::Map(entries)) = ours.map(|entry| &entry.node.value) {
        for entry in entries {
            read_ours(entry, &mut fields, remarks);
        }
    }
    fields
}

fn name(entry: &Entry, folder_name: &str, remarks: &mut Vec<Remark>) -> Option<String> {
    let name = names::normalised(text(entry, remarks)?);
    remarks.extend(names::complaints(&name).into_iter().map(|message| Remark::error(entry.line, message)));
    if !name.is_empty() && names::normalised(folder_name) != name {
        let message = format!("the name `{}` is not that of the folder, `{}`", shown(&name), shown(folder_name));
        remarks.push(Remark::error(entry.line, message));
    }
    (!name.is_empty()).then_some(name)
}

fn description(entry: &Entry, remarks: &mut Vec<Remark>) -> Option<String> {
    let whole = text(entry, remarks)?;
    let description = whole.trim();
    if description.is_empty() {
        let message = "the description is empty: what the skill does and when to use it is expected";
        remarks.push(Remark::error(entry.line, message));
        return None;
    }
    remark_on_length("description", whole, MAX_DESCRIPTION_CHARS, entry.line, remarks);
    Some(description.to_owned())
}

fn compatibility(entry: &Entry, remarks: &mut Vec<Remark>) -> Option<String> {
    let compatibility = text(entry, remarks)?;
    if compatibility.trim().is_empty() {
        remarks.push(Remark::error(entry.line, "the compatibility is empty: 1 to 500 characters, or no such field"));
        return None;
    }
    remark_on_length("compatibility", compatibility, MAX_COMPATIBILITY_CHARS, entry.line, remarks);
    Some(compatibility.trim().to_owned())
}

fn remark_on_length(field: &str, text: &str, most: usize, line: u32, remarks: &mut Vec<Remark>) {
    let length = text.chars().count();
    if length > most {
        let message = format!("the {field} has {length} characters, at most {most} are allowed");
        remarks.push(Remark::error(line, message));
    }
}

fn metadata(entry: &Entry, remarks: &mut Vec<Remark>) -> BTreeMap<String, String> {
    match &entry.node.value {
        Value::Map(entries) => {
            entries.iter().filter_map(|entry| Some((entry.key.clone(), text(entry, remarks)?.to_owned()))).collect()
        }
        Value::Text { text, .. } if text.is_empty() => BTreeMap::new(),
        other => {
            let message = format!("`metadata` has to be a mapping of texts, found {}", other.sort());
            remarks.push(Remark::error(entry.line, message));
            BTreeMap::new()
        }
    }
}

/// Separated by spaces; some programs write a list, and those that have commas in it are told apart from arguments.
fn allowed_tools(entry: &Entry, remarks: &mut Vec<Remark>) -> Vec<String> {
    match &entry.node.value {
        Value::List(items) => {
            let message = "`allowed-tools` is a list: the specification has one text, separated by spaces";
            remarks.push(Remark::warning(entry.line, message));
            let mut tools = Vec::new();
            for item in items {
                match &item.value {
                    Value::Text { text, taken_for: None } => tools.push(text.clone()),
                    Value::Text { taken_for: Some(other), .. } => {
                        let message = format!("a tool has to be a text, found what YAML takes for {other}");
                        remarks.push(Remark::error(item.line, message));
                    }
                    other => {
                        let message = format!("a tool has to be a text, found {}", other.sort());
                        remarks.push(Remark::error(item.line, message));
                    }
                }
            }
            tools
        }
        Value::Text { .. } => text(entry, remarks).map_or_else(Vec::new, tools_in),
        Value::Map(_) => {
            remarks.push(Remark::error(entry.line, "`allowed-tools` has to be a text, found a mapping"));
            Vec::new()
        }
    }
}

/// `Bash(git status) Read` are two: spaces within parentheses belong to the tool.
fn tools_in(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let separates = |letter: char| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (letter.is_whitespace() || letter == ',')
    };
    text.split(separates).filter(|tool| !tool.is_empty()).map(str::to_owned).collect()
}

/// The triggers of ZoClone's form: separated by commas, or a list.
fn triggers(entry: &Entry) -> Vec<String> {
    match &entry.node.value {
        Value::Text { text, .. } => separated_by_commas(text),
        Value::List(items) => {
            let texts = items.iter().filter_map(|item| match &item.value {
                Value::Text { text, .. } => Some(separated_by_commas(text)),
                _ => None,
            });
            texts.flatten().collect()
        }
        Value::Map(_) => Vec::new(),
    }
}

fn separated_by_commas(text: &str) -> Vec<String> {
    let trimmed = text.trim().trim_start_matches('[').trim_end_matches(']');
    let words = trimmed.split(',').map(|word| word.trim().trim_matches(['"', '\'']).trim());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The value of a field that has to be a text.
fn text<'a>(entry: &'a Entry, remarks: &mut Vec<Remark>) -> Option<&'a str> {
    match &entry.node.value {
        Value::Text { text, taken_for } => {
            if let (Some(other), false) = (taken_for, text.is_empty()) {
                let message = format!("`{}` is what YAML takes for {other}: put it in quotes", shown(&entry.key));
                remarks.push(Remark::warning(entry.node.line, message));
            }
            Some(text)
        }
        other => {
            let message = format!("`{}` has to be a text, found {}", shown(&entry.key), other.sort());
            remarks.push(Remark::error(entry.line, message));
            None
        }
    }
}

fn unknown(entry: &Entry) -> Remark {
    let key = shown(&entry.key);
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let message = match FIELDS.iter().find(|field| plain(field) == plain(&entry.key)) {
        Some(field) => format!("the specification has no field `{key}`: `{field}` is expected"),
        None if entry.key == "triggers" => {
            "the specification has no field `triggers`: `zo.triggers` below `metadata` does the same".to_owned()
        }
        None => {
            format!(
                "the specification has no field `{key}`: it has {}; others belong below `metadata`",
                FIELDS.join(", ")
            )
        }
    };
    Remark::error(entry.line, message)
}

/// Reads a key below `metadata` that is ours.
fn read_ours(entry: &Entry, fields: &mut Fields, remarks: &mut Vec<Remark>) {
    let (Some(key), Value::Text { text, .. }) = (entry.key.strip_prefix(OURS), &entry.node.value) else { return };
    let requires = &mut fields.requires;
    match key {
        "triggers" => fields.triggers.extend(separated_by_commas(text)),
        "programs" => requires.programs = words(entry, text, is_program, "the name of a program", remarks),
        "python" => requires.python = words(entry, text, is_module, "the name of a Python module", remarks),
        "environment" => requires.environment = words(entry, text, is_variable, "the name of a variable", remarks),
        "network" => requires.network = words(entry, &text.to_lowercase(), is_host, "a host", remarks),
        "write" => match text.trim() {
            "true" | "yes" => requires.write = true,
            "false" | "no" => requires.write = false,
            other => {
                let message = format!("`zo.write` has to be \"true\" or \"false\", found `{}`", shown(other));
                remarks.push(Remark::error(entry.line, message));
            }
        },
        _ => {
            let known = "zo.triggers, zo.programs, zo.python, zo.environment, zo.network and zo.write";
            let message = format!("`{}` means nothing to zo: it knows {known}", shown(&entry.key));
            remarks.push(Remark::warning(entry.line, message));
        }
    }
}

/// The words of a declaration; those that cannot be meant are left out.
fn words(entry: &Entry, text: &str, fits: fn(&str) -> bool, what: &str, remarks: &mut Vec<Remark>) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty()) {
        if fits(word) {
            words.push(word.to_owned());
        } else {
            let message = format!("`{}` has `{}`, which is not {what}", shown(&entry.key), shown(word));
            remarks.push(Remark::error(entry.line, message));
        }
    }
    words
}

fn is_program(word: &str) -> bool {
    !word.starts_with('-') && word.chars().all(|letter| letter.is_alphanumeric() || "-_.+".contains(letter))
}

fn is_module(word: &str) -> bool {
    word.split('.').all(is_variable)
}

fn is_variable(word: &str) -> bool {
    !word.starts_with(|first: char| first.is_ascii_digit())
        && !word.is_empty()
        && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn is_host(word: &str) -> bool {
    let (host, port) = word.rsplit_once(':').map_or((word, None), |(host, port)| (host, Some(port)));
    let host = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.split('.').all(is_label) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
