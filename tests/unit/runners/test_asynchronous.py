"""The runner for event loops: code that does not end when it is told to."""

from __future__ import annotations

import asyncio

import pytest
from unit_helpers import eventually

from woflo import task
from woflo.errors import TaskTimeoutError
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
    run = task(runner=Impatient, timeout=0.01, retries=retries)(fn)()
    with pytest.raises(TaskTimeoutError):
        run.get_result(timeout=20)
    assert run._in_code
    gate.set()
    eventually(lambda: not run._in_code)
