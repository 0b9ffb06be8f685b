"""`codec="pickle"`: what JSON cannot store, and that nothing is unpickled because a row says so."""

from __future__ import annotations

import base64
import pickle
import threading

import pytest
from durable_helpers import PATIENCE

from woflo import Worker, task, workflow
from woflo.errors import OptionError, SerializationError
from woflo.stores.codec import Codec
from woflo.stores.operations import Submit
from woflo.stores.rows import Row

EXECUTED = []


class Point:
    """What no annotation tells how to store."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

    __hash__ = None


class Trap:
    """Executes code where it is unpickled."""

    def __reduce__(self):
        return EXECUTED.append, ("trapped",)


@task(runner="queue", codec="pickle")
def moved(point, by: int = 1):
    return Point(point.x + by)


@task(runner="queue")
def plain(value):
    return value


@task(codec="pickle")
def point_at(x):
    return Point(x)


@workflow
def walk(x: int) -> int:
    return point_at(x).get_result().x


def pickled(value):
    return f'{{"$pickle":"{base64.b64encode(pickle.dumps(value)).decode()}"}}'


def test_arguments_and_results(world, process):
    """They come back as they were; what JSON knows is stored as JSON even so."""
    run = process.call(moved, Point(3))
    with Worker([moved], store=process.store):
        assert run.get_result(PATIENCE) == Point(4)
    assert world.row(run).args.startswith('{"point":{"$pickle":"')
    run = process.call(moved, 3, 4)
    assert world.row(run).args == '{"point":3,"by":4}'


def test_steps(world):
    """Steps of a workflow too, and their records are read when it goes on elsewhere."""
    first, second = world.process(), world.process()
    assert first.call(walk, 3, key="k").get_result(PATIENCE) == 3
    assert world.store.steps(world.store.find("walk", "k").id)[0].result.startswith('{"$pickle"')
    assert second.call(walk, 3, key="k").get_result(PATIENCE) == 3


@pytest.mark.parametrize("args", [f'{{"value":{pickled(Trap())}}}', f'{{"value": {pickled(Trap())}}}'])
def test_a_pickle_in_a_row_of_json(world, process, args):
    """It is refused by name, and the code in it is not executed."""
    world.store.write(Submit(now=1.0, runs=(Row(id="a", task="plain", args=args),)))
    run = process.call(plain, 1)
    with Worker([plain], store=process.store):
        assert run.get_result(PATIENCE) == 1
        world.until(world.store.get("a"), "FAILED")
    assert "a pickle in a store of JSON is refused" in world.store.get("a").error
    assert EXECUTED == []


def test_results_of_json():
    """The same for a result, typed or not."""

    def untyped():
        """Returns anything."""

    def typed() -> dict[str, str]:
        """Returns names."""

    for fn in (untyped, typed):
        with pytest.raises(SerializationError, match="a pickle in a store of JSON is refused"):
            Codec(fn).load_result(pickled(Trap()))
        with pytest.raises(SerializationError, match="take another name"):
            Codec(fn).dump_result({"$pickle": "x"})
    assert EXECUTED == []
    assert Codec(untyped, pickles=True).load_result(Codec(untyped, pickles=True).dump_result({"$pickle": 1})) == {
        "$pickle": 1
    }


def test_what_cannot_be_pickled(process):
    """It is refused at the call, by the name of the parameter."""
    with pytest.raises(SerializationError, match=r"'point' of moved.*neither JSON nor pickle"):
        process.call(moved, threading.Lock())


def test_a_damaged_pickle(world, process):
    """The call fails by name, and the worker goes on."""
    world.store.write(Submit(now=1.0, runs=(Row(id="a", task="moved", args='{"point":{"$pickle":"gAU="}}'),)))
    with Worker([moved], store=process.store):
        world.until(world.store.get("a"), "FAILED")
    assert "cannot be loaded" in world.store.get("a").error


def test_for_a_call_alone(process):
    """It is the task's to say: whoever executes the call would not know of it."""
    with pytest.raises(OptionError, match="with_options has no option 'codec'"):
        process.call(plain, 1, codec="pickle")


def test_another_codec():
    """There are two."""
    with pytest.raises(OptionError, match=r"codec='yaml' must be one of: json, pickle"):
        task(codec="yaml")(plain.fn)
