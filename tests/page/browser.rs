//! A real Chromium without a window, told what to do on its command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Names under which Chromium and its relatives are installed.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// A browser.
pub struct Browser {
    program: PathBuf,
    scratch: tempfile::TempDir,
}

/// What a script found in a page, and what the browser wrote on its console meanwhile.
pub struct Found {
    pub value: Value,
    pub console: Vec<String>,
}

impl Browser {
    /// The browser of this machine; where there is none, says that `test` is skipped.
    pub fn find(test: &str) -> Option<Browser> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        let places = NAMES
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let Some(program) = places.into_iter().find(|place| place.is_file()) else {
            // Past the test harness, which shows nothing of tests that pass.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {test}: there is no Chromium (Debian: apt install chromium)"
            );
            return None;
        };
        let scratch = tempfile::tempdir().unwrap();
        Some(Browser { program, scratch })
    }

    fn run(&self, page: &Path, options: &[&str]) -> Output {
        let profile = self.scratch.path().join("profile");
        let output = Command::new(&self.program)
            .args([
                "--headless",
                "--disable-gpu",
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args([
                "--enable-logging=stderr",
                "--hide-scrollbars",
                "--virtual-time-budget=3000",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(options)
            .arg(format!("file://{}", page.display()))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Appends a script to a copy of the page, opens it so many pixels wide, and returns what the script returned.
    /// Narrow windows have a least width, so that the page stands in a frame.
    pub fn evaluate(&self, page: &Path, width: u32, script: &str) -> Found {
        let (copy, outer) = (
            page.with_file_name("copy.html"),
            page.with_file_name("frame.html"),
        );
        let text = std::fs::read_to_string(page).unwrap();
        let script = format!(
            "<script type=\"module\">const found = await (async () => {{ {script} }})();\n\
             parent.postMessage(JSON.stringify(found), '*');</script>"
        );
        std::fs::write(&copy, text + &script).unwrap();
        let frame = format!(
            "<!DOCTYPE html><body style=\"margin: 0\"><iframe src=\"copy.html\" style=\"border: 0; width: {width}px; height: 844px\">\
             </iframe><pre></pre><script>onmessage = (e) => document.querySelector('pre').textContent = e.data</script>"
        );
        std::fs::write(&outer, frame).unwrap();
        let output = self.run(&outer, &["--dump-dom", "--window-size=1400,900"]);
        let dom = String::from_utf8(output.stdout).unwrap();
        let found = dom
            .split_once("<pre>")
            .and_then(|(_, rest)| rest.split_once("</pre>"));
        let found = found.unwrap_or_default().0;
        let found = found
            .replace("&nbsp;", "\u{a0}")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        let console = String::from_utf8_lossy(&output.stderr);
        let console = console.lines().filter(|line| line.contains(":CONSOLE"));
        let console: Vec<String> = console.map(str::to_owned).collect();
        let value = serde_json::from_str(&found)
            .unwrap_or_else(|error| panic!("{error}: {found:?} {console:#?}"));
        Found { value, console }
    }

    /// The page as it is printed: how many sheets.
    pub fn sheets(&self, page: &Path) -> usize {
        let file = self.scratch.path().join("page.pdf");
        self.run(
            page,
            &[
                &format!("--print-to-pdf={}", file.display()),
                "--no-pdf-header-footer",
            ],
        );
        let pdf = std::fs::read(file).unwrap();
        let pages = pdf
            .windows(12)
            .filter(|bytes| bytes.starts_with(b"/Type /Page") && bytes[11] != b's');
        pages.count()
    }

    /// A picture of the first screen in dark mode.
    pub fn dark(&self, page: &Path) -> resvg::tiny_skia::Pixmap {
        let file = self.scratch.path().join("dark.png");
        let screenshot = format!("--screenshot={}", file.display());
        self.run(
            page,
            &[
                &screenshot,
                "--window-size=1280,800",
                "--blink-settings=preferredColorScheme=0",
            ],
        );
        resvg::tiny_skia::Pixmap::load_png(file).unwrap()
    }
}
