//! Prompts: the skills there are, each with a task to do by it.

use std::collections::BTreeMap;
use std::path::Path;

use zo_mcp::server::{PromptArgument, PromptLine, PromptText, Refusal};

use super::{Home, Requests, refusal};
use crate::protocol::{Answer, Query, Request, Response, SkillLine};

/// The argument that says what is to be done.
const TASK: &str = "task";
/// The file that is a skill.
const SKILL_FILE: &str = "SKILL.md";

/// The skills that may be used as they are.
pub(super) fn usable<R: Requests>(home: &Home<R>) -> Result<Vec<SkillLine>, Refusal> {
    let query = Query::Skills { folders: home.skills.clone() };
    match home.one(Request::Query { query, at: None }).map_err(|failure| refusal(&failure))? {
        Response::Answer(answer) => match *answer {
            Answer::Skills { skills, .. } => {
                Ok(skills.into_iter().filter(|skill| skill.usable && skill.shadowed_by.is_none()).collect())
            }
            _ => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

/// What a skill says.
pub(super) fn text<R: Requests>(home: &Home<R>, name: &str) -> Result<(SkillLine, String), Refusal> {
    let skills = usable(home)?;
    let names: Vec<&str> = skills.iter().map(|skill| skill.name.as_str()).collect();
    let missing = || Refusal::NotFound(format!("there is no skill {name:?}; there are {}", names.join(", ")));
    let skill = skills.iter().find(|skill| skill.name == name).ok_or_else(missing)?.clone();
    let file = Path::new(&skill.folder).join(SKILL_FILE);
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Refusal::Failed(format!("cannot read {}: {error}", file.display())))?;
    Ok((skill, text))
}

pub(super) fn list<R: Requests>(home: &Home<R>) -> Result<Vec<PromptLine>, Refusal> {
    let task = PromptArgument { name: TASK, description: "what is to be done by this skill", required: false };
    let line = |skill: SkillLine| PromptLine {
        name: skill.name,
        description: skill.description,
        arguments: vec![task.clone()],
    };
    Ok(usable(home)?.into_iter().map(line).collect())
}

pub(super) fn fill<R: Requests>(
    home: &Home<R>,
    name: &str,
    arguments: &BTreeMap<String, String>,
) -> Result<PromptText, Refusal> {
    if let Some(unknown) = arguments.keys().find(|name| *name != TASK) {
        return Err(Refusal::Invalid(format!("the skill {name} takes `{TASK}`, and no {unknown:?}")));
    }
    let (skill, text) = text(home, name)?;
    let task = arguments.get(TASK).map(|task| format!("\n\nDo this by it: {task}")).unwrap_or_default();
    let begin = format!("Follow the skill {name}, whose files lie in {}:", skill.folder);
    Ok(PromptText { description: skill.description, text: format!("{begin}\n\n{text}{task}") })
}
