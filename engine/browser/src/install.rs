//! Getting a browser where the system has none: chromiumoxide's fetcher downloads a build from its maker.

use std::path::{Path, PathBuf};

use chromiumoxide::fetcher::{BrowserFetcher, BrowserFetcherOptions, BrowserKind};
use thiserror::Error;

/// A browser that could not be installed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The folder cannot be made.
    #[error("{} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no build for this system, or it could not be downloaded or unpacked.
    #[error("no browser could be installed: {0}")]
    Fetch(String),
    /// This machine lacks what it takes: threads.
    #[error("no threads for the download: {0}")]
    Threads(std::io::Error),
}

/// Downloads a build of Chrome for Testing into this folder, some 150 MB, and returns its program. What is there already is not downloaded
/// again. `progress` is told what is done. Blocking; the process has to have a TLS provider (`rustls`).
///
/// # Errors
/// What [`InstallError`] lists. What was downloaded by half is left: remove the folder before the next try.
pub fn install(into: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, InstallError> {
    std::fs::create_dir_all(into).map_err(|source| InstallError::Folder { path: into.to_owned(), source })?;
    let options = BrowserFetcherOptions::builder().with_path(into).with_kind(BrowserKind::Chrome).build();
    let fetcher = BrowserFetcher::new(options.map_err(|error| InstallError::Fetch(said(&error)))?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(InstallError::Threads)?;
    progress(&format!("downloading Chrome for Testing into {}", into.display()));
    let installed = runtime.block_on(fetcher.fetch()).map_err(|error| InstallError::Fetch(said(&error)))?;
    progress(&format!("{} is there", installed.executable_path.display()));
    Ok(installed.executable_path)
}

/// An error with what it comes from.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
