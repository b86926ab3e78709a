use super::text_of;

fn html(text: &str) -> String {
    text_of("text/html; charset=utf-8", text.as_bytes())
}

#[test]
fn a_page_is_read_as_its_reader_sees_it() {
    let page = "<!DOCTYPE html><html><head><title>Sea &amp; sand</title><style>p { color: red }</style>\
        <script>if (a < b) { document.write('<p>no</p>') }</script></head>\
        <body><nav><ul><li><a href='/'>Home</a><li><a href=\"/tides?day=1&amp;x=2\">Tides</a></ul></nav>\
        <h1>Low  tide\n today</h1><p>At <b>six</b>,<br>and again <p>at 18:30.\
        <ol><li>walk<li>swim<ul><li>far</ul></ol>\
        <table><tr><th>Day<th>Height<tr><td>Mon<td>1.2&nbsp;m</table>\
        <pre>\n a\n  b</pre><img src=x alt='a crab'><hr>end</body></html>";
    let expected = "Sea & sand\n\n- [Home](/)\n- [Tides](/tides?day=1&x=2)\n\n# Low tide today\n\nAt six,\nand again\n\nat 18:30.\n\n\
        1. walk\n2. swim\n  - far\n\nDay | Height\nMon | 1.2\u{a0}m\n\n```\n a\n  b\n```\n\n(image: a crab)\n\n---\n\nend";
    assert_eq!(html(page), expected);
}

#[test]
fn what_a_page_hides_is_not_read() {
    let page = "<p>seen<span hidden>one</span><div style='color: red; DISPLAY : none'>two<p>three</div>\
        <p style='visibility:hidden'>four</p><template><p>five</template><noscript>without scripts</noscript>\
        <svg><title>six</title><path/><g>seven</g></svg><iframe>eight</iframe><textarea><b>typed</textarea> after";
    assert_eq!(html(page), "seen\n\nwithout scripts\n\n<b>typed\n\nafter");
}

#[test]
fn links_that_lead_nowhere_are_text() {
    let page = "<a href='#top'>up</a> <a href='JavaScript:x()'>do</a> <a>name</a> <a href='data:text/html,x'>d</a> <a href='/a'></a>\
        <a href='/b'>b<a href='/c'>c</a>";
    assert_eq!(html(page), "up do name d [b](/b)[c](/c)");
}

#[test]
fn broken_html_is_text_all_the_same() {
    assert_eq!(html(""), "");
    assert_eq!(html("</p></div>a < b & c &notanentity; <"), "a < b & c ¬anentity; <");
    assert_eq!(html("<p>a</b></i><div>b</p>c"), "a\n\nb\nc");
    assert_eq!(html("<script>never closed"), "");
    assert_eq!(html("x<!-- never closed"), "x");
}

#[test]
fn deep_and_wide_pages_take_linear_time() {
    let began = std::time::Instant::now();
    let deep = html(&format!("{}end{}", "<div>".repeat(200_000), "</span>".repeat(200_000)));
    assert_eq!(deep, "end");
    let cells = html(&"<table><tr><td>x<p>".repeat(50_000));
    assert_eq!(cells.matches('x').count(), 50_000);
    // Some hundredths of a second in a release build; what is quadratic takes minutes.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn json_is_indented_and_its_values_stay_as_they_are() {
    let text = br#"{"a":[1,2.50,12345678901234567890123],"b":{},"c":[],"d":"x: {\"y\\\\\",}","e":{"f":null}}"#;
    let expected = "{\n  \"a\": [\n    1,\n    2.50,\n    12345678901234567890123\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": \"x: {\\\"y\\\\\\\\\\\",}\",\n  \"e\": {\n    \"f\": null\n  }\n}";
    assert_eq!(text_of("application/json", text), expected);
    assert_eq!(text_of("application/problem+json", b"{}"), "{}");
    assert_eq!(text_of("application/json", b"not json {"), "not json {");
    let reread: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(reread, serde_json::from_slice::<serde_json::Value>(text).unwrap());
}

#[test]
fn deep_json_does_not_grow_out_of_bounds() {
    let text = format!("{}{}{}", "[".repeat(120), "1,".repeat(100_000) + "1", "]".repeat(120));
    assert_eq!(text_of("application/json", text.as_bytes()), text);
}

#[test]
fn text_is_read_in_the_encoding_it_is_in() {
    assert_eq!(text_of("text/plain; charset=ISO-8859-1", b"caf\xe9"), "café");
    assert_eq!(text_of("text/plain; charset=\"windows-1251\"", b"\xcc\xe8\xf0"), "Мир");
    assert_eq!(text_of("text/plain", b"caf\xe9"), "café");
    assert_eq!(text_of("text/plain", "café".as_bytes()), "café");
    // Cut within the last character, as a limit cuts.
    assert_eq!(text_of("text/plain", &"éé".as_bytes()[..3]), "é\u{fffd}");
    assert_eq!(text_of("text/plain; charset=utf-8", b"\xff\xfeh\0i\0"), "hi");
    assert_eq!(text_of("text/html", b"<meta charset='windows-1251'><p>\xcc\xe8\xf0"), "Мир");
    let old = b"<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-2\"><p>\xb1";
    assert_eq!(text_of("text/html", old), "ą");
    assert_eq!(text_of("text/plain; charset=nonsense", "é".as_bytes()), "é");
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    assert_eq!(text_of("image/png", b"\x89PNG\r\n\x1a\n\0\0"), "(no text: 10 bytes, image/png)");
    assert_eq!(text_of("", b"\x7fELF\0\0"), "(no text: 6 bytes, of no type that is named)");
    assert_eq!(text_of("text/plain", b"\0\x01\x02"), "(no text: 3 bytes, text/plain)");
    assert_eq!(text_of("application/pdf", b"%PDF-1.7"), "(no text: 8 bytes, application/pdf)");
}

#[test]
fn what_has_no_type_is_looked_at() {
    assert_eq!(text_of("", b"  <!DOCTYPE HTML><p>page"), "page");
    assert_eq!(text_of("application/octet-stream", b"[1]"), "[\n  1\n]");
    assert_eq!(text_of("", b"plain words"), "plain words");
    assert_eq!(text_of("image/svg+xml", b"<svg/>"), "<svg/>");
}
