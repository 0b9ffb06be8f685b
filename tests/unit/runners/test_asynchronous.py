"""The runner for event loops: code that does not end when it is told to."""

from __future__ import annotations

import asyncio
import threading

import pytest
from unit_helpers import eventually, in_thread

from woflo import current_run, task
from woflo.errors import TaskTimeoutError
from woflo.kernel import runtime
from woflo.runners import ThreadTaskRun
from woflo.runners.asynchronous import AsyncTaskRun


class Impatient(AsyncTaskRun):
    grace = 0.01


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("kind", ["coroutine", "function"])
def test_code_that_goes_on_after_its_timeout_keeps_its_place_alone(gate, kind, retries):
    """The handle ends after `grace`: as with a thread, nothing can end the code."""

    async def coroutine():
        while not gate.is_set():
            try:
                await asyncio.sleep(0.001)
            except BaseException:
                pass

    def function():
        gate.wait()

    fn = coroutine if kind == "coroutine" else function
    run = task(runner=Impatient, timeout=0.1, retries=retries)(fn)()  # time to begin in
    with pytest.raises(TaskTimeoutError):
        run.get_result(timeout=20)
    assert run._in_code
    gate.set()
    eventually(lambda: not run._in_code)


@pytest.mark.parametrize("runner", [AsyncTaskRun, ThreadTaskRun])
def test_a_plain_function_is_not_waited_for(gate, runner):
    """Its handle ends when its time is over, and `stop` returns after `grace`: nothing could end its code."""

    class WithTime(runner):
        grace = _KILL_SLACK = 3600.0

    late, stopped = task(runner=WithTime, timeout=0.1)(gate.wait)(), task(runner=WithTime)(gate.wait)()
    assert isinstance(late.exception(timeout=20), TaskTimeoutError)
    eventually(lambda: stopped.state == "RUNNING")
    assert in_thread(stopped.stop, 0.1)(20) is False
    assert stopped.state == "STOPPED"


@pytest.mark.parametrize("runner", ["async", "thread"])
def test_the_time_to_end_is_over_with_the_attempt(runner):
    """Code that ends when it is asked to leaves no timer behind that would wait for the rest of its grace."""
    began = threading.Event()

    async def patient():
        began.set()
        await asyncio.sleep(60)

    def looking():
        began.set()
        while not current_run().stop_requested:
            threading.Event().wait(0.001)

    run = task(runner=runner)(patient if runner == "async" else looking)()
    assert began.wait(20)
    assert run.stop(grace=3600.0)
    left = [timer for _, _, timer in runtime.current.reactor._timers if not timer.cancelled]
    assert [timer for timer in left if getattr(timer._function, "__self__", None) is run] == []
