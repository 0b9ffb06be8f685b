"""`woflo report FILE`: how a file was made, all the way up. Imports no code of a user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, Url, opened_store
from woflo.cli.showing import print_json, time_of, utc
from woflo.cli.unfinished import told
from woflo.kernel.texts import seconds, spelled_out
from woflo.scripts.pictures import Node, as_mermaid, as_svg, has_graphviz
from woflo.scripts.plan import as_text
from woflo.scripts.provenance import Made, Traced, makers_of, name_of, traced

__all__ = ["Mermaid", "Svg", "check_one_form", "draw", "nodes_of", "report"]

Svg = Annotated[
    Path | None, typer.Option(help="Draw it into this file by Graphviz; without that, as Mermaid into FILE.mmd.")
]
Mermaid = Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")]


def report(
    file: Annotated[str, typer.Argument(help="Which file.")],
    svg: Svg = None,
    mermaid: Mermaid = False,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell how a file was made, all the way up.

    Each file with what made it, when, where and by which command, and whether it still is as it was made; below it
    what it was made of.
    """
    with telling(debug=debug):
        check_one_form(svg, mermaid=mermaid, json=json)
        with opened_store(store) as kept:
            makers = makers_of(kept.successes())
        name = name_of(file)
        if name not in makers:
            of_others = "; ".join(told(name)) or "`woflo history` tells what was made"
            raise UsageError(f"nothing that this store knows has made {name}; {of_others}")
        files = traced(name, makers)
        if json:
            print_json({"file": name, "files": {one.name: _as_json(one) for one in files.values()}})
        elif svg is not None or mermaid:
            draw(nodes_of(files), svg)
        else:
            for line in _lines(name, files):
                typer.echo(line)
            for sentence in told(name):
                say(sentence)


def check_one_form(svg: Path | None, *, mermaid: bool, json: bool) -> None:
    """Raises `UsageError` where several are asked for."""
    asked = [name for name, is_asked in (("--json", json), ("--mermaid", mermaid), ("--svg", svg)) if is_asked]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} are several forms of one answer: take one of them")


def draw(nodes: list[Node], svg: Path | None) -> None:
    """Into a file, by Graphviz or, where that is not installed, as Mermaid beside it; without one, on stdout.

    Raises `PictureError` where Graphviz fails, and `UsageError`.
    """
    if svg is None:
        typer.echo(as_mermaid(nodes), nl=False)
    elif has_graphviz():
        _write(svg, as_svg(nodes))
    else:
        text = svg.with_suffix(".mmd")  # a file of the name that was asked for would be no SVG
        _write(text, as_mermaid(nodes).encode())
        say(f"hint: there is no Graphviz (`dot`) here to draw {svg}, so {text} has the picture as Mermaid text")


def _write(path: Path, picture: bytes) -> None:
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise UsageError(f"--svg {path}: {error.strerror or error}") from None


def nodes_of(files: dict[str, Traced]) -> list[Node]:
    """Files, and what made them between them."""
    ids = {name: f"f{number}" for number, name in enumerate(files)}
    runs: dict[int, str] = {}
    nodes = []
    for one in files.values():
        made = one.made
        if made is not None and id(made) not in runs:
            runs[id(made)] = f"r{len(runs)}"
            nodes.append(Node(runs[id(made)], made.success.task, "run", tuple(ids[name] for name in one.inputs)))
        nodes.append(Node(ids[one.name], one.name, "file", () if made is None else (runs[id(made)],)))
    return nodes


# -- text ----------------------------------------------------------------------------------------------


def _lines(top: str, files: dict[str, Traced]) -> Iterator[str]:
    """A tree. What is in it several times is told where it comes first; a chain may be as long as it wants."""
    shown: set[str] = set()
    todo: list[tuple[str, str, str]] = [(top, "", "")]
    while todo:
        name, before, below = todo.pop()
        one = files[name]
        if name in shown and one.made is not None:
            yield f"{before}{spelled_out(name)}  (see above)"
            continue
        shown.add(name)
        yield f"{before}{spelled_out(name)}  {_state(one)}"
        if one.made is None:
            continue
        beside = below + ("│  " if one.inputs else "   ")
        yield from (f"{beside}{spelled_out(line)}" for line in _facts(one.made))
        for number, other in enumerate(reversed(one.inputs)):
            is_last = number == 0
            todo.append((other, f"{below}{'└' if is_last else '├'}─ ", below + ("   " if is_last else "│  ")))


def _state(one: Traced) -> str:
    if one.made is None:
        return f"nothing made it; {'as it was read' if one.state == 'as it was' else one.state}"
    return "as it was made" if one.state == "as it was" else one.state


def _facts(made: Made) -> Iterator[str]:
    success, record = made.success, made.record
    if made.is_accepted:
        yield f"accepted as output of {success.task}, {time_of(success.made_at)}"
        return
    if made.command:
        yield f"{success.task}: {as_text(made.command)}"
    else:
        yield f"{success.task}: the function" + (f", by the code of {', '.join(made.code)}" if made.code else "")
    told = [
        time_of(record.get("started_at") or success.made_at),
        "" if made.took is None else f"in {seconds(made.took)}",
        f"on {record['host']}" if "host" in record else "",
        f"exit code {record['exit_code']}" if "exit_code" in record else "",
        f"run {success.run_id}",
    ]
    yield ", ".join(part for part in told if part)


# -- for programs --------------------------------------------------------------------------------------


def _as_json(one: Traced) -> dict[str, Any]:
    return {"state": one.state, "inputs": list(one.inputs), "made_by": None if one.made is None else _made(one.made)}


def _made(made: Made) -> dict[str, Any]:
    record = made.record
    return {
        "task": made.success.task,
        "run": made.success.run_id or None,
        "is_accepted": made.is_accepted,
        "command": made.command,
        "code": made.code,
        "environment": record.get("env", {}),
        "made_at": utc(made.success.made_at),
        "started_at": utc(record.get("started_at")),
        "took": made.took,
        "host": record.get("host"),
        "exit_code": record.get("exit_code"),
        "attempt": record.get("attempt"),
        "log": record.get("log"),
        "inputs": {name: _print(one) for name, one in made.inputs.items()},
        "outputs": {name: _print(one) for name, one in made.outputs.items()},
    }


def _print(one: Any) -> dict[str, Any]:
    return {"size": one[0], "changed_at": utc(one[1] / 1e9), "digest": one[2] or None}
