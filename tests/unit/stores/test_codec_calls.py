"""The arguments of a call come back to the parameters for which they were given."""

import pytest

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
