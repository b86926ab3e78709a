//! Requests about tokens of the HTTP interface.
//!
//! A token is `zo_ID_SECRET`: by its id it is found, by the secret it is known. In the log is a hash of the secret alone.

use zo_projections::event::vault::{Scope, TokenCreated};
use zo_projections::views::tokens::Token as Kept;
use zo_projections::{Actor, Command, Submission, Timestamp, TokenId};

use super::acknowledge;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, Failure, FailureKind, TokenLine, TokenMade};

/// What every token begins with: so that one is recognised where it should not be.
const PREFIX: &str = "zo_";
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// A token that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no such token.
    #[error("the token is not known: it may have been revoked")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

impl Engine {
    /// Whether there is a token that holds.
    pub fn has_tokens(&self) -> bool {
        let now = self.world.now();
        let holds = |until: Option<Timestamp>| until.is_none_or(|until| until > now);
        self.writer.read(|views| views.tokens.iter().any(|(_, kept)| holds(kept.expires_at))).unwrap_or_default()
    }

    /// Who a token is from.
    ///
    /// # Errors
    /// If there is no such token, or it holds no more.
    pub fn authenticate(&self, token: &str) -> Result<Token, Denied> {
        let parts = token.trim().strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.ok_or(Denied::Unknown)?;
        let id: TokenId = id.parse().map_err(|_| Denied::Unknown)?;
        let kept = self.writer.read(|views| views.tokens.get(id).cloned()).map_err(|_| Denied::Unknown)?;
        let kept = kept.ok_or(Denied::Unknown)?;
        // Comparing blake3 hashes takes the same time wherever they differ.
        if blake3::hash(secret.as_bytes()) != blake3::Hash::from_bytes(kept.hash) {
            return Err(Denied::Unknown);
        }
        if kept.expires_at.is_some_and(|expires_at| expires_at <= self.world.now()) {
            return Err(Denied::Expired);
        }
        Ok(Token { id, name: kept.name, scopes: kept.scopes, expires_at: kept.expires_at })
    }
}

pub(super) fn create(
    engine: &Engine,
    name: String,
    mut scopes: Vec<Scope>,
    expires_at: Option<Timestamp>,
) -> Result<TokenMade, Failure> {
    scopes.sort();
    scopes.dedup();
    let id = TokenId(engine.world.fresh_id());
    let secret = secret()?;
    let hash = *blake3::hash(secret.as_bytes()).as_bytes();
    let created = TokenCreated { name, hash, scopes, expires_at };
    engine.writer.submit_one(Submission::new(Actor::User, Command::CreateToken { token: id, created }))?;
    let text = format!("{PREFIX}{id}_{secret}");
    // It may be said to an agent some day, and must not be in the log then.
    engine.writer.redactor().learn(&text);
    let kept = engine.writer.read(|views| views.tokens.get(id).cloned())?;
    let kept = kept.ok_or_else(|| Failure::new(FailureKind::Conflict, "the token was revoked at once"))?;
    Ok(TokenMade { token: line(id, &kept), secret: text })
}

/// A secret that nobody can guess, in letters that mean nothing to shells and URLs.
///
/// # Errors
/// If the system gives no random numbers: then there is none that nobody could guess.
pub(super) fn secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(FailureKind::Io, format!("the system gives no random numbers, so no secret is made: {error}"))
    })?;
    Ok(blake3::Hash::from_bytes(bytes).to_hex().to_string())
}

fn line(id: TokenId, kept: &Kept) -> TokenLine {
    TokenLine {
        id: id.to_string(),
        name: kept.name.clone(),
        scopes: kept.scopes.clone(),
        expires_at: kept.expires_at,
        created_at: kept.created_at,
    }
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let tokens = engine.writer.read(|views| views.tokens.iter().map(|(id, kept)| line(id, kept)).collect())?;
    Ok(Answer::Tokens(tokens))
}

pub(super) fn revoke(engine: &Engine, token: &str) -> Result<Acknowledged, Failure> {
    let found = engine.writer.read(|views| {
        let of = |(id, kept): (TokenId, &Kept)| (kept.name == token || id.to_string() == token).then_some(id);
        views.tokens.iter().find_map(of)
    })?;
    let id = found.ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("there is no token {token}"))
            .hint("`zo token list` shows those there are")
    })?;
    acknowledge(
        id.to_string(),
        engine.writer.submit_one(Submission::new(Actor::User, Command::RevokeToken { token: id })),
    )
}

#[cfg(test)]
mod tests;
