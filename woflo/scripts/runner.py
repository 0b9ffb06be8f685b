"""The runner of scripts: a thread waits for each command that is under way, and no Python is started for it."""

from __future__ import annotations

import json
import socket
import threading
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.errors import OptionError, ScriptError
from woflo.kernel import bus, clock
from woflo.kernel.attempt import Attempt, outcome_of
from woflo.kernel.bus import complain
from woflo.kernel.digest import digest
from woflo.kernel.lifecycle import Watcher
from woflo.kernel.masking import masked
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import RunState
from woflo.kernel.traits import Traits
from woflo.runners.thread import threads_of_this_process
from woflo.scripts.admission import plan_of
from woflo.scripts.body import Script
from woflo.scripts.calls import make
from woflo.scripts.execution import Execution, tell_output
from woflo.scripts.freshness import remember
from woflo.scripts.ledger import STAYED, ledger
from woflo.scripts.logs import log_name
from woflo.scripts.plan import Plan, paths_in
from woflo.stores.failures import dump_error
from woflo.stores.rows import Row, Tag

if TYPE_CHECKING:
    from woflo.kernel.options import Options

__all__ = ["ScriptTaskRun"]

R = TypeVar("R")
HOST = socket.gethostname()


class ScriptTaskRun(BaseTaskRun[R]):
    """Executes the command of a script in a session of its own, which ends with all that it started.

    Every run that has executed anything is kept in the store.
    """

    traits: ClassVar[Traits] = Traits(killable=True)
    max_concurrency: ClassVar[int | None] = 32
    remembers_itself: ClassVar[bool] = True
    _set_by_each = (*BaseTaskRun._set_by_each, "_plan", "_execution")
    _plan: Plan | None = None
    _execution: Execution | None = None
    """The attempt under way."""
    _log: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files that this run makes; those of globs are known when it has ended."""
        if self._outcome is not None and self._outcome.error is None:
            value = self._outcome.value
        elif self._plan is None:
            return ()
        else:
            value = self._plan.value()
        return tuple(paths_in(value))

    @property
    def log(self) -> str | None:
        """The file that has the output of the last attempt; None before the first one."""
        return self._log

    @classmethod
    def _check_options(cls, options: Options) -> None:
        """Tags are kept: every run that has executed anything is."""
        super()._check_options(options.changed({"tags": None}))

    def _launch(self, attempt: Attempt) -> None:
        if not isinstance(self.task.body.fn, Script):
            raise OptionError(f"runner='script' executes scripts, and {self.task!r} is none; choose another runner")
        plan = plan_of(self)
        name = log_name(self.id)
        self._execution = Execution(
            plan,
            name,
            attempt.number,
            lambda: attempt.stop_requested,
            ledger().logs,
            tell=partial(tell_output, attempt),
        )
        self._log = self._execution.log
        threads_of_this_process().execute(self, attempt)

    def _execute(self, attempt: Attempt) -> Outcome:
        """In the thread."""
        execution = self._execution
        assert execution is not None and self._plan is not None
        try:
            value = execution.run()
            if self._verdict is None and self.task.options.admission is not None and not execution.is_recorded:
                told = {"exit_code": 0, "host": HOST, "log": execution.log, "attempt": attempt.number}
                stayed = {STAYED: execution.stayed}
                times = {"started_at": execution.started, "finished_at": execution.finished}
                calls = [call.plain() for call in execution.calls]
                stands_for = bus.stands_for.get(self.id, self.id)
                remember(self._plan, ledger(), stands_for, execution.files, **told, **times, **stayed, calls=calls)
            if execution.calls and self._verdict is None:
                self.calls: tuple[BaseTaskRun[Any], ...] = make(execution.calls, attempt)
            return Outcome(value)
        except ScriptError as error:  # of a command: frames of woflo would tell nothing about it
            return outcome_of(error.with_traceback(None), self.task.name)
        except BaseException as error:
            return outcome_of(error, self.task.name)

    # -- ending ----------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        execution = self._execution
        if execution is not None and self._in_code:
            execution.ask_to_end()
            self._runtime.reactor.call_later(self.grace, self._kill, execution)

    def _kill(self, execution: Execution) -> None:
        if self._execution is execution and self._in_code:
            threading.Thread(target=execution.kill, name="woflo-kill", daemon=True).start()

    def _found_made(self) -> bool:
        """True where it has only waited for another process, which has made its outputs meanwhile."""
        return self._execution is not None and self._execution.is_recorded

    def _finish_well(self, outcome: Outcome, now: float) -> bool:
        return not self._found_made() and super()._finish_well(outcome, now)

    def _settle(self, state: RunState, outcome: Outcome, *, only_idle: bool = False) -> bool:
        if state is RunState.SUCCEEDED and self._found_made():
            state = RunState.SKIPPED
        return super()._settle(state, outcome, only_idle=only_idle)

    def _tell(self, waiters: Any, watchers: list[Watcher] | None) -> None:
        if self.attempt and self._state is not RunState.SKIPPED and self.task.options.admission is not None:
            try:
                self._keep_run()
            except Exception as error:  # whoever waits is told of the end in any case
                complain(f"{self.task.name} ({self.id}) could not be kept for the history", error)
        self._execution = None
        super()._tell(waiters, watchers)

    def _keep_run(self) -> None:
        """For the history. What has a keeper of its own, as a step, is kept by that."""
        outcome = self._outcome
        assert outcome is not None
        error = outcome.error
        args = "{}"
        if self._args or self._kwargs:
            named = {name: masked(name, value) for name, value in self._kwargs.items()}
            names = self.task.body.fn.parameters
            given = [masked(name, value) for name, value in zip_longest(names, self._args, fillvalue="")]
            args = json.dumps({"args": given[: len(self._args)], **named}, default=str, skipkeys=True)
        row = Row(
            id=self.id,
            task=self.task.name,
            state=self._state,
            queue=None,
            args=args,
            digest=digest(args),
            result=json.dumps(outcome.value) if error is None else None,
            error=None if error is None else dump_error(error),
            attempt=self.attempt,
            created_at=self.started_at or clock.now(),
            started_at=self.started_at,
            finished_at=self.finished_at,
        )
        tags = self.task.options.tags or {}
        ledger().add_run(row, tuple(Tag(self.id, name, value) for name, value in tags.items()))
