use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::open;
use crate::item::{Imported, ImportedConversation, Role};

/// ZoClone's own schema, see the module's documentation.
const SCHEMA: &str = "
    CREATE TABLE conversations(id TEXT PRIMARY KEY, title TEXT, updated_at INTEGER);
    CREATE TABLE messages(id TEXT PRIMARY KEY, conv_id TEXT, role TEXT, content TEXT, tools TEXT, created_at INTEGER);
    CREATE TABLE memory(id TEXT PRIMARY KEY, key TEXT UNIQUE, value TEXT, updated_at INTEGER);
    CREATE TABLE files(id TEXT PRIMARY KEY, path TEXT UNIQUE, content TEXT, encoding TEXT, updated_at INTEGER);
";

fn database(root: &Path, name: &str, sql: &str) -> Connection {
    let connection = Connection::open(root.join(name)).expect("opens");
    connection.execute_batch(sql).expect("good SQL");
    connection
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// All items, errors as text; the folder's own path is cut out of them.
fn read(root: &Path) -> Vec<Result<Imported, String>> {
    let shown = format!("{}/", root.display());
    let items = open(root).expect("opens");
    items.map(|item| item.map_err(|error| error.to_string().replace(&shown, ""))).collect()
}

fn good(root: &Path) -> Vec<Imported> {
    read(root).into_iter().map(|item| item.expect("a good item")).collect()
}

fn conversations(items: &[Imported]) -> Vec<&ImportedConversation> {
    items
        .iter()
        .filter_map(|item| match item {
            Imported::Conversation(conversation) => Some(conversation),
            _ => None,
        })
        .collect()
}

/// Every file of a folder with its bytes.
fn bytes_of(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(root).expect("reads").map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.clone(), fs::read(path).expect("reads"))).collect()
}

#[test]
fn zoclones_own_tables_are_taken_over() {
    let root = folder();
    let sql = format!(
        "{SCHEMA}
         INSERT INTO conversations VALUES ('c1', 'Tea', 1714559000), ('c2', '', 1714559999), ('c3', 'Silent', 1714550000);
         INSERT INTO messages VALUES
            ('m3', 'c1', 'user', 'Thanks', NULL, 1714558832),
            ('m1', 'c1', 'user', 'How hot?', '[]', 1714558830),
            ('m2', 'c1', 'assistant', '', '[{{\"name\": \"kettle\"}}]', 1714558830),
            ('x1', 'c2', 'system', 'Be brief', NULL, 1714558000),
            ('x2', 'c2', 'user', '  ', NULL, 1714558001),
            ('o1', 'gone', 'wizard', 'Lost', NULL, NULL);
         INSERT INTO memory VALUES ('k1', 'likes', '{{\"tea\": \"green\"}}', 1714558830), ('k2', 'openai_api_key', 'sk-123', 1);
         INSERT INTO files VALUES ('f1', 'a.txt', 'hello', 'utf-8', 1714558830), ('f2', 'b.bin', x'00ff', NULL, NULL);"
    );
    drop(database(root.path(), "zo.db", &sql));
    let items = good(root.path());
    let found = conversations(&items);
    let ids: Vec<&str> = found.iter().map(|conversation| conversation.external_id.as_str()).collect();
    assert_eq!(ids, ["gone", "c2", "c1", "c3"], "in the order in which they began, the silent ones last");

    let tea = found[2];
    assert_eq!((tea.title.as_deref(), tea.created_at_ms), (Some("Tea"), Some(1_714_558_830_000)));
    let shape: Vec<_> =
        tea.messages.iter().map(|message| (message.external_id.as_str(), message.parent.as_deref())).collect();
    assert_eq!(shape, [("m1", None), ("m2", Some("m1")), ("m3", Some("m2"))]);
    assert_eq!(tea.messages[1].content, "[tool call]");
    assert_eq!(json!(tea.messages[1].meta), json!({"tools": [{"name": "kettle"}]}));
    assert_eq!(tea.messages[2].occurred_at_ms, Some(1_714_558_832_000));
    assert!(tea.messages.iter().all(|message| message.on_active_branch));

    assert_eq!(
        (found[1].title.as_deref(), found[1].messages.len(), found[1].messages[0].role),
        (None, 1, Role::System)
    );
    assert_eq!(found[0].messages[0].role, Role::Assistant);
    assert_eq!(json!(found[0].messages[0].meta), json!({"role": "wizard"}));
    assert_eq!((found[3].title.as_deref(), found[3].messages.len()), (Some("Silent"), 0));

    let source = |table: &str, row: u32| format!("{}, table {table}, row {row}", root.path().join("zo.db").display());
    let rest: Vec<&Imported> = items.iter().filter(|item| !matches!(item, Imported::Conversation(_))).collect();
    assert_eq!(
        *rest[0],
        Imported::KeyValue {
            key: "likes".to_string(),
            value: "{\"tea\": \"green\"}".to_string(),
            occurred_at_ms: Some(1_714_558_830_000),
            source: source("memory", 1),
        }
    );
    let json = json!({"id": "k2", "key": "openai_api_key", "value": "[redacted]", "updated_at": 1});
    assert_eq!(*rest[1], Imported::Unplaced { table: "memory".to_string(), json, source: source("memory", 2) });
    let [Imported::File(text), Imported::File(bytes)] = rest[2..] else { panic!("{rest:?}") };
    assert_eq!((text.external_id.as_deref(), text.occurred_at_ms), (Some("f1"), Some(1_714_558_830_000)));
    assert_eq!(json!(text.fields)["content"], "hello");
    let fields = json!({"id": "f2", "path": "b.bin", "content": "00ff", "encoding": "hex", "updated_at": null});
    assert_eq!(json!(bytes.fields), fields);
    assert_eq!(rest.len(), 4);
}

#[test]
fn other_schemas_are_known_by_their_columns() {
    let root = folder();
    let sql = "
        CREATE TABLE memories(id INTEGER PRIMARY KEY, content TEXT, metadata TEXT, embedding BLOB, created_at TEXT, kind TEXT);
        INSERT INTO memories VALUES (7, 'Ann likes tea', '{\"speaker\": \"Ann\"}', x'0001ff', '2024-05-01 10:20:30.5', 'fact');
        INSERT INTO memories VALUES (8, NULL, NULL, NULL, NULL, NULL);
        CREATE TABLE automations(id TEXT, name TEXT, rrule TEXT, next_run REAL, enabled INTEGER);
        INSERT INTO automations VALUES ('a', 'daily', 'FREQ=DAILY', 1714558830.5, 1);
        CREATE TABLE jobs(job_id TEXT, status TEXT, command TEXT, created_at REAL) ;
        INSERT INTO jobs VALUES ('j', 'queued', 'ls', 1714558830.25);
        CREATE TABLE Chat_Log(Sender TEXT, Text TEXT, Timestamp TEXT);
        INSERT INTO Chat_Log VALUES ('human', 'Hi', '2024-05-01T10:20:30'), ('bot', 'Hello', '2024-05-01T10:20:31');
        CREATE TABLE \"odd \"\"name\"\"\"(a, b);
        INSERT INTO \"odd \"\"name\"\"\" VALUES (1.5, x'ff');
        CREATE TABLE nodes(id TEXT PRIMARY KEY, host TEXT) WITHOUT ROWID;
        INSERT INTO nodes VALUES ('n', 'laptop');
        CREATE TABLE byok(provider TEXT, key TEXT, created_at TEXT);
        INSERT INTO byok VALUES ('openai', 'sk-123', '2024-05-01');
        CREATE TABLE users(id TEXT, password_hash TEXT);
        INSERT INTO users VALUES ('u', 'hash');
        CREATE TABLE empty(x);
        CREATE VIEW seen AS SELECT * FROM nodes;
        CREATE VIRTUAL TABLE found USING fts5(content);
        INSERT INTO found VALUES ('indexed');
    ";
    drop(database(root.path(), "other.sqlite3", sql));
    let mut summary = Vec::new();
    for item in good(root.path()) {
        summary.push(match item {
            Imported::Conversation(found) => {
                let times: Vec<_> = found.messages.iter().filter_map(|message| message.occurred_at_ms).collect();
                format!("conversation {} {times:?}", found.external_id)
            }
            Imported::Memory(memory) => format!(
                "memory {} {} {} {}",
                memory.name.unwrap_or_default(),
                memory.content,
                json!(memory.meta),
                memory.occurred_at_ms.unwrap_or_default()
            ),
            Imported::Schedule(row) => {
                format!("schedule {} {}", row.external_id.unwrap_or_default(), json!(row.fields))
            }
            Imported::Job(row) => format!("job {} {:?}", json!(row.fields), row.occurred_at_ms),
            Imported::Unplaced { table, json, .. } => format!("unplaced {table} {json}"),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(
        summary,
        [
            "conversation Chat_Log/none [1714558830000, 1714558831000]",
            "memory zoclone/memories/7 Ann likes tea {\"kind\":\"fact\",\"speaker\":\"Ann\"} 1714558830500",
            "unplaced memories {\"id\":8,\"content\":null,\"metadata\":null,\"embedding\":null,\"created_at\":null,\"kind\":null}",
            "schedule a {\"id\":\"a\",\"name\":\"daily\",\"rrule\":\"FREQ=DAILY\",\"next_run\":1714558830.5,\"enabled\":1}",
            "job {\"job_id\":\"j\",\"status\":\"queued\",\"command\":\"ls\",\"created_at\":1714558830.25} Some(1714558830250)",
            "unplaced odd \"name\" {\"a\":1.5,\"b\":\"[1 bytes]\"}",
            "unplaced nodes {\"id\":\"n\",\"host\":\"laptop\"}",
            "unplaced byok {\"provider\":\"openai\",\"key\":\"[redacted]\",\"created_at\":\"2024-05-01\"}",
            "unplaced users {\"id\":\"u\",\"password_hash\":\"[redacted]\"}",
        ]
    );
}

#[test]
fn bad_rows_are_named_and_the_rest_is_read() {
    let root = folder();
    let sql = format!(
        "{SCHEMA}
         INSERT INTO conversations VALUES ('c', CAST(x'54ff' AS TEXT), 1);
         INSERT INTO messages VALUES ('a', 'c', 'user', 'one', NULL, 1), ('b', 'c', 'user', CAST(x'61fe' AS TEXT), NULL, 2),
            ('d', 'c', 'user', 'n' || char(0) || 'l', NULL, 3), ('a2', 'c', 'user', 'three', NULL, 4);"
    );
    drop(database(root.path(), "zo.db", &sql));
    let items = read(root.path());
    let errors: Vec<&String> = items.iter().filter_map(|item| item.as_ref().err()).collect();
    assert_eq!(
        errors,
        [
            "zo.db, table conversations, row 1: expected UTF-8 text in `title`, found byte 0xff at its byte 1",
            "zo.db, table messages, row 2: expected UTF-8 text in `content`, found byte 0xfe at its byte 1",
        ]
    );
    let Ok(Imported::Conversation(found)) = &items[2] else { panic!("{items:?}") };
    let texts: Vec<&str> = found.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["one", "n\u{fffd}l", "three"]);
}

#[test]
fn what_is_no_database_is_an_error_between_databases() {
    let root = folder();
    drop(database(
        root.path(),
        "c.db",
        "CREATE TABLE memory(key TEXT, value TEXT); INSERT INTO memory VALUES ('k', 'v');",
    ));
    fs::write(root.path().join("a.db"), "not SQLite").expect("writes");
    fs::write(root.path().join("b.db"), "").expect("writes");
    let mut torn = fs::read(root.path().join("c.db")).expect("reads");
    torn.truncate(5000);
    fs::write(root.path().join("d.db"), torn).expect("writes");
    let items = read(root.path());
    assert_eq!(items[0], Err("a.db: expected an SQLite database, found something else".to_string()));
    assert!(matches!(&items[1], Ok(Imported::KeyValue { key, .. }) if key == "k"), "{items:?}");
    assert!(
        matches!(&items[2], Err(error) if error.starts_with("d.db: expected an intact database, found ")),
        "{items:?}"
    );
}

#[test]
fn nothing_is_written_and_the_log_of_a_running_program_is_read() {
    let root = folder();
    let sql =
        "PRAGMA journal_mode = WAL; CREATE TABLE memory(key TEXT, value TEXT); INSERT INTO memory VALUES ('a', '1');";
    let running = database(root.path(), "zo db?#%.db", sql);
    let before = bytes_of(root.path());
    assert_eq!(before.len(), 3, "a database, its log and its shared memory");
    assert_eq!(good(root.path()).len(), 1);
    let after = bytes_of(root.path());
    for (path, bytes) in &before {
        assert!(path.to_string_lossy().ends_with("-shm") || after.get(path) == Some(bytes), "{}", path.display());
    }
    drop(running);
    let before = bytes_of(root.path());
    assert_eq!(before.len(), 1, "the log is gone with its program, but the database still says that it has one");
    assert_eq!(good(root.path()).len(), 1);
    assert_eq!(bytes_of(root.path()), before);
}

#[test]
fn a_log_that_cannot_be_read_is_reported() {
    let root = folder();
    let sql =
        "PRAGMA journal_mode = WAL; CREATE TABLE memory(key TEXT, value TEXT); INSERT INTO memory VALUES ('a', '1');
               PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO memory VALUES ('b', '2');";
    let running = database(root.path(), "zo.db", sql);
    let copy = folder();
    fs::copy(root.path().join("zo.db"), copy.path().join("zo.db")).expect("copies");
    // A folder in the place of the log is what not even root can read.
    fs::create_dir(copy.path().join("zo.db-wal")).expect("creates");
    drop(running);
    let items = read(copy.path());
    assert!(matches!(&items[0], Err(error) if error.contains("bytes of changes are in its -wal file")), "{items:?}");
    assert!(matches!(&items[1], Ok(Imported::KeyValue { key, .. }) if key == "a"), "{items:?}");
    assert_eq!(items.len(), 2);
}

#[test]
fn dropping_the_iterator_ends_its_thread() {
    let root = folder();
    let sql = "CREATE TABLE memory(key TEXT, value TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO memory SELECT 'k' || i, 'v' FROM n;";
    drop(database(root.path(), "zo.db", sql));
    let mut items = open(root.path()).expect("opens");
    assert!(items.next().is_some());
    drop(items);
    let mut all = open(&root.path().join("zo.db")).expect("opens");
    assert_eq!(all.files().len(), 1);
    assert_eq!(all.by_ref().count(), 100_000);
    assert!(all.next().is_none());
}

#[test]
fn a_folder_without_databases_is_an_error() {
    let root = folder();
    let error = open(root.path()).err().expect("nothing there").to_string();
    assert!(error.ends_with("expected a .db, .sqlite or .sqlite3 file in the folder, found none"), "{error}");
    assert!(open(&root.path().join("gone")).is_err());
}

#[test]
fn doubled_ids_stay_apart() {
    let root = folder();
    let sql = "CREATE TABLE messages(id TEXT, session_id INTEGER, role TEXT, content TEXT);
               INSERT INTO messages VALUES ('m', 1, 'user', 'a'), ('m', 1, 'user', 'b'), (NULL, 1, 'user', 'c'), ('m', 2, 'user', 'd');";
    drop(database(root.path(), "zo.db", sql));
    let items = good(root.path());
    let ids: Vec<(&str, Vec<&str>)> = conversations(&items)
        .into_iter()
        .map(|found| {
            (found.external_id.as_str(), found.messages.iter().map(|message| message.external_id.as_str()).collect())
        })
        .collect();
    assert_eq!(ids, [("1", vec!["m", "m:2", "3"]), ("2", vec!["m"])]);
}

/// A flipped byte may cost rows or the whole database, but never the process.
#[test]
fn flipped_bytes_are_errors_or_nothing() {
    let root = folder();
    let sql = format!(
        "PRAGMA page_size = 512; {SCHEMA} INSERT INTO conversations VALUES ('c', 't', 1);
         INSERT INTO messages VALUES ('m', 'c', 'user', 'Hello', '[]', 1714558830); INSERT INTO memory VALUES ('k', 'k', 'v', 1);"
    );
    drop(database(root.path(), "zo.db", &sql));
    let path = root.path().join("zo.db");
    let whole = fs::read(&path).expect("reads");
    for index in (0..whole.len()).step_by(41) {
        let mut flipped = whole.clone();
        flipped[index] ^= 0x55;
        fs::write(&path, flipped).expect("writes");
        read(root.path());
    }
}
