"""Every exception of woflo, under one root.

A task's own failure is never wrapped: `get_result` raises what the task raised. What stands here is what
woflo itself has to say. Each message names the value that was wrong and the way out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "Abandon",
    "ArgumentError",
    "BlockingLoopError",
    "CallLimitError",
    "Decline",
    "EndedLoopError",
    "FailureElsewhereError",
    "HandleNotPortableError",
    "InheritedHandleError",
    "InternalError",
    "InvalidTransitionError",
    "JobError",
    "JobFailedError",
    "JobFileError",
    "KeyConflictError",
    "LaunchError",
    "LeaseLostError",
    "MapLengthError",
    "MissingInputError",
    "MissingOutputError",
    "MissingResourceError",
    "NoCurrentRunError",
    "NonDeterminismError",
    "NotATaskError",
    "NotDurableError",
    "NotInWorkflowError",
    "NothingDone",
    "OptionError",
    "OutputConflictError",
    "PartialInputError",
    "PictureError",
    "PoolClosedError",
    "ProtectedOutputError",
    "ResourceError",
    "Retry",
    "RunContinuedError",
    "RunEndedError",
    "RunNotEndedError",
    "RunSuspectError",
    "RunUnderWayError",
    "ScriptCallError",
    "ScriptError",
    "SerializationError",
    "SettingsError",
    "StoreError",
    "StoredFailureError",
    "TaskCrashedError",
    "TaskStoppedError",
    "TaskTimeoutError",
    "UncertainError",
    "UnknownMakerError",
    "UnknownNameError",
    "UnknownResultError",
    "UnknownRunError",
    "UpstreamFailedError",
    "WofloError",
]


class WofloError(Exception):
    """Root of every error that woflo itself raises."""


# -- wrong use, told at the earliest moment ------------------------------------------------------------


class OptionError(WofloError, ValueError):
    """An option of a task or a runner has a value that cannot be meant."""


class NotATaskError(WofloError, TypeError):
    """`@task` was put on something that cannot be called and has no `run` method."""


class ArgumentError(WofloError, TypeError):
    """A task was called with a wrong number of arguments or a wrong name."""


class MapLengthError(WofloError, ValueError):
    """The iterables given to `map` have different lengths."""


class UnknownNameError(WofloError, LookupError):
    """A runner, store or observer of this name is not known."""


class ResourceError(WofloError, ValueError):
    """A task asks for more of a resource than this machine has."""


class MissingResourceError(WofloError, LookupError):
    """A parameter is to be injected, and nobody provides an object of its type."""


class SettingsError(WofloError, ValueError):
    """Settings, or the file that they are read from, are not valid."""


class HandleNotPortableError(WofloError, TypeError):
    """A handle cannot leave its process: pass its value, or call the task where it is needed."""


class InheritedHandleError(WofloError, RuntimeError):
    """A handle that was inherited through a fork was waited for; only its own process can do that."""


class BlockingLoopError(WofloError, RuntimeError):
    """A run that needs an event loop was waited for by blocking that very loop; `await` it instead."""


class NoCurrentRunError(WofloError, LookupError):
    """`current_run()` was called outside of any task."""


class NotDurableError(WofloError, RuntimeError):
    """Something was asked for that only a run which is kept in a store can do."""


class NotInWorkflowError(WofloError, RuntimeError):
    """Something was called that only the code of a workflow may call, in its own threads and tasks."""


class PoolClosedError(WofloError, RuntimeError):
    """A call was given to a pool that was shut down."""


class InvalidTransitionError(WofloError, RuntimeError):
    """A run was asked to go from one state to another that does not follow it."""


class InternalError(WofloError, RuntimeError):
    """woflo itself failed; every run that was under way ends with this, so that nobody waits for ever."""


# -- stores and what survives ---------------------------------------------------------------------------


class StoreError(WofloError, RuntimeError):
    """A store could not keep or read something, or was asked for what it cannot do."""


class LeaseLostError(StoreError):
    """Another worker took this run over; what this one wanted to write about it was not kept."""


class KeyConflictError(StoreError, ValueError):
    """A run with this key, or at this place of its caller, is there already, with other arguments."""


class UnknownRunError(StoreError, LookupError):
    """There is no run of this id in the store."""


class RunEndedError(StoreError):
    """The run has ended, so it can neither receive nor wait for anything."""


class RunUnderWayError(StoreError):
    """A run is executed at this moment, and cannot be moved."""


class RunSuspectError(StoreError):
    """Several workers died one after the other while the run was under way; it waits until somebody lets it go on."""


class RunNotEndedError(StoreError):
    """The run has not ended, so nothing may begin in its place; stop it first."""


class RunContinuedError(StoreError):
    """Another run goes on in the place of this one already."""


class UncertainError(StoreError):
    """A step was cut off before its end was recorded; somebody has to decide whether it happened."""


class StoredFailureError(WofloError):
    """A failure read from a store, of a class that this process does not know. `type_name` is "module:name"."""

    def __init__(self, message: str = "", *, type_name: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name


class FailureElsewhereError(WofloError):
    """The failure of a call that was made in another process, as observers are told of it here.

    It has the name of the class and the text; the exception itself stayed where the call was made. `trace` is its
    traceback as text, masked, where the failure of an attempt is told; it is a note of the exception, too.
    """

    trace: str = ""


class CallLimitError(WofloError, RuntimeError):
    """A run makes more stored calls than its `max_calls` allows."""


class NonDeterminismError(WofloError, RuntimeError):
    """A workflow called something else than what is recorded at this place of its journal."""


# -- jobs ------------------------------------------------------------------------------------------------


class JobError(WofloError):
    """Root of what is said about jobs."""


class JobFileError(JobError, ValueError):
    """A job file cannot be meant. `problems` are all that were found, each as "file:line: path: message"."""

    def __init__(self, message: str = "", *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems: tuple[str, ...] = tuple(problems)


class JobFailedError(JobError, RuntimeError):
    """Steps of a job did not succeed.

    `failures` are the errors of those that failed or were stopped, as texts by their names; `upstream_failed` the names
    of those that were not executed because of that.
    """

    def __init__(
        self, message: str = "", *, failures: Mapping[str, str] | None = None, upstream_failed: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.failures: dict[str, str] = dict(failures or {})
        self.upstream_failed: list[str] = list(upstream_failed)


# -- raised by tasks, to say how a call from a queue has ended ------------------------------------------


class Decline(WofloError):  # noqa: N818 - what it does is its name, as `raise Retry` reads
    """Not here: the call goes back to its queue, for another worker or a later time."""


class Retry(WofloError):  # noqa: N818
    """Once more, after `delay` seconds, whatever `retries` says."""

    def __init__(self, message: str = "", *, delay: float = 0.0) -> None:
        super().__init__(message)
        self.delay = delay


class Abandon(WofloError):  # noqa: N818
    """Give up: the run fails, whatever `retries` says."""


class NothingDone(WofloError):  # noqa: N818
    """There was nothing to do: the run is forgotten, as if it had never been called."""


# -- how a run can end other than by the task's own exception ------------------------------------------


class LaunchError(WofloError, RuntimeError):
    """An attempt could not be started."""


class EndedLoopError(LaunchError):
    """The event loop on which a run was to execute is closed."""


class TaskTimeoutError(WofloError, TimeoutError):
    """An attempt took longer than `timeout`, or a run longer than `deadline` (both in seconds).

    `where` is the stack of the running code at that moment, where the runner can tell it.
    """

    def __init__(self, message: str = "", *, where: str = "") -> None:
        super().__init__(message)
        self.where = where
        if where:
            self.add_note(f"where the code was:\n{where.rstrip()}")


class TaskStoppedError(WofloError, RuntimeError):
    """The run was stopped before it had a result."""


class ScriptError(WofloError, RuntimeError):
    """A command ended with another status than 0, or could not be started.

    Attributes: `command` (its words, secrets hidden), `exit_code` (int, or None), `signal` (the name of the signal that
    ended it, or None), `log` (the file that has its output), `output` (the last lines of it).
    """

    def __init__(
        self,
        message: str = "",
        *,
        command: str = "",
        exit_code: int | None = None,
        signal: str | None = None,
        log: str = "",
        output: str = "",
    ) -> None:
        super().__init__(message)
        self.command = command
        self.exit_code = exit_code
        self.signal = signal
        self.log = log
        self.output = output


class ScriptCallError(WofloError, ValueError):
    """A command asked by `$WOFLO_CALLS` for a call that cannot be meant, or of a task that it may not call."""


class MissingOutputError(WofloError, FileNotFoundError):
    """A script or a task succeeded without having made what it says it makes: `missing` are those files."""

    def __init__(self, message: str = "", *, missing: tuple[str, ...] = (), log: str = "") -> None:
        super().__init__(message)
        self.missing: tuple[str, ...] = tuple(missing)
        self.log = log


class OutputConflictError(WofloError, RuntimeError):
    """Two calls that are under way at once would make one file, in different ways; the message names both."""


class ProtectedOutputError(WofloError, PermissionError):
    """A call would make a protected output anew: the message tells the file, why, and the ways out."""


class UnknownMakerError(WofloError, LookupError):
    """No task makes a file of this name, or several do, or a file needs itself; the message tells which tasks."""


class PictureError(WofloError, RuntimeError):
    """A picture could not be drawn: there is no Graphviz (`dot`) on this machine, or it has failed."""


class UnknownResultError(WofloError, RuntimeError):
    """A dry run executes nothing, so what a call would return is not known where code looks into it."""


class MissingInputError(WofloError, FileNotFoundError):
    """A file that a script or a task reads is not there; the message says who should have made it."""


class PartialInputError(WofloError, RuntimeError):
    """A file that a script or a task reads may be a part of a result: the attempt to make it was cut off.

    The message says which attempt, and what can be done. It is told before the start, and goes away when the file is
    made again, or accepted by `woflo touch`.
    """


class UpstreamFailedError(WofloError, RuntimeError):
    """A run that this one depends on did not succeed; its failure is the cause of this error."""


class SerializationError(WofloError, TypeError):
    """A value could not travel between processes.

    `which` is "argument", "result" or "exception", or, of its code, "global" or "closure".

    It is "call" where no single value is to blame for a call that could not be packed.
    """

    def __init__(self, message: str = "", *, which: str = "") -> None:
        super().__init__(message)
        self.which = which


class TaskCrashedError(WofloError, RuntimeError):
    """The process or the code of an attempt ended without an outcome.

    Attributes: `exit_code` (int, or None), `signal` (its name, or None), `peak_memory` (bytes, or None),
    `out_of_memory` (True where the kernel's counters say so), `trace` (faulthandler's report or a
    traceback), `output` (the last captured lines).
    """

    def __init__(
        self,
        message: str = "",
        *,
        exit_code: int | None = None,
        signal: str | None = None,
        peak_memory: int | None = None,
        out_of_memory: bool = False,
        trace: str = "",
        output: str = "",
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.signal = signal
        self.peak_memory = peak_memory
        self.out_of_memory = out_of_memory
        self.trace = trace
        self.output = output
        if trace:
            self.add_note(f"trace of the crash:\n{trace.rstrip()}")
        if output:
            self.add_note(f"last output:\n{output.rstrip()}")
