//! What is done with pointer and keys.

use serde_json::json;

use crate::{DESKTOP, in_each_page};

#[test]
fn pointing_at_a_line_tells_what_is_there() {
    let script = r#"
const line = all('.series[data-points]', picture).find((line) => line.dataset.label === label);
const [x, y] = line.dataset.points.split(';').at(-1).split(' ').map(Number);
fire(picture, 'pointermove', screen(x, y));
const tip = document.querySelector('.tip');
const found = { said: tip.innerText, label, others: all('.series', picture).map((one) => getComputedStyle(one).opacity) };
fire(picture, 'pointerleave', nowhere);
const row = document.querySelector('.row');
const box = row.getBoundingClientRect();
fire(row.closest('svg'), 'pointermove', { x: box.left + 5, y: box.top + box.height / 2 });
return { ...found, row: tip.innerText, of: row.dataset.label };"#;
    in_each_page(
        "pointing_at_a_line_tells_what_is_there",
        DESKTOP,
        script,
        |name, found| {
            let said = found["said"].as_str().unwrap();
            assert!(
                said.starts_with(found["label"].as_str().unwrap()),
                "{name}: {said}"
            );
            for part in ["atch size ", " %", "3 seeds (0, 1, 2)"] {
                assert!(said.contains(part), "{name}: {said}");
            }
            let has_interval = said.contains('[') && said.contains(']');
            assert!(has_interval, "{name}: {said}");
            let faint = found["others"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|opacity| *opacity == "0.3");
            assert!(faint.count() > 0, "{name}");
            let row = found["row"].as_str().unwrap();
            assert!(
                row.starts_with(found["of"].as_str().unwrap()) && row.contains("Batch size"),
                "{name}: {row}"
            );
        },
    );
}

#[test]
fn a_click_on_the_legend_hides_and_isolates() {
    let script = r#"
const states = () => entries.map((entry) => entry.getAttribute('aria-pressed'));
const before = seen(label);
fire(entries[0], 'click', nowhere);
const hidden = [seen(label), states()[0]];
press(entries[0], 'Enter');
const again = seen(label);
fire(entries[0], 'click', nowhere, { shiftKey: true });
const alone = states();
const other = seen(entries[1].dataset.label);
fire(entries[0], 'dblclick', nowhere);
return { before, hidden, again, alone, other, back: states(), tabs: entries.map((entry) => [entry.tabIndex, entry.getAttribute('role')]) };"#;
    in_each_page(
        "a_click_on_the_legend_hides_and_isolates",
        DESKTOP,
        script,
        |name, found| {
            assert!(found["before"].as_u64() > Some(0), "{name}");
            assert_eq!(found["hidden"], json!([0, "false"]), "{name}");
            assert_eq!(
                (&found["again"], &found["other"]),
                (&found["before"], &json!(0)),
                "{name}"
            );
            let states = |key: &str| -> Vec<bool> {
                let states = found[key].as_array().unwrap().iter();
                states.map(|state| state == "true").collect()
            };
            let alone = states("alone");
            assert!(
                alone[0] && alone[1..].iter().all(|shown| !shown),
                "{name}: {alone:?}"
            );
            assert!(states("back").iter().all(|shown| *shown), "{name}");
            let tabs = found["tabs"].as_array().unwrap();
            assert!(
                tabs.iter().all(|tab| *tab == json!([0, "button"])),
                "{name}"
            );
        },
    );
}

#[test]
fn dragging_zooms_and_a_button_shows_all_again() {
    let script = r#"
const [x, y, width, height] = picture.querySelector('.panel').dataset.frame.split(' ').map(Number);
const path = picture.querySelector('.panel .series[data-points] path');
const place = () => path.getAttribute('d');
const button = all('button', picture.closest('figure')).find((button) => button.textContent === 'Show all');
const ticks = () => all('.ticks text', picture).map((text) => text.textContent);
const found = { before: place(), idle: button.hidden };
const [from, to] = [screen(x + 0.1 * width, y + 0.2 * height), screen(x + 0.6 * width, y + 0.8 * height)];
fire(picture, 'pointerdown', from);
fire(picture, 'pointermove', to);
fire(picture, 'pointerup', to);
Object.assign(found, { zoomed: place(), ticks: ticks(), offered: !button.hidden });
button.click();
Object.assign(found, { after: place(), left: ticks() });
press(picture, '+');
Object.assign(found, { byKey: place() });
press(picture, 'Escape');
return { ...found, end: place() };"#;
    in_each_page(
        "dragging_zooms_and_a_button_shows_all_again",
        DESKTOP,
        script,
        |name, found| {
            assert_eq!(
                (&found["idle"], &found["offered"]),
                (&json!(true), &json!(true)),
                "{name}"
            );
            for zoomed in ["zoomed", "byKey"] {
                assert_ne!(found["before"], found[zoomed], "{name}");
            }
            for whole in ["after", "end"] {
                assert_eq!(found["before"], found[whole], "{name}");
            }
            assert!(
                found["ticks"].as_array().unwrap().len() > 4,
                "{name}: {}",
                found["ticks"]
            );
            assert_eq!(found["left"], json!([]), "{name}");
        },
    );
}

#[test]
fn tables_sort_and_filter() {
    let script = r#"
const table = all('table').find((table) => table.tBodies[0].rows.length > 2 && table.tHead.rows[0].cells[1].classList.contains('number'));
const [names, errors] = [0, 1].map((column) => () => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent));
const heading = table.tHead.rows[0].cells[1];
const click = () => (heading.querySelector('button').click(), [heading.getAttribute('aria-sort'), errors()]);
const [up, down] = [click(), click()];
const long = all('table').find((table) => table.tBodies[0].rows.length >= 8);
const field = long?.closest('.block').querySelector('input');
if (field) {
  field.value = long.tBodies[0].rows[0].cells[0].textContent.toUpperCase();
  field.dispatchEvent(new Event('input'));
}
const left = field && [...long.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.textContent.toUpperCase().includes(field.value));
return { up, down, left: left ?? null, rows: long?.tBodies[0].rows.length ?? 0,
  heads: all('thead th').every((cell) => cell.scope === 'col'), sides: all('tbody tr').every((row) => row.cells[0].scope === 'row'),
  captions: all('table').map((table) => table.caption?.textContent ?? ''), seen: all('.unseen span').filter((one) => one.offsetWidth > 1 || one.offsetHeight > 1).length };"#;
    in_each_page("tables_sort_and_filter", DESKTOP, script, |name, found| {
        for (key, direction) in [("up", "ascending"), ("down", "descending")] {
            assert_eq!(found[key][0], direction, "{name}");
            let cells = found[key][1].as_array().unwrap().iter();
            let numbers = cells.filter_map(|cell| {
                let cell = cell.as_str()?.trim_start_matches(['*', '≈', '\u{a0}']);
                cell.split_whitespace().next()?.parse::<f64>().ok()
            });
            let numbers: Vec<f64> = numbers.collect();
            let in_order = numbers.windows(2).all(|pair| match key {
                "up" => pair[0] <= pair[1],
                _ => pair[0] >= pair[1],
            });
            assert!(numbers.len() > 2 && in_order, "{name}: {numbers:?}");
        }
        if name != "best" {
            let left = found["left"].as_array().unwrap();
            assert!(
                !left.is_empty() && (left.len() as u64) < found["rows"].as_u64().unwrap(),
                "{name}"
            );
            assert!(left.iter().all(|fits| *fits == true), "{name}");
        }
        assert_eq!(
            (&found["heads"], &found["sides"], &found["seen"]),
            (&json!(true), &json!(true), &json!(0)),
            "{name}"
        );
        let captions = found["captions"].as_array().unwrap();
        assert!(captions.iter().all(|caption| caption != ""), "{name}");
    });
}
