"""What pytest finds of woflo by itself: fixtures for the tests of programs that use it.

| fixture | until the test ends |
|---|---|
| `woflo_store` | the runs of this process are kept in a new, empty store, which is the fixture's value |
| `woflo_inline` | tasks execute where they are called, one after another; see `woflo.testing.inlining.inline` |
| `woflo_clock` | time stands still and is moved by `woflo_clock.advance(seconds)` |

The store is one in memory, or by `woflo_store = sqlite` in pytest's settings, `--woflo-store=sqlite`, or
`@pytest.mark.woflo_store("sqlite")` an SQLite file of the test, or what another URL names. There a workflow that waits
is parked at once. `usefixtures = woflo_inline` in pytest's settings gives all tests a fixture.

pytest imports this wherever woflo is installed, so nothing of it is imported before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.testing.clock import FakeClock

__all__ = ["woflo_clock", "woflo_inline", "woflo_store"]

GRACE = 5.0
"""Seconds that steps under way get when their test has ended."""
_HELP = 'the store of each test that uses woflo_store: "memory" (the default), "sqlite" for a new file, or a URL'


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting, and the option that outweighs it."""
    parser.addini("woflo_store", _HELP, default="memory")
    parser.getgroup("woflo").addoption("--woflo-store", metavar="KIND", help=_HELP)


def pytest_configure(config: pytest.Config) -> None:
    """The mark, which outweighs both."""
    config.addinivalue_line("markers", f"woflo_store(kind): {_HELP}")


@pytest.fixture
def woflo_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store of the test alone. Workflows, calls for queues, and workers of this process use it."""
    from woflo.durable.choice import use_store
    from woflo.durable.engine import engine_of
    from woflo.stores.opening import open_store

    store = open_store(_url(request))
    before = use_store(store)
    engine = engine_of(store)
    engine.hold = 0.0
    try:
        yield store
    finally:
        use_store(before)
        engine.close(GRACE)
        store.close()


def _url(request: pytest.FixtureRequest) -> str:
    mark = request.node.get_closest_marker("woflo_store")
    if mark is not None and len(mark.args) != 1:
        raise pytest.UsageError('@pytest.mark.woflo_store takes one argument: "memory", "sqlite", or a URL')
    config = request.config
    kind: Any = mark.args[0] if mark else config.getoption("--woflo-store") or config.getini("woflo_store")
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path')}/woflo.db"
    return "memory:" if kind == "memory" else str(kind)


@pytest.fixture
def woflo_inline() -> Iterator[None]:
    """Calls of tasks have ended when they return."""
    from woflo.testing.inlining import inline

    with inline():
        yield


@pytest.fixture
def woflo_clock() -> Iterator[FakeClock]:
    """Time that passes by `advance` alone."""
    from woflo.testing.clock import FakeClock

    with FakeClock() as clock:
        yield clock
