"""A parameter with the default `inject()` is filled by its type, wherever the task is executed."""

import functools
import os

import pytest
from inject_tasks import (
    Client,
    Dataclass,
    Mail,
    Model,
    SpecialClient,
    async_steps,
    by_name,
    coroutine,
    mailing,
    plain,
    provide_in_worker,
    queued,
    step,
    steps,
)
from systems import needs_processes

from woflo import Worker, inject, task, use_resources, use_store
from woflo.durable.engine import engine_of
from woflo.errors import MissingResourceError, OptionError, SerializationError
from woflo.runners.multiprocess import MultiprocessTaskRun, SpawnProcess
from woflo.runners.pool import PoolTaskRun
from woflo.stores.memory import MemoryStore
from woflo.testing import wait_until


@pytest.fixture
def store():
    store = MemoryStore()
    before = use_store(store)
    yield store
    use_store(before)
    engine_of(store).close()
    store.close()


def test_it_is_given_by_its_type():
    """However the parameter is given, in functions, coroutines and classes."""
    with use_resources("another thing", Client()):
        assert plain(1).get_result() == "given 1"
        assert plain(x=2).get_result() == "given 2"
        assert by_name().get_result() == "given"
        assert coroutine.with_options(runner="async")().get_result() == "given"
        assert Dataclass(3).get_result() == "given 3"
        assert Model(x=4).get_result() == "given 4"


@needs_processes
@pytest.mark.parametrize("runner", ["sequential", "thread", "async", "multiprocess", "pool"])
def test_every_runner_does(runner):
    """What this process provides, a forked one has, and so has a pool whose workers were there before."""
    with use_resources(Client()):
        assert step.with_options(runner=runner)(1).get_result() == "given 1"
        assert coroutine.with_options(runner=runner)().get_result() == "given"


def test_what_is_passed_decides():
    """By position and by name, with and without somebody who provides."""
    assert plain(1, Client("mine")).get_result() == "mine 1"
    with use_resources(Client()):
        assert plain(1, client=Client("mine")).get_result() == "mine 1"
        assert by_name(client=Client("mine")).get_result() == "mine"


def test_the_nearest_type_and_the_last_given_count():
    """Exactly the type before a subclass; of two alike the one given last, until that ends."""
    with use_resources(Client("first"), SpecialClient("special")):
        assert plain().get_result() == "first 0"
        with use_resources(Client("second")) as second:
            assert plain().get_result() == "second 0"
            second.end()
            assert plain().get_result() == "first 0"
    with use_resources(SpecialClient("special")):
        assert plain().get_result() == "special 0"


def test_nobody_provides_it():
    """The attempt fails by name, and tells which type is missing and how to give one."""
    with pytest.raises(MissingResourceError, match=r"provides a Client; give an object by use_resources"):
        plain().get_result()
    with use_resources(Client()):
        pass
    with pytest.raises(MissingResourceError):
        plain().get_result()


def test_what_cannot_be_meant_is_told_at_decoration():
    """A parameter without a type, and one that cannot be given by name."""
    with pytest.raises(OptionError, match=r"'client' of .*has the default inject.. and no annotation"):
        task(lambda client=inject(): client)

    def by_position(client: Client = inject(), /):
        pass

    with pytest.raises(OptionError, match="put it behind the /"):
        task(by_position)
    with pytest.raises(OptionError, match="give objects"):
        use_resources(Client)


def test_an_annotation_must_be_a_class(store):
    """One that is none is told when it is looked up: at the worker's start, or when the task is executed."""

    @task(runner="queue")
    def either(client: Client | None = inject()):
        pass

    with pytest.raises(OptionError, match="needs a class"):
        Worker([either]).start()


def test_partial_functions_have_it_too():
    """What `functools.partial` leaves open is filled."""
    with use_resources(Client()):
        assert task(functools.partial(plain.fn, 3)).with_options(runner="thread")().get_result() == "given 3"


# -- in a store ----------------------------------------------------------------------------------------


def test_queue_calls_do_not_store_it(store):
    """The row holds what was passed alone; the worker provides the rest."""
    run = queued(x=3)
    assert store.get(run.id).args == '{"x":3}'
    with Worker([queued], resources=[Client("of the worker")]):
        assert run.get_result(10) == "of the worker 3"
    with pytest.raises(MissingResourceError):
        plain().get_result()


def test_what_is_passed_to_a_stored_call_must_be_storable(store):
    """A client is no value that a store could keep."""
    with pytest.raises(SerializationError, match="'client' of queued"):
        queued(Client())


@pytest.mark.parametrize("code", [steps, async_steps])
def test_steps_of_workflows_have_it(store, code):
    """Of a workflow that is called here, and of one that a worker executes."""
    with use_resources(Client()):
        assert code(2).get_result(10) == ["given 0", "given 1"]


def test_a_worker_without_it_does_not_start(store):
    """It is told by name, before anything is claimed; another worker may be started then."""
    run = queued()
    with pytest.raises(MissingResourceError, match="queued has 'client' injected, and nobody provides a Client"):
        Worker([queued]).start()
    assert store.get(run.id).fence == 0
    with Worker([queued], resources=[Client()]):
        assert run.get_result(10) == "given 0"


# -- settings ------------------------------------------------------------------------------------------


def test_settings_are_provided_by_themselves(tmp_path, monkeypatch):
    """From the environment and defaults; an object that is given counts before them."""
    monkeypatch.chdir(tmp_path)
    assert mailing().get_result() == ("localhost", 25)
    with use_resources(Mail(host="mine")):
        assert mailing().get_result() == ("mine", 25)


# -- in workers of a pool ------------------------------------------------------------------------------


def my_pid():
    return os.getpid()


def pid_and_name(client: Client = inject()):
    return os.getpid(), client.name


def wait_for(path):
    wait_until(path.exists)
    return os.getpid()


@needs_processes
def test_a_worker_that_has_not_what_is_given_is_replaced():
    """Before a call that needs it; as long as nothing changes it stays, and so it does for calls that need nothing."""
    with PoolTaskRun.configured(max_concurrency=1) as runner:
        plain_task, injected = task(runner=runner)(my_pid), task(runner=runner)(pid_and_name)
        first = plain_task().get_result(10)
        with use_resources(Client("one")):
            assert plain_task().get_result(10) == first
            second, name = injected().get_result(10)
            assert (name, second != first) == ("one", True)
            assert injected().get_result(10) == (second, "one")
        assert plain_task().get_result(10) == second
        with pytest.raises(MissingResourceError):
            injected().get_result(10)
        assert plain_task().get_result(10) != second


@needs_processes
def test_a_busy_worker_is_replaced_after_its_call(tmp_path):
    """Its call ends well, those behind it wait for the next worker, and all that were queued are executed."""
    with PoolTaskRun.configured(max_concurrency=1) as runner:
        busy = task(runner=runner)(wait_for)(tmp_path / "go")
        wait_until(lambda: busy.state.name == "RUNNING")
        with use_resources(Client("one")):
            runs = [task(runner=runner)(pid_and_name)() for _ in range(5)]
            others = [task(runner=runner)(my_pid)() for _ in range(5)]
            (tmp_path / "go").touch()
            before = busy.get_result(10)
            pids = {run.get_result(10) for run in runs}
            assert len(pids) == 1
            assert pids.pop() != (before, "one")
            assert {run.get_result(10) for run in others} != {before}


@needs_processes
def test_a_class_without_a_module_is_the_same_in_a_worker_that_was_there_before():
    """The function travels by value, and its class with it: the worker takes both for those of its objects."""

    class Local:
        name = "local"

    def name_of(local=inject()):
        return local.name

    name_of.__annotations__["local"] = Local
    with PoolTaskRun.configured(max_concurrency=1) as runner, use_resources(Local()):
        task(runner=runner)(my_pid)().get_result(10)
        assert task(runner=runner)(name_of)().get_result(10) == "local"


@needs_processes
@pytest.mark.parametrize("kind", [PoolTaskRun, MultiprocessTaskRun])
def test_what_does_not_travel_is_told_by_the_caller(kind):
    """A process that is started afresh would have another object or none; one that is passed is an argument as any."""
    runner = kind.configured(process_type=SpawnProcess)
    injected = task(runner=runner)(pid_and_name)
    with use_resources(Client("one")):
        with pytest.raises(MissingResourceError, match=r"'client' injected, and the Client .* does not travel"):
            injected().get_result(10)
        assert injected(Client("mine")).get_result(10)[1] == "mine"
    if kind is PoolTaskRun:
        runner.shutdown()


@needs_processes
def test_an_initializer_provides_in_fresh_workers():
    """Then each worker has its own, whatever this process provides."""
    settings = {"process_type": SpawnProcess, "initializer": provide_in_worker, "max_concurrency": 1}
    with use_resources(Client("one")), PoolTaskRun.configured(**settings) as runner:
        assert step.with_options(runner=runner)(1).get_result(20) == "of the worker 1"
