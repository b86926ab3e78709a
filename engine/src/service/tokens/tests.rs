//! Tokens: which hold, for how long, and that the log has none.

use super::*;
use crate::service::testing::{Desk, NOON};

fn made(desk: &Desk, name: &str, expires_at: Option<Timestamp>) -> TokenMade {
    let scopes = vec![Scope::Read, Scope::Ask, Scope::Read];
    create(&desk.engine, name.to_owned(), scopes, expires_at).expect("it is made")
}

#[test]
fn a_token_is_known_by_its_id_and_its_secret() {
    let desk = Desk::new();
    let (one, other) = (made(&desk, "one", None), made(&desk, "other", None));
    let known = desk.engine.authenticate(&one.secret).expect("it holds");
    assert_eq!((known.id.to_string(), known.name.as_str()), (one.token.id.clone(), "one"));
    assert_eq!(known.scopes, [Scope::Ask, Scope::Read], "each scope once");
    assert_eq!(desk.engine.authenticate(&format!("  {}\n", one.secret)), Ok(known), "as it comes out of a file");
    let secret = |made: &TokenMade| made.secret.rsplit_once('_').expect("it has both").1.to_owned();
    assert_ne!(secret(&one), secret(&other));
    for wrong in [
        String::new(),
        "zo_".to_owned(),
        "zo__".to_owned(),
        one.token.id.clone(),
        one.secret.trim_start_matches("zo_").to_owned(),
        format!("zo_{}_", one.token.id),
        format!("zo_{}_{}", one.token.id, secret(&other)),
        format!("zo_{}_{}", one.token.id, &secret(&one)[1..]),
        format!("{}0", one.secret),
        format!("zo_{}_{}", TokenId(7), secret(&one)),
    ] {
        assert_eq!(desk.engine.authenticate(&wrong), Err(Denied::Unknown), "{wrong:?}");
    }
}

#[test]
fn a_token_holds_until_its_time_is_over_or_it_is_revoked() {
    let desk = Desk::new();
    let soon = made(&desk, "soon", Some(Timestamp(NOON.0 + 1000)));
    let (by_name, by_id) = (made(&desk, "by name", None), made(&desk, "by id", None));
    let holds = |made: &TokenMade| desk.engine.authenticate(&made.secret).map(|_| ());
    desk.set_clock(999);
    assert_eq!(holds(&soon), Ok(()));
    desk.set_clock(1000);
    assert_eq!(holds(&soon), Err(Denied::Expired));
    assert_eq!(
        desk.engine.authenticate(&format!("{}x", soon.secret)),
        Err(Denied::Unknown),
        "that it was one is told to nobody who does not have it"
    );
    revoke(&desk.engine, "by name").expect("it is revoked");
    revoke(&desk.engine, &by_id.token.id).expect("it is revoked");
    assert_eq!((holds(&by_name), holds(&by_id)), (Err(Denied::Unknown), Err(Denied::Unknown)));
    let failure = revoke(&desk.engine, "by name").expect_err("it is gone");
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::NotFound, "there is no token by name"));
    let Answer::Tokens(lines) = list(&desk.engine).expect("they are listed") else { panic!() };
    assert_eq!(lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["soon"]);
}

#[test]
fn no_token_is_in_the_log() {
    let desk = Desk::new();
    let token = made(&desk, "phone", None);
    let secret = token.secret.rsplit_once('_').expect("it has both").1.to_owned();
    // Not even where somebody says it.
    crate::service::memorize(
        &desk.engine,
        Actor::User,
        crate::protocol::NewMemory { content: format!("it is {}", token.secret), ..Default::default() },
    )
    .expect("it is kept");
    let (mut told, last) = (String::new(), desk.engine.writer.position());
    let read = desk.engine.reader.each(zo_projections::Position(1), last, &mut |event| {
        let body = event.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        told += &format!("{:?} {body}\n", event.recorded.event);
        std::ops::ControlFlow::Continue(())
    });
    read.expect("the log can be read");
    assert!(told.contains("TokenCreated") && told.contains("it is "), "{told}");
    assert!(!told.contains(&secret), "{told}");
}
