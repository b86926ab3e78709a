use super::*;

#[test]
fn dollars_are_read_to_the_millionth() {
    let dollars = |text| parse_dollars(text);
    assert_eq!(dollars("2"), Ok(2_000_000));
    assert_eq!(dollars("0.5"), Ok(500_000));
    assert_eq!(dollars("$1.25"), Ok(1_250_000));
    assert_eq!(dollars(".000001"), Ok(1));
    assert_eq!(dollars("0.1000000"), Ok(100_000));
    assert_eq!(dollars("3."), Ok(3_000_000));
    for bad in ["", ".", "$", "-1", "1e3", "1,5", "one", "0.0000001", "18446744073710", "99999999999999999999"] {
        assert!(dollars(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_budget_of_zero_is_none() {
    for error in [
        parse_steps("0").map(|_| ()),
        parse_tokens("0").map(|_| ()),
        parse_cost("0.00").map(|_| ()),
        parse_wall("0s").map(|_| ()),
        parse_concurrency("0").map(|_| ()),
    ] {
        let error = error.expect_err("zero");
        assert!(error.contains("zero") || error.contains("no "), "{error}");
    }
    assert_eq!(parse_steps("3"), Ok(3));
    assert_eq!(parse_cost("0.01"), Ok(10_000));
    assert_eq!(parse_steps("many"), Err("a whole number is expected".to_owned()));
}

#[test]
fn rules_are_kept_with_what_they_say() {
    assert_eq!(rule_of("allow", " run_command(cargo test) ").as_deref(), Ok("allow: run_command(cargo test)"));
    assert_eq!(rule_of("deny", "deny: http_fetch").as_deref(), Ok("deny: http_fetch"));
    assert_eq!(rule_of("allow", " ").expect_err("blank").kind.exit_code(), 2);
}

#[test]
fn a_script_and_its_model_go_together() {
    let with = AgentOptions { script: Some("s.json".into()), ..AgentOptions::default() };
    let without = AgentOptions::default();
    assert!(with.check_model(Some(SCRIPTED)).is_ok() && without.check_model(None).is_ok());
    assert!(with.check_model(Some("a/b")).is_err() && with.check_model(None).is_err());
    assert!(without.check_model(Some(SCRIPTED)).is_err());
    assert!(with.check_unused().is_err() && without.check_unused().is_ok());
}
