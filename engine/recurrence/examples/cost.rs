//! What questions to rules cost. `cargo run --release --workspace --example cost`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use chrono::{DateTime, Utc};
use zo_recurrence::{Rule, RuleError};

const RULES: [&str; 7] = [
    "RRULE:FREQ=MINUTELY",
    "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=3;BYSECOND=3",
    "RRULE:FREQ=HOURLY;BYMINUTE=0,15,30,45;BYHOUR=9,10,11,12",
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR",
    "RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
];

fn main() -> Result<(), RuleError> {
    let mut out = std::io::stdout();
    let now: DateTime<Utc> = "2026-11-21T21:43:10Z".parse().expect("an instant");
    for rule in RULES {
        let rule = Rule::parse_rfc(&format!("DTSTART;TZID=Europe/Berlin:20160101T083000\n{rule}"))?;
        const ROUNDS: u32 = 1_000;
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            black_box(rule.after(black_box(now))?);
        }
        let _ = writeln!(
            out,
            "{:>9.1?} a question  {}",
            begin.elapsed() / ROUNDS,
            rule.to_rfc().lines().nth(1).unwrap_or("")
        );
    }
    Ok(())
}
