"""What `use_resources` provides is found by tasks on every runner: what is given now, and not what was given once."""

from __future__ import annotations

from woflo import inject, use_resources
from woflo.errors import MissingResourceError
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tools import configured, on
from woflo.testing.patience import PATIENCE

__all__ = ["Given"]


class Given:
    """What a task has injected."""

    def __init__(self, name: str) -> None:
        self.name = name


def name_of(given: Given = inject()) -> str:
    """Which of them it was."""
    return given.name


def _found(runner: Runner) -> str:
    """The name, or "none" where the call was refused or the attempt found nothing."""
    run = on(runner, name_of)()
    error = run.exception(timeout=PATIENCE)
    assert error is None or isinstance(error, MissingResourceError), f"{run!r} ended with {error!r}"
    return "none" if error is not None else run.get_result(timeout=PATIENCE)


@check()
def the_last_given_counts(runner: Runner) -> None:
    """At each call; where an object cannot get to the process of the attempt, the call fails by name."""
    with configured(runner) as own:
        with use_resources(Given("first")):
            reaches = _found(own)
            assert reaches in ("first", "none")
            with use_resources(Given("second")):
                assert _found(own) == ("second" if reaches == "first" else "none")
            assert _found(own) == reaches
        assert _found(own) == "none"
