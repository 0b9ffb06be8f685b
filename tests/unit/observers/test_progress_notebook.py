"""Progress in a notebook: one output that changes. IPython is stood in for, by what of it is called."""

from __future__ import annotations

import io
import sys
from types import ModuleType

import pytest
from observer_helpers import created, ended, feed, printed, progress, started

from woflo.kernel.state import RunState
from woflo.observers import Progress
from woflo.observers.progress import display

pytest.importorskip("rich")


class Outputs:
    """What the cell shows: each output with its present content, and how often it was changed."""

    def __init__(self):
        self.shown = []
        self.changes = 0

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id
        self.shown.append(bundle)
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.shown[-1] = bundle
        self.changes += 1


@pytest.fixture
def outputs(monkeypatch):
    outputs = Outputs()
    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    shell = type("ZMQInteractiveShell", (), {})
    package.get_ipython = shell
    module.display = outputs.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return outputs


def test_a_notebook_is_known(outputs):
    """By its shell, whatever its streams say."""
    assert display.mode_of(io.StringIO()) == "notebook"


def test_one_output_changes(outputs, clock):
    """Bars while tasks run, in text and in HTML, the sum at the end; what is printed stands above."""
    stream = io.StringIO()
    shown = Progress(stream)
    for event in (created(), started(), progress(1, 4, "<b>"), printed("a line\n")):
        shown.update(event)
        clock.advance(1)
    shown.on_pulse()
    (bundle,) = outputs.shown
    assert "1/4" in bundle["text/plain"]
    assert "<b>" in bundle["text/plain"]
    assert "&lt;b&gt;" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert stream.getvalue() == "fetch | a line\n"
    shown.update(ended())
    shown.on_destroy()
    (bundle,) = outputs.shown
    assert "1 run in" in bundle["text/plain"]


def test_failures_are_printed(outputs):
    """They stay when the output has changed."""
    stream = io.StringIO()
    feed(Progress(stream), [created(), ended(state=RunState.FAILED, error=ValueError("cold"))])
    assert stream.getvalue() == "fetch: failed after 0.5 s: ValueError: cold\n"


def test_lines_go_to_stdout(outputs, capsys):
    """A notebook shows stderr as if something were wrong."""
    feed(Progress(), [created(), printed("a line\n")])
    assert capsys.readouterr() == ("fetch | a line\n", "")


def test_it_changes_twice_a_second(outputs, clock):
    """Each change is a message to the browser."""
    shown = Progress(io.StringIO())
    shown.update(created())
    for number in range(1_000):
        shown.update(progress(number, 1_000))
        clock.advance(0.01)
    assert 15 <= outputs.changes <= 25
