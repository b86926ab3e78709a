//! What an answer cost, in a line.

use zo_projections::event::run::{Account, Usage};

use crate::output::text::{count, dollars};

/// The built-in responder.
pub(crate) const OFFLINE: &str = "offline";

/// `1,204 in, 350 out, $0.0042`, with what there is to say about these numbers.
pub(crate) fn cost(usage: &Usage, account: &Account) -> String {
    let mut line = format!("{} in", count(usage.input_tokens));
    if account.cached_tokens > 0 {
        line.push_str(&format!(" ({} cached)", count(account.cached_tokens)));
    }
    line.push_str(&format!(", {} out", count(usage.output_tokens)));
    if account.estimated {
        line.push_str(" (estimated)");
    }
    line.push_str(", ");
    match usage.cost_micros {
        _ if account.unpriced => line.push_str("price unknown"),
        1..100 => line.push_str("less than $0.0001"),
        micros => line.push_str(&dollars(micros)),
    }
    if account.attempts > 1 {
        line.push_str(&format!(", {} attempts", account.attempts));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_says_what_it_is_worth() {
        let usage = Usage { input_tokens: 1204, output_tokens: 350, cost_micros: 4200 };
        let account = Account { attempts: 1, ..Account::default() };
        assert_eq!(cost(&usage, &account), "1,204 in, 350 out, $0.0042");
        let account = Account { cached_tokens: 1000, estimated: true, unpriced: true, attempts: 2, ..account };
        assert_eq!(cost(&usage, &account), "1,204 in (1,000 cached), 350 out (estimated), price unknown, 2 attempts");
        let usage = Usage { cost_micros: 7, ..usage };
        assert_eq!(cost(&usage, &Account::default()), "1,204 in, 350 out, less than $0.0001");
        let usage = Usage { cost_micros: 0, ..usage };
        assert_eq!(cost(&usage, &Account::default()), "1,204 in, 350 out, $0.0000");
    }
}
