// Pictures: what is under the pointer, lines that a click on the legend hides, and copying.

const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

const all = (root, selector) => [...root.querySelectorAll(selector)];
const numbers = (text) => text.split(" ").map(Number);
const place = (svg, event) =>
  new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());

/** The panels of a picture: their frames in pixels, and their lines with all points. */
function panelsOf(svg) {
  return all(svg, ".panel").map((element) => {
    const [x, y, width, height] = numbers(element.dataset.frame);
    const lines = all(element, ".series[data-points]").map((line) => ({
      line,
      points: line.dataset.points.split(";").map((point) => {
        const [px, py, ...words] = point.split(" ");
        return { x: +px, y: +py, words: words.join(" ") };
      }),
    }));
    const frame = { x, y, width, height };
    return { element, frame, view: frame, lines };
  });
}

/** From the picture as it was drawn to where a panel shows it now, and back. */
const shown = ({ frame, view }, at) => ({
  x: frame.x + ((at.x - view.x) * frame.width) / view.width,
  y: frame.y + ((at.y - view.y) * frame.height) / view.height,
});
const drawn = ({ frame, view }, at) => ({
  x: view.x + ((at.x - frame.x) * view.width) / frame.width,
  y: view.y + ((at.y - frame.y) * view.height) / frame.height,
});
const holds = ({ x, y, width, height }, at) =>
  at.x >= x - 1 && at.x <= x + width + 1 && at.y >= y - 1 && at.y <= y + height + 1;

/** The point nearest to a place in a panel, if one is near. */
function nearest(panel, at) {
  let found = null;
  let least = 40;
  for (const { line, points } of panel.lines) {
    if (line.closest(".off")) continue;
    for (const point of points) {
      const here = shown(panel, point);
      const distance = Math.hypot(here.x - at.x, here.y - at.y);
      if (distance < least && holds(panel.frame, here)) {
        least = distance;
        found = { ...here, label: line.dataset.label, lines: [panel.element.dataset.title, point.words, line.dataset.note] };
      }
    }
  }
  return found;
}

/** The row or cell at a place. */
function rowAt(svg, event) {
  const row = all(svg, ".row, .cell").find((row) => {
    const box = row.getBoundingClientRect();
    return event.clientY >= box.top && event.clientY <= box.bottom && event.clientX >= box.left && event.clientX <= box.right;
  });
  return row && { label: row.dataset.label, lines: row.dataset.note.split("; "), row };
}

/** Shows what was found beside the pointer, and sets its line off from the others. */
function show(svg, found, event) {
  all(svg, ".dot").forEach((dot) => dot.remove());
  all(svg, ".lit").forEach((lit) => lit.classList.remove("lit"));
  svg.classList.toggle("searched", Boolean(found));
  tip.hidden = !found;
  if (!found) return;
  const name = document.createElement("strong");
  name.textContent = found.label;
  const said = found.lines.filter((text, at, texts) => text && !texts.slice(at + 1).some((other) => other?.toLowerCase().includes(text.toLowerCase())));
  tip.replaceChildren(name, ...said.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
  if (found.row) found.row.classList.add("lit");
  else {
    all(svg, ".series, .entry").filter((one) => one.dataset.label === found.label).forEach((one) => one.classList.add("lit"));
    const dot = document.createElementNS(svg.namespaceURI, "circle");
    for (const [key, value] of [["class", "dot"], ["cx", found.x], ["cy", found.y], ["r", 7]]) dot.setAttribute(key, value);
    svg.append(dot);
  }
  const [right, below] = [event.clientX + 16, event.clientY + 16];
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, right + width > innerWidth ? event.clientX - width - 12 : right)}px`;
  tip.style.top = `${below + height > innerHeight ? event.clientY - height - 12 : below}px`;
}

/** What names a line: the entries of the legend, and names at the ends of lines. */
function namesOf(svg) {
  for (const name of all(svg, ".series")) name.classList.toggle("name", Boolean(name.querySelector("text")));
  return all(svg, ".entry, .series.name");
}

/** Lines whose name was switched off are hidden; `alone` leaves one, or brings all back. */
function choose(svg, label, alone) {
  const names = all(svg, ".entry, .series.name");
  const labels = [...new Set(names.map((name) => name.dataset.label))];
  const isOff = (one) => names.some((name) => name.dataset.label === one && name.classList.contains("off"));
  const others = labels.filter((one) => one !== label);
  const isAlone = others.length > 0 && others.every(isOff);
  const willBeOff = (one) => (alone ? one !== label && !isAlone : isOff(one) !== (one === label));
  const off = new Set(labels.filter(willBeOff));
  for (const part of all(svg, ".series, .entry")) part.classList.toggle("off", off.has(part.dataset.label));
  for (const name of names) name.setAttribute("aria-pressed", String(!off.has(name.dataset.label)));
}

function addLegend(svg) {
  for (const entry of namesOf(svg)) {
    const { label } = entry.dataset;
    const attributes = { role: "button", tabindex: "0", "aria-pressed": "true", "aria-label": `Show ${label}` };
    Object.entries(attributes).forEach(([key, value]) => entry.setAttribute(key, value));
    // A gap between line and name can be clicked too.
    const box = entry.getBBox();
    const area = document.createElementNS(svg.namespaceURI, "rect");
    for (const key of ["x", "y", "width", "height"]) area.setAttribute(key, box[key]);
    area.setAttribute("class", "area");
    entry.prepend(area);
    entry.addEventListener("click", (event) => choose(svg, label, event.shiftKey));
    entry.addEventListener("dblclick", () => choose(svg, label, true));
    entry.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(svg, label, event.shiftKey);
    });
  }
}

/** The picture as it is now, upon white and in two pixels for one. */
async function image(svg) {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", svg.namespaceURI);
  all(copy, ".series.off:not(.name), .dot, .area").forEach((one) => one.remove());
  const { width, height } = svg.viewBox.baseVal;
  const source = new Image();
  source.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await source.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function addButton(figure, text, click) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  button.addEventListener("click", () => click(button));
  figure.querySelector(".files").append(button);
  return button;
}

async function copy(svg, button) {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": image(svg) })]);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser does not allow it";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

/** On narrow screens a tap shows a picture in its own size, which its frame scrolls, and a button all of it again. */
function addEnlarging(figure, svg) {
  const card = svg.parentElement;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "enlarge" });
  const look = (isLarge) => {
    card.classList.toggle("large", isLarge);
    button.textContent = isLarge ? "Show the whole picture" : "Tap the picture to enlarge it";
    button.setAttribute("aria-pressed", String(isLarge));
    show(svg, null);
  };
  look(false);
  button.addEventListener("click", () => look(!card.classList.contains("large")));
  // Before the parts of the picture, which are too small to be meant.
  card.addEventListener("click", (event) => {
    if (card.classList.contains("large") || getComputedStyle(button).display === "none") return;
    event.stopPropagation();
    const at = place(svg, event);
    look(true);
    card.scrollLeft = at.x - card.clientWidth / 2;
  }, true);
  figure.prepend(button);
}

for (const figure of all(document, "figure")) {
  for (const svg of all(figure, ".card > svg")) {
    svg.setAttribute("role", "group");
    const panels = panelsOf(svg);
    addLegend(svg);
    const look = (event) => {
      const at = place(svg, event);
      const panel = panels.find((panel) => holds(panel.frame, at));
      show(svg, panel ? nearest(panel, at) : rowAt(svg, event), event);
    };
    svg.addEventListener("pointermove", look);
    svg.addEventListener("pointerdown", look);
    svg.addEventListener("pointerleave", () => show(svg, null));
    if (panels.length > 0) addZoom(figure, svg, panels);
    addEnlarging(figure, svg);
    addButton(figure, "Copy", (button) => copy(svg, button));
  }
}
