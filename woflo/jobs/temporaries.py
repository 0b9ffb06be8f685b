"""Temporary outputs of steps: the steps that need theirs are their readers, whatever they do with the files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from woflo.kernel.state import SUCCESSES

if TYPE_CHECKING:
    from woflo.jobs.execution import JobStep
    from woflo.jobs.plan import Step

__all__ = ["has_temporary", "made_again_for", "recorded", "will_read"]


def has_temporary(step: Step) -> bool:
    """True for a step with outputs that go."""
    return step.has_files and bool(getattr(step.task.body.fn, "has_temporary", False))


def will_read(run: JobStep, makers: Iterable[Any]) -> None:
    """This step was called; those that it needs know that it has to end before their outputs may go."""
    from woflo.scripts.temporaries import called

    called(run, makers)


def recorded(run: JobStep, step: Step, arguments: dict[str, Any]) -> None:
    """This step has made its outputs in an earlier run of the job, and they go like those of a later one."""
    from woflo.scripts.temporaries import note_maker

    if run._state in SUCCESSES:
        run._kwargs = arguments
        note_maker(run, step.task.body.fn.plan(step.name, (), arguments))


def made_again_for(run: JobStep) -> None:
    """Before a step without files of its own: what it may read is there again. The others see to it themselves."""
    if hasattr(run, "_makers") and run.task.options.admission is None:
        from woflo.scripts.ledger import ledger
        from woflo.scripts.temporaries import maker_first

        while (again := maker_first(run, ledger())) is not None:
            again.get_result()
