//! What a machine offers as a node: options of `zo serve` and `zo worker`.

use clap::Args;

use crate::commands::agent::options::parse_dollars;

/// What a machine offers as a node.
#[derive(Args, Debug)]
pub(crate) struct Offer {
    /// How many jobs are carried out here at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) capacity: Option<u32>,
    /// What jobs may ask for; can be given more than once
    #[arg(long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<String>,
    /// Where this machine is
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Its tier of GPU
    #[arg(long, value_name = "TIER")]
    pub(crate) gpu: Option<String>,
    /// What an hour of it costs, in US dollars, before the multipliers of `zo node prices`
    #[arg(long, value_name = "USD", value_parser = parse_dollars)]
    pub(crate) price: Option<u64>,
}

impl Offer {
    /// The options as words, for who starts it again.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        self.capacity.iter().for_each(|capacity| add("--capacity", capacity.to_string()));
        self.labels.iter().for_each(|label| add("--label", label.clone()));
        self.region.iter().for_each(|region| add("--region", region.clone()));
        self.gpu.iter().for_each(|gpu| add("--gpu", gpu.clone()));
        self.price.iter().for_each(|price| add("--price", format!("{}.{:06}", price / 1_000_000, price % 1_000_000)));
        words
    }
}
