"""What a runner promises, and a store, as checks that any runner and any store can be held against.

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

from woflo.testing.conformance import runner_checks
from woflo.testing.conformance.checks import Check
from woflo.testing.leftovers import Leftovers, leftovers
from woflo.testing.patience import wait_until
from woflo.testing.stores import store_checks

__all__ = ["Check", "Leftovers", "leftovers", "runner_checks", "store_checks", "wait_until"]
