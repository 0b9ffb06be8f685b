"""Graphs as pictures: as Mermaid text, and by Graphviz, where that is installed, as SVG."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

from woflo.errors import PictureError

__all__ = ["Node", "as_dot", "as_mermaid", "as_svg", "has_graphviz"]

SECONDS = 120
"""How long Graphviz may take."""
_MERMAID = {"file": ('["', '"]'), "run": ('(["', '"])'), "left": ('["', '"]')}
_DOT = {
    "file": 'shape=box, style="rounded"',
    "run": 'shape=box, style="filled", fillcolor="#eeeeee"',
    "left": 'shape=box, style="dashed"',
}


class Node(NamedTuple):
    """Something in a graph: a "file", a "run", or what was "left" out; `needs` are the ids of those before it."""

    id: str
    label: str
    kind: str
    needs: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    """What each of them is needed for, where that is to be said."""

    def edges(self) -> Iterator[tuple[str, str]]:
        """What it needs, and what for; empty where nothing is to be said."""
        yield from zip_longest(self.needs, self.by, fillvalue="")


def as_mermaid(nodes: list[Node]) -> str:
    """A flowchart from top to bottom; what was left out is dashed."""
    lines = ["flowchart TD"]
    for node in nodes:
        begin, end = _MERMAID[node.kind]
        lines.append(f"    {node.id}{begin}{_by_number(node.label)}{end}")
    for node in nodes:
        for need, why in node.edges():
            lines.append(f'    {need} -->|"{_by_number(why)}"| {node.id}' if why else f"    {need} --> {node.id}")
    left = [node.id for node in nodes if node.kind == "left"]
    if left:
        lines += ["    classDef left stroke-dasharray: 4", f"    class {','.join(left)} left"]
    return "\n".join(lines) + "\n"


def as_dot(nodes: list[Node]) -> str:
    """The same in the language of Graphviz."""
    lines = ["digraph woflo {", '    node [fontname="sans-serif", fontsize=11]']
    lines += [f"    {node.id} [label={_quoted(node.label)}, {_DOT[node.kind]}]" for node in nodes]
    for node in nodes:
        for need, why in node.edges():
            lines.append(f"    {need} -> {node.id}{f' [label={_quoted(why)}, fontsize=9]' if why else ''}")
    return "\n".join([*lines, "}"]) + "\n"


def has_graphviz() -> bool:
    """True where there is the program that draws SVG."""
    return shutil.which("dot") is not None


def as_svg(nodes: list[Node]) -> bytes:
    """The picture, as Graphviz draws it. Raises `PictureError` where there is none, or where it fails."""
    program = shutil.which("dot")
    if program is None:
        raise PictureError(
            "there is no `dot` on this machine, which draws pictures: install Graphviz, or use --mermaid"
        )
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=as_dot(nodes).encode(), capture_output=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PictureError(f"`dot` did not end within {SECONDS} s: the graph is too large; use --mermaid") from None
    if done.returncode or not done.stdout:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise PictureError(f"`dot` ended with status {done.returncode}: {told[-1] if told else 'it said nothing'}")
    return done.stdout


def _by_number(text: str) -> str:
    """As Mermaid has it: everything that could mean something by its number."""
    return re.sub(r"[^\w .,:/+-]", lambda found: f"#{ord(found[0])};", text)


def _quoted(text: str) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
