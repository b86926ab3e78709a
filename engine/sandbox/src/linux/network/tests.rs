use super::*;

#[test]
fn who_listens_is_told_from_who_is_connected() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
         \x20  0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n\
         \x20  1: 0100007F:0C38 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0\n\
         \x20  2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0\n";
    assert!(lists_listener(table, 8080));
    assert!(lists_listener(table, 80));
    assert!(!lists_listener(table, 3128), "it is connected");
    assert!(!lists_listener(table, 0x9c40), "that is the other end");
    assert!(!lists_listener(table, 1));
}
