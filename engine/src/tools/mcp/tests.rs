//! What the tools of servers are called.

use super::*;

#[test]
fn the_name_of_a_tool_begins_with_its_server() {
    assert_eq!(name_of("github", "search_issues"), "mcp_github_search_issues");
    assert_eq!(server_of("mcp_github_search_issues"), Some("github"));
    assert_eq!(server_of("mcp_my-files2_read"), Some("my-files2"));
    for name in ["mcp_", "mcp_github", "mcp__read", "mcp_github_", "github_search", "memorize"] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn a_name_that_providers_would_not_take_is_made_one_that_is_still_its_own() {
    let dotted = name_of("a", "files.read");
    let slashed = name_of("a", "files/read");
    assert!(dotted.starts_with("mcp_a_files_read_") && slashed.starts_with("mcp_a_files_read_"));
    assert_ne!(dotted, slashed);
    let long = name_of("server", &"x".repeat(128));
    assert_eq!(long.len(), MAX_NAME_BYTES);
    assert_ne!(long, name_of("server", &"x".repeat(127)));
    assert_eq!(server_of(&long), Some("server"));
}
