use crate::Document;
use crate::testing::document;

#[track_caller]
fn check(document: &Document, heading: Option<&str>) {
    assert_eq!(document.heading(), heading);
    let counted = document.searchable_text().matches(heading.unwrap_or("\u{0}")).count();
    assert_eq!(counted, if heading.is_some() { 3 } else { 0 });
}

#[test]
fn the_heading_of_a_note_counts_three_times() {
    check(&document(1, "# Boats\n\nAnna has two of them."), Some("# Boats"));
    check(&Document { title: Some("boats.md".to_owned()), ..document(1, "Anna has two.") }, Some("boats.md"));
}

#[test]
fn what_is_said_and_what_is_short_has_no_heading() {
    check(&document(1, "Anna has two boats."), None);
    check(&document(1, "Anna has two boats.\nYes."), None);
    check(&document(1, &format!("{}\n{}", "boat ".repeat(60), "sea ".repeat(200))), None);
    let said = document(1, "Hi!\nAnna has two boats, and I have none at all.");
    check(&Document { speaker: Some("Ben".to_owned()), ..said }, None);
}
