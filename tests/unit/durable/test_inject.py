"""A parameter with the default `inject()` is filled by its type, wherever the task is executed."""

import functools

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
    queued,
    step,
    steps,
)
from systems import needs_processes

from woflo import Worker, inject, task, use_resources, use_store
from woflo.durable.engine import engine_of
from woflo.errors import MissingResourceError, OptionError, SerializationError
from woflo.runners.pool import PoolTaskRun
from woflo.stores.memory import MemoryStore


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
    """What this process provides, a forked one has; a pool, where its workers were not there before."""
    if runner == "pool":
        PoolTaskRun.shutdown()
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
