"""Observers that are named in texts and tables: what each part means, and what is told where it means nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from woflo import subscribe, task
from woflo.durable.observing import chosen_observers
from woflo.errors import OptionError, SettingsError, UnknownNameError
from woflo.observers.chosen import Chosen, in_table, in_text, subscribed, together

HERE = f"{__name__}:Typed"


@dataclass
class Typed:
    """One with options of several types."""

    count: int = 1
    names: tuple[str, ...] = ()
    where: Path | None = None
    free: Any = None
    token: int = 0

    def update(self, event):
        pass


class Sees:
    """Keeps what happens to all of its kind."""

    seen: list[str] = []

    def on_create(self):
        self.seen.append("created")

    def on_restart(self):
        self.seen.append("restarted")

    def update(self, event):
        self.seen.append(type(event).__name__)

    def on_failure(self):
        self.seen.append("failed")

    def on_destroy(self):
        self.seen.append("destroyed")


def listen(event):
    """A function is one as well."""
    Sees.seen.append("heard")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one, and nothing seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", sys.path[:])
    Sees.seen.clear()
    return tmp_path


def test_a_name_may_say_where_it_is_found():
    """`module:Class`, and `module:function`, wherever a name may stand; an own class is made with its options."""
    with subscribe(f"{__name__}:Sees"), subscribe(f"{__name__}:listen"):
        task(runner="thread")(lambda: None)().get_result()
    assert Sees.seen[0] == "created"
    assert Sees.seen.count("heard") == 3
    assert Sees.seen.count("RunEnded") == 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_module_at_all:Class", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        (f"{__name__}:Seen", "has no 'Seen'; did you mean 'Sees'"),
        (f"{__name__}:pytest", "no observer"),
        ("a:b:c", "write it as module:Class"),
        (":x", "write it as module:Class"),
    ],
)
def test_what_is_not_found_there_is_told(name, told):
    """With what is wrong, and the nearest name."""
    with pytest.raises(UnknownNameError, match=told):
        subscribe(name)


@pytest.mark.parametrize(
    ("text", "what", "options"),
    [
        ("progress", "progress", {}),
        ("logs,folder=out,keep=10", "logs", {"folder": "out", "keep": "10"}),
        ("jsonl,path=a,b.jsonl", "jsonl", {"path": "a,b.jsonl"}),
        ("mailto://me:pw@host?to=a,b&x=1", "mailto://me:pw@host?to=a,b&x=1", {}),
        ("json://host/x,when=always", "json://host/x", {"when": "always"}),
        ("package.module:Class,title=", "package.module:Class", {"title": ""}),
    ],
)
def test_a_text(text, what, options):
    """A name, and behind commas its options; a comma before no option belongs to what is before it."""
    chosen = in_text(text, "--observe")
    assert (chosen.what, chosen.options) == (what, options)


@pytest.mark.parametrize("text", ["", ",keep=3", "logs,keep", "logs,keep=1,keep=2"])
def test_a_text_that_is_none(text):
    """It is told how one is written."""
    with pytest.raises(OptionError, match=r"OPTION=VALUE|given twice"):
        in_text(text, "--observe")


def test_options_are_what_their_annotations_say():
    """Texts of a command line or a variable too; without an annotation JSON, or the text."""
    chosen = in_text(f'{HERE},count=3,names=["a", "b"],where=x,free={{"a": 1}},patience=0.5', "--observe").checked()
    assert chosen.options == {
        "count": 3,
        "names": ("a", "b"),
        "where": Path("x"),
        "free": {"a": 1},
        "patience": 0.5,
    }
    assert in_text("logs,keep=null,max_age=2", "--observe").checked().options == {"keep": None, "max_age": 2.0}
    assert in_text('notify,urls=["a", "b"],title=[x', "--observe").checked().options == {
        "urls": ["a", "b"],
        "title": "[x",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HERE},count=many", "--observe .*Typed: count cannot be 'many': input should be a valid integer"),
        (f"{HERE},cuont=3", "did you mean 'count'"),
        ("logs,keep=password=hunter2", r"\*\*\*"),
        (f"{HERE},count=3,secret_names=hunter2", "has no option 'secret_names'"),
        (f"{HERE},token=hunter2", "token cannot be '\\*\\*\\*'"),
        ("progres", "--observe progres: there is no observer named 'progres'; did you mean 'progress'"),
    ],
)
def test_a_wrong_option_is_told(text, told):
    """With its place, before anything begins, and without a secret."""
    with pytest.raises(OptionError, match=told) as raised:
        together([in_text(text, "--observe")])
    assert "hunter2" not in str(raised.value)


def test_a_table():
    """Each has a table of options, which may name the observer, or is on or off."""
    found = in_table({"logs": {"keep": 3}, "mine": {"observer": HERE, "count": "4"}, "jsonl": True, "spans": False}, "")
    assert {name: one and (one.what, dict(one.options)) for name, one in found.items()} == {
        "logs": ("logs", {"keep": 3}),
        "mine": (HERE, {"count": "4"}),
        "jsonl": ("jsonl", {}),
        "spans": None,
    }


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"logs": 3}, "x.logs: must be a table of options, true or false, and is 3"),
        ({"logs": "folder"}, "x.logs: must be a table"),
        ({"mine": {"observer": 3}}, "x.mine.observer must be a name, module:Class or an address, and is 3"),
    ],
)
def test_a_table_that_is_none(table, told):
    """It is told where, and what stands there."""
    with pytest.raises(OptionError, match=told):
        in_table(table, "x.")


def test_the_nearest_word_counts():
    """A later table over an earlier one, a command line over all; what is off is off, unless the command names it."""
    first = in_table({"logs": {"keep": 1}, "jsonl": True, "spans": True}, "")
    second = in_table({"jsonl": {"path": "b"}, "spans": False}, "")
    found = together([in_text("logs,keep=3", "--observe")], first, second)
    assert [(one.what, dict(one.options)) for one in found] == [("jsonl", {"path": "b"}), ("logs", {"keep": 3})]


def test_the_project_names_some(folder, monkeypatch):
    """Under `[observers]` in `woflo.toml`, from any folder below it: paths and modules are meant from its folder."""
    (folder / "woflo.toml").write_text(
        '[observers]\njsonl = {path = "all.jsonl"}\nlogs = true\nown = {observer = "o1:O"}'
    )
    (folder / "o1.py").write_text("class O:\n    def update(self, event): pass\n")
    (folder / ".git").mkdir()
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    options = {one.what: dict(one.options) for one in chosen_observers()}
    assert options == {
        "jsonl": {"path": str(folder / "all.jsonl")},
        "logs": {"folder": str(folder / "logs")},
        "o1:O": {},
    }
    assert chosen_observers(["jsonl,path=x"])[-1].options == {"path": "x"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("observers = 3", "'observers' must be a table"),
        ("[observers]\nlogs = 3", r"woflo.toml: observers.logs: must be a table"),
        ("[observers.log]", r"woflo.toml: observers.log: there is no observer named 'log'; did you mean 'logs'"),
        ("[observers.logs]\nfodler = 'x'", "did you mean 'folder'"),
    ],
)
def test_a_project_that_is_wrong_is_told(folder, text, told):
    """With the file and the table."""
    (folder / "woflo.toml").write_text(text)
    with pytest.raises((OptionError, SettingsError), match=told):
        chosen_observers()


def test_they_listen_together():
    """All have their stages, `on_restart` where it is one; one that cannot be made leaves none behind."""
    mine = Chosen(f"{__name__}:Sees", {}, "here")
    with pytest.raises(ZeroDivisionError), subscribed([mine, mine], restarted=True):
        raise ZeroDivisionError
    assert sorted(Sees.seen) == sorted(["created", "restarted", "failed", "destroyed"] * 2)
    Sees.seen.clear()
    broken = Chosen("logs", {"keep": -1}, "here")
    with pytest.raises(OptionError, match="here: keep=-1"), subscribed([mine, broken]):
        pass
    assert Sees.seen == ["created", "failed", "destroyed"]


def test_addresses_stand_in_the_environment(monkeypatch):
    """As apprise's own command has them: an address is a secret, and `notify` alone names none."""
    monkeypatch.setenv("APPRISE_URLS", "json://localhost/a json://localhost/b")
    with subscribe("notify") as made:
        assert "json://localhost/a" in repr(made._observer)
        assert "json://localhost/b" in repr(made._observer)
    with subscribe("json://localhost/c", when="always") as made:
        assert made.name == "notify"
