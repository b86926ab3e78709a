use super::*;

fn line(call: &str, rule: Option<&str>) -> PermissionLine {
    PermissionLine {
        run: "R".to_owned(),
        call: call.to_owned(),
        tool: "run_command".to_owned(),
        what: "cargo test".to_owned(),
        why: "no rule names it".to_owned(),
        rule: rule.map(str::to_owned),
    }
}

#[test]
fn only_what_was_offered_is_an_answer() {
    let of = |typed| Decision::of(typed, true);
    assert_eq!(
        ["y", " YES\n", "n", "no", "a", "always", "s", "stop"].map(of),
        [
            Some(Decision::Allow),
            Some(Decision::Allow),
            Some(Decision::Deny),
            Some(Decision::Deny),
            Some(Decision::Always),
            Some(Decision::Always),
            Some(Decision::Stop),
            Some(Decision::Stop)
        ]
    );
    assert_eq!(["", "\n", "yy", "yes please", "1"].map(of), [None; 5]);
    assert_eq!(Decision::of("a", false), None, "no rule can be added");
    assert!(offered(&line("0.0", Some("allow: run_command(cargo test)"))).contains("cargo test)), [s]top"));
    assert!(!offered(&line("0.0", None)).contains("lways"));
    assert_eq!(deed(&line("0.0", None)), "run_command cargo test");
    let named = PermissionLine { what: "run_command git push".to_owned(), ..line("0.0", None) };
    assert_eq!(deed(&named), "run_command git push");
}

#[test]
fn a_call_waits_once_and_goes_when_it_is_answered() {
    let mut permissions = Permissions::new(true);
    permissions.asked(line("0.0", None));
    permissions.asked(line("0.0", None));
    permissions.asked(line("0.1", None));
    assert_eq!(permissions.waiting.len(), 2);
    assert!(!permissions.answered("R", "0.0"), "nobody was being asked");
    assert_eq!(permissions.waiting.front().map(|line| line.call.as_str()), Some("0.1"));
    assert!(!permissions.close_all());
    assert!(permissions.waiting.is_empty());
}
