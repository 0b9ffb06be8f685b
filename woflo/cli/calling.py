"""What `woflo run` does with a task or a workflow: call it, wait for it, and tell how it ended."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import typer

from woflo.cli.failures import FAILED, UsageError, say, say_last_lines, traceback_of
from woflo.cli.naming import named
from woflo.cli.outcome import print_call
from woflo.cli.watching import watched
from woflo.errors import OptionError
from woflo.kernel import runtime
from woflo.kernel.leaving import interrupted_status, interrupts_held_back, leave_at_next_interrupt, told_stopping
from woflo.kernel.state import RunState
from woflo.kernel.texts import spelled_out

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task
    from woflo.observers.chosen import Chosen

__all__ = ["called_with"]

PATIENCE = 2.0
"""Seconds after which it is told that a call from a queue was not begun."""


def called_with(
    task: Task[..., Any],
    arguments: dict[str, Any],
    options: dict[str, Any],
    *,
    quiet: bool,
    json: bool,
    debug: bool,
    observers: Iterable[Chosen] = (),
) -> int:
    """Call it with these arguments and options (`name`, `key`, `runner`); the exit status."""
    if options["runner"] is not None:
        task = task.with_options(runner=options["runner"])
    task = _called_by(task, options["name"], options["key"])
    called: BaseTaskRun[Any] | None = None
    with watched(quiet=quiet, observers=observers):
        try:
            # A plain call on a sequential runner is the execution itself, and Ctrl-C is to end that.
            with interrupts_held_back() if task.runner.traits.durable else nullcontext():
                called = task(**arguments)
            if not quiet and task.options.runner == "queue" and not called.wait(PATIENCE):
                _say_who_is_waited_for(called)
            called.wait()
        except KeyboardInterrupt:
            _stop(called)
            if json:
                print_call(called, task.name)
            return interrupted_status()
    if json:
        print_call(called, task.name)
    return _told_of(called, prints=not json, quiet=quiet, debug=debug)


def _say_who_is_waited_for(called: BaseTaskRun[Any]) -> None:
    """Of a call that nobody has begun: perhaps there is no worker at all."""
    if called.state is RunState.PENDING:
        from woflo.stores.rows import DEFAULT_QUEUE

        queue = called.task.options.queue or DEFAULT_QUEUE
        say(
            f"woflo run: {called.task.name} ({called.id}) waits for a worker that serves the queue {queue!r}, as "
            f"`woflo worker` does"
        )


def _called_by(task: Task[..., Any], name: str | None, key: str | None) -> Task[..., Any]:
    if key is not None:
        if not task.runner.traits.durable:
            raise UsageError(f"{task.name} is no workflow and is not kept in a store, so it has no --key")
        task = task.with_options(key=key)
    if name is None:
        return task
    try:
        return named(task, name)
    except OptionError:
        raise UsageError(f"{task.name} is no workflow and is not kept in a store, so it has no --name") from None


def _stop(called: BaseTaskRun[Any] | None) -> None:
    """After Ctrl-C: tell of it at once, and how it stands at the end."""
    leave_at_next_interrupt()
    if called is None:
        say("woflo run: interrupted")
        return
    who = f"{called.task.name} ({called.id})"
    say(f"woflo run: {told_stopping(who)}")
    has_ended = called.stop()
    is_all = has_ended and not runtime.current.live  # a step in the thread of its workflow may go on behind that
    left = "" if is_all else "; code that cannot be ended is waited for"
    say(f"woflo run: interrupted; {who} is {called.state}{left}")


def _told_of(called: BaseTaskRun[Any], *, prints: bool, quiet: bool, debug: bool) -> int:
    """Tell of the end, and return the exit status."""
    if called.state is RunState.SUCCEEDED or called.state is RunState.SKIPPED:
        if prints:
            _print(called.get_result())
        return 0
    error = called.exception()
    if debug and error is not None:
        say(traceback_of(error))
        return FAILED
    is_kept = called.traits.durable
    say(f"error: {called.task.name} ({called.id}) {called.state}: {_in_a_line(error)}")
    if quiet:
        say_last_lines(error)
    say(f"hint: `woflo show {called.id}` tells more, `woflo retry {called.id}` goes on" if is_kept else _hint(error))
    return FAILED


def _hint(error: BaseException | None) -> str:
    log = getattr(error, "log", "")
    return f"hint: its output is in {log}" if log else "hint: with --debug its traceback is shown"


def _in_a_line(error: BaseException | None) -> str:
    return spelled_out(f"{type(error).__name__}: {error}".splitlines()[0])


def _print(value: Any) -> None:
    import json

    if value is None:
        return
    try:
        text = json.dumps(value, ensure_ascii=False)
        typer.echo(text if text.isprintable() else json.dumps(value))
    except (TypeError, ValueError):
        typer.echo(spelled_out(repr(value)))
