"""`woflo settings`: what the tasks of a target read, written out with its defaults."""

import tomllib

import pytest
from systems import needs_fork
from worker_programs import folder

from woflo.observers.chosen import in_table, together

__all__ = ["folder"]
pytestmark = needs_fork

APP = """
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from woflo import inject, task

class Mail(BaseSettings, env_prefix="MAIL_"):
    host: str = Field("localhost", description="The machine that sends.\\nAny name.")
    ports: list[int] = [25, 587]
    user: str
    password: SecretStr = SecretStr("unsafe")
    weights: dict[str, float] = {"a b": 0.5}

class Unused(BaseSettings):
    x: int = 1

class Tuning(BaseSettings):
    speed: float = 1.5

@task
def send(mail: Mail = inject(), tuning: Tuning = inject()) -> None: ...

@task
def again(mail: Mail = inject()) -> None: ...
"""
MAIL = """[settings.Mail]
# The machine that sends.
# Any name.
# host = "localhost"  # or MAIL_HOST in the environment
# ports = [25, 587]  # or MAIL_PORTS in the environment
# user = (no default: this one is needed)  # or MAIL_USER in the environment
# password = ""  # or MAIL_PASSWORD in the environment
# weights = {"a b" = 0.5}  # or MAIL_WEIGHTS in the environment
"""
TUNING = """[settings.Tuning]
# speed = 1.5  # or SPEED in the environment
"""


@pytest.fixture(autouse=True)
def app(folder):
    folder.write("app.py", APP)


def run(folder, *arguments, status=0):
    with folder.command("settings", *arguments) as command:
        assert command.wait() == status, command.read()
        return command.read()


def test_they_are_shown(folder):
    """Of the classes that tasks have injected, each once; secrets are not among them."""
    shown = run(folder, "app.py")
    assert shown.startswith(f"{MAIL}\n{TUNING}\n# Who is told of what happens")
    assert "# [observers.logs]  # Writes what each run says" in shown
    assert "# keep = 1000\n" in shown


def test_the_file_is_valid_toml_without_a_value(folder):
    """What is not written anew stays with its default."""
    assert tomllib.loads(run(folder, "app.py")) == {"settings": {"Mail": {}, "Tuning": {}}}
    values = "\n".join(
        line[2:]
        for line in run(folder, "app.py").partition("# Who")[0].splitlines()
        if " = " in line and "(no" not in line
    )
    assert tomllib.loads(values)["weights"] == {"a b": 0.5}


def test_what_is_missing_is_added(folder):
    """What stands in the file stays; written once more, nothing is added."""
    folder.write("woflo.toml", '[store]\nurl = "memory:"\n\n[settings.Mail]\nhost = "mine"\n')
    assert "woflo.toml: added Tuning, observers" in run(folder, "--write", "app.py")
    text = (folder.path / "woflo.toml").read_text()
    assert text.startswith(f'[store]\nurl = "memory:"\n\n[settings.Mail]\nhost = "mine"\n\n{TUNING}\n# Who is told')
    assert "nothing is missing" in run(folder, "--write", "app.py")
    assert (folder.path / "woflo.toml").read_text() == text


def test_a_file_is_made(folder):
    """Where there is none."""
    run(folder, "--write", "app.py")
    assert (folder.path / "woflo.toml").read_text() == run(folder, "app.py")


def test_observers_are_described(folder):
    """Each with its options, as comments: written anew, they are what the commands take. Not beside others."""
    run(folder, "--write", "app.py")
    lines = (folder.path / "woflo.toml").read_text().splitlines()
    begin = lines.index(next(line for line in lines if line.startswith("# [observers.")))
    text = "\n".join(line[2:] for line in lines[begin:] if "(nothing)" not in line)
    tables = tomllib.loads(text)["observers"]
    assert sorted(tables) == ["jsonl", "logs", "notify", "progress", "spans"]
    assert tables["logs"] == {"folder": "logs", "keep": 1000, "max_age": 30.0, "max_bytes": 1 << 30}
    del tables["notify"], tables["spans"]
    assert len(together([], in_table(tables, ""))) == 3
    folder.write("woflo.toml", "[observers.logs]\nkeep = 3\n\n[settings]\nMail = {}\nTuning = {}\n")
    assert "nothing is missing" in run(folder, "--write", "app.py")


def test_the_worker_uses_it(folder):
    """Settings that lack a value are told at its start, by the name to set; with the value it works."""
    with folder.command("worker", "app.py", "--tasks", "again", "--once") as worker:
        assert worker.wait() == 2
        assert "user: Field required (set MAIL_USER, or" in worker.read()
    folder.write("woflo.toml", '[settings.Mail]\nuser = "me"\n')
    with folder.command("worker", "app.py", "--tasks", "again", "--once") as worker:
        assert worker.wait() == 0
