use super::*;

fn place(node: i64) -> Place {
    Place { frame: "f".to_owned(), loader: "l".to_owned(), node }
}

#[test]
fn an_element_keeps_its_number_and_a_new_document_begins_anew() {
    let mut references = References::default();
    let first = references.of(1, "a");
    assert_eq!([first.number(place(70)), first.number(place(9)), first.number(place(70))], [1, 2, 1]);
    assert_eq!(first.place(2), Some(&place(9)));
    assert_eq!((first.place(0), first.place(3)), (None, None));
    assert_eq!(references.of(1, "a").number(place(5)), 3);
    assert_eq!(references.of(2, "a").number(place(5)), 1, "another tab has numbers of its own");
    assert_eq!(references.of(1, "b").number(place(5)), 1);
}
