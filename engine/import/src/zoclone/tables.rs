//! Reading a database: every table by its kind, conversations and their messages together.

use std::path::Path;

use serde_json::{Map, Value};

use super::conversations::read_conversations;
use super::database::{Database, database_error};
use super::rows::Row;
use super::schema::{Kind, Table, names_a_secret, quoted, tables_of};
use super::{Halt, Outlet};
use crate::error::ImportError;
use crate::item::{Imported, ImportedMemory, ImportedRow};

/// Puts everything that is in a database into the outlet; what cannot be read as errors.
pub(super) fn read_database(path: &Path, outlet: &Outlet) -> Result<(), Halt> {
    let mut database = match Database::open(path) {
        Ok(Some(database)) => database,
        Ok(None) => return Ok(()),
        Err(error) => return outlet.put(Err(error)),
    };
    for warning in database.warnings.drain(..) {
        outlet.put(Err(warning))?;
    }
    let tables = match tables_of(&database.connection) {
        Ok(tables) => tables,
        Err(cause) => return outlet.put(Err(database_error(&database.file, None, cause))),
    };
    let mut has_conversations = false;
    let tables: Vec<(Table, Kind)> = tables
        .into_iter()
        .map(|table| match table.kind() {
            // Messages can belong to one table only; another one of its kind is nobody's parent.
            Kind::Conversations { .. } if has_conversations => (table, Kind::Other),
            kind => {
                has_conversations |= matches!(kind, Kind::Conversations { .. });
                (table, kind)
            }
        })
        .collect();
    go_on(read_conversations(&database, &tables, outlet), outlet)?;
    for (table, kind) in &tables {
        if !matches!(kind, Kind::Messages(_) | Kind::Conversations { .. }) {
            go_on(read_table(&database, table, kind, outlet), outlet)?;
        }
    }
    Ok(())
}

/// A table that breaks off is reported, and the next one is read.
pub(super) fn go_on(result: Result<(), Halt>, outlet: &Outlet) -> Result<(), Halt> {
    match result {
        Err(Halt::Broken(error)) => outlet.put(Err(error)),
        other => other,
    }
}

/// The rowid (or NULL) and all columns of a table, as SQL.
pub(super) fn selection(table: &Table) -> String {
    let rowid = if table.has_rowid { "rowid" } else { "NULL" };
    std::iter::once(rowid.to_string())
        .chain(table.columns.iter().map(|column| quoted(column)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn read_table(database: &Database, table: &Table, kind: &Kind, outlet: &Outlet) -> Result<(), Halt> {
    let order = if table.has_rowid { " ORDER BY rowid" } else { "" };
    let sql = format!("SELECT {} FROM {}{order}", selection(table), quoted(&table.name));
    let failed = |cause| Halt::Broken(database_error(&database.file, Some(&table.name), cause));
    let mut statement = database.connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut ordinal = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        ordinal += 1;
        outlet.put(Row::of(table, &database.file, row, ordinal).and_then(|row| item_of(&row, kind)))?;
    }
    Ok(())
}

fn item_of(row: &Row<'_>, kind: &Kind) -> Result<Imported, ImportError> {
    Ok(match kind {
        Kind::KeyValues { key, value } => match (row.text(*key), row.text(*value)) {
            (Some(key_text), Some(_)) if names_a_secret(&key_text) => unplaced(row, row.fields_without(*value)),
            (Some(key), Some(value)) if !key.trim().is_empty() => Imported::KeyValue {
                key,
                value,
                occurred_at_ms: row.time(row.table.updated()),
                source: row.place.to_string(),
            },
            _ => unplaced(row, row.fields()),
        },
        Kind::Memories { content } => match row.text(*content).filter(|text| !text.trim().is_empty()) {
            Some(text) => Imported::Memory(memory_of(row, *content, text)),
            None => unplaced(row, row.fields()),
        },
        Kind::Files { content } => {
            let mut file = row_of(row);
            if let Some(digits) = row.hex(*content) {
                file.fields.insert(row.table.columns[*content].clone(), Value::from(digits));
                file.fields.insert("encoding".to_string(), Value::from("hex"));
            }
            Imported::File(file)
        }
        Kind::Schedules => Imported::Schedule(row_of(row)),
        Kind::Jobs => Imported::Job(row_of(row)),
        Kind::Other | Kind::Messages(_) | Kind::Conversations { .. } => unplaced(row, row.fields()),
    })
}

fn memory_of(row: &Row<'_>, content: usize, text: String) -> ImportedMemory {
    let table = row.table;
    let created = table.created();
    let mut meta = row.meta(&[Some(content), table.id(), created, table.find(&["embedding", "vector"])]);
    // What the program kept as a JSON object beside the text is what others call meta.
    for name in ["metadata", "meta"] {
        if let Some(Value::Object(inner)) = meta.get(name).cloned() {
            meta.shift_remove(name);
            for (key, value) in inner {
                meta.entry(key).or_insert(value);
            }
        }
    }
    ImportedMemory {
        name: row.id().map(|id| format!("zoclone/{}/{id}", table.name)),
        content: text,
        meta,
        occurred_at_ms: row.time(created),
        source: row.place.to_string(),
    }
}

fn row_of(row: &Row<'_>) -> ImportedRow {
    ImportedRow {
        table: row.table.name.clone(),
        external_id: row.id(),
        fields: row.fields(),
        occurred_at_ms: row.time(row.table.updated()),
        source: row.place.to_string(),
    }
}

fn unplaced(row: &Row<'_>, fields: Map<String, Value>) -> Imported {
    Imported::Unplaced { table: row.table.name.clone(), json: Value::Object(fields), source: row.place.to_string() }
}
