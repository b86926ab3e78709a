use super::*;

#[test]
fn presets_come_in_order_and_are_found_by_name() {
    let names: Vec<String> = Provider::presets().into_iter().map(|provider| provider.name).collect();
    assert_eq!(names, ["openai", "anthropic", "groq", "together", "openrouter", "ollama", "lmstudio", "vllm"]);
    assert_eq!(Provider::preset("groq").unwrap().key_variables, ["GROQ_API_KEY"]);
    assert_eq!(Provider::preset("nobody"), None);
}

#[test]
fn every_preset_would_pass_as_a_custom_provider() {
    for preset in Provider::presets() {
        let custom = Provider::custom(&preset.name, preset.dialect, &preset.base_url).unwrap();
        assert_eq!(custom.base_url, preset.base_url);
        assert_eq!(custom.local, preset.local);
    }
}

#[test]
fn a_base_url_is_checked_and_shown_without_secrets() {
    let refused = |url: &str| Provider::custom("mine", Dialect::OpenAi, url).unwrap_err();
    assert_eq!(
        refused("http://models.example.com/v1"),
        "base URL http://models.example.com/v1: http to models.example.com would send keys and texts in clear; use https"
    );
    assert!(refused("https://me:hush@host/v1").starts_with("base URL https://host/v1: a user name"));
    assert!(refused("https://host/v1?key=hush").starts_with("base URL https://host/v1: a query"));
    assert_eq!(
        refused("https://host/v1/chat/completions"),
        "base URL https://host/v1/chat/completions: leave /chat/completions off, it is appended"
    );
    assert!(refused("ftp://host/v1").contains("expected http or https, found ftp"));
    assert!(!refused("hush:hush@host").contains("hush@"));
    for url in [
        "http://localhost:9/v1/",
        "http://192.168.1.7/v1",
        "http://box:8000",
        "http://[::1]:1/v1",
        "http://100.100.1.1/v1",
    ] {
        assert!(Provider::custom("mine", Dialect::OpenAi, url).is_ok(), "{url}");
    }
    assert!(Provider::custom("mine", Dialect::OpenAi, "http://8.8.8.8/v1").is_err());
    assert_eq!(Provider::custom("mine", Dialect::Anthropic, "https://host/v1/").unwrap().base_url, "https://host/v1");
}

#[test]
fn dialects_are_written_as_they_are_read() {
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        assert_eq!(dialect.to_string().parse(), Ok(dialect));
    }
    assert_eq!("x".parse::<Dialect>(), Err("expected openai or anthropic, found \"x\"".to_string()));
}
