//! What driving a browser costs beside plain chromiumoxide, which launches the same program and asks for the same: launch to first page
//! (wanted: at most 1.2 times), an act (at most 5 ms more), the snapshot of a page of 20,000 nodes (at most 2 s).
//!
//! `cargo bench --workspace --bench browser`; `ZO_BENCH_ROUNDS` (ten unless said). Rounds are interleaved; medians are told.
//! It stands here because only this crate knows chromiumoxide.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chromiumoxide::browser::{Browser, BrowserConfig};
use futures_util::StreamExt;
use serde_json::json;
use zo_browser::{Act, Session, SessionOptions, find};
use zo_test_site::Site;

/// Long enough for a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Acts of one round.
const ACTS: u32 = 20;

/// What one round took.
struct Took {
    launch: Duration,
    act: Duration,
}

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let rounds = std::env::var("ZO_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let site = Site::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut ours, mut plain, mut snapshots) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        plain.push(runtime.block_on(plainly(&site.url_of("/form")))?);
        let (took, snapshot) = driven(&site)?;
        ours.push(took);
        snapshots.push(snapshot);
    }
    let launch = |rounds: &[Took]| ms(median(rounds.iter().map(|took| took.launch)));
    let act = |rounds: &[Took]| ms(median(rounds.iter().map(|took| took.act)));
    let (our_launch, plain_launch, our_act, plain_act) = (launch(&ours), launch(&plain), act(&ours), act(&plain));
    let ratio = our_launch / plain_launch;
    println!("launch to first page   ours {our_launch:8.1} ms, plain {plain_launch:8.1} ms: {ratio:.2} times");
    let more = our_act - plain_act;
    println!("an act (a title)       ours {our_act:8.2} ms, plain {plain_act:8.2} ms: {more:.2} ms more");
    println!("snapshot, 20,000 nodes ours {:8.1} ms", ms(median(snapshots.into_iter())));
    Ok(())
}

/// Launches a browser as chromiumoxide does, with the flags that it cannot do without here, opens a page and asks for its title.
async fn plainly(url: &str) -> Result<Took> {
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let config = BrowserConfig::builder()
        .chrome_executable(find::program(None)?)
        .user_data_dir(folder.path())
        .no_sandbox()
        .new_headless_mode()
        .build()
        .map_err(anyhow::Error::msg)?;
    let (mut browser, mut handler) = Browser::launch(config).await?;
    // It goes on after an event that it does not know.
    let polling = tokio::spawn(async move { while handler.next().await.is_some() {} });
    let page = browser.new_page(url).await?;
    page.wait_for_navigation().await?;
    let launch = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..ACTS {
        page.get_title().await?;
    }
    let act = begun.elapsed() / ACTS;
    browser.close().await?;
    browser.wait().await?;
    polling.abort();
    Ok(Took { launch, act })
}

/// The same by a session, and the snapshot of a large page.
fn driven(site: &Site) -> Result<(Took, Duration)> {
    let folder = tempfile::tempdir()?;
    let (profile, downloads) = (folder.path().join("profile"), folder.path().join("downloads"));
    let options = SessionOptions::new(find::program(None)?, profile, downloads);
    let begun = Instant::now();
    let session = Session::open(options)?;
    let done = |act: serde_json::Value| -> Result<()> {
        session.act(&Act::from_value(act)?, DEADLINE, &|| false).context("an act")?;
        Ok(())
    };
    done(json!({"act": "open", "url": site.url_of("/form")}))?;
    let launch = begun.elapsed();
    let begun = Instant::now();
    for _ in 0..ACTS {
        done(json!({"act": "get", "what": "title"}))?;
    }
    let act = begun.elapsed() / ACTS;
    done(json!({"act": "open", "url": site.url_of("/large?nodes=20000")}))?;
    let begun = Instant::now();
    done(json!({"act": "snapshot"}))?;
    let snapshot = begun.elapsed();
    session.close();
    Ok((Took { launch, act }, snapshot))
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
