use super::*;
use crate::tools::Usually;

fn rules(lines: &[&str]) -> Vec<Rule> {
    lines.iter().map(|line| line.parse().expect("it is a rule")).collect()
}

/// What rules make of a command line: `allow`, `ask` or `deny`.
fn check(lines: &[&str], command: &str, careful: bool, expected: &str) {
    let programs = match take_apart(command).expect("it can be taken apart") {
        CommandLine::Program(words) => vec![words],
        CommandLine::Joined(programs) => programs,
        CommandLine::Shell => vec![vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()]],
    };
    let subject = Subject::programs("run_command", programs, None);
    let ruling = judge(&rules(lines), &subject, Usually::Ask, careful);
    let word = match ruling {
        Ruling::Allow => "allow",
        Ruling::Ask { .. } => "ask",
        Ruling::Deny(_) => "deny",
    };
    assert_eq!(word, expected, "{lines:?} on `{command}`");
}

#[test]
fn an_allowance_is_of_just_this_command() {
    let allowed = &["allow: run_command(git status)"];
    check(allowed, "git status", false, "allow");
    check(allowed, "git  'status'", false, "allow");
    check(allowed, "git status --short", false, "ask");
    check(allowed, "git statusx", false, "ask");
    check(allowed, "./git status", false, "ask");
    check(allowed, "/tmp/git status", false, "ask");
    check(allowed, "git push", false, "ask");
    check(&["allow: run_command(git log …)"], "git log --oneline -3", false, "allow");
    check(&["allow: run_command(git log ...)"], "git log", false, "allow");
    check(&["allow: run_command(cargo test * --lib)"], "cargo test engine --lib", false, "allow");
    check(&["allow: run_command(cargo test * --lib)"], "cargo test a b --lib", false, "ask");
    check(&["allow: run_command"], "rm -rf /", false, "allow");
}

#[test]
fn a_denial_reaches_further_than_an_allowance() {
    let both = &["allow: run_command", "deny: run_command(git push)"];
    for line in [
        "git push",
        "git push --force",
        "/usr/bin/git push",
        "env A=1 git push",
        "timeout 5 git push",
        "nice -n 5 git push origin",
        "sh -c 'git push'",
        "bash -c 'cd x; git push'",
        "true | xargs git push",
        "git status && git push",
        "echo $(git push)",
        "git -C . push",
        "git -c a=b push",
        "git --no-pager push",
        "env sh -c 'git push'",
        "env -S 'git push'",
        "flock f git push",
        "/lib64/ld-linux-x86-64.so.2 /usr/bin/git push",
        "sh -c \"env sh -c 'git push'\"",
    ] {
        check(both, line, false, "deny");
    }
    check(both, "git pull", false, "allow");
    // What cannot be seen through is asked about.
    for line in ["/usr/bin/gi? push", "t=pu; git ${t}sh", "printf x | sh", "sh script"] {
        check(both, line, false, "ask");
        check(&["allow: run_command"], line, false, "allow");
    }
}

#[test]
fn every_part_of_a_pipeline_must_pass() {
    let allowed = &["allow: run_command(cat …)", "allow: run_command(wc …)"];
    check(allowed, "cat a.txt | wc -l", false, "allow");
    check(allowed, "cat a.txt | sh", false, "ask");
    check(allowed, "cat a.txt && wc -l b.txt; cat c", false, "allow");
    check(allowed, "cat 'a|b' \"c;d\"", false, "allow");
}

#[test]
fn what_only_a_shell_understands_passes_only_as_a_shell() {
    let allowed = &["allow: run_command(cat …)"];
    for line in [
        "cat $HOME",
        "cat `id`",
        "cat a > b",
        "cat < b",
        "cat *",
        "cat ~/x",
        "cat a &",
        "cat \"$(id)\"",
        "cat a\nrm b",
        "A=1 cat a",
        "cat a || (rm b)",
        "cat \\$x",
        "eval cat",
        "cat {a,b}",
    ] {
        check(allowed, line, false, "ask");
        check(&["allow: run_command(sh …)"], line, false, "allow");
    }
}

#[test]
fn who_has_read_what_anybody_wrote_needs_a_rule_that_names_the_command() {
    check(&["allow: run_command"], "cargo test", true, "ask");
    check(&["allow: run_command(cargo test)"], "cargo test", true, "allow");
}

#[test]
fn asking_goes_before_allowing() {
    check(&["allow: run_command(git …)", "ask: run_command(git commit)"], "git commit -m x", false, "ask");
    check(&["allow: run_command(git …)", "ask: run_command(git commit)"], "git diff", false, "allow");
}

#[test]
fn texts_are_compared_with_stars() {
    let subject = |text: &str| Subject::text("write_file", text);
    let judged = |rule: &str, text: &str| judge(&rules(&[rule]), &subject(text), Usually::Ask, false) == Ruling::Allow;
    assert!(judged("allow: write_file(src/*)", "src/a/b.rs"));
    assert!(!judged("allow: write_file(src/*)", "srcx/a"));
    assert!(judged("allow: write_file(*.rs)", "src/a.rs") && !judged("allow: write_file(*.rs)", "a.rs.exe"));
    assert!(judged("allow: write_file(a*b*c)", "axxbyyc") && !judged("allow: write_file(a*b*c)", "acb"));
    assert!(judged("allow: write_file(notes.md)", "notes.md") && !judged("allow: write_file(notes.md)", "notes.mdx"));
    assert!(!judged("allow: read_file", "a"));
}

#[test]
fn rules_are_read_and_written_the_same() {
    for rule in [
        "allow: run_command(git status)",
        "deny: run_command(git push …)",
        "ask: http_fetch(GET https://example.org/*)",
        "deny: write_file",
        "allow: run_command('a b' c)",
    ] {
        assert_eq!(rule.parse::<Rule>().expect("a rule").to_string(), rule);
    }
    for (rule, why) in [
        ("git status", "has the form"),
        ("permit: run_command", "has the form"),
        ("allow: run_comand(git)", "there is no tool"),
        ("allow: run_command(git", "not closed"),
        ("allow: run_command()", "nothing between"),
        ("allow: run_command(…)", "names no program"),
        ("allow: run_command('git)", "quotation mark"),
    ] {
        let error = rule.parse::<Rule>().expect_err("no rule").to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn always_means_just_this() {
    let command = |line: &str| {
        let CommandLine::Program(words) = take_apart(line).expect("it can be") else { panic!("one program") };
        Subject::programs("run_command", vec![words], None).rule()
    };
    assert_eq!(command("git status").as_deref(), Some("allow: run_command(git status)"));
    assert_eq!(command("sh -c ls"), None, "a shell is asked about each time");
    let file = Subject::text("write_file", "src/a.rs").rule();
    assert_eq!(file.as_deref(), Some("allow: write_file(src/a.rs)"));
    assert_eq!(Subject::text("write_file", "src/*").rule(), None);
    // What "always" remembers allows what was asked about.
    let subject = Subject::text("write_file", "src/a.rs");
    assert_eq!(judge(&rules(&[&file.expect("a rule")]), &subject, Usually::Ask, true), Ruling::Allow);
}

#[test]
fn what_a_skill_allows_is_not_the_users_word() {
    let rule = |text: &str| Rule::of_skill(text).map(|rule| rule.to_string());
    assert_eq!(rule("Bash(git:*)").as_deref(), Some("allow: run_command(git …)"));
    assert_eq!(rule("Bash(git status)").as_deref(), Some("allow: run_command(git status)"));
    assert_eq!(rule("Read").as_deref(), Some("allow: read_file"));
    assert_eq!(rule("run_skill(csv-report/*)").as_deref(), Some("allow: run_skill(csv-report/*)"));
    assert_eq!((rule("NotebookEdit"), rule("Bash(git")), (None, None));
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    let subject = Subject::programs("run_command", vec![words("git log")], None);
    let rules = [Rule::of_skill("Bash(git:*)").expect("a rule")];
    assert_eq!(judge(&rules, &subject, Usually::Ask, false), Ruling::Allow);
    assert!(
        matches!(judge(&rules, &subject, Usually::Ask, true), Ruling::Ask { .. }),
        "it may be what the text it read wants"
    );
}

#[test]
fn private_addresses_are_reached_by_rules_that_name_host_and_port() {
    let origin = |rule: &str| rule.parse::<Rule>().expect("a rule").allowed_origin("http_fetch");
    let named = Some("127.0.0.1:8080".to_owned());
    assert_eq!(origin("allow: http_fetch(GET http://127.0.0.1:8080/*)"), named);
    assert_eq!(origin("allow: http_fetch(* http://127.0.0.1:8080)"), named);
    for none in [
        "deny: http_fetch(GET http://127.0.0.1:8080/*)",
        "allow: http_fetch",
        "allow: http_fetch(GET https://example.org/*)",
        "allow: http_fetch(GET http://*:8080/*)",
        "allow: http_fetch(GET http://a@127.0.0.1:8080/*)",
    ] {
        assert_eq!(origin(none), None, "{none}");
    }
}

proptest::proptest! {
    /// Whatever a model writes: no panic, and a denied program never passes by being joined with others.
    #[test]
    fn no_line_slips_past_a_denial(before in "[ a-z|;&'\"$]{0,12}", after in "[ a-z|;&'\"$]{0,12}") {
        let line = format!("{before}; rm x {after}");
        if let Ok(CommandLine::Joined(programs)) = take_apart(&line) {
            let subject = Subject::programs("run_command", programs.clone(), None);
            let ruling = judge(&rules(&["allow: run_command", "deny: run_command(rm)"]), &subject, Usually::Allow, false);
            let has = programs.iter().any(|program| program[0] == "rm");
            proptest::prop_assert!(!has || matches!(ruling, Ruling::Deny(_)), "{}", line);
        }
    }
}
