use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::{FileNames, Format, MarkdownFolder, passages_of};
use crate::item::{Imported, ImportedMemory};

fn passages(text: &str, format: Format) -> Vec<ImportedMemory> {
    let names = FileNames { id: "notes/a.md", relative: "a.md", shown: "notes/a.md", stem: "a" };
    passages_of(text, format, &names)
}

/// The passages of a Markdown text as `fragment|text`.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = passages(text, Format::Markdown)
        .into_iter()
        .map(|memory| format!("{}|{}", memory.name.expect("named").trim_start_matches("notes/a.md"), memory.content))
        .collect();
    assert_eq!(found, expected);
}

fn words(count: usize) -> String {
    (0..count).map(|number| format!("word{number:04}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_small_file_is_one_passage_with_its_headings_inside() {
    check(
        "# Tea\n\nHow to make it.\n\n## Green\n\n80 °C, two minutes.\n\n### Sencha\n\n70 °C.\n\n## Black\n\nBoiling.\n",
        &[
            "#tea|Tea\n\nHow to make it.\n\n## Green\n\n80 °C, two minutes.\n\n### Sencha\n\n70 °C.\n\n## Black\n\nBoiling.",
        ],
    );
}

#[test]
fn large_sections_stand_alone_under_their_path() {
    let (green, black) = (words(60), words(61));
    check(
        &format!("# Tea\n\n## Green\n\n{green}\n\n### Where\n\n{green}\n\n## Black\n\n{black}\n"),
        &[
            &format!("#green|Tea › Green\n\n{green}"),
            &format!("#where|Tea › Green › Where\n\n{green}"),
            &format!("#black|Tea › Black\n\n{black}"),
        ],
    );
}

#[test]
fn tiny_siblings_go_together_under_their_parent() {
    let long = words(70);
    check(
        &format!("# Log of tea\n\n## 3\n\n{long}\n\n## 2\n\nGreen.\n\n## 1\n\nBlack.\n"),
        &[&format!("#3|Log of tea › 3\n\n{long}"), "#2|Log of tea\n\n## 2\n\nGreen.\n\n## 1\n\nBlack."],
    );
}

#[test]
fn a_short_opening_joins_the_first_subsection() {
    let long = words(60);
    check(
        &format!("# Tea\n\nAll about it.\n\n## Green\n\n{long}\n\n## Black\n\n{long}\n"),
        &[&format!("#tea|Tea\n\nAll about it.\n\n## Green\n\n{long}"), &format!("#black|Tea › Black\n\n{long}")],
    );
}

#[test]
fn long_sections_are_cut_between_paragraphs() {
    let (first, second, third) = (words(80), words(81), words(82));
    check(
        &format!("# Tea\n\n{first}\n\n{second}\n\n{third}"),
        &[&format!("#tea|Tea\n\n{first}"), &format!("#tea:2|Tea\n\n{second}"), &format!("#tea:3|Tea\n\n{third}")],
    );
}

#[test]
fn a_long_paragraph_is_cut_between_sentences_and_a_long_sentence_between_words() {
    let sentence = format!("{}.", words(70));
    let text = format!("# Tea\n\n{sentence} {sentence}\n{sentence}");
    check(
        &text,
        &[
            &format!("#tea|Tea\n\n{sentence}"),
            &format!("#tea:2|Tea\n\n{sentence}"),
            &format!("#tea:3|Tea\n\n{sentence}"),
        ],
    );
    for memory in passages(&format!("# T\n\n{}", words(1000)), Format::Markdown) {
        assert!(memory.content.chars().count() <= 1300, "{}", memory.content.len());
    }
    let unbroken = "x".repeat(5000);
    let parts = passages(&unbroken, Format::Markdown);
    let joined: String = parts.iter().map(|part| part.content.rsplit('\n').next().expect("has lines")).collect();
    assert_eq!(joined, unbroken);
}

#[test]
fn code_tables_and_items_stay_whole() {
    let code = format!("```rust\n{}```", "let tea = leaves.steep(water);\n\n".repeat(60));
    let table = format!("| a | b |\n|---|---|\n{}", "| green | black |\n".repeat(100));
    let text = format!("# Tea\n\nAs follows:\n\n{code}\n\nAnd the table:\n\n{table}\n\nEnd of it.\n");
    let found = passages(&text, Format::Markdown);
    let texts: Vec<&str> = found.iter().map(|memory| memory.content.as_str()).collect();
    assert_eq!(texts.len(), 2, "{texts:#?}");
    assert_eq!(texts[0], format!("Tea\n\nAs follows:\n\n{code}"));
    assert!(texts[1].starts_with("Tea\n\nAnd the table:\n\n| a | b |"));
    assert!(texts[1].ends_with("End of it."));
}

#[test]
fn what_leads_in_goes_with_what_follows() {
    let (prose, code) = (words(90), format!("```\n{}```", "steep\n".repeat(180)));
    check(
        &format!("# Tea\n\n{prose}\n\nFor example:\n\n{code}"),
        &[&format!("#tea|Tea\n\n{prose}"), &format!("#tea:2|Tea\n\nFor example:\n\n{code}")],
    );
}

#[test]
fn giant_code_and_tables_are_torn_between_lines_and_keep_their_frame() {
    let code = format!("# T\n\n~~~sh\n{}~~~\n", "echo a line of code that is long enough\n".repeat(200));
    let parts = passages(&code, Format::Markdown);
    assert!(parts.len() > 5);
    for part in &parts {
        assert!(part.content.starts_with("T\n\n~~~sh\n") && part.content.ends_with("\n~~~"), "{}", part.content);
        assert!(part.content.chars().count() < 1300);
    }
    let table = format!("# T\n\n| a | b |\n|---|---|\n{}", "| green tea | black tea |\n".repeat(300));
    for part in passages(&table, Format::Markdown) {
        assert!(part.content.starts_with("T\n\n| a | b |\n|---|---|\n| green"), "{}", part.content);
    }
}

#[test]
fn lists_are_cut_between_items() {
    let text: String = (0..40).map(|number| format!("- item {number}: {}\n  - below\n", words(8))).collect();
    let parts = passages(&format!("# List\n\n{text}"), Format::Markdown);
    assert!(parts.len() > 2);
    for part in &parts {
        assert!(part.content.starts_with("List\n\n- item"), "{}", part.content);
        assert!(part.content.ends_with("\n  - below"), "{}", part.content);
    }
}

#[test]
fn badges_comments_tags_and_definitions_are_left_out() {
    check(
        concat!(
            "<p align=\"center\"><img src=\"logo.png\" alt=\"logo\"></p>\n\n",
            "# Tea <a name=\"x\"></a>\n\n",
            "[![Build](https://ci/badge.svg)](https://ci) ![Docs][docs-badge]\n[![x][b]][c]\n\n",
            "<!-- a comment\n\nover lines -->\n\n",
            "Good<br>tea, see [the site](https://tea), [docs][d], [`Pot`] and [cup][] ![the pot](pot.png) <!-- no --> Vec<T>.\n\n",
            "Since [#12](https://x/pull/12), H<sub>2</sub>O at 10<sup>2</sup>.[^1]\n\n",
            "<details><summary>More &amp; more</summary>\n\nInside.\n\n</details>\n\n",
            "***\n\n",
            "[d]: https://docs\n[`Pot`]: https://pot\n[cup]: https://cup\n[b]: b\n[c]: c\n[docs-badge]: e\n\n[^1]: Boiled.\n",
        ),
        &[concat!(
            "#tea|Tea\n\n",
            "Good tea, see [the site](https://tea), [docs](https://docs), `Pot` and cup the pot  Vec<T>.\n\n",
            "Since #12, H2O at 10^2.\n\n",
            "More & more\n\nInside.\n\n[^1]: Boiled.",
        )],
    );
}

#[test]
fn a_file_without_words_has_no_passages() {
    for text in [
        "",
        "\n\n",
        "---\n",
        "<!-- nothing -->",
        "![badge](x)",
        "# Only a title",
        "[a]: b",
        "---\ntitle: x\n---\n",
        "```\n```",
    ] {
        assert_eq!(passages(text, Format::Markdown), [], "{text:?}");
    }
}

#[test]
fn front_matter_gives_title_and_date() {
    let text = "---\ntitle: \"Tea time\"\ndate: 2024-05-01 # a guess\ntags: [a, b]\n---\n\n## Green\n\nGood.\n";
    let memory = passages(text, Format::Markdown).remove(0);
    assert_eq!(memory.content, "Tea time › Green\n\nGood.");
    assert_eq!(
        json!(memory.meta),
        json!({"path": "a.md", "heading": "Green", "title": "Tea time", "kind": "passage", "date": "2024-05-01"})
    );
    assert_eq!(memory.source, "notes/a.md:7");
    assert_eq!(memory.occurred_at_ms, None);
    let toml = "+++\ntitle = 'Tea'\n+++\nGood.";
    assert_eq!(passages(toml, Format::Markdown)[0].content, "Tea\n\nGood.");
}

#[test]
fn rules_around_prose_are_no_front_matter() {
    check(
        "---\nJust words\n---\n\nMore.\n",
        &["|notes/a.md\n\nJust words\n---\n\nMore."].map(|_| "#just-words|Just words\n\nMore."),
    );
    check("---\n\nJust words.\n\nMore.\n", &["|notes/a.md\n\nJust words.\n\nMore."]);
    check("---\ntitle: x\nno end", &["|notes/a.md\n\ntitle: x\nno end"]);
}

#[test]
fn the_subject_is_named_where_headings_do_not() {
    check("## 1.0\n\nGood.\n\n## 0.9\n\nBetter.\n", &["#10|notes/a.md\n\n# 1.0\n\nGood.\n\n# 0.9\n\nBetter."]);
    check("# Changelog\n\n## 1.0\n\nGood.\n", &["#10|notes › Changelog › 1.0\n\nGood."]);
    check("Good.", &["|notes/a.md\n\nGood."]);
}

#[test]
fn slugs_are_githubs() {
    let long = words(60);
    let titles = [
        "Hello, World!",
        "Hello, World!",
        "`code` & more_than-this",
        "Über uns",
        "日本語",
        "!!!",
        "Hello World 1",
        "hello world",
    ];
    let text: String = titles.iter().map(|title| format!("# {title}\n\n{long}\n\n")).collect();
    let names: Vec<String> = passages(&text, Format::Markdown)
        .into_iter()
        .map(|memory| memory.name.expect("named").trim_start_matches("notes/a.md").to_string())
        .collect();
    assert_eq!(
        names,
        [
            "#hello-world",
            "#hello-world-1",
            "#code--more_than-this",
            "#über-uns",
            "#日本語",
            "#hello-world-1-1",
            "#hello-world-2"
        ]
    );
}

#[test]
fn mdx_loses_its_module_lines() {
    let text = "import Chart from './chart'\nexport const year = 2024\n\n# Tea\n\nGood.\n\n<Chart year={year} />\n";
    let found = passages(text, Format::Mdx);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].content, "Tea\n\nGood.");
}

#[test]
fn plain_text_is_cut_between_paragraphs() {
    let text = format!("# not a heading\n\n{}\n\n{}\n", words(80), words(81));
    let found = passages(&text, Format::Text);
    assert_eq!(found[0].content, format!("notes/a.md\n\n# not a heading\n\n{}", words(80)));
    assert_eq!(found[1].name.as_deref(), Some("notes/a.md:2"));
    assert_eq!(found[1].source, "notes/a.md:5");
}

#[test]
fn rst_headings_literals_and_directives() {
    let text = concat!(
        "=====\n Tea\n=====\n\n.. image:: pot.png\n   :alt: pot\n\n.. _green:\n\nGreen\n-----\n\nSteep it::\n\n    pour(water)\n\n    wait()\n\n",
        ".. note:: Not too hot.\n\n.. code-block:: sh\n   :linenos:\n\n   boil\n\n.. a comment\n\nBlack\n-----\nBoiling.\n",
    );
    let found = passages(text, Format::Rst);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].content,
        concat!(
            "Tea\n\n## Green\n\nSteep it:\n\n```\npour(water)\n\nwait()\n```\n\nnote: Not too hot.\n\n```sh\nboil\n```\n\n",
            "## Black\n\nBoiling.",
        )
    );
    assert_eq!(found[0].name.as_deref(), Some("notes/a.md#green"));
}

/// Whatever a file is cut off at or garbled with, it is read without a panic, and nothing is torn within a letter.
#[test]
fn torn_and_garbled_text_is_read() {
    let sample = concat!(
        "---\ntitle: ü\n---\n# Tür `x` <a>\n\n- ä\n  - [b][c] ![i][j]\n\n1. ~~~\n   code\n   ~~~\n\n| ö | ß |\n|---|---|\n| <br> | [x](y) |\n\n",
        "> q <b>\n> ```\n> z\n\n<div>\n<!-- é -->\n</div>\n\n[^n]: f\n\n    code\n\n::\n\n   lit\n\n.. n::\n   é\n\n====\nß\n====\n",
    );
    for format in [Format::Markdown, Format::Mdx, Format::Text, Format::Rst] {
        for (end, _) in sample.char_indices() {
            passages(&sample[..end], format);
            passages(&sample[end..], format);
            for garble in ["<", "`", "[", "\n", "\t", "é", "---\n", "<!--"] {
                passages(&format!("{}{garble}{}", &sample[..end], &sample[end..]), format);
            }
        }
    }
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let root = TempDir::new().expect("a temporary folder");
    for (path, bytes) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("has one")).expect("creates");
        fs::write(path, bytes).expect("writes");
    }
    root
}

fn listing(root: &Path) -> Vec<String> {
    let opened = MarkdownFolder::open(root).expect("opens");
    opened.files.iter().map(|file| file.display().to_string()).collect()
}

#[test]
fn files_are_listed_in_order_without_hidden_and_generated_ones() {
    let root = folder(&[
        ("b.md", b""),
        ("a/z.MD", b""),
        ("a/c.rst", b""),
        ("a-b.txt", b""),
        ("x.mdx", b""),
        ("y.markdown", b""),
        ("code.rs", b""),
        (".hidden/a.md", b""),
        (".a.md", b""),
        ("target/a.md", b""),
        ("a/node_modules/p/a.md", b""),
        ("noending", b""),
    ]);
    assert_eq!(listing(root.path()), ["a/c.rst", "a/z.MD", "a-b.txt", "b.md", "x.mdx", "y.markdown"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_out_but_never_round() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("far/o.md", b"")]);
    let root = folder(&[("in/a.md", b"")]);
    symlink(root.path(), root.path().join("in/loop")).expect("links");
    symlink(root.path().join("in"), root.path().join("twice")).expect("links");
    symlink(root.path().join("in/a.md"), root.path().join("again.md")).expect("links");
    symlink("/nowhere/at/all", root.path().join("gone.md")).expect("links");
    symlink(outside.path(), root.path().join("out")).expect("links");
    symlink(outside.path(), root.path().join("out2")).expect("links");
    symlink(outside.path().join("far"), outside.path().join("far/round")).expect("links");
    symlink(root.path(), outside.path().join("back")).expect("links");
    let files = listing(root.path());
    assert_eq!(files.iter().filter(|file| file.ends_with("a.md")).count(), 1, "{files:?}");
    assert!((1..=2).contains(&files.iter().filter(|file| file.ends_with("o.md")).count()), "{files:?}");
    assert!(!files.iter().any(|file| file.contains("gone")), "{files:?}");
}

#[test]
fn bad_files_are_errors_between_good_ones() {
    let root = folder(&[
        ("a.md", b"# A\r\n\r\nGood.\r\n"),
        ("b.md", b"# B\n\n\xff\xfe"),
        ("c.md", b"nul \0"),
        ("d.md", b"\xef\xbb\xbf# D\n\nAlso good."),
    ]);
    let shown = root.path().display().to_string();
    let items: Vec<String> = MarkdownFolder::open(root.path())
        .expect("opens")
        .into_iter()
        .map(|item| match item {
            Ok(Imported::Memory(memory)) => memory.content,
            Ok(other) => panic!("not a memory: {other:?}"),
            Err(error) => error.to_string().replace(&shown, ""),
        })
        .collect();
    assert_eq!(
        items,
        [
            "A\n\nGood.",
            "/b.md at byte 5: expected UTF-8 text, found byte 0xff",
            "/c.md at byte 4: expected text, found a NUL",
            "D\n\nAlso good."
        ]
    );
}

#[test]
fn a_file_by_itself_is_named_as_in_its_folder() {
    let root = folder(&[("sub/a.md", b"# A\n\nGood."), ("sub/README", b"Plain.")]);
    let names = |path: &Path| -> Vec<String> {
        let folder = MarkdownFolder::open(path).expect("opens");
        let read = |file| folder.read(file).expect("reads");
        folder.files.iter().flat_map(|file| read(file)).filter_map(|memory| memory.name).collect()
    };
    assert_eq!(names(&root.path().join("sub/a.md")), ["sub/a.md#a"]);
    assert_eq!(names(&root.path().join("sub")), ["sub/a.md#a"]);
    assert_eq!(names(&root.path().join("sub/../sub/")), ["sub/a.md#a"]);
    assert_eq!(names(&root.path().join("sub/README")), ["sub/README"]);
}

#[test]
fn progress_counts_files_and_nothing_is_an_error() {
    let root = folder(&[("a.md", b"A."), ("b.md", b"B.")]);
    let mut items = MarkdownFolder::open(root.path()).expect("opens").into_iter();
    assert_eq!((items.files_read(), items.files_total()), (0, 2));
    assert!(items.next().is_some());
    assert_eq!(items.files_read(), 1);
    assert_eq!(items.count(), 1);
    let gone = MarkdownFolder::open(&root.path().join("gone")).expect_err("is not there");
    assert!(gone.to_string().starts_with("cannot open "), "{gone}");
}

#[test]
fn the_same_folder_gives_the_same_names_twice() {
    let root = folder(&[("a.md", b"# A\n\nGood.\n\n# A\n\nAgain."), ("b/a.md", b"x")]);
    let read = || -> Vec<_> { MarkdownFolder::open(root.path()).expect("opens").into_iter().map(Result::ok).collect() };
    assert_eq!(read(), read());
}
