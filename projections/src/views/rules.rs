//! Rules: what tools may do and cost, for every agent.

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// The permission rules, and what a day may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Rules {
    rules: Vec<(String, Position)>,
    daily_budget: Option<u64>,
}

impl Rules {
    /// Permission rules as text, each with the event that added it, oldest first.
    pub fn rules(&self) -> &[(String, Position)] {
        &self.rules
    }

    /// What all agents together may cost in a day (UTC), in millionths of a US dollar.
    pub fn daily_budget(&self) -> Option<u64> {
        self.daily_budget
    }

    /// Since when a rule holds.
    pub fn since(&self, rule: &str) -> Option<Position> {
        self.rules.iter().find(|(text, _)| text == rule).map(|(_, since)| *since)
    }
}

impl Projection for Rules {
    const NAME: &'static str = "rules";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        match &recorded.event {
            Event::RuleAdded(event) => {
                if self.since(&event.rule).is_some() {
                    return Err(Anomaly::new(recorded, format!("the rule `{}` holds already", event.rule)));
                }
                self.rules.push((event.rule.clone(), recorded.header.position));
            }
            Event::RuleRemoved(event) => {
                if self.since(&event.rule).is_none() {
                    return Err(Anomaly::new(recorded, format!("there is no rule `{}`", event.rule)));
                }
                self.rules.retain(|(rule, _)| *rule != event.rule);
            }
            Event::DailyBudgetSet(event) => self.daily_budget = event.cost_micros,
            _ => {}
        }
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
