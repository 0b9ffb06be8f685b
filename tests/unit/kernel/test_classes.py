"""Classes as tasks: which methods are called, in which order, and what their failures mean."""

from __future__ import annotations

import pytest

from woflo import task
from woflo.errors import TaskCrashedError, TaskStoppedError

HOOKS = ("on_create", "on_restart", "on_success", "on_failure", "on_destroy", "on_abort")
RUNNERS = ("sequential", "thread", "async")


class Told:
    """Notes its calls; `fails` says which method raises what."""

    calls: list
    fails: dict

    def __init_subclass__(cls):
        cls.calls, cls.fails = [], {}

    def _note(self, name):
        self.calls.append(name)
        errors = self.fails.get(name)
        if errors:
            raise errors.pop(0)


def _method(name):
    return lambda self: self._note(name)


def _async_method(name):
    async def method(self):
        self._note(name)

    return method


for _name in HOOKS:
    setattr(Told, _name, _method(_name))


@pytest.fixture(params=["plain", "async"])
def cls(request):
    """A class with every method, plain or as coroutines."""

    class Plain(Told):
        def run(self):
            self._note("run")
            return "value"

    class Async(Told):
        async def run(self):
            self._note("run")
            return "value"

    for name in HOOKS:
        setattr(Async, name, _async_method(name))
    return Plain if request.param == "plain" else Async


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_success_calls_create_run_success_destroy(cls, runner):
    """In that order, and the value is `run`'s."""
    assert task(runner=runner)(cls)().get_result() == "value"
    assert cls.calls == ["on_create", "run", "on_success", "on_destroy"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_failure_calls_failure_and_destroy(cls, runner):
    """And the error is `run`'s."""
    cls.fails["run"] = [ValueError("run")]
    with pytest.raises(ValueError, match="run"):
        task(runner=runner)(cls)().get_result()
    assert cls.calls == ["on_create", "run", "on_failure", "on_destroy"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_another_attempt_is_another_object_that_is_told(cls, runner):
    """`on_restart` comes after `on_create` from the second attempt on."""
    cls.fails["run"] = [ValueError()]
    task(runner=runner, retries=1)(cls)().get_result()
    assert cls.calls[4:] == ["on_create", "on_restart", "run", "on_success", "on_destroy"]


@pytest.mark.parametrize("name", ["on_create", "on_restart"])
def test_a_method_that_fails_before_run_fails_the_attempt(cls, name):
    """`run` is not called then."""
    cls.fails["run"] = [ValueError("first attempt")]
    cls.fails[name] = [OSError("not ready")] * 2
    run = task(runner="sequential", retries=1)(cls)()
    assert isinstance(run.exception(), OSError)
    assert cls.calls[-2:] == ["on_failure", "on_destroy"]


@pytest.mark.parametrize("name", ["on_success", "on_destroy"])
def test_a_method_that_fails_after_run_changes_nothing(cls, name, caplog):
    """The value stands, and the failure is in the log."""
    cls.fails[name] = [OSError("late")]
    assert task(runner="sequential")(cls)().get_result() == "value"
    assert "late" in caplog.text
    assert cls.calls[-1] == "on_destroy"


def test_a_failing_on_failure_does_not_hide_the_failure(cls, caplog):
    """The error is `run`'s, and `on_destroy` is called all the same."""
    cls.fails.update(run=[ValueError("the cause")], on_failure=[OSError("late")])
    assert str(task(runner="sequential")(cls)().exception()) == "the cause"
    assert cls.calls[-1] == "on_destroy"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_the_code_from_outside_calls_abort(cls, error):
    """After `on_destroy`; neither success nor failure is told."""
    cls.fails["run"] = [error]
    assert isinstance(task(runner="thread")(cls)().exception(), TaskCrashedError)
    assert cls.calls == ["on_create", "run", "on_destroy", "on_abort"]


def test_a_stop_calls_abort():
    """A coroutine that is cancelled tells its object."""
    import asyncio

    class Slow(Told):
        async def run(self):
            entered.set_result(None)
            await asyncio.Event().wait()

    async def main():
        global entered
        entered = asyncio.get_running_loop().create_future()
        run = task(runner="async")(Slow)()
        await entered
        run.stop()
        with pytest.raises(TaskStoppedError):
            await run

    asyncio.run(main())
    assert Slow.calls == ["on_create", "on_destroy", "on_abort"]


def test_no_method_but_run_is_needed():
    """Plain `__init__`, dataclass fields or nothing: the class stays as it was."""

    class Area:
        def __init__(self, width, height=2):
            self.width, self.height = width, height

        def run(self):
            return self.width * self.height

    made = task(runner="sequential")(Area)
    assert made(3).get_result() == 6
    assert made.fn is Area
    assert isinstance(Area(1), Area)


def test_a_constructor_that_raises_fails_the_attempt():
    """It is the task's own failure."""

    class Picky:
        def __init__(self, value):
            raise ValueError(value)

        def run(self): ...

    assert str(task(runner="thread")(Picky)("no").exception()) == "no"


def test_an_error_keeps_its_type_whatever_it_is():
    """`StopIteration` too, which generators treat in a way of their own."""

    class Ended:
        def run(self):
            raise StopIteration(3)

    assert isinstance(task(runner="sequential")(Ended)().exception(), StopIteration)
