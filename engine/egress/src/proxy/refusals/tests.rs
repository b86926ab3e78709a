use url::Host;

use super::{Kept, MOST_KEPT};
use crate::error::{EgressError, ErrorKind};
use crate::policy::Target;

fn target(name: &str) -> Target {
    Target { host: Host::parse(name).unwrap(), port: 80 }
}

fn refused(name: &str) -> EgressError {
    EgressError::new(ErrorKind::Refused, format!("{name}:80 is refused"))
}

#[test]
fn the_same_again_is_counted() {
    let mut kept = Kept::default();
    for _ in 0..3 {
        kept.note(&target("10.0.0.1"), &refused("10.0.0.1"));
    }
    kept.note(&target("10.0.0.1"), &EgressError::new(ErrorKind::Connect, "cannot connect to 10.0.0.1:80"));
    let taken = kept.take();
    let told: Vec<String> = taken.list.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["10.0.0.1:80 is refused (3 times)", "cannot connect to 10.0.0.1:80"]);
    assert_eq!(taken.list.iter().filter(|refusal| refusal.is_refused()).count(), 1);
    assert_eq!(kept.take().list, [], "taken once");
}

#[test]
fn the_oldest_give_way_and_are_counted() {
    let mut kept = Kept::default();
    for number in 0..MOST_KEPT + 7 {
        let name = format!("host{number}.example");
        kept.note(&target(&name), &refused(&name));
    }
    let taken = kept.take();
    assert_eq!((taken.list.len(), taken.left_out), (MOST_KEPT, 7));
    assert_eq!(taken.list[0].host, "host7.example");
    assert_eq!(kept.take().left_out, 0);
}
