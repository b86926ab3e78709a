//! Rules: what holds, since when, and what a day may cost.

use super::*;
use crate::event::home::{DailyBudgetSet, RuleAdded, RuleRemoved};
use crate::ids::{Category, StreamId};
use crate::testing::{assert_lines, fold};

fn add(rule: &str) -> Event {
    RuleAdded { rule: rule.to_owned() }.into()
}

fn remove(rule: &str) -> Event {
    RuleRemoved { rule: rule.to_owned() }.into()
}

fn budget(cost_micros: Option<u64>) -> Event {
    DailyBudgetSet { cost_micros }.into()
}

/// Folds events of the home; the rules in their order, the budget, and the anomalies.
fn check(events: &[Event], expected: &str) {
    let home = StreamId::new(Category::Home, 0);
    let (rules, anomalies) = fold::<Rules>(&events.iter().map(|event| (home, event.clone())).collect::<Vec<_>>());
    let mut text = String::new();
    for (rule, since) in rules.rules() {
        assert_eq!(rules.since(rule), Some(*since));
        text += &format!("{rule} since {since}\n");
    }
    if let Some((budget, since)) = rules.daily_budget_set() {
        assert_eq!(rules.daily_budget(), budget);
        text += &format!("budget {budget:?} since {since}\n");
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn rules_hold_in_their_order_until_they_are_removed() {
    check(&[add("deny: b"), add("allow: a")], "deny: b since 1\nallow: a since 2");
    check(&[add("deny: b"), add("allow: a"), remove("deny: b")], "allow: a since 2");
    check(&[add("a"), add("b"), remove("a"), add("a")], "b since 2\na since 4");
    check(&[], "");
}

#[test]
fn a_rule_is_there_once_and_removed_once() {
    check(
        &[remove("a"), add("a"), add("a"), remove("b"), remove("a"), remove("a")],
        "!1 there is no rule `a`
         !3 the rule `a` holds already
         !4 there is no rule `b`
         !6 there is no rule `a`",
    );
}

#[test]
fn the_last_budget_counts_also_if_it_is_none() {
    check(&[budget(Some(5))], "budget Some(5) since 1");
    check(&[budget(Some(5)), budget(Some(0))], "budget Some(0) since 2");
    check(&[budget(Some(5)), budget(None)], "budget None since 2");
    let (rules, _) = fold::<Rules>(&[]);
    assert_eq!((rules.daily_budget(), rules.daily_budget_set(), rules.since("a")), (None, None, None));
}
