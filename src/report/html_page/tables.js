// Tables: a click on a heading sorts, a text filters. Links to what is folded open it.

/** From so many rows on a table can be filtered. */
const FILTERED_FROM = 8;

/** A cell as a number: "−0.40 points [...]", "< 0.001"; what is none comes last. */
function numberOf(text) {
  const found = text.replace(/[\u202f\u2009]/g, "").replace(/\u2212/g, "-").match(/^[<>*\u2248]?\s*([-+]?[\d.]+(?:e[-+]?\d+)?)/i);
  return found ? Number(found[1]) : Infinity;
}

function sortBy(table, column, isDown) {
  const body = table.tBodies[0];
  const text = (row) => row.cells[column].textContent.trim();
  const isNumber = table.tHead.rows[0].cells[column].classList.contains("number");
  const order = (a, b) => {
    if (!isNumber) return text(a).localeCompare(text(b), "en", { numeric: true });
    const [one, other] = [numberOf(text(a)), numberOf(text(b))];
    // Rows without a number stay last, whichever way the others go.
    if (one === other) return 0;
    if (one === Infinity || other === Infinity) return (one === Infinity) !== isDown ? 1 : -1;
    return one - other;
  };
  const rows = [...body.rows].sort(order);
  if (isDown) rows.reverse();
  body.append(...rows);
}

for (const table of document.querySelectorAll("table")) {
  const rows = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells];
  if (rows.length > 1) {
    headings.forEach((heading, column) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const isDown = heading.getAttribute("aria-sort") === "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
        sortBy(table, column, isDown);
      });
    });
  }
  if (rows.length >= FILTERED_FROM) {
    const field = Object.assign(document.createElement("input"), { type: "search", placeholder: `Filter ${rows.length} rows` });
    field.setAttribute("aria-label", `Filter rows of the table ${table.caption.textContent}`);
    const count = document.createElement("output");
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
      const left = rows.filter((row) => !row.hidden).length;
      count.textContent = left < rows.length ? `${left} of ${rows.length}` : "";
    });
    const filter = Object.assign(document.createElement("p"), { className: "filter" });
    filter.append(field, count);
    table.closest(".scroll").before(filter);
  }
}

function unfold() {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  const folded = target && target.querySelector(":scope > details");
  if (folded) folded.open = true;
}
addEventListener("hashchange", unfold);
unfold();
