"""What a runner promises, as checks that any runner can be held against.

A runner of your own proves itself in three lines, under any test framework or none:

    from woflo.testing import runner_checks

    for check in runner_checks(MyTaskRun):
        check(MyTaskRun)

Each check is a plain function with bare asserts; its docstring is the promise. What a runner cannot do,
told by its `traits`, is not asked of it. With pytest:

    @pytest.mark.parametrize("check", runner_checks(MyTaskRun), ids=str)
    def test_my_runner(check):
        check(MyTaskRun)

`leftovers()` tells what runs have left behind in this process: for the end of any test.
"""

from __future__ import annotations

from woflo.testing.conformance import runner_checks
from woflo.testing.conformance.checks import Check
from woflo.testing.leftovers import Leftovers, leftovers
from woflo.testing.patience import wait_until

__all__ = ["Check", "Leftovers", "leftovers", "runner_checks", "wait_until"]
