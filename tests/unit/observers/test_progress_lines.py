"""Progress where nothing can be drawn: a line per change of note, and no escape."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from observer_helpers import AT, created, ended, feed, logged, printed, progress, retried, run_id, started

from woflo import subscribe
from woflo.errors import OptionError
from woflo.kernel import hiding
from woflo.kernel.state import RunState
from woflo.observers import Progress
from woflo.observers.progress import display
from woflo.observers.progress import lines as lines_module
from woflo.observers.tally import Tally

FAILED = RunState.FAILED


class Terminal(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, *, is_terminal=True, encoding="utf-8"):
        super().__init__()
        self.is_terminal = is_terminal
        self.own_encoding = encoding

    @property
    def encoding(self):
        return self.own_encoding

    def isatty(self):
        return self.is_terminal


def written(*events, encoding="utf-8", **options):
    stream = Terminal(is_terminal=False, encoding=encoding)
    feed(Progress(stream, mode="lines", **options), events)
    return stream.getvalue().splitlines()


def test_starts_ticks_and_ends_are_few_lines():
    """A hundred ticks are four lines; a success, a retry and a failure are one each; then the sum."""
    ticks = [progress(done, 100) for done in range(101)]
    assert written(
        created(1), started(1), *ticks, ended(1), created(2, "save"), started(2, "save"), retried(2, "save"),
        started(2, "save", attempt=2), ended(2, "save", state=FAILED, error=ValueError("full"), attempts=2),
    ) == [
        "fetch: 25 of 100",
        "fetch: 50 of 100",
        "fetch: 75 of 100",
        "fetch: 100 of 100",
        "fetch: succeeded after 0.5 s",
        "save: attempt 1 failed, again in 2 s: ValueError: cold",
        "save: failed after 0.5 s: ValueError: full",
        "2 runs in 0 s: 1 succeeded, 1 failed",
    ]  # fmt: skip


def test_output_is_shown_with_whose_it_is():
    """Whole lines, those of the log too, and the last one without an end."""
    told = written(started(), printed("one\ntw"), logged("careful"), printed("o"), ended())
    assert told[:3] == ["fetch | one", "fetch | some.place: careful", "fetch | two"]


def test_output_can_be_left_out():
    """`output=False`: progress alone."""
    assert written(started(), printed("one\n"), logged("careful"), ended(), output=False) == [
        "fetch: succeeded after 0.5 s",
        "1 run in 0 s: 1 succeeded",
    ]


def test_runs_of_one_task_are_told_apart():
    """In each line, by what they were given: what they say, how far they are, how they end."""
    assert written(
        created(1, arguments="a.c"), created(2, arguments="b.c"), started(1), started(2),
        printed("careful\n", 2), progress(1, 2), retried(1), ended(1), ended(2, state=FAILED), created(3), ended(3),
    ) == [
        "fetch(b.c) | careful",
        "fetch(a.c): 1 of 2",
        "fetch(a.c): attempt 1 failed, again in 2 s: ValueError: cold",
        "fetch(a.c): succeeded after 0.5 s",
        "fetch(b.c): failed after 0.5 s: ",
        "fetch: succeeded after 0.5 s",
        "3 runs in 0 s: 2 succeeded, 1 failed",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 5_000])
def test_a_flood_of_output_is_shown_in_part(size):
    """The first thousand lines of a second, and how many others there were; each run has its own."""
    numbers = [f"{number}\n" for number in range(5_000)]
    texts = ["".join(numbers[at : at + size]) for at in range(0, 5_000, size)]
    told = written(
        started(), started(2, "save"), *[printed(text) for text in texts], printed("saved\nlast", 2, "save"),
        ended(), ended(2, "save"),
    )  # fmt: skip
    assert told[:1_000] == [f"fetch | {number}" for number in range(1_000)]
    assert told[1_000:] == [
        "save | saved",
        "fetch | … 4,000 lines left out",
        "fetch: succeeded after 0.5 s",
        "save | last",
        "save: succeeded after 0.5 s",
        "2 runs in 0 s: 2 succeeded",
    ]


def test_what_is_left_out_is_told_where_its_log_has_it():
    """That of a command has all; what another second brings is shown again, and the line that had begun is one."""
    text = "".join(f"{number}\n" for number in range(1_001))
    flood = [replace(printed(each), is_kept=True) for each in (text + "be", "gun\nhalf a ")]
    later = [replace(printed("line\nnext\n", at=AT + 1), is_kept=True), logged("careful", at=AT + 1)]
    told = written(started(), *flood, *later)
    assert told[1_000:] == [
        f"fetch | … 2 lines left out; `woflo logs {run_id()}` has all",
        "fetch | half a line",
        "fetch | next",
        "fetch | some.place: careful",
    ]
    assert written(started(), *flood, logged("lost"))[1_000:] == [
        f"fetch | … 3 lines left out; `woflo logs {run_id()}` has all"
    ]


def test_secrets_of_a_flood_are_masked():
    """Also those of many lines that are shown in part."""
    hiding.forget_all()
    hiding.know_texts(["first half of it\nsecond half of it"])
    text = "\n" * 998 + "password=sesame\nfirst half of it\nsecond half of it\n"
    assert written(started(), printed(text))[998:] == ["fetch | password=***", "fetch | ***"]


def test_long_lines_are_a_flood_too():
    """A thousand of them would be much."""
    told = written(started(), *[printed("x" * 60_000 + "\n")] * 100, ended())
    assert [line[:60] for line in told[5:]] == [
        "fetch | … 95 lines left out", "fetch: succeeded after 0.5 s", "1 run in 0 s: 1 succeeded"
    ]  # fmt: skip


def test_thousands_of_runs_are_few_lines(clock):
    """The first ones have a line each; then all are counted, at most every ten seconds."""
    stream = Terminal(is_terminal=False)
    shown = Progress(stream, mode="lines")
    for number in range(10_000):
        for event in (created(number), started(number), ended(number)):
            shown.update(event)
        if number % 100 == 99:
            clock.advance(1)
    shown.on_destroy()
    told = stream.getvalue().splitlines()
    counts = [line for line in told if "ended" in line]
    assert len(told) == lines_module.MOST_ENDS + len(counts) + 1
    assert 9 <= len(counts) <= 10
    assert re.fullmatch(r"1,00. of 1,00. ended \(1,00. succeeded\), 0 running", counts[0])
    assert told[-1] == "10,000 runs in 0 s: 10,000 succeeded"


def test_thousands_of_failures_are_bounded():
    """Those of which each has its own line."""
    events = [event for number in range(1_000) for event in (created(number), ended(number, state=FAILED))]
    assert len(written(*events)) == lines_module.MOST_FAILURES + 1


def test_progress_of_thousands_is_bounded():
    """Four lines each would be many."""
    events = [event for number in range(1_000) for event in (started(number), progress(1, 1, number=number))]
    assert len(written(*events)) == lines_module.MOST_QUARTERS


def test_names_output_and_errors_cannot_forge_the_screen():
    """No escape, no control character and no line of their own, wherever they come from."""
    evil = "\x1b[2J\x1b]0;title\x07evil\r\nforged\x9b1A\u202e"
    events = [
        created(task=evil),
        started(task=evil),
        progress(1, 2, evil, task=evil),
        printed(evil, task=evil),
        logged(evil, task=evil),
        retried(task=evil, error=ValueError(evil)),
        ended(task=evil, state=FAILED, error=ValueError(evil)),
    ]
    told = written(*events)
    text = "\n".join(told)
    assert all(letter.isprintable() or letter == "\n" for letter in text), text
    assert not [line for line in told if line.startswith("forged") and " | " not in line and ":" not in line]


def test_what_a_stream_cannot_encode_is_replaced():
    """And nothing is raised."""
    assert written(started(task="käse"), ended(task="käse"), encoding="ascii")[0] == "k?se: succeeded after 0.5 s"


def test_a_broken_stream_is_left_alone():
    """Nobody reads any more: the runs go on, and nothing is complained."""

    class Broken(Terminal):
        writes = 0

        def write(self, text):
            self.writes += 1
            raise BrokenPipeError

    stream = Broken()
    with subscribe("progress", stream=stream, mode="lines") as subscribed:
        for _ in range(5):
            subscribed.put(ended())
    assert stream.writes == 1


@pytest.mark.parametrize(
    ("environment", "is_terminal", "mode"),
    [
        ({}, True, "terminal"),
        ({}, False, "lines"),
        ({"CI": "true"}, True, "lines"),
        ({"CI": "1"}, True, "lines"),
        ({"CI": "false"}, True, "terminal"),
        ({"TERM": "dumb"}, True, "lines"),
    ],
)
def test_the_stream_and_the_environment_decide(environment, is_terminal, mode, monkeypatch):
    """A terminal gets bars; a pipe, CI and a terminal that cannot draw get lines."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert display.mode_of(Terminal(is_terminal=is_terminal)) == mode


def test_another_mode_is_refused():
    """By its name, with those that there are."""
    with pytest.raises(OptionError, match=r"mode='bars'.*terminal, lines, notebook"):
        subscribe("progress", mode="bars")


def test_without_rich_the_way_out_is_named(monkeypatch):
    """Lines need none."""
    monkeypatch.setitem(__import__("sys").modules, "rich", None)
    with pytest.raises(OptionError, match=r"pip install 'woflo\[progress\]'"):
        Progress(Terminal(), mode="terminal")
    Progress(Terminal(), mode="lines")


# -- the counts ------------------------------------------------------------------------------------------


def tally_of(*events):
    tally = Tally()
    for event in events:
        tally.take(event)
    return tally


def test_what_runs_is_what_is_kept():
    """What has ended is a number."""
    events = [event for number in range(100) for event in (created(number), started(number), ended(number))]
    tally = tally_of(*events, created(200, parent=1), started(200))
    assert (tally.created, tally.done, list(tally.running), len(tally.inner)) == (101, 100, [started(200).run_id], 1)


@pytest.mark.parametrize("done", [float("nan"), float("inf"), "no number", None, [1]])
def test_progress_that_is_no_number_is_passed_over(done):
    """A task may tell anything."""
    run = tally_of(started(), progress(1, 2), progress(done, 2)).running[started().run_id]
    assert (run.done, run.total) == (1, 2)


def test_a_run_of_before_is_counted():
    """Its call was made before anybody listened: there are never more ended than called."""
    tally = tally_of(ended(1), ended(2))
    assert (tally.created, tally.done) == (2, 2)


def test_a_call_that_a_worker_executes_has_its_progress():
    """No attempt of it is told here, but what its code says is."""
    tally = tally_of(created(), progress(1, 2))
    assert tally.running[started().run_id].done == 1
    tally.take(ended())
    tally.take(progress(2, 2))
    assert not tally.running
    assert not tally.waiting


def test_another_attempt_begins_anew():
    """Its progress is its own."""
    run = tally_of(started(), progress(1, 2), started(attempt=2)).running[started().run_id]
    assert (run.done, run.attempt) == (None, 2)
