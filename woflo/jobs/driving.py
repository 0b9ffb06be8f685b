"""`Job.main()`: a job from the command line, and what is told about it there.

Exit statuses: 0 all succeeded, 1 some failed, 2 wrong usage or file, 130 interrupted (143 by SIGTERM, 129 by
SIGHUP).

`add_arguments`, `Choices` and `drive` are for every command that executes jobs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import told_store
from woflo.durable.observing import chosen_observers
from woflo.errors import (
    JobFailedError,
    JobFileError,
    OptionError,
    RunUnderWayError,
    SettingsError,
    TaskStoppedError,
    WofloError,
)
from woflo.jobs.continuing import file_of_latest
from woflo.jobs.job import Job
from woflo.jobs.problems import near
from woflo.kernel.hiding import hide
from woflo.kernel.leaving import (
    ending_signals_interrupt,
    interrupted_status,
    interrupts_held_back,
    leave_at_next_interrupt,
    told_stopping,
)
from woflo.kernel.masking import mask_text
from woflo.kernel.pairs import named_values
from woflo.kernel.runtime import stop_all, wait_for_all
from woflo.kernel.state import SUCCESSES, RunState
from woflo.kernel.texts import plain
from woflo.observers.chosen import Chosen, subscribed, with_progress

if TYPE_CHECKING:
    from woflo.jobs.foreseeing import Foreseen
    from woflo.jobs.run import JobTaskRun

__all__ = ["FAILED", "SUCCEEDED", "WRONG_USAGE", "Choices", "drive", "main", "pending", "variables_in"]

SUCCEEDED, FAILED, WRONG_USAGE = 0, 1, 2
_WRONG_USE = (JobFileError, OptionError, SettingsError, RunUnderWayError)
DEFAULT = "job.yaml"
GRACE = 5.0
"""Seconds that steps get to end after Ctrl-C."""


@dataclass(slots=True, kw_only=True)
class Choices:
    """What a command line says about the execution of a job."""

    restart: bool = False
    """Go on with the latest run that did not succeed."""
    skip: Sequence[str] = ()
    run_to: str | Sequence[str] | None = None
    """Steps, or files that steps make."""
    run_from: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    max_concurrency: int | None = None
    force: Sequence[str] = ()
    """Globs: steps of these names are executed, up to date or recorded."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What the run is found by."""
    debug: bool = False
    """Tell errors with their tracebacks."""
    progress: bool | None = None
    """Show on stderr how far it is; None: where that is a terminal on which bars can be drawn."""
    root: Path | None = None
    observe: Sequence[str] = ()
    """Observers that are to listen beside those of `woflo.toml` and of the file, as `--observe` has them."""
    around: Callable[[list[Chosen]], list[Chosen]] = list
    """What a command adds to all that are to listen."""


def variables_in(texts: Iterable[str]) -> dict[str, str]:
    """Variables given as `name=value`. Raises `OptionError` for a text that is none, and for what is given twice."""
    return named_values("--var", texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, execute the job, and return the exit status."""
    parser = _parser()
    try:
        given = parser.parse_args(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    try:
        variables = variables_in(given.var)
    except OptionError as error:
        _say(f"error: {error}")
        return WRONG_USAGE
    choices = Choices(
        restart=given.restart,
        skip=given.skip,
        run_to=given.run_to,
        run_from=given.run_from,
        variables=variables,
        max_concurrency=given.max_concurrency,
        debug=given.debug,
        progress=given.progress,
        root=_folder_of_program(),
        observe=given.observe,
    )
    return drive(given.job or (DEFAULT if not choices.restart else file_of_latest() or DEFAULT), choices)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Execute a job.", allow_abbrev=False)
    parser.add_argument("-j", "--job", help=f"the job file; {DEFAULT}, or with -r that of the latest run, by default")
    parser.add_argument("-r", "--restart", action="store_true", help="go on where the latest run did not succeed")
    parser.add_argument("--skip", action="append", default=[], metavar="STEP", help="leave it out; several times")
    parser.add_argument("--run-to", metavar="STEP", help="only this step and what it needs")
    parser.add_argument("--run-from", metavar="STEP", help="only this step and what needs it")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="what $VAR{NAME} stands for")
    parser.add_argument("--max-concurrency", type=int, metavar="N", help="how many steps execute at once")
    parser.add_argument("--no-progress", action="store_false", dest="progress", default=None, help="draw no bars")
    parser.add_argument(
        "--observe",
        action="append",
        default=[],
        metavar="WHAT",
        help="logs, jsonl, spans, an address, module:Class",
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def _folder_of_program() -> Path | None:
    """That of the script that Python was started with."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return None if file is None else Path(file).absolute().parent


def pending(path: str, choices: Choices) -> list[Foreseen]:
    """What would become of each step that is chosen.

    Nothing is executed, and nothing written. Raises `JobFileError` as `Job.load` does.
    """
    job = _loaded(path, choices)
    steps = job.foreseen(restart=choices.restart)
    if choices.restart:
        _goes_on(job)
    return steps


def _loaded(path: str, choices: Choices) -> Job:
    if choices.restart and choices.tags:
        raise OptionError("a run that goes on keeps the tags, and so the name, that it has; leave --name out")
    job = Job.load(
        path,
        variables=choices.variables,
        root=choices.root,
        skip=choices.skip,
        run_to=choices.run_to,
        run_from=choices.run_from,
        max_concurrency=choices.max_concurrency,
        tags=choices.tags,
        restart=choices.restart,
    )
    for glob in choices.force:
        if not any(fnmatchcase(name, glob) for name in job.steps):
            raise OptionError(f"--force {glob}: no step has such a name{near(glob, job.steps, 'there are')}")
    if choices.force:
        from woflo.scripts.freshness import forcing

        forcing(*choices.force)
    return job


def drive(path: str, choices: Choices) -> int:
    """Execute the job in a file, tell how it ended on stderr, and return the exit status.

    It is for programs that end with it: after Ctrl-C it stops the job, and from then on Ctrl-C ends the process. So do
    SIGTERM and SIGHUP.
    """
    with ending_signals_interrupt():
        return _driven(path, choices)


def _driven(path: str, choices: Choices) -> int:
    run: JobTaskRun[Any] | None = None
    try:
        job = _loaded(path, choices)
        observers = _observers(job, choices)
        goes_on = choices.restart and _goes_on(job)
        with subscribed(observers, restarted=goes_on):
            with interrupts_held_back():
                run = job.resume() if choices.restart else job()
            run.get_result()
            wait_for_all()  # what commands have asked for is told of as well
    except KeyboardInterrupt:
        return _interrupted(run)
    except JobFailedError as error:
        return _failed(error, run, debug=choices.debug)
    except TaskStoppedError as error:
        _say(f"woflo: {error}")
        return FAILED
    except WofloError as error:
        _say(_traceback(error) if choices.debug else f"error: {error}")
        return WRONG_USAGE if isinstance(error, _WRONG_USE) else FAILED
    number = len(job.plan.chosen)
    _say(f"woflo: {job.name}: {number} {'step' if number == 1 else 'steps'} succeeded")
    return SUCCEEDED


def _goes_on(job: Job) -> bool:
    """True where there is a run to go on with; what no command line says is told: its variables."""
    found = job.recorded
    goes_on = job.is_unfinished()
    if not goes_on:
        _say(f"woflo: nothing to go on with in {told_store()} for {job.name}, {job.path}: a new run begins")
    elif found is not None and found.values:
        told = " ".join(f"{name}={value}" for name, value in found.values.items())
        _say(f"woflo: with the variables of {found.run_id}: {told}")
    return goes_on


def _observers(job: Job, choices: Choices) -> list[Chosen]:
    """Who is told while it executes: whoever is named, and bars, with what steps print above them."""
    shown = (_can_draw() or None) if choices.progress is None else choices.progress
    return choices.around(with_progress(chosen_observers(choices.observe, job.observers), shown))


def _can_draw() -> bool:
    if not sys.stderr.isatty():
        return False
    from woflo.observers.progress.display import mode_of

    return mode_of(sys.stderr) == "terminal" and find_spec("rich") is not None


def _interrupted(run: JobTaskRun[Any] | None) -> int:
    """The run is stopped, so that its record says so, and -r goes on with it."""
    try:
        if run is None:
            stop_all()  # a second Ctrl-C came while it was being called
            return interrupted_status()
        leave_at_next_interrupt()
        _say(f"woflo: {told_stopping(f'{run.task.name} ({run.id})')}")
        run.stop(GRACE)
        told = "stopped" if run.state is RunState.STOPPED else f"{run.state}"
        _say(f"woflo: {run.task.name} ({run.id}) is {told}{'' if run.state in SUCCESSES else '; go on with -r'}")
    except KeyboardInterrupt:
        pass  # once more, where the program has a handler of its own
    return interrupted_status()


def _failed(error: JobFailedError, run: JobTaskRun[Any] | None, *, debug: bool) -> int:
    _say(f"woflo: {error}")
    if debug and run is not None:
        for name, step in run.steps.items():
            if step.state is RunState.FAILED:
                _say(f"\n{name}:\n{_traceback(step.exception())}")
    return FAILED


def _traceback(error: BaseException | None) -> str:
    from traceback import format_exception

    return "" if error is None else mask_text("".join(format_exception(error)))


def _say(text: str) -> None:
    sys.stderr.write("".join(f"{plain(line)}\n" for line in hide(text).split("\n")))
