"""`woflo graph TARGET`: a job with its steps, or what makes files, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli.failures import UsageError, telling
from woflo.cli.jobs import is_job, job_of
from woflo.cli.options import Debug
from woflo.cli.report import Mermaid, Svg, draw
from woflo.scripts.pictures import Node

if TYPE_CHECKING:
    from woflo.scripts.makers import Call

__all__ = ["graph"]


def graph(
    target: Annotated[str, typer.Argument(help="A job file; or a file (app.py) or module with tasks.")],
    file: Annotated[list[str] | None, typer.Argument(help="Of tasks: the files that are to be made.")] = None,
    var: Annotated[list[str] | None, typer.Option(help="Of a job: NAME=VALUE, what $VAR{NAME} stands for.")] = None,
    svg: Svg = None,
    mermaid: Mermaid = False,
    debug: Debug = False,
) -> None:
    """Draw a job, or what makes files.

    As a Mermaid flowchart, or by Graphviz with --svg. Nothing is executed but the modules of the tasks.
    """
    del mermaid  # what is said without it
    with telling(debug=debug):
        if is_job(target):
            if file:
                raise UsageError(f"{' '.join(file)} cannot be meant: {target} is a job file")
            _draw_job(target, var or [], svg)
        elif not file:
            raise UsageError(f"which files? {target} is no job: woflo graph {target} FILE…")
        else:
            _draw_files(target, file, svg)


def _draw_job(path: str, var: list[str], svg: Path | None) -> None:
    from woflo.jobs.drawing import nodes_of

    draw(nodes_of(job_of(path, var).plan), svg)


def _draw_files(target: str, files: list[str], svg: Path | None) -> None:
    from woflo.cli.targets import Target
    from woflo.scripts.makers import calls_for

    draw(_nodes(calls_for(files, Target(target).all_tasks())), svg)


def _nodes(calls: list[Call]) -> list[Node]:
    """Files, and the calls between them."""
    ids: dict[str, str] = {}
    nodes: dict[str, Node] = {}
    for number, call in enumerate(calls):
        plan = call.plan
        inputs = [plan.path(path) for path in plan.inputs]
        for path in inputs:
            one = ids.setdefault(path, f"f{len(ids)}")
            nodes.setdefault(one, Node(one, path, "file"))
        run = f"r{number}"
        nodes[run] = Node(run, str(call), "run", tuple(ids[path] for path in inputs))
        for path in (plan.path(output.path) for output in plan.outputs):
            one = ids.setdefault(path, f"f{len(ids)}")
            nodes[one] = Node(one, path, "file", (run,))
    return list(nodes.values())
