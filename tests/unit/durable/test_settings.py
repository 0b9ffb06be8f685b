"""Settings classes are read from the environment and files, and again when a file has changed."""

import logging
import pickle
from contextlib import closing

import pytest
from inject_tasks import Mail, mailing, whole

from woflo import use_resources
from woflo.durable import settings as reading
from woflo.durable.choice import DEFAULT, chosen_url, opened
from woflo.durable.project import find
from woflo.errors import SettingsError
from woflo.testing import wait_until


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty project, nothing read yet, and files that are looked at before every attempt."""
    monkeypatch.setattr(reading, "LOOK", 0.0)
    (tmp_path / "pyproject.toml").touch()
    here = tmp_path / "part"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(reading, "_read", {})
    for name in ("MAIL_HOST", "MAIL_PORT", "WOFLO_STORE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def current():
    return mailing().get_result()


def test_the_environment_counts_first(folder, monkeypatch):
    """Then `.env`, then `woflo.toml`, then the defaults; each for itself."""
    assert current() == ("localhost", 25)
    (folder / "woflo.toml").write_text('[settings.Mail]\nhost = "toml"\nport = 1\n')
    assert current() == ("toml", 1)
    (folder / ".env").write_text("MAIL_PORT=2\nOF_ANOTHER_PROGRAM=3\n")
    assert current() == ("toml", 2)
    monkeypatch.setenv("MAIL_PORT", "3")
    (folder / "woflo.toml").write_text('[settings.Mail]\nhost = "new"\nport = 1\n')
    assert current() == ("new", 3)


def test_files_are_not_looked_at_all_the_time(folder, monkeypatch):
    """What has changed is seen by the first look after half a second."""
    assert current() == ("localhost", 25)
    monkeypatch.setattr(reading, "LOOK", 3600.0)
    (folder / "woflo.toml").write_text("[settings.Mail]\nport = 1\n")
    assert current() == ("localhost", 25)
    monkeypatch.setattr(reading, "LOOK", 0.5)
    wait_until(lambda: current() == ("localhost", 1))


def test_a_file_that_becomes_invalid_changes_nothing(folder, caplog):
    """It is told once, and read when it is valid again."""
    (folder / "woflo.toml").write_text("[settings.Mail]\nport = 1\n")
    assert current() == ("localhost", 1)
    caplog.set_level(logging.WARNING, "woflo")
    (folder / "woflo.toml").write_text("[settings.Mail]\nport = 'many'\n")
    assert [current() for _ in range(3)] == [("localhost", 1)] * 3
    assert "port" in caplog.text
    assert "many" not in caplog.text
    (folder / "woflo.toml").write_text("[settings.Mail]\nport = 22\n")
    assert current() == ("localhost", 22)
    assert caplog.text.count("stays in force") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[settings.Mail]\nport = 'many'\n", r"Mail are not valid: port: .*MAIL_PORT, or .* \[settings.Mail\]"),
        ("[settings.Mail]\nprot = 1\n", "prot"),
        ("[settings]\nMail = 1\n", r"must be a table, \[settings.Mail\]"),
        ("[settings.Mail\n", "woflo.toml cannot be read"),
    ],
)
def test_what_is_wrong_is_told(folder, text, told):
    """By the name of the field, with what to do."""
    (folder / "woflo.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        current()


def test_secrets_are_not_told(folder):
    """Neither a value that is wrong, nor one beside it, stands in the error or its traceback."""
    (folder / "woflo.toml").write_text("[settings.Mail]\nport = 'hidden'\npassword = 'hidden'\n")
    error = mailing().exception()
    assert isinstance(error, SettingsError)
    assert "hidden" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_they_are_objects_of_the_class():
    """As if the class had been called: they can travel to other processes."""
    with use_resources():
        value = whole().get_result()
    assert type(value) is Mail
    assert pickle.loads(pickle.dumps(value)) == value


# -- the store in the file -----------------------------------------------------------------------------


def test_the_store_is_chosen(folder, monkeypatch):
    """By the environment before the file, and a path in the file is meant from its folder."""
    assert chosen_url() == DEFAULT
    for begin in ("sqlite:///", "dir:"):
        (folder / "woflo.toml").write_text(f'[store]\nurl = "{begin}kept/runs"\n')
        assert chosen_url() == f"{begin}{folder}/kept/runs"
    monkeypatch.setenv("WOFLO_STORE", "memory:")
    assert chosen_url() == "memory:"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[stores]\n", r"woflo.toml: 'stores' is not known here; did you mean 'store'\?"),
        ("[observrs.jsonl]\n", r"did you mean 'observers'\?"),
        ("[xyz]\n", r"\(known: logs, observers, retention, settings, store; tool is for others\)"),
        ('url = "memory:"\n', "woflo.toml: 'url' is not known here"),
        ("[store]\nulr = 'memory:'\n", r"woflo.toml: \[store\] has 'ulr'"),
        ("[store]\nurl = 'nosuch'\n", r"woflo.toml: \[store\] url: 'nosuch' is no URL of a store"),
    ],
)
def test_what_nobody_would_read(folder, text, told):
    """Is a mistake, told with the nearest name and the place; tables of other programs are theirs."""
    (folder / "woflo.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        chosen_url()
    (folder / "woflo.toml").write_text("[tool.other]\n")
    assert chosen_url().endswith(".woflo/woflo.db")


def test_a_file_above_marks_the_project(folder, monkeypatch):
    """Without other marks, too: it holds below, with the store beside it; where everybody may write it does not."""
    top = folder / "50% of it"
    below = top / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    (folder / "pyproject.toml").unlink(missing_ok=True)
    assert chosen_url() == DEFAULT
    (top / "woflo.toml").write_text("[settings.Mail]\nport = 1\n")
    assert find("woflo.toml") == top / "woflo.toml"
    with closing(opened(chosen_url())) as store:
        assert store.path == str(top / ".woflo" / "woflo.db")
    (top / "woflo.toml").write_text('[store]\nurl = "sqlite:///kept.db"\n')
    with closing(opened(chosen_url())) as store:
        assert store.path == str(top / "kept.db")
    top.chmod(0o1777)
    assert chosen_url() == DEFAULT
    monkeypatch.chdir(top)
    assert chosen_url() != DEFAULT


@pytest.mark.parametrize("url", ["sqlite:////absolute.db", "dir:///absolute", "postgresql:///runs", "memory:"])
def test_other_urls_are_taken_as_they_are(folder, url):
    """What names no relative path."""
    (folder / "woflo.toml").write_text(f'[store]\nurl = "{url}"\n')
    assert chosen_url() == url


def test_a_url_is_a_text(folder):
    """Anything else is told with the place."""
    (folder / "woflo.toml").write_text("[store]\nurl = 3\n")
    with pytest.raises(SettingsError, match=r"woflo.toml: \[store\] url must be"):
        chosen_url()


def test_files_above_the_project_are_not_read(folder, monkeypatch):
    """The search ends at the folder with `pyproject.toml` or `.git`; without one, at a `woflo.toml`."""
    (folder / "woflo.toml").write_text('[store]\nurl = "memory:"\n')
    (folder / "part" / ".git").touch()
    assert chosen_url() == DEFAULT
    (folder / "part" / ".git").unlink()
    assert chosen_url() == "memory:"
    (folder / "pyproject.toml").unlink()
    assert chosen_url() == "memory:"
    (folder / ".env").touch()
    assert find(".env") == folder / ".env"
    (folder / "woflo.toml").unlink()
    assert (chosen_url(), find(".env")) == (DEFAULT, None)
