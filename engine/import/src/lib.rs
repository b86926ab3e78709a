//! Readers of what people bring along: Markdown, JSONL, ChatGPT exports, ZoClone databases.
