//! What can be told of tokens. Keys of providers are told of beside the home.

use super::*;
use crate::command::Command;
use crate::event::vault::Scope;
use crate::testing::{assert_lines, told};

fn create_as(id: u128, name: &str, scopes: &[Scope]) -> Command {
    let created = TokenCreated { name: name.to_owned(), hash: [9; 32], scopes: scopes.to_vec(), expires_at: None };
    Command::CreateToken { token: TokenId(id), created }
}

fn create(id: u128) -> Command {
    create_as(id, "laptop", &[Scope::Ask, Scope::Read])
}

const REVOKE: Command = Command::RevokeToken { token: TokenId(1) };

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_token_is_made_once_and_revoked_for_good() {
    let hash = "09".repeat(32);
    check(&[create(1)], &format!("1 vault/1 v1 vault.token_created name=laptop hash={hash} scopes=[ask,read]"));
    check(&[create(1), create(1)], "already: vault/1 at 1");
    check(&[create(1), REVOKE], "2 vault/1 v2 vault.token_revoked");
    check(&[create(1), REVOKE, create(1)], "rejected: token 1 was revoked");
    check(&[create(1), REVOKE, REVOKE], "rejected: there is no token 1");
    check(&[REVOKE], "rejected: there is no token 1");
}

#[test]
fn a_name_is_that_of_one_token() {
    check(&[create(1), create(2)], "rejected: the name: there is a token laptop already: revoke it first");
    check(
        &[create(1), REVOKE, create_as(2, "laptop", &[Scope::Admin])],
        &format!("3 vault/2 v1 vault.token_created name=laptop hash={} scopes=[admin]", "09".repeat(32)),
    );
    check(&[create_as(1, " ", &[Scope::Ask])], "rejected: the name: it is empty");
}

#[test]
fn scopes_are_in_order_and_each_once() {
    for scopes in [&[][..], &[Scope::Read, Scope::Ask], &[Scope::Ask, Scope::Ask]] {
        check(&[create_as(1, "a", scopes)], "rejected: the scopes: at least one is needed, in order, each once");
    }
    assert!(told(&[create_as(1, "a", &Scope::ALL)]).contains("scopes=[admin,ask,read,node]"));
}
