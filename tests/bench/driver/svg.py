"""Two kinds of plots, as SVG text: horizontal bars, and lines over a logarithmic axis."""

import html
import math

COLOURS = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5",
           "#9c6b4e", "#9498a0"]
OURS = "#4269d0"
OTHERS = "#b8bcc6"


def text_at(x, y, text, anchor="start", size=13, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{html.escape(str(text))}</text>')


def page(width, height, title, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        text_at(12, 24, title, size=15, weight="bold"), *parts, "</svg>", ""])


def short(value):
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.3g}"


def bars(title, rows, ours=()):
    """`rows`: (name, value above 0), drawn in this order; `ours`: names that are coloured."""
    left, width, step, top = 130, 720, 24, 44
    values = [value for _, value in rows]
    logarithmic = max(values) > 200 * min(values)  # otherwise the small ones couldn't be seen
    if logarithmic:
        title += " (logarithmic)"
    scale = (lambda value: math.log10(value / min(values)) + 0.1) if logarithmic else float
    parts = []
    for index, (name, value) in enumerate(rows):
        y = top + index * step
        length = (width - left - 90) * scale(value) / scale(max(values))
        parts += [text_at(left - 8, y + 13, name, "end"),
                  f'<rect x="{left}" y="{y}" width="{max(length, 1):.1f}" height="{step - 6}" '
                  f'fill="{OURS if name in ours else OTHERS}"/>',
                  text_at(left + length + 6, y + 13, short(value))]
    return page(width, top + len(rows) * step + 12, title, parts)


def lines(title, x_label, series):
    """`series`: {name: [(x, y), ...]}; both axes logarithmic."""
    width, height, left, top, right, bottom = 720, 420, 80, 48, 150, 50
    points = [point for values in series.values() for point in values]
    if not points:
        return page(width, 80, title, [text_at(12, 56, "nothing was measured")])
    xs = sorted({x for x, _ in points})
    y_low = 10 ** math.floor(math.log10(min(y for _, y in points)))
    y_high = 10 ** math.ceil(math.log10(max(y for _, y in points) * 1.0001))

    def place(x, y):
        across = math.log(x / xs[0]) / math.log(xs[-1] / xs[0]) if xs[-1] > xs[0] else 0.5
        up = math.log(y / y_low) / math.log(y_high / y_low)
        return left + across * (width - left - right), height - bottom - up * (height - top - bottom)

    parts = [text_at((left + width - right) / 2, height - 12, x_label, "middle")]
    tick = y_low
    while tick <= y_high * 1.0001:
        y = place(xs[0], tick)[1]
        parts += [f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" '
                  f'stroke="#e3e5ea"/>', text_at(left - 8, y + 4, short(tick), "end", 12)]
        tick *= 10
    for x in xs:
        parts.append(text_at(place(x, y_low)[0], height - bottom + 18, short(x), "middle", 12))
    labels = []
    for index, (name, values) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = [place(x, y) for x, y in sorted(values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dashes = ' stroke-dasharray="5 4"' if index >= len(COLOURS) else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"{dashes}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        labels.append((places[-1][1], name, colour))
    last = top - 14
    for y, name, colour in sorted(labels):  # one below the other, near the ends of their lines
        last = max(y, last + 14)
        parts.append(f'<g fill="{colour}">{text_at(width - right + 10, last + 4, name, size=12)}</g>')
    return page(width, height, title, parts)
