"""The arguments of a call come back to the parameters for which they were given."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from woflo.errors import SerializationError
from woflo.stores.codec import Codec


def plain(a: int = 1, b: int = 2, *, c: int = 3) -> tuple[int, int, int]:
    return a, b, c


def collecting(a: int, *rest: int, **named: int):
    return a, rest, named


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((5,), {}), ((), {"b": 5}), ((), {"c": 5}), ((5, 6), {"c": 7}), ((), {"c": 1, "a": 2})],
)
def test_defaults_that_are_left_out_stay_defaults(args, kwargs):
    """An argument behind one that was left out is not taken for that one."""
    codec = Codec(plain)
    again, named = codec.load_call(codec.dump_call(args, kwargs))
    assert plain(*again, **named) == plain(*args, **kwargs)


@pytest.mark.parametrize(("args", "kwargs"), [((1,), {}), ((1, 2, 3), {"x": 4}), ((), {"a": 1, "x": 4})])
def test_what_is_collected_is_collected_again(args, kwargs):
    """Any number of arguments, by position and by name."""
    codec = Codec(collecting)
    again, named = codec.load_call(codec.dump_call(args, kwargs))
    assert collecting(*again, **named) == collecting(*args, **kwargs)


@dataclass
class Point:
    """With parts that have types of their own."""

    x: int


def typed(n: int, several: list[int], point: Point, dates: dict[str, list[date]], either: int | None) -> float:
    """For what does not fit."""
    return n + len(several) + point.x + len(dates) + (either or 0)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("n", "one", "is str('one'), which the annotation int does not describe"),
        ("several", 3, "is int(3), which the annotation list[int] does not describe"),
        ("several", ["x"], "which the annotation list[int] does not describe: a part of it must be int, and is str"),
        ("point", Point("x"), "which the annotation Point does not describe: x must be int, and is str"),
        ("dates", {"a": [1]}, "does not describe: a part of it must be date, and is int"),
        ("either", 3.5, "is float(3.5), which the annotation int | None does not describe"),
    ],
)
def test_a_wrong_value_is_told_in_our_words(name, value, told):
    """By the name of its parameter, its annotation, and the part that does not fit; with nothing of pydantic's."""
    with pytest.raises(SerializationError) as error:
        Codec(typed).dump_parameter(name, value)
    assert str(error.value).startswith(f"the argument {name!r} of typed is ")
    assert str(error.value).endswith(told)
    assert error.value.__cause__ is None


def test_a_wrong_result_is_told_in_our_words():
    """Also where it is read again."""
    with pytest.raises(SerializationError) as error:
        Codec(typed).dump_result("x")
    assert str(error.value) == "the result of typed is str('x'), which the annotation float does not describe"
    with pytest.raises(SerializationError) as error:
        Codec(typed).load_result('"x"')
    assert str(error.value) == (
        'the result of typed is stored as "x", which the annotation float does not describe: input should be a valid '
        "number, unable to parse string as a number"
    )


@dataclass
class Window:
    """With a part that is typed, and one that is not."""

    last: deque[int]
    more: Any = None


def parts(
    anything: Any = None,
    items: list[Any] | None = None,
    named: dict[str, Any] | None = None,
    when: datetime | None = None,
    window: Window | None = None,
    number: int = 0,
) -> None:
    """For what would come back as something else."""


AT_NIGHT = datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
ROUND: list[Any] = []
ROUND.append([ROUND])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("items", [1, (2,)], "has tuple((2,)) at [1], which would come back as list([2]) under"),
        (
            "named",
            {"a": [1, {"b": (1, 2)}]},
            "has tuple((1, 2)) at ['a'][1]['b'], which would come back as list([1, 2])",
        ),
        ("named", {"password": ("hunter2",)}, "has tuple(***) at ['password'], which would come back as list(***)"),
        ("window", Window(deque([1]), (3,)), "has tuple((3,)) at .more, which would come back as list([3]) under"),
        ("window", Window(deque([1], maxlen=2)), "its maxlen of 2 is not stored"),
        ("when", AT_NIGHT, "a time zone is stored as its offset: pass .astimezone(UTC)"),
        ("number", 10**5000, "'number' of parts cannot be written as JSON: exceeds the limit (4300 digits)"),
        ("anything", [10**5000], "'anything' of parts cannot be written as JSON: exceeds the limit (4300 digits)"),
        ("anything", ROUND, "'anything' of parts cannot be written as JSON: circular reference detected"),
    ],
    ids=range(9),
)
def test_what_would_not_come_back_is_told_by_its_place(name, value, told):
    """With both types, without what is secret, and with a way out that works."""
    with pytest.raises(SerializationError) as error:
        Codec(parts).dump_call((), {name: value})
    assert told in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_ways_out_are_taken():
    """What the errors advise is stored."""
    given = {"when": AT_NIGHT.astimezone(UTC), "window": Window(deque([1])), "named": {"n": hex(10**5000)}}
    codec = Codec(parts)
    _, again = codec.load_call(codec.dump_call((), given))
    assert again == given
