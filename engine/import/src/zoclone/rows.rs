//! A row of a table as JSON values.

use rusqlite::types::ValueRef;
use serde_json::{Map, Number, Value};

use super::database::database_error;
use super::schema::Table;
use crate::error::{ImportError, Place, Spot};
use crate::time::instant_of_json;

/// What stands for a value that is not passed on.
const REDACTED: &str = "[redacted]";

/// Columns whose text is JSON when it looks like it.
const JSON_COLUMNS: &[&str] = &["tools", "tool_calls", "metadata", "meta", "tags", "payload", "extra"];

/// A row of `table`.
pub(super) struct Row<'a> {
    pub(super) table: &'a Table,
    pub(super) place: Place,
    /// One for each column of the table. A BLOB that is text is text; another one is a note of its size.
    values: Vec<Value>,
    /// The bytes of the BLOBs that are no text, with their columns.
    blobs: Vec<(usize, Vec<u8>)>,
}

impl<'a> Row<'a> {
    /// Takes a row of a query that selects the rowid (or NULL) and then all columns; `ordinal` stands for the rowid where
    /// there is none.
    pub(super) fn of(
        table: &'a Table,
        file: &str,
        row: &rusqlite::Row<'_>,
        ordinal: i64,
    ) -> Result<Row<'a>, ImportError> {
        let failed = |cause| database_error(file, Some(&table.name), cause);
        let number = match row.get_ref(0).map_err(failed)? {
            ValueRef::Integer(rowid) => rowid,
            _ => ordinal,
        };
        let place = Place { file: file.to_string(), spot: Spot::Row { table: table.name.clone(), row: number } };
        let mut values = Vec::with_capacity(table.columns.len());
        let mut blobs = Vec::new();
        for (column, name) in table.columns.iter().enumerate() {
            values.push(match row.get_ref(column + 1).map_err(failed)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(integer) => Value::from(integer),
                ValueRef::Real(real) => Number::from_f64(real).map_or(Value::Null, Value::Number),
                ValueRef::Text(bytes) => match str::from_utf8(bytes) {
                    Ok(text) => Value::from(without_nuls(text)),
                    Err(error) => {
                        let offset = error.valid_up_to();
                        let found = format!("byte 0x{:02x} at its byte {offset}", bytes[offset]);
                        return Err(ImportError::unexpected(place, format!("UTF-8 text in `{name}`"), found));
                    }
                },
                ValueRef::Blob(bytes) => match str::from_utf8(bytes) {
                    Ok(text) if !text.contains('\0') => Value::from(text),
                    _ => {
                        blobs.push((column, bytes.to_vec()));
                        Value::from(format!("[{} bytes]", bytes.len()))
                    }
                },
            });
        }
        Ok(Row { table, place, values, blobs })
    }

    pub(super) fn value(&self, column: usize) -> &Value {
        &self.values[column]
    }

    /// A column as text: a string, or a number as it is written; nothing for NULL and BLOBs.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        match &self.values[column] {
            Value::String(text) if !self.is_blob(column) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The bytes of a BLOB that is no text, as hexadecimal digits.
    pub(super) fn hex(&self, column: usize) -> Option<String> {
        let (_, bytes) = self.blobs.iter().find(|(other, _)| *other == column)?;
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn is_blob(&self, column: usize) -> bool {
        self.blobs.iter().any(|(other, _)| *other == column)
    }

    /// The row's id as text; where there is no column for it, the rowid.
    pub(super) fn id(&self) -> Option<String> {
        match (self.table.id(), &self.place.spot) {
            (Some(column), _) => self.text(column).filter(|id| !id.is_empty()),
            (None, Spot::Row { row, .. }) if self.table.has_rowid => Some(row.to_string()),
            _ => None,
        }
    }

    /// A column as a time, in ms since 1970 UTC.
    pub(super) fn time(&self, column: Option<usize>) -> Option<i64> {
        instant_of_json(&self.values[column?])
    }

    /// All columns but `except`, without secrets; NULLs and BLOBs that are no text are left out.
    pub(super) fn meta(&self, except: &[Option<usize>]) -> Map<String, Value> {
        self.fields_where(|column| {
            !except.contains(&Some(column)) && !self.values[column].is_null() && !self.is_blob(column)
        })
    }

    /// All columns, without secrets.
    pub(super) fn fields(&self) -> Map<String, Value> {
        self.fields_where(|_| true)
    }

    fn fields_where(&self, wanted: impl Fn(usize) -> bool) -> Map<String, Value> {
        let columns = self.table.columns.iter().enumerate().filter(|(column, _)| wanted(*column));
        columns
            .map(|(column, name)| {
                let value = match &self.values[column] {
                    value if self.table.is_secret(column) && !value.is_null() => Value::from(REDACTED),
                    Value::String(text) if is_json_column(name) => json_in(text),
                    value => value.clone(),
                };
                (name.clone(), value)
            })
            .collect()
    }

    /// All columns, and the value in `column` not passed on.
    pub(super) fn fields_without(&self, column: usize) -> Map<String, Value> {
        let mut fields = self.fields();
        fields.insert(self.table.columns[column].clone(), Value::from(REDACTED));
        fields
    }
}

fn is_json_column(name: &str) -> bool {
    JSON_COLUMNS.iter().any(|json| name.eq_ignore_ascii_case(json))
}

/// The object or array that a text is, else the text.
fn json_in(text: &str) -> Value {
    if text.trim_start().starts_with(['{', '[']) {
        serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
    } else {
        Value::from(text)
    }
}

/// SQLite allows NULs in text; nothing else here does.
fn without_nuls(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
