# SPDX-License-Identifier: MIT
"""A plot of lines as SVG, both axes logarithmic."""

import math

WIDTH, HEIGHT, EDGE = 640, 400, 56
COLOURS = ["#c0392b", "#2471a3", "#1e8449", "#7d3c98"]


def ticks(low, high, steps):
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10**decade for decade in decades for step in steps]
    return [value for value in values if low <= value <= high]


class Axis:
    def __init__(self, values, start, end):
        self.low, self.high = min(values), max(values)
        self.start, self.end = start, end

    def place(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {more}>{words}</text>'


def draw(lines, x_title, y_title):
    """`lines`: lists of (x, y) by their names."""
    points = [point for line in lines.values() for point in line]
    across = Axis([x for x, _ in points], EDGE, WIDTH - EDGE)
    up = Axis([y for _, y in points], HEIGHT - EDGE, EDGE)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for value in sorted({x for x, _ in points}):
        x = across.place(value)
        parts.append(f'<path d="M{x:.0f} {EDGE}V{HEIGHT - EDGE}" stroke="#ddd"/>')
        parts.append(text(x, HEIGHT - EDGE + 18, f"{value:g}"))
    for value in ticks(up.low, up.high, [1, 2, 5]):
        y = up.place(value)
        parts.append(f'<path d="M{EDGE} {y:.0f}H{WIDTH - EDGE}" stroke="#ddd"/>')
        parts.append(text(EDGE - 6, y + 4, f"{value:g}", "end"))
    for colour, (name, line) in zip(COLOURS, lines.items()):
        places = [(across.place(x), up.place(y)) for x, y in line]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        parts.append(text(x - 6, y - 8, name, "end", f'fill="{colour}"'))
    parts.append(text(WIDTH / 2, HEIGHT - 12, x_title))
    parts.append(text(WIDTH / 2, EDGE / 2, y_title))
    return "\n".join([*parts, "</svg>", ""])
