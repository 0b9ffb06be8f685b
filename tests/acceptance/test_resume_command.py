"""`woflo resume`, `retry`, `restart` and `fork`: real commands over runs that really crashed, failed and waited."""

import json
import signal

import pytest
from programs import run
from programs import woflo_command as woflo
from systems import needs_fork

APP = """
import os, signal
from pathlib import Path
from woflo import task, workflow

def effect(text):
    with open("effects", "a") as file:
        file.write(text + "\\\\n")

@task
def fetch(n: int) -> int:
    effect(f"fetch {n}")
    return n

@task(on_crash="ask")
def charge(n: int) -> str:
    effect(f"charge {n}")
    if not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return f"receipt {n}"

@task
def ship(receipt: str) -> str:
    effect("ship")
    if not Path("healed").exists():
        raise ValueError("no lorry")
    return f"shipped with {receipt}"

@workflow
def buy(n: int) -> str:
    return ship(charge(fetch(n).get_result()).get_result()).get_result()
""".replace("\\\\", "\\")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def worker(folder):
    _, said, status = woflo(folder, "worker", "app.py", "--once")
    assert status == 0, said


def listed(folder):
    return json.loads(woflo(folder, "list", "--json")[0])


def effects(folder):
    return (folder / "effects").read_text().splitlines()


def step(folder, run_id, task):
    (told,) = json.loads(woflo(folder, "show", run_id, "--json")[0])
    return next(one for one in told["calls"] if one["task"] == task)


@pytest.fixture
def crashed(folder):
    """The id of a run whose process was killed in the step that nobody may repeat unasked, and who has noticed."""
    assert run(folder, "from app import buy\nbuy.with_options(key='k')(7).wait()\n")[0] == -signal.SIGKILL
    worker(folder)
    (row,) = listed(folder)
    assert row["state"] == "WAITING"
    assert step(folder, row["id"], "charge")["state"] == "WAITING"
    assert effects(folder) == ["fetch 7", "charge 7"]
    return row["id"]


@needs_fork
def test_resumed_after_a_crash(folder, crashed):
    """The step that is uncertain is executed again, what was done before it is not; its run goes on under its id."""
    (folder / "healed").touch()
    uncertain = step(folder, crashed, "charge")["id"]
    output, said, status = woflo(folder, "resume", uncertain)
    assert (output, status) == (f"{uncertain}\n", 0)
    assert "no worker is alive on this store" in said
    worker(folder)
    (row,) = listed(folder)
    assert (row["id"], row["state"], row["result"]) == (crashed, "SUCCEEDED", "shipped with receipt 7")
    assert effects(folder) == ["fetch 7", "charge 7", "charge 7", "ship"]


@needs_fork
def test_completed_after_a_crash(folder, crashed):
    """The other answer: it has happened, and is not executed again."""
    (folder / "healed").touch()
    assert woflo(folder, "complete", step(folder, crashed, "charge")["id"], '"receipt by hand"')[2] == 0
    worker(folder)
    assert listed(folder)[0]["result"] == "shipped with receipt by hand"
    assert effects(folder) == ["fetch 7", "charge 7", "ship"]


@needs_fork
def test_on_from_a_failure(folder, crashed):
    """What failed goes on in another run, which has the key; each command once, as often as it is still true."""
    assert woflo(folder, "resume", step(folder, crashed, "charge")["id"])[2] == 0
    worker(folder)
    assert [one["state"] for one in listed(folder)] == ["FAILED"]
    (folder / "healed").touch()
    output, _, status = woflo(folder, "resume", crashed)
    resumed = output.strip()
    assert (resumed != crashed, status) == (True, 0)
    said, status = woflo(folder, "retry", crashed)[1:]
    assert (resumed in said, len(said.splitlines()), status) == (True, 1, 2)  # it goes on already
    worker(folder)
    rows = {one["id"]: one for one in listed(folder)}
    assert (rows[resumed]["state"], rows[resumed]["key"], rows[resumed]["continues"]) == ("SUCCEEDED", "k", crashed)
    assert effects(folder) == ["fetch 7", "charge 7", "charge 7", "ship", "ship"]
    forked = woflo(folder, "fork", resumed, "2")[0].strip()
    again = woflo(folder, "restart", resumed)[0].strip()
    worker(folder)
    rows = {one["id"]: one for one in listed(folder)}
    assert rows[forked]["state"] == rows[again]["state"] == "SUCCEEDED"
    assert sorted(effects(folder)[5:]) == ["charge 7", "fetch 7", "ship", "ship"]
    for words in (["resume", resumed], ["retry", again], ["restart", resumed], ["fork", resumed, "99"]):
        output, said, status = woflo(folder, *words)
        assert (output, len(said.splitlines()), status) == ("", 1, 2), words


@needs_fork
def test_several_at_once(folder, crashed):
    """Where one of them is wrong nothing is begun; else the ids stand in their order."""
    words = [crashed, "nothing"]
    assert woflo(folder, "resume", *words)[2] == 2
    assert step(folder, crashed, "charge")["state"] == "WAITING"
    (folder / "healed").touch()
    assert woflo(folder, "complete", step(folder, crashed, "charge")["id"], '"r"')[2] == 0
    worker(folder)
    assert woflo(folder, "run", "app.py", "buy", "--arg", "n=8", "-q")[2] == 0
    runs = [one["id"] for one in listed(folder)]
    assert len(woflo(folder, "restart", *runs)[0].split()) == 2
    worker(folder)
    assert [one["state"] for one in listed(folder)] == ["SUCCEEDED"] * 4
