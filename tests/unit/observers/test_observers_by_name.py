"""Observers by name, by class, and those of other distributions; none costs a program that does not use it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from unit_helpers import script_environment

import woflo.observers
from woflo import subscribe, task
from woflo.errors import UnknownNameError
from woflo.kernel import registry

PLUGIN = """
class Counts:
    made = []

    def __init__(self, step=1):
        self.step, self.count = step, 0
        self.made.append(self)

    def update(self, event):
        self.count += self.step

def listen(event):
    Counts.made.append(event)

NOTHING = 3
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A distribution that brings observers."""
    (tmp_path / "their_observers.py").write_text(PLUGIN)
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    points = [f"{name} = their_observers:{name}" for name in ("Counts", "listen", "NOTHING", "missing")]
    (info / "entry_points.txt").write_text("\n".join(["[woflo.observers]", *points]))
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("their_observers")
    sys.modules.pop("their_observers", None)


@pytest.mark.parametrize("name", list(registry.OBSERVERS))
def test_a_built_in_one_is_known_by_its_name(name):
    """And is the class that the package shows."""
    found = registry.load_observer(name)
    assert getattr(woflo.observers, found.__name__) is found
    assert found.__name__ in woflo.observers.__all__


def test_another_distribution_brings_its_own(plugin):
    """A class, called with the options, or a function."""
    with subscribe("Counts", step=2), subscribe("listen"):
        task(runner="thread")(lambda: None)().get_result()
    (counts,) = [one for one in plugin.Counts.made if isinstance(one, plugin.Counts)]
    assert counts.count == 6
    assert len(plugin.Counts.made) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("progres", "did you mean 'progress'"),
        ("missing", "their_observers:missing cannot be loaded"),
        ("NOTHING", "no observer"),
    ],
)
def test_a_name_that_is_none_is_told(plugin, name, message):
    """With the nearest one, or with what is wrong with it."""
    with pytest.raises(UnknownNameError, match=message):
        subscribe(name)


def test_a_class_is_called_with_the_options():
    """`subscribe(Class, option=…)` makes the object."""
    seen = []

    class Keeps:
        def __init__(self, word):
            self.word = word

        def update(self, event):
            seen.append(self.word)

    with subscribe(Keeps, word="yes"):
        task(runner="thread")(lambda: None)().get_result()
    assert seen == ["yes"] * 3


def test_nothing_of_it_is_imported_before_it_is_used():
    """Not by woflo, not by the package of observers, and of each only what it needs."""
    program = """
import sys
import woflo, woflo.observers
def found():
    heavy = ("rich", "apprise", "opentelemetry", "woflo.observers.", "asyncio")
    return sorted({name.partition(".")[0] if not name.startswith("woflo") else name
                   for name in sys.modules if name.startswith(heavy)})
print(found())
woflo.subscribe("jsonl").close()
woflo.subscribe("logs").close()
import io
woflo.subscribe("progress", stream=io.StringIO()).close()
print([name for name in found() if name in ("rich", "apprise", "opentelemetry")])
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{program}"],
        env=script_environment(),
        cwd="/tmp",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.splitlines() == ["[]", "[]"], ended.stderr
