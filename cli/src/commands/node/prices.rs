//! `zo node prices`.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query, Request};

use crate::context::{Context, query, write_one};
use crate::error::CliError;
use crate::output::Table;

/// A multiplier of 1, in thousandths.
const ONE: u32 = 1000;
/// The largest multiplier, in thousandths.
const MAX: u32 = 1_000_000_000;

/// Show or lay down what a GPU and a region multiply the price of a node by
///
/// Examples:
///   zo node prices
///   zo node prices --set gpu:a100=2.5 --set region:eu=1.1
///   zo node prices --set gpu:a100=1
///
/// What a node costs is its own price, times that of its tier of GPU, times that of its region; what is not laid down multiplies
/// by 1. A job may say how much a node may cost (`zo job submit --max-price`).
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Prices {
    /// A multiplier; can be given more than once
    #[arg(long = "set", value_name = "gpu:TIER=X|region:NAME=X", value_parser = parse_multiplier)]
    set: Vec<Multiplier>,
}

/// A multiplier, in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Multiplier {
    is_gpu: bool,
    name: String,
    thousandths: u32,
}

/// Multipliers by name, in thousandths.
type Multipliers = BTreeMap<String, u32>;

/// The multipliers, as JSON has them.
#[derive(Serialize)]
struct PriceJson<'a> {
    of: &'static str,
    name: &'a str,
    multiplier: f64,
}

fn parse_multiplier(text: &str) -> Result<Multiplier, String> {
    const EXPECTED: &str = "gpu:TIER=X or region:NAME=X is expected, as in gpu:a100=2.5";
    let (place, number) = text.rsplit_once('=').ok_or(EXPECTED)?;
    let (is_gpu, name) = match place.split_once(':') {
        Some(("gpu", name)) => (true, name),
        Some(("region", name)) => (false, name),
        _ => return Err(EXPECTED.to_owned()),
    };
    if name.trim().is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let thousandths = thousandths(number).ok_or("a multiplier is a number above 0, such as 2.5 or 0.75")?;
    Ok(Multiplier { is_gpu, name: name.trim().to_owned(), thousandths })
}

/// A decimal number above 0 in thousandths; what is less than a thousandth is no multiplier.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 3 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u32 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(ONE)?.checked_add(part).filter(|number| (1..=MAX).contains(number))
}

impl Prices {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if self.set.is_empty() {
            let mut client = context.open_existing()?;
            let (gpus, regions) = prices(&mut client)?;
            print(context, &gpus, &regions)?;
            return context.close(client);
        }
        let mut client = context.open()?;
        let (mut gpus, mut regions) = prices(&mut client)?;
        for Multiplier { is_gpu, name, thousandths } in self.set.clone() {
            let table = if is_gpu { &mut gpus } else { &mut regions };
            table.insert(name, thousandths);
        }
        // What multiplies by 1 need not be kept.
        let kept = |table: Multipliers| table.into_iter().filter(|(_, thousandths)| *thousandths != ONE).collect();
        let request = Request::SetPrices { gpus: kept(gpus), regions: kept(regions) };
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "laid down")?;
        context.close(client)
    }
}

/// The multipliers of tiers of GPUs, and of regions.
fn prices(client: &mut Client) -> Result<(Multipliers, Multipliers), CliError> {
    query(client, Query::Prices, None, |answer| match answer {
        Answer::Prices { gpus, regions } => Some((gpus.into_iter().collect(), regions.into_iter().collect())),
        _ => None,
    })
}

fn print(context: &mut Context, gpus: &Multipliers, regions: &Multipliers) -> Result<(), CliError> {
    let mut table = Table::new(&["OF", "NAME", "TIMES"]);
    let all = gpus.iter().map(|entry| ("gpu", entry)).chain(regions.iter().map(|entry| ("region", entry)));
    for (of, (name, thousandths)) in all {
        let multiplier = f64::from(*thousandths) / f64::from(ONE);
        if context.output.is_json() {
            context.output.data(&PriceJson { of, name, multiplier })?;
        } else {
            table.row([of.to_owned(), name.clone(), multiplier.to_string()]);
        }
    }
    table.print(&mut context.output)?;
    if gpus.is_empty() && regions.is_empty() {
        context.output.note("nothing is laid down: every node costs what it says");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiplier_is_a_number_for_a_gpu_or_a_region() {
        let expected = Multiplier { is_gpu: true, name: "a100".to_owned(), thousandths: 2500 };
        assert_eq!(parse_multiplier("gpu:a100=2.5"), Ok(expected));
        assert_eq!(parse_multiplier("region:eu=0.75").map(|it| (it.is_gpu, it.thousandths)), Ok((false, 750)));
        for text in
            ["a100=2", "gpu:=2", "gpu:a100", "gpu:a100=0", "gpu:a100=-1", "gpu:a100=much", "cpu:x=1", "gpu:a=1.0001"]
        {
            assert!(parse_multiplier(text).is_err(), "{text}");
        }
    }
}
