"""`Job`: what a job file says, checked, and how it is executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, is_store_there
from woflo.durable.engine import engine_of
from woflo.errors import OptionError
from woflo.jobs.continuing import Sought, before, continued, digests_of, of_another_file, recorded_of_latest, unfinished
from woflo.jobs.execution import JobStep, UnderWay
from woflo.jobs.loading import Loaded, load, name_in
from woflo.jobs.run import JobTaskRun
from woflo.jobs.runners import runner_for
from woflo.jobs.selecting import selected, steps_named
from woflo.jobs.sharing import SharedBody
from woflo.jobs.variables import Recorded
from woflo.kernel.body import Body
from woflo.kernel.masking import masked
from woflo.kernel.options import Options, whole_number
from woflo.kernel.task import Task

if TYPE_CHECKING:
    from woflo.jobs.foreseeing import Foreseen
    from woflo.jobs.plan import Plan
    from woflo.observers.chosen import Chosen

__all__ = ["Job"]


class Job:
    """A job that was read from a file and checked. Calling it gives a run, as calling a workflow does."""

    def __init__(self, path: Path, loaded: Loaded, plan: Plan, again: Callable[[Recorded | None], Job]) -> None:
        self.path: Path = path
        self.plan: Plan = plan
        self._loaded = loaded
        self._recorded: Recorded | None = None
        """Variables of an earlier run with which it was read."""
        self._again = again
        """Reads it once more, with recorded variables."""
        self._bodies: dict[Body, SharedBody] = {}
        self._kind: type[JobStep] = JobStep
        if plan.max_concurrency is not None:
            self._kind = JobStep.configured(max_concurrency=plan.max_concurrency)
        self._task = self._made_task()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        variables: Mapping[str, str] | None = None,
        tasks: Iterable[Task[..., Any]] = (),
        root: str | os.PathLike[str] | None = None,
        skip: Sequence[str] = (),
        run_to: str | Sequence[str] | None = None,
        run_from: str | None = None,
        max_concurrency: int | None = None,
        tags: Mapping[str, str] | None = None,
        restart: bool = False,
    ) -> Job:
        """Read a job from a YAML, TOML or JSON file, and check all of it; nothing is executed.

        Arguments:
            path: of the file.
            variables: what `$VAR{name}` stands for.
            tasks: tasks that its steps may name besides those that are found.
            root: the folder in which `tasks/`, further folders and included files are looked for; that of the file by
                default. It is `$SYS{APP_ROOT_DIR}`.
            skip: names of steps that are left out; those that need them are executed all the same.
            run_to: only this step and what it needs; or several, or files that steps make.
            run_from: only this step and what needs it.
            max_concurrency: how many steps execute at once, instead of what the file says.
            tags: what its runs are found by, besides what the file says.
            restart: it is for `resume`: variables that are not given are as in the run that goes on.

        Raises `JobFileError`, which tells all that is wrong with the file, each with its line.

        """
        there = Path(path).absolute()
        top = there.parent if root is None else Path(root).absolute()
        given, known = {name: str(value) for name, value in (variables or {}).items()}, list(tasks)

        def again(recorded: Recorded | None) -> Job:
            loaded = load(there, top, known, given, recorded)
            plan = selected(loaded.plan, skip=skip, run_to=run_to, run_from=run_from)
            if max_concurrency is not None:
                plan.max_concurrency = whole_number("max_concurrency", max_concurrency, least=0) or None
            plan.tags = {**plan.tags, **(tags or {})}
            job = cls(there, loaded, plan, again)
            job._recorded = recorded
            return job

        if not restart:
            return again(None)
        return again(recorded_of_latest(Sought(name_in(there, top, given), there), ()))._as_recorded()

    @property
    def name(self) -> str:
        """Under which its runs are kept."""
        return self.plan.name

    @property
    def steps(self) -> list[str]:
        """The names of its steps, each behind those that it needs."""
        return list(self.plan.steps)

    @property
    def recorded(self) -> Recorded | None:
        """The run that is gone on with, where that is known already, and which of its variables are taken."""
        return None if self._recorded is None else Recorded(self._recorded.run_id, self._loaded.taken)

    @property
    def observers(self) -> Mapping[str, Chosen | None]:
        """Whom the file wants to be told, by name; None for one of `woflo.toml` that it does not want."""
        return self._loaded.observers

    def observed(self, *, restarted: bool = False) -> AbstractContextManager[None]:
        """A `with` block in which the observers of the file, and those of `woflo.toml`, are told of all that happens.

        `Job.main` and `woflo run` do so by themselves. `restarted` calls their `on_restart`. Raises `OptionError` where
        one cannot be made.
        """
        from woflo.durable.observing import chosen_observers
        from woflo.observers.chosen import subscribed

        return subscribed(chosen_observers(of_job=self.observers), restarted=restarted)

    def __call__(self) -> JobTaskRun[dict[str, Any]]:
        """Execute it: a handle, at once. It is kept in the store when this returns.

        Its value are the results of the steps that no other one needs, by their names, as JSON knows them. Where steps
        have failed, it is a `JobFailedError`.
        """
        run: Any = self._task(*self._arguments())
        return run  # type: ignore[no-any-return]  # by the runner of the task

    def resume(self) -> JobTaskRun[dict[str, Any]]:
        """Go on with the latest run of this job that did not succeed, or begin one where there is none.

        Runs of another file are none of this job, whatever their name.
        A run of a part of the steps (`run_to`, `run_from`, `skip`) hides no earlier one that did not succeed.
        Variables that were not given are as in that run. What is recorded of steps whose definition is the same is not
        executed again; all else is. Raises `RunUnderWayError` where that run is being executed at this moment,
        `OptionError` where runs of the name that the file gives the job are of another file only, `JobFileError` where
        a variable of that run is a secret.
        """
        return self._as_recorded()._resumed()

    def _resumed(self) -> JobTaskRun[dict[str, Any]]:
        engine = engine_of(current_store())
        engine.knows(self._task)
        engine.be_alive()
        found = unfinished(engine, self._sought(), self._chosen())
        if found is None:
            return self()
        ended, records = found
        digests = digests_of(self.plan)
        args = engine.codec(self._task).dump_call(self._arguments(), {})
        return JobTaskRun.of(engine, self._task, continued(engine.store, ended, records, digests, args))

    def foreseen(self, *, restart: bool = False) -> list[Foreseen]:
        """What would become of each step if it were called, or resumed (`restart`), and why; nothing is executed."""
        from woflo.jobs.foreseeing import foreseen

        if not restart:
            return foreseen(self.plan)
        job = self._as_recorded()
        digests = digests_of(job.plan)
        return foreseen(job.plan, before(job._sought(), digests, job._chosen()), digests)

    def touch(self, *steps: str) -> list[str]:
        """Accept the outputs of these steps, or of all that name some: they are up to date from now on. Returns them.

        Raises `OptionError` for a step that names none, `MissingOutputError` where one is not there.
        """
        from woflo.jobs.foreseeing import accepted

        return accepted(self.plan, steps_named(steps, self.plan))

    def is_unfinished(self) -> bool:
        """True where `resume` would go on with a run that did not succeed. Nothing is written."""
        return before(self._sought(), {}, self._chosen()) is not None

    def dump(self, path: str | os.PathLike[str]) -> None:
        """Write the job as YAML: one file with all that it includes, where nothing is filled in yet."""
        from woflo.jobs.drawing import as_yaml

        Path(path).write_text(as_yaml(self._loaded.value), encoding="utf-8")

    def graph(self) -> str:
        """Its steps and what they need, as a Mermaid flowchart."""
        from woflo.jobs.drawing import nodes_of
        from woflo.scripts.pictures import as_mermaid

        return as_mermaid(nodes_of(self.plan))

    @staticmethod
    def main(arguments: Sequence[str] | None = None) -> int:
        """Execute the job that the command line names, and return the exit status: see `woflo.jobs.driving`."""
        from woflo.jobs.driving import main

        return main(arguments)

    def __repr__(self) -> str:
        return f"<job {self.name} ({self.path.name}: {len(self.plan.steps)} steps)>"

    # -- the run before --------------------------------------------------------------------------------

    def _sought(self) -> Sought:
        return Sought(self.name, self.path)

    def _chosen(self) -> set[str]:
        return {step.name for step in self.plan.chosen}

    def _as_recorded(self) -> Job:
        """The job with the variables of the run that it would go on with, where none were given instead."""
        self._check_file()
        found = recorded_of_latest(self._sought(), self._chosen())
        return self if found == self._recorded else self._again(found)

    def _check_file(self) -> None:
        """A name that somebody wrote is to say which job it is; two files with it may be one that was moved."""
        if self._loaded.model.config.name is None or not is_store_there():
            return
        found = of_another_file(current_store(), self._sought(), self._chosen())
        if found is not None:
            row, file = found
            raise OptionError(
                f"the latest run of {self.name} that did not succeed, {row.id}, is of {file}, and this is {self.path}; "
                f"execute this one without -r, or give it another name in its `config`"
            )

    # -- the workflow ----------------------------------------------------------------------------------

    def _arguments(self) -> tuple[Any, ...]:
        """What the run is stored with: for whoever looks at it later."""
        return (str(self.path), masked("", self._loaded.variables), sorted(self.plan.left_out))

    def _made_task(self) -> Task[..., Any]:
        given: dict[str, Any] = {"name": self.name, "runner": JobTaskRun, "deadline": self.plan.deadline}
        given["tags"] = self.plan.tags or None
        return Task(Body(_function(self)), Options(**given))

    def under_way(self) -> UnderWay:
        """To be called in the code of the workflow."""
        runner = runner_for(self.plan.max_concurrency)
        return UnderWay(self.plan, runner, self._kind, self._bodies)


def _function(job: Job) -> Callable[..., Any]:
    async def execute(job_file: str, variables: dict[str, str], left_out: list[str]) -> dict[str, Any]:  # noqa: ARG001
        return await job.under_way().execute()

    execute.__name__ = job.name
    execute.tasks = {name: step.task for name, step in job.plan.steps.items()}  # type: ignore[attr-defined]
    return execute
