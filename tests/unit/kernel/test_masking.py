"""Secrets are not shown, and what is shown is short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woflo.kernel.masking import MASK, mask, masked, shorten_call


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_password",
        "passwd",
        "token",
        "api_token",
        "secret",
        "client_secret",
        "key",
        "api_key",
        "apikey",
        "credentials",
    ],
)
def test_values_under_secret_names_are_masked(name):
    """By name, whatever the value, also inside mappings and in lists of them."""
    assert mask(name, "hunter2") == MASK
    for value in ({name: "hunter2"}, {"a": {name: "hunter2"}}, [{name: "hunter2"}], ({name: "hunter2"},)):
        assert "hunter2" not in shorten_call("call", (value,), {})
        assert "hunter2" not in shorten_call("call", (), {"settings": value})
    assert "hunter2" not in shorten_call("call", (), {name: "hunter2"})


@pytest.mark.parametrize("name", ["monkey", "keyboard", "compass", "turnkeys", "path", "x"])
def test_other_names_are_shown(name):
    """A mask where none is needed hides what helps."""
    assert mask(name, 3) == 3


safe = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=1, max_size=80)


@given(user=safe, host=safe, rest=safe)
def test_a_password_in_a_url_is_never_shown(user, host, rest):
    """However long the address is, and wherever it is cut."""
    url = f"postgresql://{user}:HUNTER2-SECRET@{host}/{rest}"
    for told in (shorten_call("call", (url,), {}), shorten_call("call", ([url],), {"address": url})):
        assert "HUN" not in told
        assert "RET" not in told


@given(st.lists(st.text(max_size=300) | st.integers() | st.lists(st.integers(), max_size=50), max_size=20))
def test_a_call_is_short(args):
    """Whatever the arguments are."""
    assert len(shorten_call("call", tuple(args), {})) < 220


def test_a_repr_that_raises_is_told():
    """This is shown when something has gone wrong already."""

    class Broken:
        def __repr__(self):
            raise ValueError

    told = shorten_call("call", (Broken(),), {})
    assert "Broken" in told


def test_for_programs_all_of_a_value():
    """But for its secrets, however deep they lie."""
    value = {
        "items": list(range(100)),
        "text": "x" * 30_000 + " a://me:hidden@b",
        "deep": {"a": [[[[[{"token": 1}]]]]]},
    }
    assert masked("", value) == {
        "items": list(range(100)),
        "text": "x" * 30_000 + " a://me:***@b",
        "deep": {"a": [[[[[{"token": MASK}]]]]]},
    }
    for _ in range(1000):
        value = [value]
    assert "hidden" not in repr(masked("", value))
