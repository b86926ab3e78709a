use super::*;

fn entry(pid: u32, parent: u32, group: u32) -> Entry {
    Entry { pid, parent, group, zombie: false }
}

#[test]
fn members_are_the_group_and_all_descendants_without_the_dead() {
    let dead = Entry { zombie: true, ..entry(16, 10, 10) };
    let table = [
        entry(1, 0, 1),
        entry(12, 10, 10),
        entry(10, 1, 10),
        entry(13, 12, 13),
        entry(14, 13, 13),
        entry(15, 1, 15),
        dead,
    ];
    assert_eq!(members_of(10, &table), [10, 12, 13, 14]);
    assert!(members_of(99, &table).is_empty());
}

#[test]
fn a_name_with_brackets_does_not_confuse() {
    let stat = "7 (a) (b c) S 3 5 5 0 -1";
    assert_eq!(parse_stat(7, stat), Some(entry(7, 3, 5)));
    assert_eq!(parse_stat(7, "7 (a) Z 3 5"), Some(Entry { zombie: true, ..entry(7, 3, 5) }));
    assert_eq!(parse_stat(7, "broken"), None);
    assert_eq!(parse_ps("  7   3  5 Ss"), Some(entry(7, 3, 5)));
}

#[test]
fn this_process_is_known() {
    let me = std::process::id();
    assert!(members(me).contains(&me));
    assert!(memory(&[me]) > 100_000);
    assert_eq!(uses_more(&[me], u64::MAX), None);
    assert!(uses_more(&[me], 1).is_some());
}
