//! Who asks: bearer tokens and what they are good for.
//!
//! A token is presented as `Authorization: Bearer TOKEN`, or bare, as ZoClone's own client does: `authorization: TOKEN`.
//! What tokens there are is the engine's business.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use zo_engine::service::{Denied, Token};
use zo_projections::event::vault::Scope;

use crate::problem::Problem;

/// Who asks: a token that holds.
pub(crate) struct Caller(pub(crate) Token);

impl Caller {
    /// Refuses whoever has none of these scopes. None includes another but `admin`, which includes all.
    pub(crate) fn needs(&self, any: &[Scope]) -> Result<(), Problem> {
        if self.0.scopes.iter().any(|scope| *scope == Scope::Admin || any.contains(scope)) {
            return Ok(());
        }
        let wanted: Vec<&str> = any.iter().map(|scope| scope.name()).collect();
        let message =
            format!("the token {:?} is too narrow: this needs the scope {}", self.0.name, wanted.join(" or "));
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", message)
            .hint(format!("`zo token create NAME --scope {}` makes another one", wanted[0])))
    }
}

/// The token that a request presents.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => return None,
        None => value,
    };
    (!token.is_empty()).then_some(token)
}

/// The answer to who has presented no token that is good.
pub(crate) fn refusal(denied: Option<Denied>) -> Problem {
    let (message, challenge) = match denied {
        None => ("no token was presented", "Bearer realm=\"zo\""),
        Some(Denied::Unknown) => ("the token is not known", "Bearer realm=\"zo\", error=\"invalid_token\""),
        Some(Denied::Expired) => {
            let expired = "Bearer realm=\"zo\", error=\"invalid_token\", error_description=\"expired\"";
            ("the token has expired", expired)
        }
    };
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("`zo token create NAME` makes one; present it as `Authorization: Bearer TOKEN`")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

#[cfg(test)]
mod tests {
    use zo_projections::TokenId;

    use super::*;

    #[test]
    fn a_token_is_a_bearers_or_bare() {
        let token = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            presented(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer zo_x").as_deref(), Some("zo_x"));
        assert_eq!(token("bearer  zo_x ").as_deref(), Some("zo_x"));
        assert_eq!(token("zo_x").as_deref(), Some("zo_x"));
        assert_eq!(token("Basic enox"), None);
        assert_eq!(token("Bearer "), Some("Bearer".to_owned()), "which no token is");
        assert_eq!(token(""), None);
        assert_eq!(presented(&HeaderMap::new()), None);
    }

    #[test]
    fn a_scope_is_good_for_itself_and_admin_for_all() {
        let token = |scope| Caller(Token { id: TokenId(1), name: "n".into(), scopes: vec![scope], expires_at: None });
        assert!(token(Scope::Admin).needs(&[Scope::Node]).is_ok());
        assert!(token(Scope::Ask).needs(&[Scope::Read, Scope::Ask]).is_ok());
        let problem = token(Scope::Read).needs(&[Scope::Ask]).expect_err("too narrow");
        assert_eq!(problem.status, StatusCode::FORBIDDEN);
        assert!(problem.message.contains("needs the scope ask"), "{problem:?}");
    }
}
