//! Which tables a database has, and what each of them holds, told by its columns.

use rusqlite::{Connection, Result};

/// A table with its columns in their order.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) has_rowid: bool,
}

/// What a table holds; the numbers are indices of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Messages(MessageColumns),
    Conversations { id: usize, title: Option<usize> },
    KeyValues { key: usize, value: usize },
    Memories { content: usize },
    Files { content: usize },
    Schedules,
    Jobs,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageColumns {
    pub(super) conversation: Option<usize>,
    pub(super) role: usize,
    pub(super) content: usize,
}

/// Under which names things are found; the first that is there counts.
const CONTENT: &[&str] = &["content", "text", "message", "body"];
const CREATED: &[&str] = &["created_at", "created", "started_at", "timestamp", "time", "ts", "date", "at"];
const UPDATED: &[&str] = &["updated_at", "updated", "modified_at", "last_used_at"];
const TITLE: &[&str] = &["title", "name", "subject"];

/// Parts of a column's or key's name that make its value a secret.
const SECRET_PARTS: &[&str] = &[
    "api_key",
    "apikey",
    "api-key",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "private_key",
    "access_token",
    "auth_token",
    "refresh_token",
    "credential",
    "bearer",
];

/// Tables in which every value is a secret but for the names of things.
const SECRET_TABLES: &[&str] = &["byok", "vault", "secrets", "credentials", "keys", "api_keys", "apikeys", "tokens"];

/// The ordinary tables of a database, in the order in which they were created.
pub(super) fn tables_of(connection: &Connection) -> Result<Vec<Table>> {
    let mut listed = connection.prepare(
        "SELECT l.name, l.type, l.wr FROM pragma_table_list l JOIN sqlite_master s ON s.name = l.name
         WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid",
    )?;
    let rows =
        listed.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))?;
    let all: Vec<(String, String, bool)> = rows.collect::<Result<_>>()?;
    // The tables in which a virtual table keeps its data are marked only where its module is known.
    let shadows: Vec<String> =
        all.iter().filter(|(_, kind, _)| kind == "virtual").map(|(name, _, _)| format!("{name}_")).collect();
    let mut tables = Vec::new();
    for (name, kind, without_rowid) in all {
        if kind != "table" || shadows.iter().any(|shadow| name.starts_with(shadow.as_str())) {
            continue;
        }
        let mut info = connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
        let columns = info.query_map([&name], |row| row.get(0))?.collect::<Result<_>>()?;
        tables.push(Table { name, columns, has_rowid: !without_rowid });
    }
    Ok(tables)
}

impl Table {
    /// The index of the first of `names` that is a column, in any case.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))
    }

    pub(super) fn id(&self) -> Option<usize> {
        self.find(&["id", "uuid", "uid"])
    }

    /// When a row came to be; where nothing tells, when it was last changed.
    pub(super) fn created(&self) -> Option<usize> {
        self.find(CREATED).or_else(|| self.find(UPDATED))
    }

    /// When a row was last changed; where nothing tells, when it came to be.
    pub(super) fn updated(&self) -> Option<usize> {
        self.find(UPDATED).or_else(|| self.find(CREATED))
    }

    /// Whether the value in a column is not to be passed on.
    pub(super) fn is_secret(&self, column: usize) -> bool {
        let name = &self.columns[column];
        if SECRET_TABLES.contains(&self.name.to_ascii_lowercase().as_str()) {
            return ![CREATED, UPDATED, TITLE, &["id", "provider", "service", "model", "enabled"]]
                .concat()
                .iter()
                .any(|harmless| name.eq_ignore_ascii_case(harmless));
        }
        names_a_secret(name) || name.eq_ignore_ascii_case("token")
    }

    fn is_called(&self, parts: &[&str]) -> bool {
        let name = self.name.to_ascii_lowercase();
        parts.iter().any(|part| name.contains(part))
    }

    /// What the table holds. The order of the questions matters: a message has all that a memory has, and a role.
    pub(super) fn kind(&self) -> Kind {
        let has = |names: &[&str]| self.find(names).is_some();
        let content = self.find(CONTENT);
        if (0..self.columns.len()).any(|column| self.is_secret(column)) {
            return Kind::Other;
        }
        if let (Some(role), Some(content)) = (self.find(&["role", "sender", "speaker", "author"]), content) {
            let names =
                ["conv_id", "conversation_id", "conversation", "conv", "thread_id", "chat_id", "session_id", "session"];
            return Kind::Messages(MessageColumns { conversation: self.find(&names), role, content });
        }
        if let (true, Some(content)) =
            (has(&["path", "filename", "file_path"]), self.find(&["content", "data", "body"]))
        {
            return Kind::Files { content };
        }
        if has(&[
            "rrule",
            "cron",
            "cron_expr",
            "schedule",
            "next_run",
            "next_run_at",
            "cadence",
            "interval",
            "interval_seconds",
        ]) {
            return Kind::Schedules;
        }
        if let (Some(key), Some(value)) = (self.find(&["key", "name"]), self.find(&["value"])) {
            return Kind::KeyValues { key, value };
        }
        let has_work = has(&["command", "cmd", "payload", "task", "job_type", "node", "node_id", "worker", "priority"]);
        if has(&["status", "state"]) && (has_work || self.is_called(&["job", "task", "queue"])) {
            return Kind::Jobs;
        }
        let says = content.or_else(|| self.find(&["memory", "fact", "note", "value", "summary"]));
        let is_remembered = self.is_called(&["memor", "fact", "note", "knowledge"])
            || has(&["metadata", "meta", "tags", "embedding", "vector", "importance"]);
        if let (Some(content), true) = (says, is_remembered) {
            return Kind::Memories { content };
        }
        if let (Some(id), true) = (self.id(), self.is_called(&["conv", "thread", "chat", "session"])) {
            return Kind::Conversations { id, title: self.find(TITLE) };
        }
        Kind::Other
    }
}

/// Whether what is called `name` is a secret.
pub(super) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
