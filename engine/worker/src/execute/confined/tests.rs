//! Whose fault it is that something was not run.

use std::io;

use super::*;

#[test]
fn what_the_node_cannot_do_is_told_apart_from_what_the_job_asks_for() {
    let (name, reason) = (|| "tool".to_owned(), || "no luck".to_owned());
    let cannot_confine = SandboxError::NotEnforceable { missing: reason(), how: "allow it".to_owned() };
    let of_the_node = [
        cannot_confine,
        SandboxError::Supervisor(reason()),
        SandboxError::Io { what: "cannot fork".to_owned(), source: io::Error::other("no luck") },
    ];
    for error in of_the_node {
        let outcome = refused(&error);
        assert!(matches!(&outcome, Outcome::NotBegun { .. }), "{error}: {outcome:?}");
    }
    let of_the_job = [
        SandboxError::NotFound(name().into()),
        SandboxError::Empty,
        SandboxError::BadFolder { folder: name().into(), reason: reason() },
        SandboxError::BadPath { path: name().into(), reason: reason() },
        SandboxError::NotExecutable { program: name().into(), reason: reason() },
    ];
    for error in of_the_job {
        let outcome = refused(&error);
        assert!(matches!(&outcome, Outcome::Failed { retriable: false, .. }), "{error}: {outcome:?}");
    }
}
