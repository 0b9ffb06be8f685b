"""Temporary outputs go when their last reader is done, and come again when another one needs them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from woflo import RunState, dry_run, gather, script, task, temporary
from woflo.errors import MissingInputError, ScriptError, UpstreamFailedError
from woflo.scripts.ledger import ledger
from woflo.scripts.runner import ScriptTaskRun
from woflo.testing import wait_until

EXECUTED, SKIPPED = RunState.SUCCEEDED, RunState.SKIPPED


@pytest.fixture
def flow(project):
    """`flow()` gives the states of a maker of a temporary file and of its two readers, and returns when it is gone."""
    Path("in.txt").write_text("one")
    Path("other.txt").write_text("other")
    make = script(
        "echo >> made; cp {inputs} {outputs}", inputs="in.txt", outputs=temporary("t.txt"), shell=True, name="make"
    )
    read = script("cat {inputs} > {outputs}; {extra}", outputs="r_{i}.txt", shell=True, name="read")

    def begun(extra="true"):
        made = make()
        runs = [made, read(i=1, inputs=made, extra="true"), read(i=2, inputs=[made, "other.txt"], extra="true")]
        for run in runs:
            run.wait()
        wait_until(lambda: not Path("t.txt").exists())
        return [run.state for run in runs]

    return begun


def test_it_goes_with_its_last_reader(flow):
    """Afterwards all are up to date without it."""
    assert flow() == [EXECUTED] * 3
    assert Path("r_1.txt").read_text() == "one"
    assert flow() == [SKIPPED] * 3
    assert Path("made").read_text() == "\n"


def test_it_comes_again_for_a_reader_that_needs_it(flow):
    """And goes again."""
    flow()
    Path("other.txt").write_text("another")
    assert flow() == [SKIPPED, SKIPPED, EXECUTED]
    assert Path("r_2.txt").read_text() == "oneanother"
    assert flow() == [SKIPPED] * 3


def test_a_dry_run_tells_that_it_comes_again(project):
    """For who is called with what makes it; whoever only names the file does not find it."""
    make = script("touch {outputs}", outputs=temporary("t.txt"), name="make")
    read = script("cp {inputs} {outputs}", outputs="{i}.txt", name="read")
    read(i=1, inputs=make()).get_result()
    wait_until(lambda: not Path("t.txt").exists())
    with dry_run() as plan:
        read(i=2, inputs=make())
        read(i=3, inputs="t.txt")
    assert [one.reasons[1] for one in plan.planned] == [
        "its input t.txt was temporary, and would be made again by make before",
        "its input t.txt does not exist, and nothing would make it: it would fail",
    ]
    read(i=2, inputs=make()).get_result()
    wait_until(lambda: not Path("t.txt").exists())
    assert isinstance(read(i=3, inputs="t.txt").exception(), MissingInputError)


def test_a_change_of_what_it_is_made_of(flow):
    """Makes all of them again."""
    flow()
    Path("in.txt").write_text("two")
    assert flow() == [EXECUTED] * 3
    assert Path("r_1.txt").read_text() == "two"


def test_it_stays_where_a_reader_has_failed(project):
    """That one will need it once more."""
    make = script("echo x > {outputs}", outputs=temporary("t.txt"), shell=True)
    made = make()
    made.get_result()
    bad = script("exit 1", shell=True, runner="sequential")  # its end is told to all before the call returns
    assert isinstance(bad(inputs=made).exception(), ScriptError)
    assert Path("t.txt").exists()


def test_it_stays_as_long_as_nobody_has_read_it(project):
    """And one that was changed by hand is the user's."""
    make = script("echo x > {outputs}", outputs=temporary("t.txt"), shell=True)
    made = make()
    made.get_result()
    Path("t.txt").write_text("by hand")
    script("cat {inputs}", runner="sequential")(inputs=made).get_result()
    assert Path("t.txt").exists()
    gather(made).get_result()


def test_it_stays_for_a_reader_that_is_called_at_once(project):
    """Who is called right after the last reader has ended finds it there, or made again."""
    make = script("echo x > {outputs}", outputs=temporary("t.txt"), shell=True, name="make")
    read = script("cat {inputs}", name="read")
    for _ in range(10):
        made = make()
        read(inputs=made).wait()
        again = [read(inputs=made) for _ in range(3)]
        assert [run.wait() and run.state for run in again] == [EXECUTED] * 3


def test_what_is_made_again_stays_for_all_readers(project):
    """Also for one that begins when the one for which it was made again has ended."""
    make = script("echo x > {outputs}", outputs=temporary("t.txt"), shell=True, name="make")
    read = script("cat {inputs}", name="read")
    for _ in range(3):
        made, called = make(), threading.Event()
        first = read.with_options(after=[task(runner="thread")(called.wait)()])(inputs=made)
        last = read.with_options(after=[first])(inputs=made)
        called.set()
        assert (last.wait(), first.state, last.state) == (True, EXECUTED, EXECUTED)
        wait_until(lambda: not Path("t.txt").exists())


def test_it_is_made_again_in_the_place_of_its_reader(project, monkeypatch):
    """Where there is one place alone, its readers do not keep it from being made."""
    monkeypatch.setattr(ScriptTaskRun, "max_concurrency", 1)
    make = script("echo x > {outputs}", outputs=temporary("t.txt"), shell=True, name="make")
    read = script("cat {inputs}", name="read")
    for _ in range(2):
        made = make()
        runs = [read(inputs=made) for _ in range(40)]
        assert all(run.wait(20) and run.state is EXECUTED for run in runs)
        wait_until(lambda: not Path("t.txt").exists())


def test_it_cannot_be_made_again(project):
    """Then its reader is not executed, and says because of whom."""
    Path("in.txt").write_text("one")
    make = script("cp {inputs} {outputs}", inputs="in.txt", outputs=temporary("t.txt"), name="make")
    read = script("cat {inputs}", name="read")
    read(inputs=make()).get_result()
    wait_until(lambda: not Path("t.txt").exists())
    made = make()
    assert made.wait() and made.state is SKIPPED
    Path("in.txt").unlink()
    reader = read(inputs=made)
    assert isinstance(reader.exception(), UpstreamFailedError)
    assert "in.txt" in str(reader.exception().__cause__)


def test_it_is_known_to_be_gone_before_it_is(flow, monkeypatch):
    """Whoever finds it missing finds the reason too, and does not take its maker for one that has to be executed."""
    known = []

    def unlink(path, *, really=os.unlink):
        known.append(ledger().get("t.txt").record.get("gone"))
        really(path)

    with monkeypatch.context() as patched:
        patched.setattr("woflo.scripts.temporaries.os", SimpleNamespace(**{**vars(os), "unlink": unlink}))
        flow()
    assert known == [["t.txt"]]
