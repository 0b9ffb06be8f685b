"""What a job would do: which of its steps would be executed, and why. Nothing is executed.

recorded, and -r     ──► kept
names files          ──► up to date, or what makes it stale: decided by the code that decides in earnest
all else             ──► executed whenever it is called
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.durable.choice import making_none
from woflo.errors import OptionError, WofloError
from woflo.jobs.files import edges, named_by
from woflo.kernel.hiding import hide
from woflo.scripts.planning import ALWAYS, DryRun

if TYPE_CHECKING:
    from woflo.jobs.continuing import Before
    from woflo.jobs.plan import Plan, Step
    from woflo.jobs.references import Reference
    from woflo.scripts.plan import Plan as Call

__all__ = ["Foreseen", "accepted", "foreseen"]


class Foreseen(NamedTuple):
    """What would become of a step."""

    step: str
    task: str
    command: str
    """Of a command, as far as it is known; secrets are hidden."""
    reasons: tuple[str, ...]
    """Why it would be executed; none where it would not."""
    kept: str | None = None
    """The run by which it is recorded, so that it is not executed again."""

    @property
    def is_up_to_date(self) -> bool:
        """True where there is nothing to do, because its files are as they are to be."""
        return not self.reasons and self.kept is None


class _Unknown(Exception):  # noqa: N818 - it becomes a reason
    """What another step leaves is known when that has ended."""


def foreseen(plan: Plan, since: Before | None = None, digests: Mapping[str, str] | None = None) -> list[Foreseen]:
    """All steps that would be called, in an order in which they can be.

    With `-r`, `since` is the run from which it would go on, and `digests` are those of the steps whose records count.
    """
    look = _Look(plan)
    with making_none():
        for step in plan.chosen:
            if since is not None and step.name in since.kept:
                look.keep(step, since.run_id)
            else:
                look.at(step, () if since is None else (since.why(step.name, digests or {}),))
    return list(look.found.values())


class _Look:
    """At the steps, one behind those that it needs."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._makers: dict[str, list[tuple[str, str]]] = {}
        """Who makes the files that a step reads, by its name."""
        for edge in edges({step.name: named_by(step) for step in plan.chosen}):
            self._makers.setdefault(edge.reader, []).append((edge.maker, edge.path))
        self.found: dict[str, Foreseen] = {}
        self._calls = _Calls()
        self._dry = DryRun()

    def keep(self, step: Step, run_id: str) -> None:
        """It is not executed; what it has made may be asked for by others."""
        with suppress(_Unknown, WofloError, ValueError):
            if (call := self._calls.of(step)) is not None:
                self._dry.leave(call)
        self.found[step.name] = Foreseen(step.name, step.task.name, "", (), run_id)

    def at(self, step: Step, why: tuple[str, ...]) -> None:
        """It is executed where its files say so."""
        try:
            call = self._calls.of(step)
        except (_Unknown, WofloError, ValueError) as error:
            command, reasons = "", [str(error)]
        else:
            command, reasons = ("", [] if why else [ALWAYS]) if call is None else self._stale(step, call)
        is_due = bool(reasons) or not step.has_files
        if is_due:
            self._calls.changed.add(step.name)
        told = dict.fromkeys(map(hide, (*why, *reasons) if is_due else ()))
        self.found[step.name] = Foreseen(step.name, step.task.name, command, tuple(told))

    def _stale(self, step: Step, call: Call) -> tuple[str, list[str]]:
        """Its command, and why what it makes is not as it is to be."""
        number = len(self._dry.planned)
        makers = self._makers.get(step.name, ())
        expected = {path: maker for maker, path in makers if maker in self._calls.unknown}
        self._dry.admit(call, expected=expected, who_may=lambda: self._who_may_make_it(step))
        reasons = [reason for planned in self._dry.planned[number:] for reason in planned.reasons]
        unseen = [f"{path} would be made anew by {maker}" for path, maker in expected.items()]
        if unseen:
            self._calls.unknown.add(step.name)  # whatever the files say as they are now
        return call.as_text(), reasons + unseen

    def _who_may_make_it(self, step: Step) -> str:
        """Those before it that would be executed, and of which nobody knows all the files that they make."""
        before = (self.found[name] for name in self._plan.needed_by(step.name) if name in self.found)
        names = [one.step for one in before if one.kept is None and not self._is_known(one.step)]
        return " or ".join(sorted(names))

    def _is_known(self, name: str) -> bool:
        return name not in self._calls.unknown and self._calls.has_outputs(name)


class _Calls:
    """What the steps would be called with, as far as that is known."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Step, Call]] = {}
        self.changed: set[str] = set()
        """Steps that would be executed."""
        self.unknown: set[str] = set()
        """Of which it is not known with what, or with which files."""

    def of(self, step: Step) -> Call | None:
        """The call of a step; None where it names no files. Raises `_Unknown`, and `WofloError` for what cannot be."""
        if not step.has_files:
            return None
        try:
            arguments = step.filled(self._value_of)
        except _Unknown:
            self.unknown.add(step.name)
            raise
        call: Call = step.task.body.fn.plan(step.name, (), arguments)
        self._known[step.name] = step, call
        return call

    def has_outputs(self, name: str) -> bool:
        """True for a step that names what it makes."""
        return name in self._known and bool(self._known[name][1].outputs)

    def _value_of(self, reference: Reference) -> Any:
        from woflo.scripts.body import Script

        name = reference.step
        if name in self._known:
            step, call = self._known[name]
            is_new = name in self.changed and any(output.pattern is not None for output in call.outputs)
            if not is_new and (reference.kind == "outputs" or isinstance(step.task.body.fn, Script)):
                return call.value()
        raise _Unknown(f"what {name} leaves (${{{name}.{reference.kind}}}) is known when it has ended")


def accepted(plan: Plan, names: Iterable[str] = ()) -> list[str]:
    """Take the outputs of these steps, or of all that name some, for up to date; the files.

    Raises `OptionError` for a step that names none, or whose files are known when others have ended, and as `touch`.
    """
    from woflo.scripts.plan import paths_in
    from woflo.scripts.script import touch

    chosen = list(names)
    files: list[str] = []
    calls = _Calls()
    for step in plan.steps.values():
        is_meant = step.name in chosen if chosen else True
        try:
            call = calls.of(step)
        except _Unknown as error:
            if chosen and is_meant:
                raise OptionError(f"{step.name}: {error}") from None
            continue
        if not is_meant:
            continue
        if call is None or not call.outputs:
            if chosen:
                raise OptionError(f"the step {step.name!r} names no outputs, so there is nothing to accept")
            continue
        value = touch(step.task.with_options(name=step.name), **step.filled(calls._value_of))
        files += paths_in(value)
    return files
