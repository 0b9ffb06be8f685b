"""What cannot be meant is told where it is written, by name and with the way out."""

from __future__ import annotations

import functools

import pytest
from systems import needs_processes

from woflo import as_completed, task, wait
from woflo.errors import NotATaskError, OptionError, ResourceError
from woflo.runners.multiprocess import MultiprocessTaskRun
from woflo.runners.pool import PoolTaskRun


def work(*args):
    return args


@pytest.mark.parametrize("function", [as_completed, wait])
@pytest.mark.parametrize("given", [[3], 3])
def test_what_is_no_handle_cannot_be_waited_for(function, given):
    """As `gather` tells it."""
    with pytest.raises(OptionError, match=rf"{function.__name__} was given 3, which is no handle"):
        function(given)


@pytest.mark.parametrize("timeout", ["x", True, float("nan")])
def test_a_timeout_is_a_number(memory, timeout):
    """Wherever something is waited for."""
    run = task(runner=memory)(work)()
    for call in (
        lambda: as_completed([run], timeout=timeout),
        lambda: wait([run], timeout=timeout),
        lambda: run.get_result(timeout=timeout),
        lambda: run.wait(timeout),
    ):
        with pytest.raises(OptionError, match=f"timeout={timeout!r}"):
            call()


def test_a_callback_can_be_called(memory):
    """Told at once, not at the end of the run."""
    with pytest.raises(OptionError, match="given 3"):
        task(runner=memory)(work)().add_done_callback(3)


def test_an_unknown_option_is_told_with_the_nearest_one():
    """By `with_options` as by `@task`."""
    with pytest.raises(OptionError, match=r"with_options has no option 'retrys'; did you mean 'retries'\?.*after"):
        task(work).with_options(retrys=3)


def test_a_parameter_may_be_called_self():
    """Its name is the caller's to use."""

    @task(runner="sequential")
    def named(self, other=0):
        return self, other

    assert named(self=1).get_result() == (1, 0)
    assert list(named.map([2], other=3).results()) == [(2, 3)]
    with pytest.raises(TypeError, match="multiple values for argument 'self'"):
        list(named.map([2], self=3))


def test_a_task_of_a_task_is_refused():
    """There is another way to what was meant."""
    with pytest.raises(NotATaskError, match="with_options"):
        task(retries=1)(task(work))


def test_what_yields_is_refused():
    """A generator is no value that a run could have."""

    def generate():
        yield 1

    async def agenerate():
        yield 1

    class Generates:
        def run(self):
            yield 1

    for fn in (generate, agenerate, Generates, functools.partial(generate)):
        with pytest.raises(NotATaskError, match=r"return a list.*map"):
            task(fn)


@pytest.mark.parametrize("kind", [classmethod, staticmethod])
def test_the_order_of_decorators_is_told(kind):
    """Before the class is used."""
    with pytest.raises(NotATaskError, match=f"above @{kind.__name__} at work; put @task below"):
        task(kind(work))


@needs_processes
@pytest.mark.parametrize("runner", [PoolTaskRun, MultiprocessTaskRun])
def test_a_process_type_is_a_class(runner):
    """A name is none."""
    with pytest.raises(OptionError, match="process_type='spawn' must be ForkProcess"):
        runner.configured(process_type="spawn")


@pytest.mark.parametrize("setting", [{"initializer": 3}, {"initargs": 3}])
def test_the_settings_of_workers_are_checked(setting):
    """Before there are workers."""
    with pytest.raises(OptionError, match="=3 must be"):
        PoolTaskRun.configured(**setting)


def test_too_much_of_a_resource_is_told_at_the_call(memory):
    """Also where the call depends on others; amounts read as they are written."""
    made = task(runner=memory)(work)
    with pytest.raises(ResourceError, match=r"memory=900TB, and this machine has [\d.]+[MGT]B"):
        made.with_options(resources={"memory": "900TB"})(made())
