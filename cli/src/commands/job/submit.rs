//! `zo job submit`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{Acknowledged, FailureKind, JobInput, JobOptions, MAX_PAGE, Request};
use zo_projections::EventId;

use super::each::{self, Planned};
use super::options::{OrderArgs, WhenArgs, parse_name};
use super::watching::{Watched, judged, note_nobody_serves, watch};
use super::what::WhatArgs;
use crate::context::{Context, write};
use crate::error::{CliError, Kind};
use crate::input;
use crate::output::Total;
use crate::output::text::counted;

/// Have something done, now or later, once
///
/// Examples:
///   zo job submit -- make test
///   zo job submit --wait --write . -- cargo build
///   zo job submit --delay 5m --ask "Summarise what I wrote today"
///   zo job submit --each urls.txt --wait --host "*.example.com" -- curl -fsS {}
///   zo job submit --after 7Y0ABC --name publish --once -- ./publish.sh
///   zo job submit --queue gpu --gpu a100 --max-price 2.50 --scratch -- train
///
/// A command runs in the sandbox: it may read the folder it starts in, write what --write names, reach what --host names, and has
/// no variable but PATH, HOME, TMPDIR, LANG and those of --env. The id is printed when the job is durable.
///
/// --wait prints what the job prints, and exits with 0 if it got done and with 1 if not; the job is carried out meanwhile
/// even if there is no `zo serve`.
///
/// With --each there is a job for each line of a file, and `{}` in a job stands for the line. Without a command the lines are
/// JSON: what is done, or {"name", "after", "spec", "options"}; `after` names other lines.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Submit {
    #[command(flatten)]
    what: WhatArgs,
    /// What it is called; with --each, `{}` is the line
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    /// A job for each line of this file, all as one batch; `-` is stdin
    #[arg(long, value_name = "FILE")]
    each: Option<PathBuf>,
    /// Wait until it is done, and print what it prints
    #[arg(long, short)]
    wait: bool,
    #[command(flatten)]
    when: WhenArgs,
    #[command(flatten)]
    order: OrderArgs,
}

impl Submit {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let planned = match &self.each {
            Some(file) => self.for_each(context, file)?,
            None => {
                let spec = self.what.required(context)?;
                let spec = serde_json::to_string(&spec).expect("a job is JSON");
                vec![Planned { name: self.name.clone(), spec, options: self.options() }]
            }
        };
        let mut client = context.open()?;
        match &self.each {
            Some(_) => self.batches(context, &mut client, planned)?,
            None => self.one(context, &mut client, planned)?,
        }
        context.close(client)
    }

    fn options(&self) -> JobOptions {
        let mut options = JobOptions::default();
        self.order.lay_over(&mut options);
        self.when.lay_over(&mut options);
        options
    }

    /// The jobs of the lines.
    fn for_each(&self, context: &mut Context, file: &Path) -> Result<Vec<Planned>, CliError> {
        let lines = each::lines(file)?;
        let options = self.options();
        let place = |number: usize| format!("{}:{number}", file.display());
        if lines.len() > 1 && options.unique.as_ref().is_some_and(|key| !key.contains(each::HOLE)) {
            return Err(CliError::usage(
                "with --each, `{}` stands for the line in --unique too: else all lines but one are left out",
            )
            .hint("as in --unique 'fetch {}'"));
        }
        let Some(template) = self.what.spec(context, None)? else {
            if self.name.is_some() {
                return Err(CliError::usage("--name is for a job that is made for each line")
                    .hint("a line of JSON names its job itself"));
            }
            let described = |(number, line): &(usize, String)| each::described(&place(*number), line, &options);
            return lines.iter().map(described).collect();
        };
        let template = serde_json::to_value(&template).expect("a job is JSON");
        if !each::has_hole(&template) {
            return Err(CliError::usage("with --each, `{}` stands for the line, and there is none in what is done")
                .hint("as in --each urls.txt -- curl -fsS {}"));
        }
        let filled = |(number, line): &(usize, String)| {
            let planned = each::filled(&template, self.name.as_deref(), line, options.clone());
            planned.map_err(|error| error.at(&place(*number)))
        };
        lines.iter().map(filled).collect()
    }

    fn one(&self, context: &mut Context, client: &mut Client, planned: Vec<Planned>) -> Result<(), CliError> {
        let jobs = inputs(context, planned);
        let submitted = submit(client, jobs, Batch::None)?;
        let Some(acknowledged) = submitted.first() else { return Err(nothing()) };
        if !self.wait {
            context.print_acknowledged(acknowledged, "submitted")?;
            note_nobody_serves(context, client);
            return Ok(());
        }
        if context.output.is_json() {
            context.output.data_now(acknowledged)?;
        } else {
            context.output.note(format!("job {}", acknowledged.id));
        }
        judged(&watch(context, client, &Watched::One(acknowledged.id.clone()), true)?)
    }

    /// Submits all, as many in a request as one takes, and waits for all.
    fn batches(&self, context: &mut Context, client: &mut Client, planned: Vec<Planned>) -> Result<(), CliError> {
        let total = planned.len() as u64;
        let planned = if planned.len() > MAX_PAGE { each::in_order(planned)? } else { planned };
        let mut named: HashMap<String, String> = HashMap::new();
        let mut all: Vec<String> = Vec::new();
        let progress = context.output.progress("submitting", Total::Items(total));
        let mut submitted = 0;
        for mut part in inputs(context, planned).chunks(MAX_PAGE).map(<[JobInput]>::to_vec) {
            for job in &mut part {
                // What was submitted before is known by its id alone.
                job.options.after.iter_mut().for_each(|name| {
                    if let Some(id) = named.get(name) {
                        id.clone_into(name);
                    }
                });
            }
            let names: Vec<Option<String>> = part.iter().map(|job| job.name.clone()).collect();
            let batch = all.first().map_or(Batch::New, |first| Batch::MoreOf(first.clone()));
            let acknowledged = submit(client, part, batch)?;
            for (name, one) in names.into_iter().zip(&acknowledged) {
                if context.output.is_json() || !self.wait {
                    print_id(context, one)?;
                }
                named.extend(name.map(|name| (name, one.id.clone())));
            }
            context.output.flush()?;
            submitted += acknowledged.len() as u64;
            progress.set(submitted);
            all.extend(acknowledged.into_iter().map(|one| one.id));
        }
        drop(progress);
        let batch = all.first().map(String::as_str).unwrap_or_default();
        context.output.note(format!("{} submitted, as batch {batch}", counted(submitted, "job")));
        if !self.wait {
            note_nobody_serves(context, client);
            return Ok(());
        }
        // By their ids: many lines are several batches.
        let mut ended = Vec::with_capacity(all.len());
        for part in all.chunks(MAX_PAGE) {
            ended.extend(watch(context, client, &Watched::Several(part.to_vec()), false)?);
        }
        judged(&ended)?;
        context.output.note(format!("{} done", counted(ended.len() as u64, "job")));
        Ok(())
    }
}

fn print_id(context: &mut Context, acknowledged: &Acknowledged) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.data(acknowledged);
    }
    context.output.line(&acknowledged.id)
}

/// The jobs with ids of their own, so that submitting them again changes nothing.
fn inputs(context: &Context, planned: Vec<Planned>) -> Vec<JobInput> {
    let input = |Planned { name, spec, options }| JobInput { id: context.fresh_id(), name, spec, options };
    planned.into_iter().map(input).collect()
}

/// Whether jobs are listed and waited for as one.
enum Batch {
    None,
    New,
    /// Of the batch whose first job this is.
    MoreOf(String),
}

/// Submits jobs; all of them are taken, or it fails.
fn submit(client: &mut Client, jobs: Vec<JobInput>, batch: Batch) -> Result<Vec<Acknowledged>, CliError> {
    let ids: Vec<String> = jobs.iter().map(|job| EventId(job.id).to_string()).collect();
    let names: Vec<Option<String>> = jobs.iter().map(|job| job.name.clone()).collect();
    let (batch, more_of) = match batch {
        Batch::None => (false, None),
        Batch::New => (true, None),
        Batch::MoreOf(first) => (true, Some(first)),
    };
    let results = write(client, &Request::SubmitJobs { jobs, batch, more_of })?;
    let many = results.len() > 1;
    let mut acknowledged = Vec::with_capacity(results.len());
    for (index, result) in results.into_iter().enumerate() {
        acknowledged.push(result.map_err(|failure| {
            let error = CliError::from(failure);
            if !many {
                return error;
            }
            let place = names[index].clone().unwrap_or_else(|| ids[index].clone());
            error.at(&input::not_blank("the job", place).unwrap_or_else(|_| "a job".to_owned()))
        })?);
    }
    Ok(acknowledged)
}

fn nothing() -> CliError {
    CliError::new(Kind::Engine(FailureKind::Io), "the holder acknowledged nothing")
}
