//! Tokens that were made and not revoked.

use super::*;
use crate::event::vault::{TokenCreated, TokenRevoked};
use crate::ids::StreamId;
use crate::testing::{assert_lines, fold};

fn created(name: &str) -> Event {
    let (scopes, expires_at) = (vec![Scope::Ask, Scope::Node], Some(Timestamp(99)));
    TokenCreated { name: name.to_owned(), hash: [7; 32], scopes, expires_at }.into()
}

fn revoked() -> Event {
    TokenRevoked {}.into()
}

/// Folds events of tokens; what is known of each, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let events: Vec<_> = events.iter().map(|(id, event)| (StreamId::from(TokenId(*id)), event.clone())).collect();
    let (tokens, anomalies) = fold::<Tokens>(&events);
    let mut text = String::new();
    for (id, token) in tokens.iter() {
        assert_eq!(tokens.get(id), Some(token));
        let Token { name, hash, scopes, expires_at, created_at, created } = token;
        assert_eq!((hash, *expires_at, created_at.0.cast_unsigned()), (&[7; 32], Some(Timestamp(99)), created.0));
        text += &format!("{}: {name} for {scopes:?} since {created}\n", id.0);
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_token_holds_until_it_is_revoked() {
    check(&[(1, created("laptop")), (2, created("phone")), (1, revoked())], "2: phone for [Ask, Node] since 2");
}

#[test]
fn what_was_revoked_does_not_come_back() {
    check(
        &[(1, created("laptop")), (1, revoked()), (1, created("laptop")), (1, revoked())],
        "!3 token 1 was made before
         !4 there is no token 1",
    );
    check(
        &[(1, created("laptop")), (1, created("other"))],
        "1: laptop for [Ask, Node] since 1
         !2 token 1 was made before",
    );
}
