"""For tests: of programs that use woflo, of runners, and of stores.

A workflow of your own is killed at each of its writes, and must end as if it had not been:

    from woflo.testing import crash_everywhere

    def test_order():
        crash_everywhere(order, "book", signals={"approved": True}).check()

`FakeClock` lets time pass at once. pytest finds the fixtures `woflo_store`, `woflo_inline` and `woflo_clock` by itself:
see `woflo.testing.plugin`.

What a runner promises, and a store, are checks that any runner and any store can be held against.

A runner of your own proves itself in three lines, under any test framework or none:

    from woflo.testing import runner_checks

    for check in runner_checks(MyTaskRun):
        check(MyTaskRun)

Each check is a plain function with bare asserts; its docstring is the promise. What a runner cannot do,
told by its `traits`, is not asked of it. With pytest:

    @pytest.mark.parametrize("check", runner_checks(MyTaskRun), ids=str)
    def test_my_runner(check):
        check(MyTaskRun)

A store proves itself in the same way; what is given to a check makes a new, empty store each time it is called:

    for check in store_checks():
        check(lambda: MyStore(new_folder()))

`leftovers()` tells what runs have left behind in this process: for the end of any test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woflo.testing.clock import FakeClock
    from woflo.testing.conformance import runner_checks
    from woflo.testing.conformance.checks import Check
    from woflo.testing.crash_report import Crash, CrashReport, Ended
    from woflo.testing.everywhere import crash_everywhere
    from woflo.testing.inlining import inline
    from woflo.testing.left_behind import Leftovers, leftovers
    from woflo.testing.patience import wait_until
    from woflo.testing.stores import store_checks

__all__ = [
    "Check",
    "Crash",
    "CrashReport",
    "Ended",
    "FakeClock",
    "Leftovers",
    "crash_everywhere",
    "inline",
    "leftovers",
    "runner_checks",
    "store_checks",
    "wait_until",
]

# No module is named as one of these: importing it would put it in the place of what is meant.
_ON_FIRST_USE = {
    "Check": "woflo.testing.conformance.checks",
    "Crash": "woflo.testing.crash_report",
    "CrashReport": "woflo.testing.crash_report",
    "Ended": "woflo.testing.crash_report",
    "FakeClock": "woflo.testing.clock",
    "Leftovers": "woflo.testing.left_behind",
    "crash_everywhere": "woflo.testing.everywhere",
    "inline": "woflo.testing.inlining",
    "leftovers": "woflo.testing.left_behind",
    "runner_checks": "woflo.testing.conformance",
    "store_checks": "woflo.testing.stores",
    "wait_until": "woflo.testing.patience",
}


def __getattr__(name: str) -> Any:
    """Import a part when it is first asked for: pytest loads the plugin beside it wherever woflo is installed."""
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module 'woflo.testing' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
