"""The table of both.py as bars, in SVG."""

import json
import os
import subprocess
from xml.sax.saxutils import escape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WIDTH, LEFT, RIGHT, BAR, GAP = 800, 270, 150, 13, 9
# What our time is divided by, and how much of a method's color its bar has.
SERIES = [("eager", "ours / PyTorch's fastest eager", 1.0), ("compile", "ours / torch.compile", 0.45)]


def colors():
    """The color that each method has in every picture."""
    program = os.path.join(ROOT, "scripts", "normprop")
    methods = subprocess.run([program, "methods", "--json"], check=True, capture_output=True, text=True).stdout
    return {method["name"]: method["color"] for method in json.loads(methods)}


def text(x, y, words, anchor="start", size=12, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def bar(y, row, mode, opacity, color, scale):
    """One bar with the spread over rounds and its number."""
    value, low, high = (row[f"ratio_to_{mode}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return [text(LEFT + 4, y + BAR - 3, "not measured", size=11)]
    middle, ends = y + BAR / 2, (LEFT + scale * low, LEFT + scale * high)
    spread = [line(ends[0], middle - 1, ends[1], middle - 1, f'stroke="{stroke}" stroke-width="{width}"')
              for stroke, width in (("#ffffff", 4.2), ("#222222", 1.6))]
    return [f'<rect x="{LEFT}" y="{y:.1f}" width="{scale * value:.1f}" height="{BAR - 2}" fill="{color}" '
            f'fill-opacity="{opacity}"/>', *spread,
            text(WIDTH - RIGHT + 14, y + BAR - 3, f"{value:.2f} [{low:.2f}, {high:.2f}]", size=11)]


def draw(rows):
    """The picture's text: a pair of bars a row, and the line where both are equally fast."""
    hues = colors()
    highest = max([1.0] + [row[f"ratio_to_{mode}_high"] or 0.0 for row in rows for mode, _, _ in SERIES])
    scale = (WIDTH - LEFT - RIGHT) / highest
    parts, y = [text(WIDTH / 2, 26, "Time of a training step: normprop / PyTorch", "middle", 16, "bold")], 44
    for mode, label, opacity in SERIES:
        parts += [f'<rect x="{LEFT}" y="{y - 9}" width="10" height="10" fill="#222222" fill-opacity="{opacity}"/>',
                  text(LEFT + 16, y, label)]
        y += 17
    top = y
    for row in rows:
        name = f"{row['norm']}, width {row['width']:g}, batch {row['batch_size']}, {row['threads']} threads"
        parts.append(text(LEFT - 8, y + BAR + 3, name, "end", 11))
        for index, (mode, _, opacity) in enumerate(SERIES):
            parts += bar(y + index * BAR, row, mode, opacity, hues[row["norm"]], scale)
        y += len(SERIES) * BAR + GAP
    parts += [line(LEFT + scale, top - 4, LEFT + scale, y, 'stroke="#555555" stroke-dasharray="5 3"'),
              line(LEFT, top - 4, LEFT, y, 'stroke="#555555"'), text(LEFT + scale, y + 14, "1 (as fast)", "middle", 11),
              text(LEFT, y + 14, "0", "middle", 11)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 24}" width="{WIDTH}" '
            f'height="{y + 24}" font-family="DejaVu Sans, sans-serif">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")
