"""Messages to people, by apprise: mail, Slack, Pushover and a hundred others."""

from __future__ import annotations

import os
import socket
import sys
import warnings
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel import bus, clock, hiding
from woflo.kernel.events import RunCreated, RunEnded
from woflo.kernel.masking import mask_text, told
from woflo.kernel.state import RunState
from woflo.kernel.texts import plain, seconds, short
from woflo.observers.tally import WORDS

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["MOST_PER_MINUTE", "Notify"]

ADDRESSES = "APPRISE_URLS"
"""The variable in which apprise's own command looks for addresses too."""
WHEN = ("failure", "success", "always")
MOST_PER_MINUTE = 10
"""How many messages are sent in a minute; the runs of further ones are told together."""
MOST_NAMED = 20
"""How many runs such a message, and the failed ones within a run, are named."""


class Notify:
    """Sends a message when a run has ended that no other run had called. `subscribe("notify", urls=…)`.

    `urls` is an address of apprise such as `mailto://…`, `slack://…`, `pover://…`, or a list of them; without it they
    are those in the environment variable `APPRISE_URLS`, with spaces between. `when` is "failure" (also of runs that
    were stopped), "success" or "always". The message tells the task, how it ended, how long it took, the error, and how
    the runs went that it called. `title` is what its title begins with.

    At most ten messages are sent in a minute; runs that end beyond those are told together in the next one. Secrets in
    messages are masked, and the addresses are shown masked wherever something goes wrong. The end of the program waits
    `patience` seconds (10) for what is being sent.

    Raises `OptionError` for an address that apprise does not know, and where apprise is not installed.
    """

    def __init__(
        self,
        urls: str | list[str] | tuple[str, ...] | None = None,
        *,
        when: str = "failure",
        title: str = "",
        patience: float = 10.0,
    ) -> None:
        if when not in WHEN:
            raise OptionError(f"when={when!r} must be one of: {', '.join(WHEN)}")
        if urls is None:
            urls = os.environ.get(ADDRESSES, "").split() or None
        if not isinstance(urls, str | list | tuple) or not urls:
            given = f"urls={urls!r}" if urls is None else f"urls, {type(urls).__name__} of no addresses,"
            told = f"{given} must be an address of apprise such as mailto://…, or a list of at least one"
            raise OptionError(f"{told}; {ADDRESSES} in the environment may have them")
        self._urls = [urls] if isinstance(urls, str) else list(urls)
        self._targets = _targets(self._urls)
        for url in self._urls:
            hiding.know_url(url)
        self._when = when
        self._title = title or f"{_program()} on {socket.gethostname()}"
        self.tells_ends: bool = when != "success"
        """Whether a run that has failed is told to somebody by this."""
        self.patience: float = patience
        """Seconds that the end of the program waits for what is being sent."""
        self._calls: dict[str, _Call] = {}
        """Outermost runs under way, by id."""
        self._outermost: dict[str, str] = {}
        """By the id of a run under way which another one called: the outermost one above it."""
        self._sent: deque[float] = deque(maxlen=MOST_PER_MINUTE)
        """When the last messages were."""
        self._later: list[str] = []
        """Runs that are to be told together."""

    def update(self, event: Event) -> None:
        if isinstance(event, RunCreated):
            self._created(event)
        elif isinstance(event, RunEnded):
            outermost = self._outermost.pop(event.run_id, None)
            if outermost is None:
                self._ended(event, self._calls.pop(event.run_id, _Call()))
            elif outermost in self._calls:
                self._calls[outermost].add(event)

    def _created(self, event: RunCreated) -> None:
        if event.parent_id is None:
            self._calls[event.run_id] = _Call()
        else:
            self._outermost[event.run_id] = self._outermost.get(event.parent_id, event.parent_id)

    def _ended(self, event: RunEnded, call: _Call) -> None:
        good = event.state.is_success
        if self._when != "always" and good is not (self._when == "success"):
            return
        head = f"{short(event.task, 80)} {WORDS[event.state]}"
        if self._is_free():
            self._send(head, call.text(event, head), good)
        else:
            self._later.append(head if event.error is None else f"{head}: {short(told(event.error))}")

    # -- not too many ------------------------------------------------------------------------------------

    def _is_free(self) -> bool:
        return len(self._sent) < MOST_PER_MINUTE or clock.monotonic() - self._sent[0] >= 60

    @property
    def pulse(self) -> float | None:
        """Seconds until runs have to be told together."""
        return max(0.0, self._sent[0] + 60 - clock.monotonic()) if self._later else None

    def on_pulse(self) -> None:
        """Time has passed."""
        if self._later and self._is_free():
            self._tell_together()

    def on_destroy(self) -> None:
        if self._later:
            self._tell_together()

    def _tell_together(self) -> None:
        later, self._later = self._later, []
        lines = later[:MOST_NAMED]
        if len(later) > MOST_NAMED:
            lines.append(f"and {len(later) - MOST_NAMED:,} more")
        self._send(f"{len(later):,} more runs ended", "\n".join(lines), self._when == "success")

    # -- sending -----------------------------------------------------------------------------------------

    def _send(self, head: str, body: str, good: bool) -> None:
        self._sent.append(clock.monotonic())
        for target, shown in self._targets:
            try:
                kind = "success" if good else "failure"
                title = f"{self._title}: {head}"
                if _is_sent(target, body=self._masked(body), title=self._masked(title), notify_type=kind):
                    continue
                why = "it was not accepted"
            except Exception as error:
                why = self._masked(told(error))
            bus.tell_aloud(f"a notification could not be sent to {shown}: {why}")

    def _masked(self, text: str) -> str:
        for url, (_, shown) in zip(self._urls, self._targets, strict=True):
            text = text.replace(url, shown)
        return mask_text(text)

    def __repr__(self) -> str:
        return f"<notifications on {self._when} to {', '.join(shown for _, shown in self._targets)}>"


class _Call:
    """An outermost run, and what became of those that it has called."""

    def __init__(self) -> None:
        self._ended: Counter[RunState] = Counter()
        self._failures: list[str] = []

    def add(self, event: RunEnded) -> None:
        self._ended[event.state] += 1
        if not event.state.is_success and len(self._failures) < MOST_NAMED:
            why = "" if event.error is None else f": {short(told(event.error))}"
            self._failures.append(f"  {short(event.task, 80)} {WORDS[event.state]}{why}")

    def text(self, event: RunEnded, head: str) -> str:
        took = f" after {seconds(event.duration)}" if event.duration is not None else ""
        tries = f", in {event.attempts} attempts" if event.attempts > 1 else ""
        lines = [f"{head}{took}{tries}."]
        if event.error is not None:
            lines += [plain(line) for line in told(event.error).split("\n")[:MOST_NAMED]]
        if self._ended:
            words = [f"{self._ended[state]:,} {word}" for state, word in WORDS.items() if self._ended[state]]
            lines += [f"Runs that it called: {', '.join(words)}", *self._failures]
        lines.append(f"Run {event.run_id}")
        return "\n".join(lines)


def _is_sent(target: Any, **message: Any) -> bool:
    """To each service by itself: apprise sends to several on new threads, which the end of a program has no more."""
    sent = [service.notify(**message) for service in target]
    return all(sent)


def _targets(urls: list[str]) -> list[tuple[Any, str]]:
    """What sends to each address, and how that is shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what apprise and its services import, which is theirs
        return _loaded(urls)


def _loaded(urls: list[str]) -> list[tuple[Any, str]]:
    try:
        import apprise
    except ImportError as error:
        raise OptionError(
            f"notifications need apprise ({error}); install it with: pip install 'woflo[notify]'"
        ) from error
    found = []
    for url in urls:
        target = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        if not isinstance(url, str) or not target.add(url):
            scheme = str(url).partition(":")[0][:40]
            raise OptionError(f"apprise knows no address like {scheme}://***: see the list of its services")
        service: Any = target[0]
        found.append((target, str(service.url(privacy=True)).partition("?")[0]))
    return found


def _program() -> str:
    return os.path.basename(sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c") else "python")
