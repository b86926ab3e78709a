//! Skills found in many folders.

use std::time::{Duration, Instant};

use super::search::{project_folders_within, user_folders};
use super::*;
use crate::testing::{good, skill_folder, write};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn found(folders: &[(&Path, Origin)]) -> Catalogue {
    discover(&SearchPath { folders: folders.iter().map(|(folder, origin)| ((*folder).to_owned(), *origin)).collect() })
}

fn names(catalogue: &Catalogue) -> Vec<&str> {
    catalogue.skills.iter().map(|skill| skill.name.as_str()).collect()
}

#[test]
fn nearer_shadows_farther_across_three_levels_with_a_warning() {
    let scratch = scratch();
    let [project, user, shipped] = ["project", "user", "shipped"].map(|name| scratch.path().join(name));
    for folder in [&project, &user, &shipped] {
        good(folder, "alpha");
    }
    good(&user, "beta");
    good(&shipped, "beta");
    good(&shipped, "gamma");
    let catalogue = found(&[(&project, Origin::Project), (&user, Origin::User), (&shipped, Origin::Shipped)]);
    assert_eq!(names(&catalogue), ["alpha", "beta", "gamma"]);
    let origins: Vec<Origin> = catalogue.skills.iter().map(|skill| skill.origin).collect();
    assert_eq!(origins, [Origin::Project, Origin::User, Origin::Shipped]);
    let shadowed: Vec<(&str, Origin, &Path)> =
        catalogue.shadowed.iter().map(|one| (one.name.as_str(), one.origin, one.by.as_path())).collect();
    let by = project.join("alpha");
    assert_eq!(
        shadowed,
        [
            ("alpha", Origin::User, by.as_path()),
            ("alpha", Origin::Shipped, by.as_path()),
            ("beta", Origin::Shipped, user.join("beta").as_path())
        ]
    );
    assert_eq!(catalogue.problems.len(), 3);
    assert!(catalogue.problems[0].message.contains("goes before it"), "{}", catalogue.problems[0]);
    assert_eq!(catalogue.get("beta").map(|skill| skill.origin), Some(Origin::User));
    assert_eq!(catalogue.get("delta"), None);
}

#[test]
fn names_are_compared_in_one_form() {
    let scratch = scratch();
    skill_folder(&scratch.path().join("a"), "café", "---\nname: cafe\u{301}\ndescription: x\n---\nb\n");
    skill_folder(&scratch.path().join("b"), "cafe\u{301}", "---\nname: café\ndescription: x\n---\nb\n");
    let catalogue = found(&[(&scratch.path().join("a"), Origin::User), (&scratch.path().join("b"), Origin::User)]);
    assert_eq!((names(&catalogue), catalogue.shadowed.len()), (vec!["café"], 1));
    assert!(catalogue.get("cafe\u{301}").is_some());
}

#[test]
fn skills_may_lie_in_groups_and_what_is_broken_is_told() {
    let scratch = scratch();
    good(&scratch.path().join("group/part"), "deep");
    good(&scratch.path().join("group/part/more"), "too-deep");
    good(&scratch.path().join(".hidden"), "hidden");
    let outer = good(scratch.path(), "outer");
    good(&outer, "inner");
    skill_folder(scratch.path(), "broken", "no frontmatter");
    let catalogue = found(&[(scratch.path(), Origin::User), (Path::new("/nowhere"), Origin::User)]);
    assert_eq!(names(&catalogue), ["deep", "outer"]);
    assert_eq!(catalogue.problems.len(), 1);
    assert_eq!(catalogue.problems[0].line, Some(1));
}

#[cfg(unix)]
#[test]
fn links_that_lead_round_are_followed_once() {
    use std::os::unix::fs::symlink;
    let scratch = scratch();
    let skills = scratch.path().join("skills");
    good(&skills, "one");
    symlink("..", skills.join("up")).expect("a link");
    symlink(".", skills.join("here")).expect("a link");
    symlink("one", skills.join("two")).expect("a link");
    symlink("skills", scratch.path().join("also")).expect("a link");
    let catalogue = found(&[(&skills, Origin::User), (&scratch.path().join("also"), Origin::User)]);
    assert_eq!((names(&catalogue), catalogue.shadowed.len(), catalogue.problems.len()), (vec!["one"], 0, 0));
}

#[test]
fn ten_thousand_folders_are_bounded() {
    let scratch = scratch();
    for number in 0..10_000 {
        fs::create_dir(scratch.path().join(format!("folder-{number:05}"))).expect("a folder");
    }
    for number in 0..MAX_SKILLS + 50 {
        good(scratch.path(), &format!("skill-{number:05}"));
    }
    let began = Instant::now();
    let catalogue = found(&[(scratch.path(), Origin::User)]);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(catalogue.skills.len(), 0, "the folders before them are more than are looked into");
    assert!(catalogue.problems[0].message.contains("more than 5000 folders"), "{}", catalogue.problems[0]);

    let only_skills = tempfile::tempdir().expect("a scratch folder");
    for number in 0..MAX_SKILLS + 50 {
        good(only_skills.path(), &format!("skill-{number:05}"));
    }
    let catalogue = found(&[(only_skills.path(), Origin::User)]);
    assert_eq!((catalogue.skills.len(), catalogue.problems.len()), (MAX_SKILLS, 1));
    assert!(catalogue.problems[0].message.contains("more than 500 skills"), "{}", catalogue.problems[0]);
    let listing = catalogue.listing();
    assert!(listing.len() <= 16 * 1024, "{}", listing.len());
}

#[test]
fn a_project_reaches_up_to_its_repository_and_no_further() {
    let scratch = scratch();
    let (home, project) = (scratch.path().join("home"), scratch.path().join("home/code/project"));
    let work = project.join("src/deep");
    fs::create_dir_all(&work).expect("folders");
    let inside = |cwd: &Path| project_folders_within(cwd, Some(&home));
    assert_eq!(inside(&work).len(), 3, "outside of a repository only the folder itself counts");
    write(&project.join(".git/HEAD"), "x");
    let folders = inside(&work);
    assert_eq!(folders.len(), 9);
    assert_eq!(folders[..3], [".zo/skills", ".agents/skills", ".claude/skills"].map(|below| work.join(below)));
    assert_eq!(folders[6], project.join(".zo/skills"));
    assert_eq!(inside(&home), Vec::<PathBuf>::new(), "those of the home are the user's own");
    write(&home.join(".git/HEAD"), "x");
    fs::remove_dir_all(project.join(".git")).expect("removed");
    assert_eq!(inside(&work).len(), 3, "a home under version control makes no project of what is in it");
    assert_eq!(user_folders(Path::new("/c"), Path::new("/h")).len(), 3);
}

fn with_triggers(into: &Path, name: &str, triggers: &str) {
    skill_folder(into, name, format!("---\nname: {name}\ndescription: x\ntriggers: {triggers}\n---\nb\n"));
}

#[test]
fn triggers_are_whole_words_and_the_longest_wins() {
    let scratch = scratch();
    with_triggers(scratch.path(), "first", "report, c++");
    with_triggers(scratch.path(), "second", "csv report, /csv");
    with_triggers(scratch.path(), "third", "report");
    let catalogue = found(&[(scratch.path(), Origin::User)]);
    let by = |text: &str| catalogue.by_trigger(text).map(|skill| skill.name.clone());
    assert_eq!(by("Make me a report."), Some("first".to_owned()));
    assert_eq!(by("a CSV\n  Report, please"), Some("second".to_owned()));
    assert_eq!(by("reporting, or c"), None);
    assert_eq!(by("is it C++?"), Some("first".to_owned()));
    assert_eq!(by("/csv it"), Some("second".to_owned()));
    assert_eq!(by(""), None);
    assert_eq!(by(&format!("{}report", "ä ".repeat(100_000))), None, "only the beginning of a long text is searched");
}

#[test]
fn the_listing_is_one_line_a_skill() {
    let scratch = scratch();
    skill_folder(scratch.path(), "one", "---\nname: one\ndescription: |\n  First.\n\n  - two: forged\n---\nb\n");
    good(scratch.path(), "two");
    let catalogue = found(&[(scratch.path(), Origin::User)]);
    assert_eq!(catalogue.listing(), "- one: First. - two: forged\n- two: Does two.\n");
    assert_eq!(Catalogue::default().listing(), "");
}

#[test]
fn a_long_listing_is_shortened_before_skills_are_left_out() {
    let scratch = scratch();
    for number in 0..100 {
        let text = format!("---\nname: skill-{number}\ndescription: {}\n---\nb\n", "word ".repeat(200));
        skill_folder(scratch.path(), &format!("skill-{number}"), text);
    }
    let catalogue = found(&[(scratch.path(), Origin::User)]);
    let listing = catalogue.listing();
    assert!(listing.len() <= 16 * 1024 && listing.lines().count() == 100, "{}", listing.len());
    assert!(listing.lines().all(|line| line.ends_with('…')));
}
