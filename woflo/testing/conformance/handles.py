"""A handle tells what became of its call, and stays in its process."""

from __future__ import annotations

import os
import pickle
import time
import warnings
from collections.abc import Callable

from woflo import RunState
from woflo.errors import HandleNotPortableError, InheritedHandleError
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tasks import echo, gate, pass_gate
from woflo.testing.conformance.tools import logged, on, raised, value_of
from woflo.testing.patience import PATIENCE, wait_until


def fail() -> None:
    """Fails."""
    raise LookupError("on purpose")


def raise_always(_: object) -> None:
    """A callback that raises."""
    raise ZeroDivisionError("a callback that raises")


@check()
def what_a_handle_tells(runner: Runner) -> None:
    """An ended run tells its task, state, attempt and times; its id is its own."""
    before = time.time()
    made = on(runner, echo)
    runs = [made(1), made(2)]
    for run in runs:
        assert run.wait(PATIENCE)
        assert run.task is made
        assert run.state is RunState.SUCCEEDED
        assert run.attempt == 1
        assert not run.is_running()
        assert run.started_at is not None
        assert run.finished_at is not None
        assert before - 1 <= run.started_at <= run.finished_at <= time.time() + 1
        assert run.duration == run.finished_at - run.started_at >= 0
        assert "echo" in repr(run)
        assert "SUCCEEDED" in repr(run)
    assert runs[0].id != runs[1].id


@check()
def how_a_run_ended(runner: Runner) -> None:
    """A failed run is in the state FAILED, and waiting for it is not raising."""
    run = on(runner, fail)()
    assert run.wait(PATIENCE)
    assert run.state is RunState.FAILED
    assert isinstance(run.exception(), LookupError)
    assert isinstance(run.get_result(raise_exceptions=False), LookupError)


@check()
def callbacks(runner: Runner) -> None:
    """Callbacks get the run once it has ended, added before or after; one that raises harms nobody."""
    told: list[object] = []
    with logged() as said, gate() as held:
        if not runner.traits.parallel:
            held.open()
        run = on(runner, pass_gate)(held.where, "one")
        run.add_done_callback(raise_always)
        run.add_done_callback(told.append)
        held.open()
        assert value_of(run) == "one"
        _until_told(told, 1)
        run.add_done_callback(raise_always)
        run.add_done_callback(told.append)
        _until_told(told, 2)
    assert told == [run, run]
    assert sum("raise_always" in line and "raised" in line for line in said) == 2, said


def _until_told(told: list[object], times: int) -> None:
    wait_until(lambda: len(told) == times, f"{times} callbacks")


@check()
def a_handle_is_not_portable(runner: Runner) -> None:
    """Pickling a handle raises `HandleNotPortableError`."""
    run = on(runner, echo)(1)
    raised(HandleNotPortableError, lambda: pickle.dumps(run))
    assert value_of(run) == 1


@check(only=lambda traits: traits.parallel and hasattr(os, "fork"))
def an_inherited_handle(runner: Runner) -> None:
    """In a forked child, waiting for a run of the parent, or stopping it, raises `InheritedHandleError`."""
    with gate() as held:
        run = on(runner, pass_gate)(held.where, "one")
        held.wait_for("one")
        for use in (run.wait, run.get_result, run.stop):
            assert _raises_in_forked_child(use), f"{use} in a forked child"
        held.open()
        assert value_of(run) == "one"


def _raises_in_forked_child(use: Callable[[], object]) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forks beside threads: this child only looks
        pid = os.fork()
    if pid == 0:
        try:
            use()
        except InheritedHandleError:
            os._exit(0)
        except BaseException:
            os._exit(2)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
