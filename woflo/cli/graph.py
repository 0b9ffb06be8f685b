"""`woflo graph TARGET`: a job with its steps, or what makes files, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli.failures import UsageError, telling
from woflo.cli.jobs import is_job, job_of
from woflo.cli.options import AsJson, Debug
from woflo.cli.report import Mermaid, Svg, check_one_form, draw
from woflo.cli.showing import print_json
from woflo.scripts.pictures import Node

if TYPE_CHECKING:
    from woflo.scripts.makers import Call

__all__ = ["graph"]


def graph(
    target: Annotated[str, typer.Argument(help="A job file; or a file (app.py) or module with tasks.")],
    file: Annotated[list[str] | None, typer.Argument(help="Of tasks: the files that are to be made.")] = None,
    var: Annotated[list[str] | None, typer.Option(help="Of a job: what $VAR{NAME} stands for.")] = None,
    svg: Svg = None,
    mermaid: Mermaid = False,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Draw a job, or what makes files.

    As a Mermaid flowchart, or by Graphviz with --svg. Nothing is executed but the modules of the tasks.
    """
    with telling(debug=debug):
        check_one_form(svg, mermaid=mermaid, json=json)
        if is_job(target):
            if file:
                raise UsageError(f"{' '.join(file)} cannot be meant: {target} is a job file")
            nodes = _of_job(target, var or [])
        elif not file:
            raise UsageError(f"which files? {target} is no job: woflo graph {target} FILE…")
        else:
            nodes = _of_files(target, file)
        if json:
            print_json([one._asdict() for one in nodes])
        else:
            draw(nodes, svg)


def _of_job(path: str, var: list[str]) -> list[Node]:
    from woflo.jobs.drawing import nodes_of

    return nodes_of(job_of(path, var).plan)


def _of_files(target: str, files: list[str]) -> list[Node]:
    from woflo.cli.targets import Target
    from woflo.scripts.makers import calls_for

    return _nodes(calls_for(files, Target(target).all_tasks()))


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
