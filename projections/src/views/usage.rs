//! Usage: what answers cost, and calls that came to none, by day and model.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::run::Usage;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Totals by day (days since 1970, UTC) and model.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct UsageTotals {
    by_day: BTreeMap<(i32, String), Total>,
    total: Total,
}

/// What some answers cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Total {
    /// How many answers.
    pub answers: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Price in millionths of a US dollar.
    pub cost_micros: u64,
}

impl Total {
    fn add(&mut self, answers: u64, usage: &Usage) {
        self.answers += answers;
        self.input_tokens = self.input_tokens.saturating_add(usage.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(usage.output_tokens);
        self.cost_micros = self.cost_micros.saturating_add(usage.cost_micros);
    }
}

impl UsageTotals {
    /// What a day (days since 1970, UTC) cost, in millionths of a US dollar.
    pub fn cost_of(&self, day: i32) -> u64 {
        let models = self.by_day.range((day, String::new())..).take_while(|((of, _), _)| *of == day);
        models.fold(0, |cost, (_, total)| cost.saturating_add(total.cost_micros))
    }

    /// Everything together.
    pub fn total(&self) -> Total {
        self.total
    }

    /// `(day, model, total)`, oldest day first.
    pub fn by_day(&self) -> impl Iterator<Item = (i32, &str, Total)> {
        self.by_day.iter().map(|((day, model), total)| (*day, model.as_str(), *total))
    }
}

impl Projection for UsageTotals {
    const NAME: &'static str = "usage";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        // What failed, was cut off or asked for tools has its price too.
        let (answers, model, usage) = match &recorded.event {
            Event::RunFinished(event) => (1, &event.model, &event.usage),
            Event::RunReplied(event) => (0, &event.model, &event.usage),
            Event::ConversationCompacted(event) if event.usage != Usage::default() => (0, &event.model, &event.usage),
            Event::RunCallFailed(event) if event.usage != Usage::default() => (0, &event.model, &event.usage),
            _ => return Ok(()),
        };
        self.by_day.entry((recorded.header.at.day(), model.clone())).or_default().add(answers, usage);
        self.total.add(answers, usage);
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;
