//! Who listens at a port of this machine, as the kernel tells it.

use std::fs;
use std::net::SocketAddr;

/// `process 4711 (zo)`, if it can be seen who listens at this port.
pub(crate) fn of(address: SocketAddr) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, address.port()))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let process = fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(entry.path().join("fd")).ok()?;
        let has = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.to_str().is_some_and(|target| sockets.iter().any(|socket| socket == target)));
        has.then_some(pid)
    })?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(format!("process {process} ({})", name.trim()))
}

/// Inodes of the sockets that listen at a port, of the table in `proc_net_tcp(5)`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, at) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == LISTEN && u16::from_str_radix(at, 16).ok()? == port;
        listens.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_found_by_the_port() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let found = of(listener.local_addr().expect("an address")).expect("this process can see itself");
        assert!(found.starts_with(&format!("process {} (", std::process::id())), "{found}");
    }

    #[test]
    fn nobody_is_found_where_nobody_listens() {
        let table = "  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode\n\
                     0: 0100007F:1E35 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1\n\
                     1: 0100007F:1E35 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 78 1\n";
        assert_eq!(listening(table, 0x1E35), ["77"]);
        assert!(listening(table, 80).is_empty() && listening("", 80).is_empty());
    }
}
