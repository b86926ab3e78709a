//! Messages by their conversations.
//!
//! The messages of a table are read in one pass, sorted by SQLite (which spills to disk when they are many), so that a
//! conversation is in memory only while its own messages go by.

use std::collections::HashSet;

use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value};

use super::database::{Database, database_error};
use super::rows::Row;
use super::schema::{Kind, MessageColumns, Table, quoted};
use super::tables::{go_on, selection};
use super::{Halt, Outlet};
use crate::item::{Imported, ImportedConversation, ImportedMessage, Role};

/// A table of conversations with the indices of its columns.
struct ConversationTable<'a> {
    table: &'a Table,
    id: usize,
    title: Option<usize>,
}

/// Reads all tables of messages, and the conversations to which no message belongs.
pub(super) fn read_conversations(database: &Database, tables: &[(Table, Kind)], outlet: &Outlet) -> Result<(), Halt> {
    let conversations = tables.iter().find_map(|(table, kind)| match kind {
        Kind::Conversations { id, title } => Some(ConversationTable { table, id: *id, title: *title }),
        _ => None,
    });
    let messages: Vec<(&Table, &MessageColumns)> = tables
        .iter()
        .filter_map(|(table, kind)| match kind {
            Kind::Messages(columns) => Some((table, columns)),
            _ => None,
        })
        .collect();
    for (table, columns) in &messages {
        go_on(read_messages(database, table, columns, conversations.as_ref(), outlet), outlet)?;
    }
    match &conversations {
        Some(conversations) => read_silent(database, conversations, &messages, outlet),
        None => Ok(()),
    }
}

/// Reads a table of messages, conversation by conversation in the order in which they began.
fn read_messages(
    database: &Database,
    table: &Table,
    columns: &MessageColumns,
    conversations: Option<&ConversationTable<'_>>,
    outlet: &Outlet,
) -> Result<(), Halt> {
    let failed = |cause| Halt::Broken(database_error(&database.file, Some(&table.name), cause));
    let mut statement = database.connection.prepare(&ordered_messages(table, columns)).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut open: Option<(Value, Collector)> = None;
    let mut ordinal = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        ordinal += 1;
        let row = match Row::of(table, &database.file, row, ordinal) {
            Ok(row) => row,
            Err(error) => {
                outlet.put(Err(error))?;
                continue;
            }
        };
        let key = columns.conversation.map_or(&Value::Null, |column| row.value(column));
        if let Some((_, finished)) = open.take_if(|(open_key, _)| open_key != key) {
            outlet.put(Ok(finished.finish()))?;
        }
        if open.is_none() {
            let conversation = begin(database, table, key, conversations, outlet)?;
            open = Some((key.clone(), Collector::new(conversation)));
        }
        if let Some((_, collector)) = &mut open {
            collector.take(&row, columns);
        }
    }
    match open {
        Some((_, collector)) => outlet.put(Ok(collector.finish())),
        None => Ok(()),
    }
}

/// All messages, sorted by the beginning of their conversation and then by their own time and insertion.
fn ordered_messages(table: &Table, columns: &MessageColumns) -> String {
    let conversation = columns.conversation.map(|column| quoted(&table.columns[column]));
    let created = table.created().map(|column| quoted(&table.columns[column]));
    let mut order = Vec::new();
    if let Some(conversation) = &conversation {
        if let Some(created) = &created {
            order.push(format!("min({created}) OVER (PARTITION BY {conversation})"));
        }
        order.push(conversation.clone());
    }
    order.extend(created);
    if table.has_rowid {
        order.push("rowid".to_string());
    }
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    format!("SELECT {} FROM {}{order}", selection(table), quoted(&table.name))
}

/// The conversation that messages with `key` belong to, still without them. If its own row cannot be read, that is
/// reported, and the messages are kept.
fn begin(
    database: &Database,
    messages: &Table,
    key: &Value,
    conversations: Option<&ConversationTable<'_>>,
    outlet: &Outlet,
) -> Result<ImportedConversation, Halt> {
    let (external_id, parameter) = match key {
        Value::String(id) if !id.is_empty() => (id.clone(), SqlValue::Text(id.clone())),
        Value::Number(id) => (id.to_string(), id.as_i64().map_or(SqlValue::Null, SqlValue::Integer)),
        // Messages of no conversation are one all the same.
        _ => (format!("{}/none", messages.name), SqlValue::Null),
    };
    let unknown =
        ImportedConversation { external_id, title: None, created_at_ms: None, meta: Map::new(), messages: Vec::new() };
    let Some(conversations) = conversations else { return Ok(unknown) };
    let table = conversations.table;
    let failed = |cause| Halt::Broken(database_error(&database.file, Some(&table.name), cause));
    let sql = format!(
        "SELECT {} FROM {} WHERE {} = ?1 LIMIT 1",
        selection(table),
        quoted(&table.name),
        quoted(&table.columns[conversations.id])
    );
    let mut statement = database.connection.prepare_cached(&sql).map_err(failed)?;
    let mut rows = statement.query([parameter]).map_err(failed)?;
    match rows.next().map_err(failed)?.map(|row| Row::of(table, &database.file, row, 0)) {
        Some(Ok(row)) => Ok(ImportedConversation { external_id: unknown.external_id, ..conversations.read(&row) }),
        Some(Err(error)) => {
            outlet.put(Err(error))?;
            Ok(unknown)
        }
        None => Ok(unknown),
    }
}

/// Reads the conversations to which no message belongs.
fn read_silent(
    database: &Database,
    conversations: &ConversationTable<'_>,
    messages: &[(&Table, &MessageColumns)],
    outlet: &Outlet,
) -> Result<(), Halt> {
    let table = conversations.table;
    let id = quoted(&table.columns[conversations.id]);
    let mut sql = format!("SELECT {} FROM {} WHERE {id} IS NOT NULL", selection(table), quoted(&table.name));
    for (table, columns) in messages {
        if let Some(column) = columns.conversation {
            let column = quoted(&table.columns[column]);
            sql +=
                &format!(" AND {id} NOT IN (SELECT {column} FROM {} WHERE {column} IS NOT NULL)", quoted(&table.name));
        }
    }
    let failed = |cause| Halt::Broken(database_error(&database.file, Some(&table.name), cause));
    let mut statement = database.connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut ordinal = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        ordinal += 1;
        let row = Row::of(table, &database.file, row, ordinal);
        outlet.put(row.map(|row| Imported::Conversation(conversations.read(&row))))?;
    }
    Ok(())
}

impl ConversationTable<'_> {
    fn read(&self, row: &Row<'_>) -> ImportedConversation {
        let title = self.title.and_then(|column| row.text(column)).map(|title| title.trim().to_string());
        ImportedConversation {
            external_id: row.text(self.id).unwrap_or_default(),
            title: title.filter(|title| !title.is_empty()),
            created_at_ms: row.time(self.table.created()),
            meta: row.meta(&[Some(self.id), self.title, self.table.created()]),
            messages: Vec::new(),
        }
    }
}

/// Takes the messages of one conversation as they come.
struct Collector {
    conversation: ImportedConversation,
    met: HashSet<String>,
}

impl Collector {
    fn new(conversation: ImportedConversation) -> Collector {
        Collector { conversation, met: HashSet::new() }
    }

    /// Takes a message, unless it says nothing at all.
    fn take(&mut self, row: &Row<'_>, columns: &MessageColumns) {
        let table = row.table;
        let created = table.created();
        let role_name = row.text(columns.role).unwrap_or_default();
        let role = Role::named(&role_name);
        let kept_role = if role.is_some() { Some(columns.role) } else { None };
        let meta = row.meta(&[table.id(), columns.conversation, kept_role, Some(columns.content), created]);
        let tools = ["tools", "tool_calls"].iter().find(|name| meta.get(**name).is_some_and(says_something));
        let content = match row.text(columns.content).filter(|text| !text.trim().is_empty()) {
            Some(content) => content,
            None if tools.is_some() => "[tool call]".to_string(),
            None => return,
        };
        let ordinal = self.conversation.messages.len() + 1;
        let mut external_id = row.id().unwrap_or_else(|| ordinal.to_string());
        if !self.met.insert(external_id.clone()) {
            external_id = format!("{external_id}:{ordinal}");
        }
        self.conversation.messages.push(ImportedMessage {
            parent: self.conversation.messages.last().map(|last| last.external_id.clone()),
            external_id,
            role: role.unwrap_or(Role::Assistant),
            author: None,
            content,
            meta,
            occurred_at_ms: row.time(created),
            on_active_branch: true,
        });
    }

    fn finish(self) -> Imported {
        let mut conversation = self.conversation;
        // ZoClone keeps only when a conversation was last used; its first message tells when it began.
        let first = conversation.messages.iter().filter_map(|message| message.occurred_at_ms).min();
        conversation.created_at_ms = match (conversation.created_at_ms, first) {
            (Some(known), Some(first)) => Some(known.min(first)),
            (known, first) => known.or(first),
        };
        Imported::Conversation(conversation)
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}
