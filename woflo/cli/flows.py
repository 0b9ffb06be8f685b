"""What `woflo run` does with a plain function that calls tasks, and with the name of a file that is to be made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from woflo.cli.failures import FAILED, say, say_last_lines, traceback_of
from woflo.cli.outcome import print_flow
from woflo.cli.showing import print_json
from woflo.cli.watching import Ends, watched
from woflo.errors import UnknownResultError, UpstreamFailedError, WofloError
from woflo.kernel import runtime
from woflo.kernel.leaving import interrupted_status, leave_at_next_interrupt, told_stopping
from woflo.kernel.masking import told
from woflo.kernel.state import RunState
from woflo.kernel.texts import spelled_out

if TYPE_CHECKING:
    from woflo.kernel.events import RunEnded
    from woflo.observers.chosen import Chosen
    from woflo.scripts.planning import Planned

__all__ = ["flow", "limit_scripts", "show_plan", "show_planned"]

MOST = 10
"""Failures that are named; the others are counted."""


def flow(
    name: str,
    function: Callable[[], Any],
    *,
    quiet: bool,
    json: bool,
    debug: bool,
    observers: Iterable[Chosen] = (),
) -> int:
    """Call it, wait for all that it has called, tell what did not succeed, and return the exit status."""
    status, error, bad = _called(name, function, quiet=quiet, debug=debug, observers=observers)
    if json:
        print_flow(name, status, error, bad)
    return status


def _called(
    name: str, function: Callable[[], Any], *, quiet: bool, debug: bool, observers: Iterable[Chosen]
) -> tuple[int, BaseException | None, list[RunEnded]]:
    error: BaseException | None = None
    with watched(quiet=quiet, observers=observers), Ends() as ends:
        try:
            error = _error_of(function)
            runtime.wait_for_all()
        except KeyboardInterrupt:
            leave_at_next_interrupt()
            say(f"woflo run: {told_stopping(f'what {name} has called')}")
            runtime.stop_all()
            say(f"woflo run: interrupted; {len(ends.bad)} of the calls of {name} were stopped or have failed")
            return interrupted_status(), None, ends.bad
    status = FAILED if ends.bad or error is not None else 0
    if debug and error is not None:
        say(traceback_of(error))
        return status, error, ends.bad
    _tell(ends.bad, quiet=quiet)
    if error is not None and all(error is not one.error for one in ends.bad):
        say(f"error: {name}: {spelled_out(told(error).splitlines()[0])}")
    return status, error, ends.bad


def _error_of(function: Callable[[], Any]) -> BaseException | None:
    try:
        value = function()
        if inspect.isawaitable(value):
            import asyncio

            asyncio.run(_awaited(value))
    except Exception as error:
        return error
    return None


async def _awaited(value: Any) -> None:
    await value


def _tell(bad: list[RunEnded], *, quiet: bool) -> None:
    for one in bad[:MOST]:
        why = "" if one.error is None else f": {spelled_out(told(one.error).splitlines()[0])}"
        say(f"error: {spelled_out(one.task)} ({one.run_id}) {one.state}{why}")
        if quiet:
            say_last_lines(one.error)
        log = getattr(one.error, "log", "")
        if log and one.state is RunState.FAILED:
            say(f"hint: its output is in {spelled_out(log)}")
    if len(bad) > MOST:
        say(f"error: and {len(bad) - MOST} more")


def show_plan(name: str, function: Callable[[], Any], *, json: bool) -> int:
    """Tell what would be executed if it were called, and return the exit status. Nothing is, meanwhile.

    Raises what is wrong with a call, or has hindered the look at files and records.
    """
    from woflo.durable.choice import making_none
    from woflo.scripts.planning import dry_run

    with making_none(), dry_run() as plan, Ends() as ends:
        error = _error_of(function)
        runtime.wait_for_all()
    errors = [one for one in (*(end.error for end in ends.bad), error) if one is not None]
    wrong = next((one for one in errors if isinstance(one, WofloError) and not isinstance(one, _FOLLOWING)), None)
    if wrong is not None:
        raise wrong
    if plan.planned or not errors:
        show_planned(plan.planned, json=json)
    for one in errors:
        if isinstance(one, UnknownResultError):
            say(f"hint: the plan ends here, for {spelled_out(str(one))}")
            return 0
    for one in errors[:1]:
        say(f"error: {name}: {spelled_out(told(one).splitlines()[0])}")
    return FAILED if errors else 0


_FOLLOWING = (UnknownResultError, UpstreamFailedError)
"""What tells of nothing that is wrong by itself."""


def show_planned(planned: Sequence[Planned], *, json: bool) -> None:
    """Each command in the order in which it would begin, and below it why."""
    if json:
        print_json([{"task": one.task, "command": one.command, "reasons": list(one.reasons)} for one in planned])
        return
    for one in planned:
        is_call = not one.command or one.command.startswith(f"{one.task}(")
        typer.echo(spelled_out((one.command or one.task) if is_call else f"{one.task}: {one.command}"))
        for reason in one.reasons:
            typer.echo(f"    {spelled_out(reason)}")
    if not planned:
        say("nothing to be done: all is up to date")


def limit_scripts(number: int) -> None:
    """So many commands of scripts at once, in this process."""
    from woflo.scripts.runner import ScriptTaskRun

    ScriptTaskRun.max_concurrency = number
