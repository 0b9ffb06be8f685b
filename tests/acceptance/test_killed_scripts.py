"""The caller of scripts is killed: nothing of them stays, and no partial file is taken for a result."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import woflo_command as woflo

from woflo.testing import wait_until

PROGRAM = """
from woflo import gather, script
write = script(
    "echo $$ >> pids; echo half > {{outputs}}; sleep {pause}; echo whole > {{outputs}}",
    outputs="x_{{i}}.txt", shell=True, name="write", max_concurrency=8, runner="{runner}",
)
runs = [write(i=i) for i in range({number})]
print("begun", flush=True)
print(sorted({{str(run.state) for run in runs if run.wait()}}))
"""


def program(folder, pause, number, runner="script"):
    code = PROGRAM.format(pause=pause, number=number, runner=runner)
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)


def pids(folder):
    file = folder / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "woflo.toml").touch()
    return tmp_path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the guardian")
@pytest.mark.parametrize("runner", ["script", "thread"])
def test_nothing_outlives_a_killed_caller(folder, runner):
    """Every command that was under way ends, with what it has started."""
    with program(folder, pause=1000, number=8, runner=runner) as caller:
        wait_until(lambda: len(pids(folder)) == 8)
        caller.kill()
    wait_until(lambda: not any(map(is_alive, pids(folder))))


@pytest.mark.unmeasured
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the guardian")
def test_killed_while_it_starts_commands(folder):
    """Also those that are just being started."""
    for delay in (0.0, 0.003, 0.006, 0.009, 0.012):
        with program(folder, pause=1000, number=8) as caller:
            assert caller.stdout.readline() == "begun\n"
            time.sleep(delay)  # that long after the first start: the moment is what is tested
            caller.kill()
        time.sleep(0.1)  # nothing can be waited for: what was missed would be there still
        wait_until(lambda: not any(map(is_alive, pids(folder))))


def test_a_partial_file_is_not_taken_for_a_result(folder):
    """The next call makes it again, whatever its times say; then it is up to date."""
    with program(folder, pause=1000, number=2) as caller:
        wait_until(lambda: (folder / "x_0.txt").exists() and (folder / "x_1.txt").exists())
        os.kill(caller.pid, signal.SIGKILL)
    for states in ("['SUCCEEDED']", "['SKIPPED']"):
        with program(folder, pause=0, number=2) as caller:
            assert caller.stdout.read().split("\n")[1] == states
        assert (folder / "x_0.txt").read_text() == "whole\n"
    assert list((folder / ".woflo/making").iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the guardian")
def test_what_was_cut_off_is_told(folder):
    """By all that tell of a file: as under way, then as one that did not end, until it is made again."""
    with program(folder, pause=1000, number=1) as caller:
        wait_until(lambda: (folder / "x_0.txt").exists())
        assert "is under way; its output is in .woflo/making/" in woflo(folder, "history")[1]
        caller.kill()
    wait_until(lambda: not any(map(is_alive, pids(folder))))
    sentence = re.compile(
        rf"an attempt of write that began at [-0-9]+ [:0-9]+ \(process {caller.pid} on \S+\) did not end; its output "
        r"is in \.woflo/making/[0-9a-f]+"
    )
    output, said, status = woflo(folder, "history", "x_0.txt")
    assert ("CUT_OFF" in output, bool(sentence.search(said)), status) == (True, True, 0)
    for command in ("report", "why"):
        assert sentence.search(woflo(folder, command, "x_0.txt")[1])
    assert [one["state"] for one in json.loads(woflo(folder, "history", "--json")[0])] == ["CUT_OFF"]
    assert "did not end" not in woflo(folder, "history", "y.txt")[1]
    with program(folder, pause=0, number=1) as caller:
        caller.wait()
    output, said, _ = woflo(folder, "history", "x_0.txt")
    assert ("CUT_OFF" in output, "SUCCEEDED" in output, said) == (False, True, "")


READER = """
tasks:
  last: {run: "cp {inputs} {outputs}", inputs: x_0.txt, outputs: last.txt}
  all: {run: "cat {inputs}", inputs: "x_*.txt"}
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the guardian")
def test_who_reads_a_partial_file_is_refused(folder):
    """By a job that knows nothing of its maker; a dry run tells it before, and a file that is whole can be accepted."""
    (folder / "job.yaml").write_text(READER)
    with program(folder, pause=1000, number=2) as caller:
        wait_until(lambda: (folder / "x_0.txt").exists() and (folder / "x_1.txt").exists())
        caller.kill()
    (folder / "x_1.txt").unlink()
    told = (
        rf"may be a part of a result: an attempt of write that began at \S+ \S+ "
        rf"\(process {caller.pid} on \S+\) did not end; its output is in \S+; "
        r"make it again by write, or accept it by `woflo touch x_0\.txt` where it is whole"
    )
    for words in (("why", "job.yaml"), ("run", "job.yaml", "--dry-run")):
        found = json.loads(woflo(folder, *words, "--json")[0])
        reasons = {one.get("step", one.get("task")): one["reasons"] for one in found}
        assert re.search(rf"its input 'x_0\.txt' {told}", reasons["last"][1])
        assert any("'x_1.txt', which its input 'x_*.txt' stands for, may be missing" in one for one in reasons["all"])
    _, said, status = woflo(folder, "run", "job.yaml")
    assert (status, set(re.findall(r"(\w+): PartialInputError: \1 was not started", said))) == (1, {"last", "all"})
    assert re.search(rf"last: PartialInputError: last was not started: its input 'x_0\.txt' {told}", said)
    assert not (folder / "last.txt").exists()
    for name in ("x_0.txt", "x_1.txt"):
        assert woflo(folder, "touch", name) == (f"{name}\n", "", 0)
    assert "cannot be imported" in woflo(folder, "touch", "x_0.txt")[1]
    assert woflo(folder, "run", "job.yaml", "-q")[2] == 0
    assert (folder / "last.txt").read_text() == "half\n"
    (folder / "x_0.txt").unlink()
    with program(folder, pause=1000, number=1) as caller:
        wait_until(lambda: (folder / "x_0.txt").exists())
        caller.kill()
    assert "x_0.txt: an attempt of write that began" in woflo(folder, "why", "last.txt")[0]


def test_the_result_before_is_there_after_a_kill(folder):
    """It was moved aside, and comes back when the next attempt fails."""
    with program(folder, pause=0, number=1) as caller:
        caller.wait()
    with program(folder, pause=1000, number=1) as caller:
        wait_until(lambda: (folder / "x_0.txt").read_text() == "half\n" if (folder / "x_0.txt").exists() else False)
        caller.kill()
    wait_until(lambda: not any(map(is_alive, pids(folder))))
    (folder / "x_0.txt").unlink()
    code = PROGRAM.format(pause="0; rm x_0.txt; exit 1; sleep 0", number=1, runner="script")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert "['FAILED']" in done.stdout
    assert (folder / "x_0.txt").read_text() == "whole\n"
    assert not list(folder.glob(".*aside"))


@pytest.mark.parametrize("runner", ["script", "thread", "sequential"])
def test_ctrl_c_ends_the_commands(folder, runner):
    """Whoever executes them; no partial file is left."""
    with program(folder, pause=1000, number=1, runner=runner) as caller:
        wait_until(lambda: (folder / "x_0.txt").exists())
        caller.send_signal(signal.SIGINT)
        assert caller.wait(30) != 0
    wait_until(lambda: not any(map(is_alive, pids(folder))))
    assert not (folder / "x_0.txt").exists()


def test_one_of_several_programs_makes_it(folder):
    """Those that waited for it have executed nothing: they are skipped, and not kept."""
    programs = [program(folder, pause=0.5, number=1) for _ in range(4)]
    states = sorted(one.communicate()[0].split("\n")[1] for one in programs)
    assert states == ["['SKIPPED']"] * 3 + ["['SUCCEEDED']"]
    assert [one["state"] for one in json.loads(woflo(folder, "history", "--json")[0])] == ["SUCCEEDED"]


FLOW = """
import sys
from woflo import gather, script
part = script(
    "for n in 1 2 3 4; do echo $n {{i}} >> {{outputs}}; sleep 0.01; done; echo {{i}} >> made",
    outputs="p_{{i}}.txt", shell=True, name="part", max_concurrency=3,
)
whole = script("cat {{inputs}} > {{outputs}}", outputs="whole.txt", shell=True, name="whole")
whole(inputs=[part(i=i) for i in range(6)]).get_result()
"""


@pytest.mark.unmeasured
def test_killed_at_any_moment(folder):
    """However often: in the end each file is whole, and what was whole before is not made again."""
    code = FLOW.replace("{{", "{").replace("}}", "}")
    for number in range(12):
        with subprocess.Popen([sys.executable, "-c", code], cwd=folder, stderr=subprocess.DEVNULL) as caller:
            try:
                caller.wait(0.25 + 0.03 * number)
            except subprocess.TimeoutExpired:
                caller.kill()
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=60)
    expected = ["".join(f"{n} {i}\n" for n in (1, 2, 3, 4)) for i in range(6)]
    assert [(folder / f"p_{i}.txt").read_text() for i in range(6)] == expected
    assert (folder / "whole.txt").read_text() == "".join(expected)
    assert not list(folder.glob(".*aside"))
    assert list((folder / ".woflo/making").iterdir()) == []
    before = (folder / "made").read_text()
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=60)
    assert (folder / "made").read_text() == before


def test_two_programs_at_once(folder):
    """They make each target once, one after the other, and both have it in the end."""
    code = FLOW.replace("{{", "{").replace("}}", "}")
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=folder) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert sorted((folder / "made").read_text().split()) == list("012345")
