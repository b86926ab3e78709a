//! Nodes: who carries jobs out, what they have, and how far they can be relied upon.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jobs::Class;
use crate::event::Event;
use crate::event::home::PricesSet;
use crate::ids::{NodeId, Position, TokenId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// What a success rate of one is: rates are kept in millionths.
pub const WHOLE: u32 = 1_000_000;
/// Below this rate a node gets no work of a priority above 0.
pub const RELIABLE: u32 = WHOLE / 2;
/// Each attempt counts for a tenth of the rate: what lies twenty attempts back counts for an eighth.
const WEIGHT: u64 = 10;

/// Every node that ever joined and was not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Nodes {
    nodes: BTreeMap<NodeId, Node>,
    gpus: BTreeMap<String, u32>,
    regions: BTreeMap<String, u32>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// How many jobs it runs at a time.
    pub capacity: u32,
    /// What it has, sorted.
    pub labels: Vec<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Its tier of GPU.
    pub gpu: Option<String>,
    /// What an hour of it costs before multipliers, in millionths of a US dollar.
    pub price_micros: u64,
    /// Whether it is the process that has the home.
    pub local: bool,
    /// The token by which it is spoken for, if it is bound to one.
    pub token: Option<TokenId>,
    /// Where it stands.
    pub state: NodeState,
    /// The event by which it joined last.
    pub joined: Position,
    /// When it was heard from last, as far as the log says.
    pub heard_at: Timestamp,
    /// Its decayed rate of success, in millionths.
    pub reputation: u32,
    /// Jobs it has done.
    pub completed: u64,
    /// Attempts of its that came to nothing. Those that it could not even begin count against its reputation, the others say nothing about it.
    pub failed: u64,
    /// Attempts of its that were lost.
    pub lost: u64,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum NodeState {
    /// It takes jobs.
    Up = 0,
    /// It takes no more jobs.
    Draining = 1,
    /// It left.
    Left = 2,
    /// Nothing was heard of it.
    Lost = 3,
}

impl Node {
    /// Whether it gets work of a priority above 0. The local node always does: there may be no other, and then what is
    /// urgent would wait for ever.
    pub fn is_reliable(&self) -> bool {
        self.local || self.reputation >= RELIABLE
    }

    /// Whether it has what jobs of a class require, at this price.
    pub fn can_run(&self, class: &Class, price: u64) -> bool {
        let requires = &class.requires;
        (self.local || !class.local)
            && requires.labels.iter().all(|label| self.labels.binary_search(label).is_ok())
            && requires.region.as_ref().is_none_or(|region| self.region.as_ref() == Some(region))
            && requires.gpu.as_ref().is_none_or(|gpu| self.gpu.as_ref() == Some(gpu))
            && requires.node.as_ref().is_none_or(|name| self.name == *name)
            && requires.max_price_micros.is_none_or(|most| price <= most)
    }

    /// What of that it lacks, for people: `label fast`, `GPU a100`.
    fn lacks(&self, class: &Class, price: u64, urgent: bool) -> Vec<String> {
        let requires = &class.requires;
        let labels = requires.labels.iter().filter(|label| self.labels.binary_search(label).is_err());
        let mut lacks: Vec<String> = labels.map(|label| format!("label {label}")).collect();
        let other = |wanted: &Option<String>, has: Option<&String>| wanted.clone().filter(|it| Some(it) != has);
        lacks.extend(other(&requires.region, self.region.as_ref()).map(|region| format!("region {region}")));
        lacks.extend(other(&requires.gpu, self.gpu.as_ref()).map(|gpu| format!("GPU {gpu}")));
        lacks.extend(other(&requires.node, Some(&self.name)).map(|name| format!("name {name}")));
        lacks.extend(requires.max_price_micros.filter(|most| price > *most).map(|_| "price low enough".to_owned()));
        lacks.extend((class.local && !self.local).then(|| "home".to_owned()));
        lacks.extend(
            (urgent && !self.is_reliable()).then(|| "reputation that work of a high priority needs".to_owned()),
        );
        lacks
    }

    fn judge(&mut self, success: bool) {
        let now = if success { u64::from(WHOLE) } else { 0 };
        let rate = (u64::from(self.reputation) * (WEIGHT - 1) + now) / WEIGHT;
        self.reputation = u32::try_from(rate).expect("an average is not above what it is of");
    }
}

impl Nodes {
    /// A node.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Why none of those nodes that are `there` can run jobs of a class, urgent ones being those of a priority above 0; none if
    /// one can.
    pub fn why_none_runs(&self, class: &Class, urgent: bool, there: impl Fn(NodeId, &Node) -> bool) -> Option<String> {
        let takes = |id: NodeId, node: &Node| node.state == NodeState::Up && there(id, node);
        let lacking: Vec<Vec<String>> = self
            .iter()
            .filter(|(id, node)| takes(*id, node))
            .map(|(_, node)| node.lacks(class, self.price_of(node), urgent))
            .collect();
        let Some(first) = lacking.first() else { return Some("no node is there that takes jobs".to_owned()) };
        if lacking.iter().any(Vec::is_empty) {
            return None;
        }
        let nobody: Vec<&str> =
            first.iter().filter(|what| lacking.iter().all(|it| it.contains(what))).map(String::as_str).collect();
        Some(if nobody.is_empty() {
            "no node has all that it needs".to_owned()
        } else {
            format!("no node has the {}", nobody.join(", nor the "))
        })
    }

    /// What an hour of a node costs: base × tier of GPU × region, in millionths of a US dollar.
    pub fn price_of(&self, node: &Node) -> u64 {
        let multiplier = |table: &BTreeMap<String, u32>, name: &Option<String>| {
            let found = name.as_ref().and_then(|name| table.get(name)).copied();
            u128::from(found.unwrap_or(1000))
        };
        let thousandths = multiplier(&self.gpus, &node.gpu) * multiplier(&self.regions, &node.region);
        let price = u128::from(node.price_micros).saturating_mul(thousandths) / 1_000_000;
        u64::try_from(price).unwrap_or(u64::MAX)
    }

    /// The multipliers: by tier of GPU, and by region.
    pub fn prices(&self) -> PricesSet {
        let list = |table: &BTreeMap<String, u32>| table.iter().map(|(name, by)| (name.clone(), *by)).collect();
        PricesSet { gpus: list(&self.gpus), regions: list(&self.regions) }
    }
}

impl Nodes {
    /// Counts what became of an attempt. A node that was removed may still be heard of.
    fn count(&mut self, id: NodeId, how: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(&id) {
            how(node);
        }
    }
}

impl Projection for Nodes {
    const NAME: &'static str = "nodes";
    const SCHEMA: u16 = 3;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = NodeId(header.stream.id);
        let unknown = || Anomaly::new(recorded, format!("there is no node {id}"));
        match &recorded.event {
            Event::NodeJoined(event) => {
                let before = self.nodes.get(&id);
                let node = Node {
                    name: event.name.clone(),
                    capacity: event.capacity,
                    labels: event.labels.clone(),
                    region: event.region.clone(),
                    gpu: event.gpu.clone(),
                    price_micros: event.price_micros,
                    local: event.local,
                    token: event.token,
                    state: NodeState::Up,
                    joined: header.position,
                    heard_at: header.at,
                    reputation: before.map_or(WHOLE, |node| node.reputation),
                    completed: before.map_or(0, |node| node.completed),
                    failed: before.map_or(0, |node| node.failed),
                    lost: before.map_or(0, |node| node.lost),
                };
                self.nodes.insert(id, node);
            }
            Event::NodeDraining(_) => self.nodes.get_mut(&id).ok_or_else(unknown)?.state = NodeState::Draining,
            Event::NodeResumed(_) => self.nodes.get_mut(&id).ok_or_else(unknown)?.state = NodeState::Up,
            Event::NodeLeft(_) => self.nodes.get_mut(&id).ok_or_else(unknown)?.state = NodeState::Left,
            Event::NodeLost(_) => self.nodes.get_mut(&id).ok_or_else(unknown)?.state = NodeState::Lost,
            Event::NodeRemoved(_) => {
                self.nodes.remove(&id).ok_or_else(unknown)?;
            }
            Event::NodesHeard(event) => {
                for node in &event.nodes {
                    let Some(node) = self.nodes.get_mut(node) else { continue };
                    node.heard_at = header.at;
                    if node.state == NodeState::Lost {
                        node.state = NodeState::Up;
                    }
                }
            }
            Event::PricesSet(event) => {
                self.gpus = event.gpus.iter().cloned().collect();
                self.regions = event.regions.iter().cloned().collect();
            }
            Event::JobCompleted(event) => self.count(event.node, |node| {
                node.completed += 1;
                node.judge(true);
            }),
            Event::JobFailed(event) => self.count(event.node, |node| {
                node.failed += 1;
                // That a job's own command failed says nothing about the node that ran it.
                if event.not_begun {
                    node.judge(false);
                }
            }),
            Event::JobLeaseLost(event) => self.count(event.node, |node| {
                node.lost += 1;
                // The process that has the home was ended: that says nothing about what it runs.
                if !node.local {
                    node.judge(false);
                }
            }),
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
