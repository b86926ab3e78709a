#![allow(clippy::all, clippy::print_stdout, missing_docs, clippy::unwrap_used)]
use std::time::Instant;
use zo_projections::event::{Event, bench, conversation, memory};
use zo_projections::record::{self, RawRecord};
use zo_projections::*;

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E3779B97F4A7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
        z ^ (z >> 31)
    }
    fn id(&mut self, at: i64) -> u128 {
        ((at as u128) << 80) | (((self.next() as u128) << 64 | self.next() as u128) & ((1 << 80) - 1))
    }
}
const N: u64 = 1_000_000;
const CONV: usize = 10_000;
const JOBS: usize = 200_000;

struct Gen {
    rng: Rng,
    convs: Vec<(u128, u32, Option<MessageId>)>,
    jobs: Vec<(u128, u32)>,
    p: u64,
    keys: bool,
    last_key: u32,
}
impl Gen {
    fn new(keys: bool) -> Self {
        let mut rng = Rng(42);
        let convs = (0..CONV).map(|_| (rng.id(1_700_000_000_000), 0, None)).collect();
        let jobs = (0..JOBS).map(|_| (rng.id(1_700_000_000_000), 0)).collect();
        Gen { rng, convs, jobs, p: 0, keys, last_key: 0 }
    }
    fn next(&mut self) -> Option<Recorded> {
        if self.p == N {
            return None;
        }
        self.p += 1;
        let at = 1_700_000_000_000 + self.p as i64 * 20;
        let r = self.rng.next() % 100;
        let (stream, version, event) = if self.p <= CONV as u64 {
            let c = &mut self.convs[self.p as usize - 1];
            c.1 = 1;
            (
                StreamId::new(Category::Conversation, c.0),
                1,
                Event::from(conversation::Started { name: Some(Digest(c.0 ^ 77)) }),
            )
        } else if r < 30 {
            let i = self.rng.next() as usize % CONV;
            let id = MessageId(self.rng.id(at));
            let c = &mut self.convs[i];
            c.1 += 1;
            let parent = c.2.replace(id);
            (
                StreamId::new(Category::Conversation, c.0),
                c.1,
                conversation::MessageAdded {
                    message: id,
                    parent,
                    role: if c.1 % 2 == 0 { conversation::Role::User } else { conversation::Role::Assistant },
                    size: 300,
                    tool_calls: 0,
                    model: (c.1 % 2 == 1).then(|| "anthropic/claude-x".to_owned()),
                    occurred_at: None,
                    interrupted: false,
                    selected: true,
                }
                .into(),
            )
        } else if r < 40 {
            let id = self.rng.id(at);
            let digest = Digest(self.rng.id(0) ^ (id << 40));
            (
                StreamId::new(Category::Memory, id),
                1,
                memory::Memorized { digest, named: r % 2 == 0, size: 200, occurred_at: None }.into(),
            )
        } else {
            let i = self.rng.next() as usize % JOBS;
            let j = &mut self.jobs[i];
            j.1 += 1;
            (
                StreamId::new(Category::Job, j.0),
                j.1,
                bench::Placeholder { stands_for: "job.submitted".into(), filling: vec![7; 120] }.into(),
            )
        };
        let sealed = !matches!(event, Event::Placeholder(_));
        let key = if sealed && version == 1 {
            self.last_key += 1;
            KeyId(self.last_key)
        } else {
            KeyId(if sealed { 1 } else { 0 })
        };
        Some(Recorded {
            header: Header {
                position: Position(self.p),
                id: EventId(self.rng.id(at)),
                stream,
                version,
                at: Timestamp(at),
                actor: Actor::User,
                causation: None,
                correlation: None,
                idempotency: self.keys.then(|| self.rng.id(at)),
                key,
                body: if sealed { record::BodyPlace::Inline(100) } else { record::BodyPlace::None },
            },
            event,
        })
    }
}
fn rss() -> f64 {
    let s = std::fs::read_to_string("/proc/self/statm").unwrap();
    s.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0 / 1e6
}
fn main() {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let keys = mode.contains("keys");
    let mut g = Gen::new(keys);
    if mode.contains("rss") {
        let before = rss();
        let mut v = Views::default();
        while let Some(r) = g.next() {
            v.apply(&r);
        }
        println!("rss views +{:.1} MB (anomalies {})", rss() - before, v.anomaly_count);
        let s = v.save();
        std::fs::write("/tmp/folds.snap", &s).unwrap();
        return;
    }
    if mode.contains("load") {
        let before = rss();
        let s = std::fs::read("/tmp/folds.snap").unwrap();
        let mid = rss();
        let t = Instant::now();
        let v = Views::load(&s).unwrap();
        println!(
            "load {:.1} ms, rss before {before:.1} file +{:.1} views +{:.1} MB peak-ish; {}",
            t.elapsed().as_secs_f64() * 1e3,
            mid - before,
            rss() - mid,
            v.position
        );
        let t = Instant::now();
        let v2 = Views::load(&s).unwrap();
        println!("second load {:.1} ms", t.elapsed().as_secs_f64() * 1e3);
        drop(v2);
        return;
    }
    let mut log = Vec::new();
    let body = [9u8; 100];
    let mut all = 0;
    while let Some(r) = g.next() {
        let b = if r.header.body == record::BodyPlace::None { &[][..] } else { &body[..] };
        record::write(&r.header, &r.event, b, &mut log);
        all += 1;
    }
    println!("log {} events {:.1} MB", all, log.len() as f64 / 1e6);
    let pass = |what: &str, decode: bool, apply: bool| {
        let mut v = Views::default();
        let t = Instant::now();
        let (mut at, mut p, mut x) = (0, Position::START, 0u64);
        while at < log.len() {
            p = p.next();
            let (raw, len) = RawRecord::read(p, &log[at..]).unwrap();
            at += len;
            if decode {
                let r = raw.decode().unwrap();
                if apply {
                    v.apply(&r)
                } else {
                    x += r.header.version as u64;
                }
            } else {
                x += raw.header.version as u64;
            }
        }
        let s = t.elapsed().as_secs_f64();
        println!("{what}: {:.0} ns/event, {:.2} M/s ({x})", s * 1e9 / N as f64, N as f64 / 1e6 / s);
        v
    };
    pass("read", false, false);
    pass("read+decode", true, false);
    for _ in 0..3 {
        pass("read+decode+apply", true, true);
    }
    let v = pass("read+decode+apply", true, true);
    println!("anomalies {} {:?}", v.anomaly_count, v.anomalies.first());
    for _ in 0..2 {
        let t = Instant::now();
        let s = v.save();
        println!("save {:.1} ms {:.1} MB", t.elapsed().as_secs_f64() * 1e3, s.len() as f64 / 1e6);
        let t = Instant::now();
        let w = Views::load(&s).unwrap();
        println!("load {:.1} ms", t.elapsed().as_secs_f64() * 1e3);
        let t = Instant::now();
        let w2 = w.clone();
        println!("clone {:.1} ms", t.elapsed().as_secs_f64() * 1e3);
        drop(w2);
    }
    let t = Instant::now();
    let d = v.digests();
    println!("digests {:.1} ms {}", t.elapsed().as_secs_f64() * 1e3, d.len());
}
