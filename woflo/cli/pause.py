"""`woflo pause NAME` and `woflo unpause NAME`: queues, and schedules of tasks, for all workers of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from woflo.cli import completing
from woflo.cli.failures import say, telling
from woflo.cli.options import AsJson, Debug, Url, opened_store
from woflo.cli.showing import print_json
from woflo.durable import queues

__all__ = ["pause", "unpause"]

Names = Annotated[list[str], typer.Argument(help="Queues; with --schedule, tasks.", autocompletion=completing.queues)]
OfSchedule = Annotated[bool, typer.Option("--schedule", help="The schedules of tasks, not queues.")]


def pause(
    name: Names, store: Url = None, schedule: OfSchedule = False, json: AsJson = False, debug: Debug = False
) -> None:
    """Let no worker take anything from queues.

    Or, with --schedule, call tasks by their schedules. What is under way goes on.
    """
    with telling(debug=debug), opened_store(store) as kept:
        for one in name:
            told = (queues.schedule_paused if schedule else queues.queue_paused)(one, kept)
            if not json:
                say(f"woflo pause: {_kind(schedule=schedule)} {one} is paused, until `woflo unpause`")
            if told:
                say(f"note: {told}")
    if json:
        _print(name, schedule=schedule, is_paused=True)


def unpause(
    name: Names, store: Url = None, schedule: OfSchedule = False, json: AsJson = False, debug: Debug = False
) -> None:
    """Let workers go on with queues.

    Or, with --schedule, with the schedules of tasks.
    """
    with telling(debug=debug), opened_store(store) as kept:
        for one in name:
            told = (queues.schedule_resumed if schedule else queues.queue_resumed)(one, kept)
            if not json and not told:
                say(f"woflo unpause: {_kind(schedule=schedule)} {one} goes on")
            if told:
                say(f"note: {told}")
    if json:
        _print(name, schedule=schedule, is_paused=False)


def _print(names: list[str], *, schedule: bool, is_paused: bool) -> None:
    print_json([{"schedule" if schedule else "queue": one, "is_paused": is_paused} for one in names])


def _kind(*, schedule: bool) -> str:
    return "the schedule of" if schedule else "the queue"
