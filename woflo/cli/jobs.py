"""What commands tell of job files: which steps would be executed, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from woflo.jobs.foreseeing import Foreseen
    from woflo.jobs.job import Job

__all__ = ["JOBS", "is_job", "job_of", "show_foreseen", "show_why"]

JOBS = (".yaml", ".yml", ".toml", ".json")
"""How the names of job files end."""


def is_job(target: str) -> bool:
    """True for the name of a job file."""
    return Path(target).suffix.lower() in JOBS


def job_of(path: str, variables: Sequence[str]) -> Job:
    """The job in a file, with variables as `--var` gives them. Raises `JobFileError` or `OptionError`."""
    from woflo.jobs.driving import variables_in
    from woflo.jobs.job import Job

    return Job.load(path, variables=variables_in(variables))


def show_foreseen(steps: Sequence[Foreseen], *, json: bool) -> None:
    """All of them, each with what would become of it."""
    from woflo.cli.showing import print_json, print_table

    if json:
        print_json([
            {
                "step": one.step,
                "task": one.task,
                "command": one.command,
                "is_kept": one.kept is not None,
                "is_up_to_date": one.is_up_to_date,
                "reasons": list(one.reasons),
            }
            for one in steps
        ])  # fmt: skip
        return
    print_table(("STEP", "TASK", "WHY"), [(one.step, one.task, _said(one)) for one in steps])


def _said(one: Foreseen) -> str:
    if one.kept is not None:
        return f"kept: {one.kept} has recorded it"
    return "; ".join(one.reasons) or "nothing to do: it is up to date"


def show_why(steps: Sequence[Foreseen], *, json: bool) -> None:
    """Those that would be executed, each with all its reasons."""
    from woflo.cli.flows import show_planned
    from woflo.scripts.planning import Planned

    show_planned([Planned(one.step, one.command, one.reasons) for one in steps if one.reasons], json=json)
