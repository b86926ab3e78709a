//! Tokens of the HTTP interface.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::vault::Scope;
use crate::ids::{Position, TokenId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every token that was not revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tokens {
    tokens: BTreeMap<TokenId, Token>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// What it is called.
    pub name: String,
    /// blake3 of its secret.
    pub hash: [u8; 32],
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The event that made it.
    pub created: Position,
}

impl Tokens {
    /// A token.
    pub fn get(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(&id)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (TokenId, &Token)> {
        self.tokens.iter().map(|(id, token)| (*id, token))
    }
}

impl Projection for Tokens {
    const NAME: &'static str = "tokens";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = TokenId(header.stream.id);
        match &recorded.event {
            Event::TokenCreated(event) => {
                // One that was revoked does not come back: its stream still knows it.
                if header.version != 1 || self.tokens.contains_key(&id) {
                    return Err(Anomaly::new(recorded, format!("token {id} was made before")));
                }
                let token = Token {
                    name: event.name.clone(),
                    hash: event.hash,
                    scopes: event.scopes.clone(),
                    expires_at: event.expires_at,
                    created_at: header.at,
                    created: header.position,
                };
                self.tokens.insert(id, token);
            }
            Event::TokenRevoked(_) => {
                let removed = self.tokens.remove(&id);
                removed.ok_or_else(|| Anomaly::new(recorded, format!("there is no token {id}")))?;
            }
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
