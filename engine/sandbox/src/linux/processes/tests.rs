use super::*;

const UNITS: Units = Units { ticks_per_second: 100, page_bytes: 4096 };

#[test]
fn a_name_may_contain_anything() {
    let line =
        "42 (a) R 1 (b) S 7 42 42 0 -1 4194560 100 0 0 0 10 20 30 40 20 0 3 0 100 1000000 25 18446744073709551615";
    let process = parse(line, UNITS).expect("it is well-formed");
    let cpu = Duration::from_secs(1);
    assert_eq!(process, Process { pid: 42, parent: 7, dead: false, threads: 3, cpu, resident_bytes: 25 * 4096 });
    assert_eq!(parse("42 (cut of", UNITS), None);
    assert_eq!(parse("42 (short) Z 7", UNITS), None);
}

#[test]
fn descendants_are_found_and_nobody_else() {
    let process =
        |pid, parent| Process { pid, parent, dead: false, threads: 1, cpu: Duration::ZERO, resident_bytes: 0 };
    let all = vec![process(1, 0), process(5, 1), process(9, 5), process(7, 9), process(8, 1)];
    let mut found: Vec<i32> = descendants(all, 5).iter().map(|process| process.pid).collect();
    found.sort_unstable();
    assert_eq!(found, [7, 9]);
}

#[test]
fn this_process_is_among_all() {
    let own = std::process::id().cast_signed();
    let units = Units::of_this_system();
    let found = all(units).into_iter().find(|process| process.pid == own).expect("it runs");
    assert!(found.threads >= 1 && found.resident_bytes > 0);
    assert!(proportional_bytes(own).is_some_and(|bytes| bytes > 0 && bytes <= found.resident_bytes * 2));
}
