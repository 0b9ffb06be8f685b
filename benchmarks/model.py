"""What a figure, a rival and a target are.

Named tuples, not dataclasses: this module is loaded in the callers that fork, and a lighter
caller makes a sharper floor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, NamedTuple

Body = Callable[[int], int | tuple[int, list[float]]]
"""Do the work `n` times and return the answer, which is compared with what it must be.

What takes its own measure returns it beside the answer: samples, each of one unit. Otherwise the whole is timed.
"""

Opener = Callable[[], AbstractContextManager[Body]]
"""Prepare a rival, yield its body, and tidy up afterwards."""

Kind = Literal["ours", "floor", "peer", "beside"]
"""`beside` is shown, but is not one of the peers that a target means."""


class Environment(NamedTuple):
    """A virtual environment for a peer that does not live in ours."""

    name: str  # of its folder
    packages: tuple[str, ...]  # as pip takes them; the first is the peer, with its version
    module: str  # how the peer is imported
    script: str  # the file beside this one that holds its rivals


class Rival(NamedTuple):
    """One way to do the work of a figure. `open` prepares it, yields its body, and tidies up.

    With a `place` it lives in that environment instead, and `calls` is its name in the script there. One that is slow
    does only a part of the work in each round: one unit of so many as `share` tells.
    """

    name: str
    kind: Kind
    open: Opener | None = None
    place: Environment | None = None
    calls: str = ""
    share: int = 1

    def part(self, n: int) -> int:
        """How much of the work for `n` it does."""
        return max(1, n // self.share)


class Target(NamedTuple):
    """What our figure has to reach.

    Against rivals (the quickest of `against` counts): a ratio of times that must be at most
    `limit`, or, as a `rate`, a ratio of throughputs that must be at least `limit`. Without rivals:
    seconds per unit that must be at most `limit`, after the time of the rival `over` is taken off, at the median or
    at another quantile, `at`.
    """

    limit: float
    against: tuple[str, ...] = ()
    rate: bool = False
    over: str = ""
    at: float = 0.5


Unit = Literal["time", "share of a core", "ratio"]


class Figure(NamedTuple):
    """One question: its rivals, how much work a round is, and what ours must reach."""

    name: str
    title: str
    unit: str
    n: int  # units of work in one round
    quick: int  # the same with --quick, and in the warm-up
    expected: Callable[[int], int]  # the answer that every body must give for n
    rivals: Sequence[Rival]
    targets: Sequence[Target]
    measure: Unit = "time"  # what its samples are
    pins: bool = True  # pinned to one core, too; not where several processes are the point

    def rival(self, name: str) -> Rival:
        """The rival of that name."""
        return next(rival for rival in self.rivals if rival.name == name)


OURS = "woflo"
UPSTREAM = "woflo 0.8.2"


def ours(opener: Opener) -> Rival:
    """Our own rival, which the targets are about."""
    return Rival(OURS, "ours", opener)


def floor(name: str, opener: Opener) -> Rival:
    """The least that the same work takes when it is done by hand."""
    return Rival(name, "floor", opener)


def peer(name: str, opener: Opener) -> Rival:
    """What else one would use."""
    return Rival(name, "peer", opener)


def beside(name: str, opener: Opener) -> Rival:
    """Shown for comparison; no target means it, unless by its name."""
    return Rival(name, "beside", opener)


def upstream(calls: str) -> Rival:
    """Upstream woflo 0.8.2, by the name that the figure has in `upstream_calls.py`."""
    from benchmarks import elsewhere

    return lives_in(elsewhere.UPSTREAM, UPSTREAM, calls)


def lives_in(place: Environment, name: str, calls: str, share: int = 1) -> Rival:
    """A peer in an environment of its own, by the name that the figure has in its script there."""
    return Rival(name, "peer", None, place, calls, share)


def at_most(limit: float, *against: str) -> Target:
    """Our time is at most `limit` times that of the quickest of `against`."""
    return Target(limit, against)


def at_least(limit: float, *against: str) -> Target:
    """Our throughput is at least `limit` times that of the quickest of `against`."""
    return Target(limit, against, rate=True)


def within(seconds: float, over: str = "", at: float = 0.5) -> Target:
    """Our time is at most `seconds` per unit, counted from the time of the rival `over`; at the quantile `at`."""
    return Target(seconds, over=over, at=at)


def plain(body: Body) -> Opener:
    """A rival that has nothing to prepare."""

    @contextmanager
    def opened() -> Iterator[Body]:
        yield body

    return opened
