// Zoom: dragging over a panel shows that part of it; ticks follow. Keys: + and - zoom, arrows move, Escape shows all.

/** Ticks of an axis from its ends in scale positions: values at 1, 2 and 5 steps. */
function ticks(low, high, isLog) {
  if (isLog && high - low > 1) {
    const found = [];
    for (let power = Math.floor(low); power <= high; power++) {
      for (const digit of high - low > 3 ? [1] : [1, 2, 5]) found.push(digit * 10 ** power);
    }
    return found;
  }
  const [from, to] = isLog ? [10 ** low, 10 ** high] : [low, high];
  const rough = (to - from) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, at) => (first + at) * step);
}

/** Draws grid and tick labels of a part of an axis in the look of those that it was drawn with. */
function drawTicks(panel, name) {
  const axis = panel.element.querySelector(`.axis.${name}`);
  all(panel.element, `.ticks.${name}`).forEach((ticks) => ticks.remove());
  axis.style.display = panel.view === panel.frame ? "" : "none";
  if (panel.view === panel.frame) return;
  const { frame, view } = panel;
  const [low, high, scale, unit] = panel.element.dataset[name].split(" ");
  const isLog = scale === "log";
  const isX = name === "x";
  // Pixels count downwards, values upwards.
  const position = (pixel) => {
    const share = isX ? (pixel - frame.x) / frame.width : (frame.y + frame.height - pixel) / frame.height;
    return +low + share * (high - low);
  };
  const ends = isX ? [view.x, view.x + view.width] : [view.y + view.height, view.y];
  const group = axis.cloneNode(false);
  group.setAttribute("class", `ticks ${name}`);
  group.style.display = "";
  const label = axis.querySelector("text");
  const title = all(axis, "text").pop();
  for (const value of ticks(...ends.map(position), isLog)) {
    const share = ((isLog ? Math.log10(value) : value) - low) / (high - low);
    if (!Number.isFinite(share)) continue;
    const at = shown(panel, { x: frame.x + share * frame.width, y: frame.y + (1 - share) * frame.height });
    if (!holds(frame, isX ? { x: at.x, y: frame.y } : { x: frame.x, y: at.y })) continue;
    const line = document.createElementNS(axis.namespaceURI, "path");
    line.setAttribute("d", isX ? `M${at.x} ${frame.y}v${frame.height + 4}` : `M${frame.x - 4} ${at.y}h${frame.width + 4}`);
    line.setAttribute("stroke", "#8c8c8c");
    line.setAttribute("stroke-opacity", "0.35");
    const text = label.cloneNode();
    const digits = Number((unit ? 100 * value : value).toPrecision(3));
    text.textContent = unit ? `${digits} %` : String(digits);
    if (isX) text.setAttribute("x", at.x);
    else text.setAttribute("y", at.y + 4.5);
    group.append(line, text);
  }
  if (title !== label) group.append(title.cloneNode(true));
  axis.after(group);
}

/** Lines, bands and markers of a panel at the places of its view. */
function redraw(panel) {
  const isMoved = (shape) => {
    const name = shape.closest(".name");
    // Names beside the panel stay where they are.
    return !name || holds(panel.frame, { x: name.start ??= name.getBBox().x, y: panel.frame.y });
  };
  for (const shape of all(panel.element, ".series path, .series line, .series circle, .series text").filter(isMoved)) {
    if (shape.closest(".marks, .name")) {
      shape.removeAttribute("transform");
      const box = shape.getBBox();
      const center = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      const now = shown(panel, center);
      shape.setAttribute("transform", `translate(${now.x - center.x} ${now.y - center.y})`);
      shape.style.display = holds(panel.frame, now) ? "" : "none";
    } else if (shape.tagName === "path") {
      shape.drawn ??= shape.getAttribute("d");
      const isWhole = panel.view === panel.frame;
      shape.setAttribute("d", isWhole ? shape.drawn : shape.drawn.replace(/(-?[\d.]+) (-?[\d.]+)/g, (_, x, y) => {
        const now = shown(panel, { x: +x, y: +y });
        return `${now.x.toFixed(2)} ${now.y.toFixed(2)}`;
      }));
    } else if (shape.tagName === "line") {
      shape.drawn ??= ["1", "2"].map((end) => ({ x: +shape.getAttribute(`x${end}`), y: +shape.getAttribute(`y${end}`) }));
      shape.drawn.forEach((end, at) => {
        const now = shown(panel, end);
        shape.setAttribute(`x${at + 1}`, now.x);
        shape.setAttribute(`y${at + 1}`, now.y);
      });
    }
  }
  for (const other of all(panel.element, ".reference")) other.style.display = panel.view === panel.frame ? "" : "none";
  drawTicks(panel, "x");
  drawTicks(panel, "y");
}

function addZoom(figure, svg, panels) {
  const reset = addButton(figure, "Show all", () => look(panels, (panel) => panel.frame));
  reset.hidden = true;
  const look = (some, view) => {
    for (const panel of some) {
      panel.view = view(panel);
      redraw(panel);
    }
    reset.hidden = panels.every((panel) => panel.view === panel.frame);
  };
  const scaled = (factor, across, up) => ({ frame, view }) => {
    const [width, height] = [view.width * factor, view.height * factor];
    if (width >= frame.width && across === 0 && up === 0) return frame;
    const x = view.x + (view.width - width) / 2 + across * view.width;
    const y = view.y + (view.height - height) / 2 + up * view.height;
    return { x, y, width, height };
  };
  const keys = { "+": [0.7, 0, 0], "-": [1 / 0.7, 0, 0], ArrowLeft: [1, -0.2, 0], ArrowRight: [1, 0.2, 0], ArrowUp: [1, 0, -0.2], ArrowDown: [1, 0, 0.2] };
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    if (event.target !== svg) return;
    const isZoomed = !reset.hidden;
    if (event.key === "Escape") look(panels, (panel) => panel.frame);
    else if (event.key in keys && (isZoomed || event.key === "+")) look(panels, scaled(...keys[event.key]));
    else return;
    event.preventDefault();
  });
  let drag = null;
  svg.addEventListener("pointerdown", (event) => {
    const at = place(svg, event);
    const panel = panels.find((panel) => holds(panel.frame, at));
    // Fingers scroll.
    if (!panel || event.button !== 0 || event.pointerType === "touch") return;
    event.preventDefault();
    const area = document.createElementNS(svg.namespaceURI, "rect");
    area.setAttribute("class", "zoom");
    svg.append(area);
    drag = { panel, at, area };
  });
  const dragged = (event) => {
    const { frame } = drag.panel;
    const end = place(svg, event);
    const within = (value, low, size) => Math.min(Math.max(value, low), low + size);
    const [x, y] = [within(end.x, frame.x, frame.width), within(end.y, frame.y, frame.height)];
    return { x: Math.min(x, drag.at.x), y: Math.min(y, drag.at.y), width: Math.abs(x - drag.at.x), height: Math.abs(y - drag.at.y) };
  };
  addEventListener("pointermove", (event) => {
    if (drag) Object.entries(dragged(event)).forEach(([key, value]) => drag.area.setAttribute(key, value));
  });
  addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { panel, area } = drag;
    const box = dragged(event);
    area.remove();
    drag = null;
    if (box.width < 8 || box.height < 8) return;
    const [start, end] = [drawn(panel, box), drawn(panel, { x: box.x + box.width, y: box.y + box.height })];
    look([panel], () => ({ ...start, width: end.x - start.x, height: end.y - start.y }));
  });
  svg.addEventListener("dblclick", (event) => {
    if (panels.some((panel) => holds(panel.frame, place(svg, event)))) look(panels, (panel) => panel.frame);
  });
}
