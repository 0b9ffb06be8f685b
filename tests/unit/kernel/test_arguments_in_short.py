"""What tells runs of one task apart: their arguments, in a few words that may be shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from woflo import subscribe, task
from woflo.kernel.arguments import MOST, names_in_short, shortened
from woflo.kernel.events import RunCreated


class Loud:
    """What nobody may ask for its text."""

    def __repr__(self):
        raise AssertionError("the code of a user was called")


def told_of(call):
    """What observers are told of one call."""
    told = []
    with subscribe(told.append):
        call()
    (event,) = [one for one in told if isinstance(one, RunCreated)]
    return event.arguments


@pytest.fixture
def given(memory):
    """What is told of a call with these arguments."""

    def take(*args, **kwargs):
        return told_of(lambda: task(runner=memory)(lambda *args, **kwargs: None)(*args, **kwargs))

    return take


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, ""),
        (("a.c", 3, 1.5, None, True), {}, "a.c, 3, 1.5, None, True"),
        ((Path("src/a.c"),), {"level": 2}, "src/a.c, level=2"),
        ((["a.c"], ["b.c", "d.c"]), {}, "[a.c], [b.c, …]"),
        ((Loud(), "a.c"), {"more": {"b": 1}}, "…, a.c"),
        ((Loud(), {}), {}, ""),
        (("x" * 1_000, 10**5_000), {}, ""),
        (tuple(range(10)), {}, "0, 1, 2, 3, 4, 5, …"),
        (("\x1b[2Jevil\r\nforged\u202e",), {}, "evil  forged"),
        (("deep/" * 20 + "a.c",), {"n": 1}, "deep/deep/dee…ep/deep/deep/deep/a.c, n=1"),
        (("https://me:sesame@x.org/a",), {"api_key": "abc"}, "https://me:***@x.org/a, api_key=***"),
    ],
)
def test_calls_are_told_in_short(args, kwargs, told, given):
    """Texts, numbers and paths; nothing of others, and no escape, secret or code of the user's."""
    shown = given(*args, **kwargs)
    assert (shown, shown.isprintable()) == (told, True)
    assert len(shown) <= MOST


def test_a_secret_that_is_given_by_its_place_is_hidden(memory):
    """Its parameter tells what it is."""

    def enter(user, password, pin=0):
        pass

    assert told_of(lambda: task(runner=memory)(enter)("ada", "abc")) == "ada, ***"


def test_a_secret_at_the_cut_is_hidden_as_a_whole():
    """It is known by what stands before it, which may be cut off."""
    text = "x" * 20 + " token=" + "s" * 30 + ", " + "y" * 20
    assert "s" not in shortened(text)


def test_stored_arguments_are_told_by_their_names():
    """That is how they are stored."""
    assert names_in_short({"page": 3, "token": "abc", "more": [{}]}) == "page=3, token=***"
