"""A chart as SVG, written by hand: bars to the left for the words of one text, to the right for those of the other."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, LABEL, BAR, HEAD = 720, 180, 18, 34
COLOURS = ("#b5543a", "#2f6f8f")


def draw(tables: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """Draw a panel for each table, whose name is `left-right`, of words and their scores."""
    longest = max((abs(score) for scores in tables.values() for _, score in scores), default=1.0)
    parts, top = [], 0
    for name, scores in tables.items():
        parts += _panel(name, scores, longest, top)
        top += HEAD + BAR * len(scores) + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12">'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _panel(name: str, scores: Sequence[tuple[str, float]], longest: float, top: int) -> list[str]:
    left, right = map(escape, name.split("-"))
    middle, room = WIDTH / 2, WIDTH / 2 - LABEL / 2
    parts = [
        f'<text x="{middle - 8}" y="{top + 22}" text-anchor="end" font-weight="bold" fill="{COLOURS[0]}">{left}</text>',
        f'<text x="{middle + 8}" y="{top + 22}" font-weight="bold" fill="{COLOURS[1]}">{right}</text>',
    ]
    for number, (word, score) in enumerate(scores):
        y, length, is_right = top + HEAD + number * BAR, room * abs(score) / longest, score >= 0
        x, text_x, anchor = (middle, middle - 8, "end") if is_right else (middle - length, middle + 8, "start")
        parts += [
            f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{BAR - 5}" fill="{COLOURS[is_right]}"/>',
            f'<text x="{text_x}" y="{y + 11}" text-anchor="{anchor}">{escape(word)}</text>',
        ]
    return parts
