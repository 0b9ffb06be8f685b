"""What came of a workflow that was crashed at each of its writes: see `crash_everywhere`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Crash", "CrashReport", "Ended"]

MOST_LINES = 20
"""How many crashes a text tells of; the rest is counted."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended: with a value, with an error that the workflow raised, or not at all."""

    value: Any = None
    error: BaseException | None = None
    stopped: str | None = None
    """Why it does not go on; None where it has ended."""

    def __str__(self) -> str:
        if self.stopped is not None:
            return f"it stopped: {self.stopped}"
        return f"it returned {self.value!r}" if self.error is None else f"it raised {self.error!r}"


@dataclass(frozen=True, kw_only=True)
class Crash:
    """One crash, and what came after it."""

    write: int
    """The number of the write at which it crashed, from 0."""
    kept: bool
    """True where that write was kept, and the process died before it learned of it."""
    at: str
    """What was written, in words."""
    ended: Ended
    """How the run ended that went on after the crash."""
    twice: tuple[str, ...]
    """The steps that executed before the crash and again after it, by name and arguments."""
    effects: Any
    """What `effects` gave afterwards."""
    wrong: tuple[str, ...]
    """What is not as without the crash, in words; nothing where all is well."""

    def __str__(self) -> str:
        where = f"crash {'after' if self.kept else 'before'} write {self.write} ({self.at})"
        return f"{where}: {'; '.join(self.wrong) or str(self.ended)}"


@dataclass(frozen=True, kw_only=True)
class CrashReport:
    """What `crash_everywhere` found. `print` it, or have `check()` raise what is wrong."""

    workflow: str
    ended: Ended
    """How it ends without a crash."""
    effects: Any
    """What `effects` gives without a crash."""
    crashes: tuple[Crash, ...]

    @property
    def twice(self) -> Counter[str]:
        """The tasks whose steps executed again, and after how many of the crashes."""
        return Counter(name for crash in self.crashes for name in {step.partition("(")[0] for step in crash.twice})

    @property
    def wrong(self) -> tuple[Crash, ...]:
        """The crashes after which something was not as without them."""
        return tuple(crash for crash in self.crashes if crash.wrong)

    def check(self, *, may_run_twice: Iterable[Any] | None = None) -> CrashReport:
        """This report, where every crash left the same result and the same effects as none.

        `may_run_twice` lists the tasks whose steps may be cut off and execute again (those that know by
        `current_run().idempotency_key` what they have done); by default all may.

        Raises `AssertionError` that tells of each crash after which something was otherwise.
        """
        told = [str(crash) for crash in self.wrong]
        if may_run_twice is not None:
            allowed = {getattr(one, "name", one) for one in may_run_twice}
            told += [
                f"{name} executed again after {_times(n)}" for name, n in self.twice.items() if name not in allowed
            ]
        if told:
            raise AssertionError("\n".join([f"{self.workflow} does not survive every crash", *_shortened(told)]))
        return self

    def __str__(self) -> str:
        lines = [f"without a crash {self.ended}", f"as well after {_times(len(self.crashes) - len(self.wrong))}"]
        lines += [f"{name} executed again after {_times(n)}" for name, n in sorted(self.twice.items())]
        lines += [str(crash) for crash in self.wrong]
        title = f"{self.workflow}, {_times(len(self.crashes))} before and after each of its writes"
        return "\n".join([title, *_shortened(lines)])


def _times(count: int) -> str:
    return f"{count} crash" if count == 1 else f"{count} crashes"


def _shortened(lines: list[str]) -> list[str]:
    more = [f"… and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return [f"  {line}" for line in [*lines[:MOST_LINES], *more]]
