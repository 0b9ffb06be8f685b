"""Every event is a line of JSON, of a schema that does not change by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction

import pytest
from observer_helpers import AT, created, ended, failed, feed, logged, printed, progress, retried, run_id, started
from unit_helpers import eventually, script_environment

from woflo import subscribe, task
from woflo.errors import OptionError
from woflo.kernel import events
from woflo.kernel.state import RunState
from woflo.observers import JSONLines
from woflo.observers import jsonl as jsonl_module


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


WHO = {"v": 1, "run_id": run_id(), "task": "fetch", "at": AT}
COLD = {"type": "ValueError", "message": "cold"}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            created(2, parent=1, depends_on=("a",), arguments="page=3, token=sesame"),
            {
                "event": "RunCreated",
                "run_id": run_id(2),
                "parent_id": run_id(1),
                "depends_on": ["a"],
                "arguments": "page=3, token=***",
            },
        ),
        (started(attempt=2), {"event": "AttemptStarted", "attempt": 2}),
        (failed(), {"event": "AttemptFailed", "attempt": 1, "error": COLD}),
        (retried(), {"event": "RunRetried", "attempt": 1, "delay": 2.0, "error": COLD}),
        (progress(1, None, "half"), {"event": "ProgressMade", "done": 1, "total": None, "message": "half"}),
        (printed("a\n"), {"event": "OutputWritten", "stream": "stdout", "text": "a\n", "is_kept": False}),
        (logged("m"), {"event": "LogRecorded", "logger": "some.place", "level": 30, "message": "m"}),
        (
            ended(state=RunState.FAILED, error=ValueError("cold")),
            {"event": "RunEnded", "state": "FAILED", "attempts": 1, "duration": 0.5, "error": COLD},
        ),
    ],
    ids=lambda value: value.get("event") if isinstance(value, dict) else "",
)
def test_the_schema_is_this(tmp_path, event, told):
    """Whoever reads the lines relies on these names: a change needs a new number, or only adds."""
    feed(JSONLines(tmp_path / "e.jsonl"), [event])
    assert lines(tmp_path / "e.jsonl") == [{**WHO, **told}]


def test_every_event_is_in_the_schema():
    """One that is added is added to the test above, unless it is told to those alone who count what is skipped."""
    assert len({*events.__all__} - {"Event", "RunsSkipped"}) == 8
    assert not getattr(JSONLines, "counts_skipped", False)


@pytest.mark.parametrize(
    ("given", "told"),
    [(float("nan"), None), (float("inf"), None), (Fraction(1, 2), 0.5), ("no number", "no number"), ([1], [1])],
)
def test_what_json_does_not_know_is_not_written(tmp_path, given, told):
    """Every line can be read by every parser."""
    feed(JSONLines(tmp_path / "e.jsonl"), [progress(given)])
    assert lines(tmp_path / "e.jsonl")[0]["done"] == told


def test_any_text_is_one_line(tmp_path):
    """Newlines, escapes and halves of letters too."""
    feed(JSONLines(tmp_path / "e.jsonl"), [printed("a\nb\u2028\x1b[2J\ud800")])
    assert len((tmp_path / "e.jsonl").read_bytes().splitlines()) == 1
    assert lines(tmp_path / "e.jsonl")[0]["text"] == "a\nb\u2028\x1b[2J\ud800"


def test_secrets_are_masked(tmp_path):
    """In what is printed, logged, told as progress, and in errors."""
    said = "password=HUNTER2"
    told = [printed(said), logged(said), progress(1, 2, said), ended(error=ValueError(said))]
    feed(JSONLines(tmp_path / "e.jsonl"), told)
    assert "HUNTER2" not in (tmp_path / "e.jsonl").read_text()


def test_lines_are_in_the_file_within_a_second(tmp_path, monkeypatch):
    """And at once where a run has failed."""
    monkeypatch.setattr(jsonl_module, "FLUSH_AFTER", 0.05)
    path = tmp_path / "e.jsonl"
    with subscribe("jsonl", path=path) as subscribed:
        subscribed.put(started())
        eventually(lambda: path.stat().st_size)
        monkeypatch.setattr(jsonl_module, "FLUSH_AFTER", 1_000)
        subscribed.put(ended(state=RunState.FAILED))
        eventually(lambda: len(lines(path)) == 2)


def test_a_second_program_appends(tmp_path):
    """Behind what is there; a line whose end was lost is ended."""
    path = tmp_path / "deep" / "e.jsonl"
    feed(JSONLines(path), [started()])
    with path.open("a") as file:
        file.write('{"v":1,"event":"Run')
    feed(JSONLines(path), [started()])
    first, cut, last = path.read_text().splitlines()
    assert json.loads(first) == json.loads(last)
    assert cut == '{"v":1,"event":"Run'


def test_a_large_file_makes_room(tmp_path):
    """The old ones are numbered, the last ones are kept, and no line is lost between them."""
    feed(JSONLines(tmp_path / "e.jsonl", max_bytes=400, keep=2), [progress(number) for number in range(20)])
    files = [tmp_path / name for name in ("e.jsonl.2", "e.jsonl.1", "e.jsonl")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    numbers = [line["done"] for path in files for line in lines(path)]
    assert numbers == list(range(20))[-len(numbers) :]
    assert all(path.stat().st_size <= 400 for path in files)


def test_no_old_file_is_kept_where_none_is_wanted(tmp_path):
    """`keep=0`: it begins anew."""
    feed(JSONLines(tmp_path / "e.jsonl", max_bytes=200, keep=0), [progress(number) for number in range(20)])
    assert [path.name for path in tmp_path.iterdir()] == ["e.jsonl"]


@pytest.mark.parametrize("options", [{"max_bytes": 0}, {"keep": -1}])
def test_limits_that_cannot_be_meant_are_refused(tmp_path, options):
    """By their name and value."""
    (name,) = options
    with pytest.raises(OptionError, match=f"{name}="):
        JSONLines(tmp_path / "e.jsonl", **options)


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path):
    """Not by the first event."""
    with pytest.raises(OptionError, match="events cannot be written there"):
        subscribe("jsonl", path=tmp_path)


def test_a_program_that_ends_has_written_everything(tmp_path):
    """Nobody need close it."""
    text = """
    from woflo import subscribe, task
    subscribe("jsonl")
    task(runner="thread")(abs)(-1)
    """
    program = "\n".join(line.strip() for line in text.splitlines())
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=script_environment(), check=True, timeout=60)
    assert [line["event"] for line in lines(tmp_path / "events.jsonl")] == ["RunCreated", "AttemptStarted", "RunEnded"]


def test_runs_in_a_program_are_written_in_order(tmp_path, memory):
    """As they happened."""
    with subscribe(JSONLines(tmp_path / "e.jsonl")):
        run = task(runner=memory, retries=1)(lambda: None)()
        run.fail()
        run.succeed()
    assert [line["event"] for line in lines(tmp_path / "e.jsonl")] == [
        "RunCreated",
        "AttemptStarted",
        "AttemptFailed",
        "RunRetried",
        "AttemptStarted",
        "RunEnded",
    ]
