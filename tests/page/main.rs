//! The page of a comparison in a real Chromium: what can be touched, narrow screens, print, dark mode. Where there is no
//! Chromium, these tests say that they are skipped. Nothing here measures time.

mod browser;
mod shown;
mod touched;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use browser::{Browser, Found};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Results to report: three methods at one batch size, seven at five, 29 at three.
const RESULTS: [&str; 3] = ["best", "batch-size", "methods"];
/// No page may be larger, in bytes.
const LARGEST_PAGE: u64 = 3_000_000;
/// Widths of screens in pixels, and of what an A4 sheet holds between its margins.
const PHONE: u32 = 390;
const DESKTOP: u32 = 1280;
const SHEET: u32 = 703;

/// What the scripts share: parts of the page, and events at places of its first picture with a legend.
const TOOLS: &str = r#"
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const fire = (target, type, at, more) => target.dispatchEvent(new PointerEvent(type,
  { bubbles: true, cancelable: true, clientX: at.x, clientY: at.y, button: 0, pointerType: 'mouse', ...more }));
const press = (target, key, more) => target.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, key, ...more }));
const picture = all('.card > svg').find((svg) => svg.querySelector('.panel') && all('[role=button]', svg).length > 1);
const entries = all('[role=button]', picture).filter((one, at, ones) => ones.findIndex((other) => other.dataset.label === one.dataset.label) === at);
const label = entries[0].dataset.label;
const seen = (label) => all('.series', picture).filter((one) => one.dataset.label === label && !one.matches('.name') && getComputedStyle(one).display !== 'none').length;
const screen = (x, y) => new DOMPoint(x, y).matrixTransform(picture.getScreenCTM());
const nowhere = { x: 0, y: 0 };
"#;

/// The page of some results of this repository, made from their CSV files by the program.
fn page(name: &str) -> (TempDir, PathBuf) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("results")
        .join(name);
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let path = file.unwrap().path();
        let is_table = path
            .extension()
            .is_some_and(|end| end == "csv" || end == "json");
        if is_table {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut report = Command::cargo_bin("normprop").unwrap();
    report.arg("report").arg(folder.path()).assert().success();
    let page = folder.path().join("report.html");
    (folder, page)
}

/// Runs a script in each of the pages; nothing may be written on the console.
fn in_each_page(test: &str, width: u32, script: &str, check: impl Fn(&str, &Value)) {
    let Some(browser) = Browser::find(test) else {
        return;
    };
    for name in RESULTS {
        let (_folder, page) = page(name);
        let Found { value, console } = browser.evaluate(&page, width, &format!("{TOOLS}{script}"));
        assert!(console.is_empty(), "{name}: {console:#?}");
        check(name, &value);
    }
}

#[test]
fn links_lead_to_files_from_wherever_a_page_lies() {
    let (folder, page) = page("best");
    let linked = |page: &Path| -> Vec<PathBuf> {
        let text = std::fs::read_to_string(page).unwrap();
        let files = text.split("class=\"files\">").skip(1);
        let files = files.map(|rest| rest.split_once("</span>").unwrap().0);
        let links = files.flat_map(|links| links.split("href=\"").skip(1));
        let link = |link: &str| page.parent().unwrap().join(link.split_once('"').unwrap().0);
        links.map(link).collect()
    };
    let beside = linked(&page);
    assert!(beside.len() > 8 && beside.iter().all(|file| file.is_file()));
    let report = |folders: &[&Path], out: &Path| {
        let mut report = Command::cargo_bin("normprop").unwrap();
        report.arg("report").args(folders).arg("--out").arg(out);
        report.assert().success();
    };
    let other = tempfile::tempdir().unwrap();
    for place in [
        other.path().join("new/page.html"),
        folder.path().join("pages/page.html"),
        folder.path().join("page.html"),
    ] {
        report(&[folder.path()], &place);
        let links = linked(&place);
        assert_eq!(links.len(), beside.len());
        assert!(links.iter().all(|file| file.is_file()), "{links:?}");
        report(&[folder.path(), folder.path()], &place);
        let links = linked(&place);
        assert_eq!(links.len(), 2 * beside.len());
        assert!(links.iter().all(|file| file.is_file()), "{links:?}");
    }
    // Without their files, pictures link to tables alone.
    for file in beside
        .iter()
        .filter(|file| file.extension() != Some("csv".as_ref()))
    {
        let _ = std::fs::remove_file(file);
    }
    let place = other.path().join("tables.html");
    report(&[folder.path()], &place);
    let links = linked(&place);
    assert!(
        !links.is_empty() && links.iter().all(|file| file.is_file()),
        "{links:?}"
    );
}

#[test]
fn a_page_is_small_and_loads_nothing_but_links_to_files_that_are_there() {
    let test = "a_page_is_small_and_loads_nothing_but_links_to_files_that_are_there";
    let Some(browser) = Browser::find(test) else {
        return;
    };
    for name in RESULTS {
        let (folder, page) = page(name);
        assert!(
            std::fs::metadata(&page).unwrap().len() <= LARGEST_PAGE,
            "{name}"
        );
        let script = "return { loaded: performance.getEntriesByType('resource').map((one) => one.name), \
                      links: [...document.querySelectorAll('.files a')].map((one) => one.getAttribute('href')), \
                      pictures: document.querySelectorAll('.card > svg').length };";
        let Found { value, console } = browser.evaluate(&page, DESKTOP, script);
        assert!(console.is_empty(), "{name}: {console:#?}");
        assert_eq!(value["loaded"], json!([]), "{name}");
        let links = value["links"].as_array().unwrap();
        assert_eq!(
            Some(links.len() as u64),
            value["pictures"].as_u64().map(|count| 3 * count),
            "{name}"
        );
        for link in links {
            let file = folder.path().join(link.as_str().unwrap());
            assert!(file.is_file(), "{name}: {link}");
        }
    }
}
