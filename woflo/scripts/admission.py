"""The answer to the kernel's question, just before the launch, whether what a run would make is there already."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType
from typing import Any

from woflo.errors import ArgumentError, OptionError, SerializationError
from woflo.kernel import clock
from woflo.kernel.bus import complain, logger
from woflo.kernel.graph import substitute
from woflo.kernel.outcome import Outcome
from woflo.scripts import planning
from woflo.scripts.body import Script
from woflo.scripts.calls import checked, make
from woflo.scripts.conflicts import claim
from woflo.scripts.files import FilesOf
from woflo.scripts.freshness import is_forced, is_stale, need_inputs, remember
from woflo.scripts.ledger import STAYED, VALUE, Known, Ledger, ledger
from woflo.scripts.plan import Plan, paths_in, target_of
from woflo.scripts.prints import found_at
from woflo.scripts.protecting import need_unprotected
from woflo.scripts.temporaries import called, maker_first, note_maker
from woflo.scripts.unfinished import check_inputs

__all__ = ["FreshnessAdmission", "plan_of"]


def plan_of(run: Any) -> Plan:
    """The plan of a run: the one that it was admitted with, or a new one."""
    plan: Plan | None = getattr(run, "_plan", None)
    if plan is None:
        plan = run._plan = run.task.body.fn.plan(run.task.name, run._args, run._kwargs)
        plan.is_forced = run.task.options.force
    return plan


class FreshnessAdmission:
    """Skips a run whose outputs are up to date; else sees to it that its success is remembered."""

    __slots__ = ()

    def called(self, run: Any, handles: Iterable[Any]) -> None:
        """See the port."""
        if isinstance(run.task.body.fn, Script) and run._kwargs.get("inputs") is not None:
            run._kwargs = {**run._kwargs, "inputs": substitute(run._kwargs["inputs"], _files_or_handle)}
        called(run, [*handles, *_read_of(run)])

    def admit(self, run: Any) -> Any:
        """See the port."""
        plan = plan_of(run)
        if planning.current is not None:
            _check_is_unrecorded(run)
            return planning.current.admit(plan, comes_again=hasattr(run, "_makers"))
        book = ledger()
        if not run.remembers_itself:
            plan.root = os.getcwd()
            run._files = partial(_paths_of, plan)
        if getattr(run.task.body.fn, "has_temporary", False):
            note_maker(run, plan)
        if plan.target is not None and (found := _found_fresh(run, plan, plan.target, book)) is not None:
            return found
        need_unprotected(plan, None if plan.target is None else book.get(plan.target))
        if hasattr(run, "_makers") and (first := maker_first(run, book)) is not None:
            return first
        check_inputs(plan)
        need_inputs(plan, book)
        if plan.outputs:
            claim(run, plan)
        if not run.remembers_itself:
            plan.there = {path: found_at(plan.path(path)) for path in plan.found()}
            run._remember = _rememberer(run, plan, book)
        return None


def _read_of(run: Any) -> list[Any]:
    """Of the runs that it comes `after`, those whose temporary outputs it names as its inputs."""
    makers = [one for one in run.task.options.after if getattr(one.task.body.fn, "has_temporary", False)]
    if not makers:
        return []
    try:
        plan = run.task.body.fn.plan(run.task.name, run._args, run._kwargs)
    except Exception:
        return []  # what it is called with is not there yet, or is refused when it is its turn
    read = {target_of(path, plan.base) for path in plan.inputs}
    return [one for one in makers if any(target_of(path) in read for path in _outputs_of(one))]


def _outputs_of(run: Any) -> tuple[str, ...]:
    """Also of one that has not begun."""
    try:
        return _paths_of(run.task.body.fn.plan(run.task.name, run._args, run._kwargs))
    except Exception:  # it has ended, and has put away its arguments
        return tuple(run.outputs)


def _found_fresh(run: Any, plan: Plan, target: str, book: Ledger) -> Outcome | None:
    """What is up to date, as this process knows it, or else as the store has it now."""
    known = book.get(target)
    if known is not None and _is_fresh(plan, known, book):
        return _skipped(run, plan, known)
    again = book.again(target)
    if again is None and known is None:
        _check_apart(plan)
        return _skipped(run, plan, None) if _is_fresh(plan, None, book) else None
    if again is not None and (known is None or again.success != known.success) and _is_fresh(plan, again, book):
        return _skipped(run, plan, again)
    return None


def _check_apart(plan: Plan) -> None:
    """A file is never older than itself: of a script that has it as input and output none would be executed, ever.

    Where woflo has made the file, its record tells whether it was changed in place already. A function without a record
    is executed.
    """
    if plan.is_forced or plan.is_cached or not plan.inputs or is_forced(plan.name) is not None:
        return
    inputs = {os.path.normpath(path) for path in plan.inputs}
    for output in plan.outputs:
        if output.pattern is None and os.path.normpath(output.path) in inputs:
            raise ArgumentError(
                f"{plan.name}: {output.path!r} is an input and an output of one call, and nothing is known to have "
                f"made it, so that nobody can tell whether it was changed already; let it write to another file"
            )


def _check_is_unrecorded(run: Any) -> None:
    """A step of a workflow would be recorded as it was planned."""
    if getattr(run, "_row", None) is not None:
        raise OptionError(
            f"{run.task.name} is a step of a workflow, which would record it as skipped; within dry_run() call the "
            f"plain function of the workflow, `flow.fn(…)`"
        )


def _files_or_handle(run: Any) -> Any:
    """What stands for a run among inputs: the result of a script, the files of a function."""
    return FilesOf(run) if isinstance(getattr(run.task.body.fn, "func", None), FunctionType) else run


def _paths_of(plan: Plan) -> tuple[str, ...]:
    return tuple(paths_in(plan.value()))


def _skipped(run: Any, plan: Plan, known: Known | None) -> Outcome:
    """What it made before; it asks for the same calls as then."""
    run._plan = None
    if plan.calls and known is not None:
        asked = known.record.get("calls", [])
        run.calls = make([checked(one, plan.name, plan.calls) for one in asked], None)
    if plan.codec is not None:
        assert known is not None  # without a record such a plan is stale
        return Outcome(plan.codec.load_result(known.record[VALUE]))
    return Outcome(plan.value(None if known is None else known.outputs))


def _is_fresh(plan: Plan, known: Known | None, book: Ledger) -> bool:
    if is_stale(plan, known):
        return False
    if known is not None and known.renewed:
        book.renew(known)
    return True


MOST_VALUE = 1 << 20
"""Characters of a result that is kept."""


def _kept_value(plan: Plan, value: Any) -> str | None:
    """The result as it is kept; None where it cannot be, so that the next call is executed again."""
    try:
        text: str = plan.codec.dump_result(value)
        if len(text) <= MOST_VALUE:
            return text
        told = f"its result takes {len(text):,} characters, and {MOST_VALUE:,} are kept; write it to an output"
    except SerializationError as error:
        told = str(error)
    if plan.name not in _told:
        _told.add(plan.name)
        logger().warning(f"{plan.name} will be executed again each time: {told}")
    return None


_told: set[str] = set()
"""The tasks of which that was said."""


def _rememberer(run: Any, plan: Plan, book: Ledger) -> Callable[[Outcome], None]:
    number = run.id

    def remember_success(outcome: Outcome) -> None:
        try:
            times = {"started_at": run.started_at, "finished_at": clock.now()}
            _remember(number, plan, book, outcome, times | _where(plan))
        except Exception as error:
            complain(f"what {plan.name} has made could not be recorded; it will be made again", error)

    return remember_success


def _where(plan: Plan) -> dict[str, Any]:
    """The host, and how a command that succeeded has ended."""
    told: dict[str, Any] = {"host": socket.gethostname()}
    return told | {"exit_code": 0} if plan.shown else told


def _remember(run_id: str, plan: Plan, book: Ledger, outcome: Outcome, times: dict[str, Any]) -> None:
    stayed = _stayed(plan, book)
    told: dict[str, Any] = {**times, STAYED: stayed}
    if plan.codec is not None:
        told[VALUE] = _kept_value(plan, outcome.value)
        if told[VALUE] is None:
            return
    remember(plan, book, run_id, _made(plan, stayed), **told)


def _made(plan: Plan, stayed: list[str]) -> list[str]:
    """The outputs; of what globs find, not what was there before."""
    found = ((output, path) for output in plan.outputs for path in plan.files_of(output))
    return [path for output, path in found if output.pattern is None or path not in stayed]


def _stayed(plan: Plan, book: Ledger) -> list[str]:
    """The outputs that nobody has made: they were there, woflo knows nothing of them, and they are as they were."""
    known = None if plan.target is None else book.get(plan.target)
    own = {} if known is None else known.own()
    return [
        path
        for path, before in plan.there.items()
        if before.has_stayed(plan.path(path)) and list(own.get(path, ()))[:2] != list(before.there[:2])
    ]
