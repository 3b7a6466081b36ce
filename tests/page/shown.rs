//! What is seen: on phones, on paper, in the dark, and by those who listen.

use serde_json::json;

use crate::browser::Browser;
use crate::{DESKTOP, PHONE, RESULTS, SHEET, TOOLS, in_each_page, page};

#[test]
fn a_phone_shows_the_error_first_and_nothing_sticks_out() {
    let script = r#"
const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
let error = null;
while (!error && texts.nextNode()) {
  if (!/\d % ?\[|error of \d|error, \d|\d %/.test(texts.currentNode.data)) continue;
  const range = document.createRange();
  range.selectNode(texts.currentNode);
  error = range.getBoundingClientRect().top;
}
all('details').forEach((one) => (one.open = true));
const outside = (selector) => all(selector).filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80));
const whole = outside('.card > svg');
const smallest = (svg) => Math.min(...all('text', svg).map((text) => parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a));
const offers = all('figure').map((figure) => [parseFloat(getComputedStyle(figure.querySelector('.enlarge')).fontSize), figure.querySelector('.enlarge').innerText]);
const pictures = all('.card > svg');
const pressed = () => all('.off').length;
for (const svg of pictures) fire(svg.querySelector('.entry') ?? svg, 'click', { x: 0, y: 0 });
const large = { smallest: Math.min(...pictures.map(smallest)), pressed: pressed(), out: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  scrolls: pictures.every((svg) => svg.parentElement.scrollWidth >= svg.viewBox.baseVal.width) };
all('.enlarge').forEach((button) => button.click());
const again = outside('.card > svg');
const heads = all('table').filter((table) => table.offsetParent).map((table) => {
  const difference = [...table.tHead.rows[0].cells].find((cell) => /^difference|^final test error/.test(cell.innerText));
  return difference ? difference.getBoundingClientRect().right : 0;
});
return { whole, offers, large, again, heads, width: innerWidth, out: document.documentElement.scrollWidth - document.documentElement.clientWidth, error, height: innerHeight,
  wide: all('.card > svg, p, h1, h2, li, summary').filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 80)) };"#;
    in_each_page(
        "a_phone_shows_the_error_first_and_nothing_sticks_out",
        PHONE,
        script,
        |name, found| {
            assert_eq!(found["width"], PHONE, "{name}");
            assert_eq!(found["out"], 0, "{name}");
            for key in ["whole", "again", "wide"] {
                assert_eq!(found[key], json!([]), "{name}: {key}");
            }
            for offer in found["offers"].as_array().unwrap() {
                assert!(offer[0].as_f64() >= Some(10.0), "{name}: {offer}");
                assert_eq!(offer[1], "Tap the picture to enlarge it", "{name}");
            }
            let large = &found["large"];
            assert!(large["smallest"].as_f64() >= Some(10.0), "{name}: {large}");
            assert_eq!(
                (&large["out"], &large["pressed"], &large["scrolls"]),
                (&json!(0), &json!(0), &json!(true)),
                "{name}: a tap enlarges, and nothing else"
            );
            for right in found["heads"].as_array().unwrap() {
                assert!(right.as_f64() <= Some(f64::from(PHONE)), "{name}: {right}");
            }
            assert!(
                found["error"].as_f64() < Some(700.0),
                "{name}: {}",
                found["error"]
            );
        },
    );
}

#[test]
fn the_first_screen_of_a_desktop_holds_the_first_picture() {
    let script = "const box = document.querySelector('.card > svg').getBoundingClientRect(); return box.bottom;";
    in_each_page(
        "the_first_screen_of_a_desktop_holds_the_first_picture",
        DESKTOP,
        script,
        |name, bottom| {
            assert!(bottom.as_f64() <= Some(800.0), "{name}: {bottom}");
        },
    );
}

#[test]
fn pictures_say_what_they_show_and_everything_has_its_place_in_the_order_of_focus() {
    let script = r#"
const focusable = all('a[href], button, input, summary, [tabindex]').filter((one) => one.offsetParent || one.closest('svg'));
return { texts: all('.card > svg').map((svg) => svg.getAttribute('aria-label')), positive: focusable.filter((one) => one.tabIndex > 0).length,
  nameless: all('button, input, a[href], summary, .scroll').filter((one) => !(one.textContent || one.getAttribute('aria-label') || one.placeholder)).length,
  headings: all('h1, h2, h3').map((one) => one.tagName) };"#;
    let test = "pictures_say_what_they_show_and_everything_has_its_place_in_the_order_of_focus";
    in_each_page(test, DESKTOP, script, |name, found| {
        for text in found["texts"].as_array().unwrap() {
            let text = text.as_str().unwrap();
            assert!(
                text.contains("owest ") || text.contains("at step"),
                "{name}: {text}"
            );
        }
        assert_eq!(
            (&found["positive"], &found["nameless"]),
            (&json!(0), &json!(0)),
            "{name}"
        );
        let headings = found["headings"].as_array().unwrap();
        assert_eq!(
            (
                &headings[0],
                headings.iter().filter(|tag| *tag == "H1").count()
            ),
            (&json!("H1"), 1)
        );
    });
}

#[test]
fn dark_mode_darkens_page_and_pictures() {
    let Some(browser) = Browser::find("dark_mode_darkens_page_and_pictures") else {
        return;
    };
    for name in RESULTS {
        let (_folder, page) = page(name);
        let shot = browser.dark(&page);
        let bright = shot
            .pixels()
            .iter()
            .filter(|pixel| pixel.red() > 0xa0 && pixel.green() > 0xa0 && pixel.blue() > 0xa0);
        let share = bright.count() as f64 / shot.pixels().len() as f64;
        // Letters and lines are bright; a card of white paper would be a third of the screen.
        assert!((0.002..0.15).contains(&share), "{name}: {share}");
    }
}

#[test]
fn a_printed_page_takes_few_sheets_and_cuts_no_column() {
    let Some(browser) = Browser::find("a_printed_page_takes_few_sheets_and_cuts_no_column") else {
        return;
    };
    // The rules for paper, on a screen as wide as a sheet.
    let script = r#"
for (const rule of document.styleSheets[0].cssRules) {
  if (rule.media) rule.media.mediaText = rule.media.mediaText === 'print' ? 'all' : 'not all';
}
return { out: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  pictures: all('.card > svg').map((svg) => [svg.getBoundingClientRect().width / document.querySelector('main').clientWidth, svg.viewBox.baseVal.width / svg.viewBox.baseVal.height]),
  parted: all('.scroll > table').filter((one) => getComputedStyle(one).breakInside !== 'avoid').length,
  headings: all('h2').filter((one) => one.offsetParent).map((one) => one.textContent), cut: all('.scroll, pre').filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth).map((one) => one.textContent.slice(0, 60)) };"#;
    for name in RESULTS {
        let (_folder, page) = page(name);
        let found = browser.evaluate(&page, SHEET, &format!("{TOOLS}{script}"));
        assert_eq!(
            (&found.value["out"], &found.value["cut"]),
            (&json!(0), &json!([])),
            "{name}"
        );
        assert_eq!(found.value["parted"], json!(0), "{name}");
        for picture in found.value["pictures"].as_array().unwrap() {
            let [share, shape] = [0, 1].map(|place| picture[place].as_f64().unwrap());
            // Tall ones keep to less than half a sheet.
            assert!(share > 0.99 || share > 0.5 * shape, "{name}: {picture}");
        }
        let headings = found.value["headings"].as_array().unwrap();
        for heading in ["What came out", "Final test error", "Convergence"] {
            assert!(headings.contains(&json!(heading)), "{name}: {headings:?}");
        }
        let sheets = browser.sheets(&page);
        assert!(
            (1..=if name == "batch-size" { 6 } else { 10 }).contains(&sheets),
            "{name}: {sheets} sheets"
        );
    }
}
