//! Services as they are asked about: what may run at all, which one is meant, and what is told of one that nobody runs.

use serde_json::{Value, json};

use crate::service::testing::Desk;

fn service(label: &str, more: Value) -> Value {
    let mut said = json!({ "label": label, "argv": ["sleep", "60"] });
    said.as_object_mut().expect("it is an object").extend(more.as_object().cloned().unwrap_or_default());
    json!({ "service": said })
}

fn line(desk: &Desk) -> Value {
    desk.answer("services", Value::Null)[0].clone()
}

#[test]
fn no_service_sees_the_home_neither_a_part_of_it_nor_a_folder_it_is_in() {
    let desk = Desk::new();
    let (outside, home) = (desk.folder().to_owned(), desk.folder().join("home"));
    std::os::unix::fs::symlink(&home, outside.join("link")).expect("a link");
    std::fs::create_dir(outside.join("site")).expect("a folder");
    for path in [outside.clone(), home.clone(), home.join("keys"), outside.join("link"), "/".into()] {
        for said in [json!({ "folder": path }), json!({ "read": [path] }), json!({ "write": [path] })] {
            let told = desk.refused("add_service", service("web", said));
            let expected = format!("Invalid: {} overlaps ", path.display());
            assert!(told.starts_with(&expected) && told.contains("which no service may see"), "{told}");
        }
    }
    assert_eq!(desk.answer("services", Value::Null), json!([]));
    desk.told("add_service", service("web", json!({ "folder": outside.join("site") })));
}

#[test]
fn what_cannot_be_a_service_is_refused() {
    let desk = Desk::new();
    for said in [
        json!({ "argv": [] }),
        json!({ "label": "" }),
        json!({ "label": "a/b" }),
        json!({ "folder": "relative" }),
        json!({ "env": { "A=B": "x" } }),
    ] {
        let told = desk.refused("add_service", service("web", said.clone()));
        assert!(told.starts_with("Invalid: "), "{said}: {told}");
    }
}

#[test]
fn a_service_that_is_mistyped_is_told_the_nearest() {
    let desk = Desk::new();
    desk.told("add_service", service("notes", json!({})));
    for (method, said) in [
        ("control_service", json!({ "label": "ntoes", "action": "stop" })),
        ("service_log", json!({ "label": "ntoes", "lines": 5, "follow": false })),
    ] {
        let told = desk.refused(method, said);
        assert_eq!(told, "NotFound: there is no service ntoes (did you mean notes?)");
    }
}

#[test]
fn one_that_nobody_runs_is_told_to_be_waiting_or_stopped() {
    let desk = Desk::new();
    desk.told("add_service", service("web", json!({ "port": 8123 })));
    let state = || (line(&desk)["state"].clone(), line(&desk)["wanted"].clone());
    assert_eq!((state(), line(&desk)["port"].clone()), ((json!("waiting"), json!(true)), json!(8123)));
    let control = |action: &str| desk.told("control_service", json!({ "label": "web", "action": action }));
    control("stop");
    assert_eq!(state(), (json!("stopped"), json!(false)));
    control("start");
    assert_eq!(state(), (json!("waiting"), json!(true)));
    control("remove");
    assert_eq!(desk.answer("services", Value::Null), json!([]));
    desk.told("add_service", service("web", json!({ "stopped": true })));
    assert_eq!(state(), (json!("stopped"), json!(false)));
}
