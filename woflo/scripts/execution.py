"""One attempt of a script: its files before and after, its command between them, its output in a file."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from woflo.errors import LaunchError, ScriptError, TaskStoppedError
from woflo.kernel import bus
from woflo.kernel.context import current_attempt
from woflo.kernel.masking import mask_text
from woflo.kernel.texts import spelled_out
from woflo.runners.processes import tree
from woflo.scripts.calls import VARIABLE, Call, begin_file, make, read
from woflo.scripts.freshness import is_stale
from woflo.scripts.hidden_output import HiddenOutput, start
from woflo.scripts.ledger import Known, inherited, ledger
from woflo.scripts.logs import log_name
from woflo.scripts.making import Making
from woflo.scripts.marks import Mark
from woflo.scripts.places import folder
from woflo.scripts.plan import Plan, Value
from woflo.scripts.prints import ABSENT, look
from woflo.scripts.spawning import Command
from woflo.scripts.sweeping import hold, written

if TYPE_CHECKING:
    from woflo.kernel.attempt import Attempt
    from woflo.scripts.body import Script
    from woflo.scripts.telling import Telling

__all__ = ["Execution", "execute_here", "known_of", "tell_output"]

TAIL = 8192
"""Bytes of the output that are looked at for the last lines."""
LINES, WIDTH = 20, 400
PAUSE = 0.02
"""Seconds between two looks at what somebody else is making."""


class Execution:
    """An attempt. `end` may be called by other threads while `run` executes it."""

    def __init__(
        self,
        plan: Plan,
        run_id: str,
        number: int,
        stop_requested: Callable[[], bool],
        logs: str | None = None,
        is_inside: bool = False,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        self._plan = plan
        self._tell = tell
        """Takes what the command prints, where somebody listens."""
        self._is_inside = is_inside
        self.log: str = f"{logs or folder('logs')}/{run_id.replace('/', '_')}.{number}.log"
        self._stop_requested = stop_requested
        self._lock = threading.Lock()
        self.command: Command | None = None
        self._was_asked = False
        self.files: list[str] = []
        """Its outputs."""
        self.stayed: list[str] = []
        """Those of them that it has not made, because they were there before and are as they were."""
        self.calls: list[Call] = []
        """What the command has asked for."""
        self.is_recorded: bool = False
        """True where another process has made it meanwhile, so that there is nothing to record."""
        self.started: float = 0.0
        self.finished: float = 0.0

    # -- ending ----------------------------------------------------------------------------------------

    def ask_to_end(self) -> None:
        """Once, and as soon as there is anything to end."""
        with self._lock:
            self._was_asked = True
            if self.command is not None:
                self.command.ask_to_end()

    def kill(self) -> None:
        """The command with all that it started."""
        with self._lock:
            if self.command is not None:
                self.command.kill()

    # -- the attempt -----------------------------------------------------------------------------------

    def run(self) -> Value:
        """Execute it, and return what it stands for. Raises `ScriptError`, `MissingOutputError`, `TaskStoppedError`."""
        try:
            return self._run()
        finally:
            written(self.log)

    def _run(self) -> Value:
        plan = self._plan
        if plan.target is None:
            held = hold(self.log)
            try:
                self._command(self.log)
            finally:
                os.close(held)
            return plan.value()
        mark = Mark.take(plan.target, self._pause)
        if mark is None:
            raise TaskStoppedError(f"{plan.name} was stopped while it waited for another one that makes {plan.target}")
        try:
            # Also where nobody was waited for: it may have been under way, or not, when this call was admitted.
            may_be_made = not mark.was_cut_off and (mark.was_waited_for or self._is_there())
            known = known_of(plan.target, is_changed=may_be_made or mark.was_cut_off, is_inside=self._is_inside)
            if may_be_made and not is_stale(plan, known, is_marked=False):
                self.is_recorded = True
                mark.end()
                return plan.value(None if known is None else known.outputs)
            return self._make(mark, known)
        finally:
            mark.give()

    def _is_there(self) -> bool:
        """False where an output is missing, so that it has to be executed; and where the store cannot be asked."""
        if self._is_inside:
            return False
        named = (one.path for one in self._plan.outputs if one.pattern is None)
        return all(look(self._plan.path(path)) is not ABSENT for path in named)

    def _pause(self) -> bool:
        time.sleep(PAUSE)
        return not (self._was_asked or self._stop_requested())

    def _make(self, mark: Mark, known: Known | None) -> Value:
        making = Making(self._plan, known, mark)
        is_clean = False
        try:
            making.begin()
            try:
                self._command(mark.fd, mark.path)
                self.files = making.keep(self.log)
                self.stayed = making.stayed
            except BaseException:
                is_clean = making.revert()
                raise
            is_clean = True
            return self._plan.value(self.files)
        finally:
            os.makedirs(os.path.dirname(self.log), mode=0o700, exist_ok=True)
            mark.end(self.log, is_clean=is_clean)

    def _command(self, output: int | str, path: str = "") -> None:
        plan = self._plan
        self.started = time.time()
        env = _environment(plan)
        asked = begin_file(self.log) if plan.calls else ""
        if asked:
            env = {**env, VARIABLE.encode(): os.fsencode(asked)}
        with self._lock:
            if self._was_asked or self._stop_requested():
                raise TaskStoppedError(f"{plan.name} was stopped before its command began")
            try:
                if isinstance(output, str):
                    os.makedirs(os.path.dirname(output), mode=0o700, exist_ok=True)
                self.command, hidden = start(plan.command, env, plan.base, output)
            except OSError as error:
                raise self._not_started(error) from error
        status = self._wait(self.command, hidden, path or self.log)
        self.finished = time.time()
        if status:
            if asked:
                with suppress(FileNotFoundError):
                    os.unlink(asked)  # none of its calls is made
            raise self._failed(status, path or self.log)
        if asked:
            self.calls = read(asked, plan.name, plan.calls)

    def _wait(self, command: Command, hidden: HiddenOutput | None, path: str) -> int:
        """Wait for the end, and until what it has printed is in the file, and told; the wait status."""
        telling = self._telling(path)
        try:
            return command.wait()
        except BaseException:  # Ctrl-C, where it is executed in the main thread
            command.kill()
            command.wait()
            raise
        finally:
            if hidden is not None:
                hidden.end()
            if telling is not None:
                telling.end()

    def _telling(self, path: str) -> Telling | None:
        """Who tells observers what it prints, from now on; None where nobody listens."""
        if self._tell is None or not bus.listeners:
            return None
        from woflo.scripts.telling import Telling

        try:
            return Telling(path, self._tell).begin()
        except OSError as error:
            bus.complain(f"what {self._plan.name} prints cannot be told to observers; it is in {self.log}", error)
            return None

    # -- what is said of a failure ---------------------------------------------------------------------

    def _not_started(self, error: OSError) -> Exception:
        plan = self._plan
        if isinstance(error, FileNotFoundError) and error.filename in (None, plan.command[0], plan.base):
            is_in = not plan.base or os.path.isdir(plan.base)
            missing = f"command {plan.command[0]!r}" if is_in else f"folder {plan.base!r}, which is its `cwd`"
            told = f"{plan.name} could not be started: there is no {missing}"
            return ScriptError(told, command=_shown(plan), exit_code=127, log=self.log)
        if isinstance(error, PermissionError):
            told = f"{plan.name} could not be started: {plan.command[0]!r} may not be executed ({error})"
            return ScriptError(told, command=_shown(plan), exit_code=126, log=self.log)
        return LaunchError(f"{plan.name} could not be started: {error}")

    def _failed(self, status: int, path: str) -> ScriptError:
        number = os.waitstatus_to_exitcode(status)
        name = _signal_name(-number) if number < 0 else None
        ended = f"was ended by {name}" if name else f"ended with status {number}"
        output = tail(path)
        told = f"{self._plan.name} {ended}: {_shown(self._plan)}\nits output is in {self.log}"
        if output:
            told += f"; the last lines:\n{output}"
        exit_code = None if name else number
        return ScriptError(
            told, command=_shown(self._plan), exit_code=exit_code, signal=name, log=self.log, output=output
        )


def known_of(target: str, *, is_changed: bool, is_inside: bool = False) -> Known | None:
    """How it was made last. An attempt `is_inside` a child of its own, which leaves the store to its caller."""
    if is_inside:
        return inherited(target)
    book = ledger()
    return book.again(target) if is_changed else book.get(target)


def _environment(plan: Plan) -> dict[Any, Any]:
    env = _own_environment()
    return {**env, **{os.fsencode(name): os.fsencode(text) for name, text in plan.env.items()}} if plan.env else env


_last: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})


def _own_environment() -> dict[Any, Any]:
    """That of this process, as bytes; read anew where it has changed, because that takes long.

    But for the place of calls: where a command has started this process, they are its calls, and not those of others.
    """
    global _last
    raw: dict[Any, Any] | None = getattr(os.environ, "_data", None)
    if not isinstance(raw, dict):
        return {os.fsencode(name): os.fsencode(text) for name, text in os.environ.items() if name != VARIABLE}
    seen, env = _last
    if seen != raw:
        seen = dict(raw)
        env = {os.fsencode(name): os.fsencode(text) for name, text in os.environ.items()}
        env.pop(VARIABLE.encode(), None)
        env[tree.MARK.encode()] = tree.mark_of(os.getpid()).encode()
        _last = (seen, env)
    return env


def _forget_environment() -> None:
    global _last
    _last = ({}, {})


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_environment)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shown(plan: Plan) -> str:
    """The command on one line, and not all of a long one."""
    text = spelled_out(mask_text(plan.as_text()), but="\t")
    return text if len(text) <= 2 * WIDTH else f"{text[: 2 * WIDTH]}…"


def tail(path: str) -> str:
    """The last lines of an output, as they may be shown: without secrets, and with escapes spelled out."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            data = file.read(TAIL)
    except OSError:
        return ""
    lines = mask_text(data.decode(errors="replace")).splitlines()[-LINES:]
    shown = (line if len(line) <= WIDTH else f"…{line[-WIDTH:]}" for line in lines)
    return "\n".join(spelled_out(line, but="\t") for line in shown).strip("\n")


def tell_output(attempt: Attempt, text: str) -> None:
    """Tell observers what the command of an attempt has printed; of its two streams one file is made."""
    attempt.tell("output", ("stdout", text, True))


def execute_here(script: Script, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Value:
    """Execute it in this thread, as an attempt of whatever runner."""
    attempt = current_attempt.get()
    name = script.__name__ if attempt is None else attempt.task_name
    plan = script.plan(name, args, kwargs)
    if attempt is None:
        return Execution(plan, f"direct-{os.getpid()}-{time.time_ns()}", 1, bool).run()
    is_inside = attempt.run is None
    plan.is_forced = not is_inside and attempt.run.task.options.force
    execution = Execution(
        plan,
        log_name(attempt.run_id),
        attempt.number,
        lambda: attempt.stop_requested,
        is_inside=is_inside,
        tell=partial(tell_output, attempt),
    )
    watcher = threading.Event()
    ending = threading.Thread(target=_end_when_asked, args=(execution, attempt, watcher), daemon=True)
    ending.start()
    try:
        value = execution.run()
    finally:
        watcher.set()
    for run in make(execution.calls, attempt):
        run.get_result()
    return value


def _end_when_asked(execution: Execution, attempt: Any, is_over: threading.Event) -> None:
    """A thread cannot be interrupted: another one looks whether it is to end."""
    grace = getattr(attempt.run, "grace", 5.0)
    while not is_over.wait(PAUSE * 2):
        if attempt.stop_requested:
            execution.ask_to_end()
            if not is_over.wait(grace):
                execution.kill()
            return
