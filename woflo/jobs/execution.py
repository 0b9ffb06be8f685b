"""A job under way: the code of a workflow, which calls each step of a plan at a place of its own.

    plan ──► every step is called at once, with the handles that it needs in `after`   (the kernel makes them wait)
             its place is a branch with its name, and its digest that of its definition (the journal finds its record)
             its end, and what it has left in `shared`, is one write                    (the store keeps both or none)

So there is nothing here that executes, retries, limits or remembers: a job is a workflow.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.durable.branches import current_branch
from woflo.durable.journal import Place
from woflo.durable.steps import StepRun
from woflo.errors import JobFailedError, WofloError
from woflo.jobs.commands import files_of
from woflo.jobs.plan import Plan, Step
from woflo.jobs.references import filled
from woflo.jobs.sharing import Left, SharedBody, given_to, merge
from woflo.jobs.temporaries import has_temporary, made_again_for, recorded, will_read
from woflo.kernel import clock
from woflo.kernel.masking import told
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.task import Task
from woflo.stores.rows import Row, place_id

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.jobs.references import Reference
    from woflo.kernel.body import Body
    from woflo.kernel.run import BaseTaskRun

__all__ = ["SHARED", "JobStep", "UnderWay"]

SHARED = "woflo.shared"
"""Under which name it is recorded what a step has left in `shared`, at the place behind the step itself."""


class UnderWay:
    """One execution of a plan."""

    def __init__(self, plan: Plan, runner: Any, kind: type[JobStep], bodies: dict[Body, SharedBody]) -> None:
        self.plan = plan
        self.runs: dict[str, BaseTaskRun[Any]] = {}
        self.shared: dict[str, Any] = {}
        self._runner = runner
        """Of steps that name none."""
        self._kind = kind
        self._bodies = bodies
        """Those around the plain ones, which workers know from earlier executions."""
        self.execution: Execution = current_branch("a job").execution

    async def execute(self) -> dict[str, Any]:
        """Call all steps, and return what the last ones have returned. Raises `JobFailedError`."""
        chosen = self.plan.chosen
        self._restore_shared(chosen)
        for step in chosen:
            self.runs[step.name] = self._called(step)
        failures = {name: error for name, run in self.runs.items() if (error := await _error_of(run)) is not None}
        if failures:
            raise _failed(self.plan.name, failures, self.runs)
        return {step.name: self._storable(step) for step in self.plan.last()}

    # -- one step --------------------------------------------------------------------------------------

    def _called(self, step: Step) -> BaseTaskRun[Any]:
        after = tuple(self.runs[need] for need in step.needs if need in self.runs)
        row = self.row_of(step, 0, step.task.name, step.shown())
        codec = self.execution.engine.codec(step.task)
        if step.policy.is_stored:
            task = step.task.with_options(after=after, runner=step.policy.runner, **step.policy.options)
            left = {name: filled(template, self.handle_of) for name, template in step.templates.items()}
            run: Any = task.runner(task, (), {**step.arguments, **left})
        else:
            run = self._kind(self._own_task(step, after), (), step.arguments)
            run.belongs_to(self, step)
        self._begin(run, step, row, codec)
        return run  # type: ignore[no-any-return]  # of either kind

    def _begin(self, run: Any, step: Step, row: Row, codec: Any) -> None:
        steps = self.plan.steps
        makers = [self.runs[need] for need in step.needs if need in self.runs and has_temporary(steps[need])]
        record = self.execution.journal.look(Place(step.name, 0)) if makers else None
        has_ended = record is not None and record.is_terminal  # then nobody is told of its end again
        if makers and not has_ended:
            will_read(run, makers)
        self.execution.begin(run, row, codec)
        if makers and has_ended:
            will_read(run, makers)
        if has_temporary(step) and run._state in TERMINAL:
            recorded(run, step, step.filled(self.value_of))

    def _own_task(self, step: Step, after: tuple[Any, ...]) -> Task[..., Any]:
        """The task as this step has it: under the name of the step, with its options."""
        given = step.task
        body: Body = given.body
        runner = step.policy.runner or self._runner
        if runner != "script":  # a command has no part in what Python code shares
            body = self._bodies.get(given.body) or self._bodies.setdefault(given.body, SharedBody(given.body))
        twin: Task[..., Any] = Task(
            body, given.options.changed({**step.policy.options, "runner": runner, "name": step.name, "after": after})
        )
        twin._gates = given._gates  # all calls of the task count together
        return twin

    def row_of(self, step: Step, position: int, task: str, args: str = "{}") -> Row:
        """What stands at a place of a step, not yet recorded."""
        parent = self.execution.row.id
        return Row(
            id=place_id(parent, step.name, position),
            task=task,
            queue=None,
            parent_id=parent,
            scope=step.name,
            position=position,
            args=args,
            digest=step.digest,
            created_at=clock.now(),
        )

    # -- what steps get from each other ----------------------------------------------------------------

    def value_of(self, reference: Reference) -> Any:
        """What a step has left that has ended well."""
        step, outcome = self.plan.steps[reference.step], self.runs[reference.step]._outcome
        assert outcome is not None
        if reference.kind == "result":
            return outcome.value
        return files_of(step.task, outcome.value, step.filled(self.value_of))

    def handle_of(self, reference: Reference) -> Any:
        """What stands for that, as long as the step has not ended."""
        return self.runs[reference.step]  # `.outputs` of commands, which alone may be meant here

    def _restore_shared(self, steps: list[Step]) -> None:
        """As the recorded steps have left it, in the order in which they ended."""
        journal, found = self.execution.journal, []
        for step in steps:
            if journal.look(Place(step.name, 1)) is not None:
                record = self.execution.find(self.row_of(step, 1, SHARED))
                if record is not None:
                    found.append(record)
        for record in sorted(found, key=lambda one: one.finished_at or 0.0):
            merge(self.shared, json.loads(self.execution.store.whole(record.result or "{}")))

    def _storable(self, step: Step) -> Any:
        """A result as JSON knows it."""
        run = self.runs[step.name]
        assert run._outcome is not None
        return json.loads(self.execution.engine.codec(step.task).dump_result(run._outcome.value))


class JobStep(StepRun[Any]):
    """A step of a job: its arguments may come from others, and it has a part in `shared`."""

    max_concurrency: ClassVar[int | None] = None
    _job: UnderWay
    _step: Step
    _changes: str | None = None
    """What the last attempt has left in `shared`."""

    def belongs_to(self, job: UnderWay, step: Step) -> None:
        """To be called once, before it begins."""
        self._job, self._step = job, step

    def _resolve_and_admit(self) -> None:
        """Everything that it needs has ended well."""
        if self._state in TERMINAL:
            return
        if self._step.templates:
            try:
                self._kwargs = self._step.filled(self._job.value_of)
            except Exception as error:
                self._settle(RunState.FAILED, Outcome.failed(_unfit(self._step, error)))
                return
        try:
            made_again_for(self)
            self._admit()
        except Exception as error:
            self._settle(RunState.FAILED, Outcome.failed(error))

    def _inner_arguments(self) -> dict[str, Any]:
        if not isinstance(self.task.body, SharedBody):
            return dict(self._kwargs)
        return {**self._kwargs, **given_to(self.attempt, self._job.shared)}

    def _settle(self, state: RunState, outcome: Outcome, *, only_idle: bool = False) -> bool:
        self._changes = None
        if type(outcome.value) is Left:
            left = outcome.value
            outcome = Outcome(left.value)
            self._keep_beside(left.changes)
        return super()._settle(state, outcome, only_idle=only_idle)

    def _keep_beside(self, changes: str) -> None:
        """Record it in one write with the end of the step."""
        assert self._keeper is not None
        self._changes = changes
        row = self._job.row_of(self._step, 1, SHARED)
        done = row.changed(state=RunState.SUCCEEDED, result=changes, finished_at=clock.now())
        self._keeper.beside = (done,)

    def _settle_recorded(self, state: RunState, outcome: Outcome, refused: BaseException | None) -> None:
        if self._changes is not None and refused is None and state.is_success:
            merge(self._job.shared, json.loads(self._changes))  # before those are told that wait for this step
        super()._settle_recorded(state, outcome, refused)


async def _error_of(run: BaseTaskRun[Any]) -> BaseException | None:
    """Why it did not end well, once it has ended."""
    try:
        await run
    except Exception as error:
        return error
    return None


def _unfit(step: Step, error: Exception) -> WofloError:
    from woflo.errors import ArgumentError

    unfit = ArgumentError(f"{step.name} ({step.task.name}) cannot be given what others have left: {error}")
    unfit.__cause__ = error
    return unfit


def _failed(job: str, failures: dict[str, BaseException], runs: dict[str, BaseTaskRun[Any]]) -> JobFailedError:
    """The first failure is the cause; those that could not begin because of it are only named."""
    by_itself = {name: error for name, error in failures.items() if runs[name].state is not RunState.UPSTREAM_FAILED}
    texts = {name: told(error) for name, error in by_itself.items()}
    left = [name for name in failures if name not in by_itself]
    lines = [f"{name}: {text}" for name, text in texts.items()]
    if left:
        lines.append(f"not executed because of that: {', '.join(left)}")
    failed = JobFailedError(
        f"{len(failures)} of {len(runs)} steps of {job} did not succeed\n" + "\n".join(lines),
        failures=texts,
        upstream_failed=left,
    )
    failed.__cause__ = next(iter(by_itself.values()), None)
    return failed
