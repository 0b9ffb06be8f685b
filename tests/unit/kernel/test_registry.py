"""Runners by name: built in, or of an installed plug-in; a broken one harms nobody but who asks for it."""

from __future__ import annotations

import sys

import pytest

from woflo import task
from woflo.errors import OptionError, UnknownNameError
from woflo.kernel.registry import RUNNERS, load_runner


@pytest.fixture
def plug_ins(tmp_path, monkeypatch):
    """An installed distribution that brings runners, some of them broken."""
    info = tmp_path / "fancy_runners-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fancy-runners\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[woflo.runners]\n"
        "fancy = fancy_runners:FancyRun\n"
        "missing = fancy_runners:Nothing\n"
        "raising = fancy_broken:Run\n"
        "absent = fancy_not_there:Run\n"
        "number = fancy_runners:NUMBER\n"
        "thread = fancy_runners:FancyRun\n"
    )
    (tmp_path / "fancy_runners.py").write_text(
        "from woflo.runners import SequentialTaskRun\nclass FancyRun(SequentialTaskRun): pass\nNUMBER = 3\n"
    )
    (tmp_path / "fancy_broken.py").write_text("raise RuntimeError('broken on import')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("fancy_runners", "fancy_broken"):
        sys.modules.pop(name, None)


def test_a_plug_in_is_found_by_its_name(plug_ins):
    """And works like a built-in runner."""
    made = task(runner="fancy")(abs)
    assert made.runner.__name__ == "FancyRun"
    assert made(-1).get_result() == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing", "Nothing"),
        ("raising", "broken on import"),
        ("absent", "fancy_not_there"),
        ("number", "fancy_runners:NUMBER"),
    ],
)
def test_a_broken_plug_in_is_told_by_its_name(plug_ins, name, told):
    """What is wrong with it is in the message; other names are not touched."""
    with pytest.raises((UnknownNameError, OptionError), match=told):
        task(runner=name)(abs)
    assert task(runner="fancy")(abs)(-1).get_result() == 1
    assert task(runner="sequential")(abs)(-1).get_result() == 1


def test_a_plug_in_does_not_take_a_built_in_name(plug_ins):
    """Built-in names are looked up first."""
    assert load_runner("thread").__name__ == "ThreadTaskRun"


def test_an_unknown_name_tells_plug_ins_among_the_known(plug_ins):
    """With the nearest of them."""
    with pytest.raises(UnknownNameError, match=r"did you mean 'fancy'\?"):
        load_runner("fency")


@pytest.mark.parametrize("name", ["sequential", "thread", "async", "multiprocess"])
def test_built_in_names_are_classes(name):
    """A name and its class mean the same runner."""
    kind = load_runner(name)
    assert load_runner(kind) is kind
    assert kind.__name__ == RUNNERS[name].partition(":")[2]
