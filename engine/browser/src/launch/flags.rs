//! What a browser is told when it is started.

use std::path::Path;

use crate::options::SessionOptions;

/// To be quiet and small: nothing is asked of its maker's servers, nothing is shown but the pages.
const QUIET: [&str; 22] = [
    "--no-first-run",
    "--no-default-browser-check",
    "--no-service-autorun",
    "--no-pings",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--hide-crash-restore-bubble",
    "--metrics-recording-only",
    "--mute-audio",
    "--propagate-iph-for-testing",
    "--password-store=basic",
    "--use-mock-keychain",
    "--force-color-profile=srgb",
];

/// So that a page behaves alike whether somebody looks at it or not, and one browser serves many acts.
const STEADY: [&str; 6] = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-hang-monitor",
    "--disable-ipc-flooding-protection",
    "--disable-prompt-on-repost",
];

/// To be safe: what does not go through the proxy does not go at all.
const SAFE: [&str; 4] = [
    "--disable-quic",
    "--force-webrtc-ip-handling-policy",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-features=AcceptCHFrame,AutofillServerCommunication,CertificateTransparencyComponentUpdater,DialMediaRouteProvider,\
GlobalMediaControls,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,ImprovedCookieControls,InterestFeedContentSuggestions,\
LensOverlay,MediaRouter,NetworkTimeServiceQuerying,OptimizationGuideModelDownloading,OptimizationHints,PaintHolding,PreloadMediaEngagementData,\
PrivacySandboxSettings4,SpareRendererForSitePerProcess,TopChromeWebUI,Translate,WebUIOmniboxAimPopup,WebUIOmniboxPopup,WebUIToolbar",
];

/// All of it; the last is the page of the first tab.
pub(super) fn flags(options: &SessionOptions, profile: &Path) -> Vec<String> {
    let mut flags: Vec<String> = [&QUIET[..], &STEADY, &SAFE].concat().into_iter().map(str::to_owned).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags.push("--remote-debugging-port=0".to_owned());
    flags.push("--remote-debugging-pipe".to_owned());
    flags.push(format!("--window-size={},{}", options.window.0, options.window.1));
    match options.proxy {
        // By itself Chromium goes past the proxy to whatever is on this machine.
        Some(proxy) => {
            flags.extend([format!("--proxy-server=http://{proxy}"), "--proxy-bypass-list=<-loopback>".to_owned()])
        }
        None => flags.push("--no-proxy-server".to_owned()),
    }
    if !options.visible {
        flags.extend(["--headless=new", "--hide-scrollbars", "--disable-gpu"].map(str::to_owned));
    }
    if nix::unistd::geteuid().is_root() {
        // It refuses to start otherwise; its sandbox cannot be set up by root.
        flags.push("--no-sandbox".to_owned());
    }
    if shared_memory_is_small() {
        flags.push("--disable-dev-shm-usage".to_owned());
    }
    flags.push("about:blank".to_owned());
    flags
}

/// Whether pages would crash for want of shared memory, as in containers that have the usual 64 MB of it.
fn shared_memory_is_small() -> bool {
    match nix::sys::statvfs::statvfs("/dev/shm") {
        Ok(shm) => u128::from(shm.blocks_available()) * u128::from(shm.fragment_size()) < 512 << 20,
        Err(_) => false,
    }
}
