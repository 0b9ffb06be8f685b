"""What a command is given as a secret: not in its log, at no time, nor in its record; and a digest tells no guess."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_helpers import ended
from systems import needs_proc
from unit_helpers import script_environment

from woflo import RunState, script, task
from woflo.errors import ArgumentError, ScriptError
from woflo.kernel import hiding
from woflo.kernel.digest import digest
from woflo.scripts import hidden_output
from woflo.scripts.ledger import ledger
from woflo.scripts.marks import Mark, is_marked
from woflo.scripts.sealing import sealed
from woflo.testing import wait_until

SECRET = "sesame-4711"
SAYS = "echo bare $0 {token}; echo more >&2"


def log_of(run):
    return Path(run.log).read_text(errors="surrogateescape")


def kept():
    """All records, as text."""
    ledger().flush(30)
    return "".join(one.record for one in ledger().store.successes())


@pytest.mark.parametrize("outputs", [None, "{name}.txt"])
def test_what_is_printed(project, outputs):
    """In the file of output of a command with and without outputs, in both streams, all else as it was written."""
    command = ["sh", "-c", "echo bare $0 >&2; printf 'a\\200b\\r\\n'; touch $1", "{token}", "{name}.txt"]
    run = script(command, outputs=outputs, name="told")(token=SECRET, name="x")
    run.get_result()
    assert Path(run.log).read_bytes() == b"bare ***\na\x80b\r\n"
    assert stat.S_IMODE(os.stat(run.log).st_mode) == 0o600


def test_a_failure(project):
    """The message, the command and the last lines in the error are without it, and so is what the history keeps."""
    run = script("sh -c 'echo bare $0; exit 3' {token}", name="refused")(token=SECRET)
    error = run.exception()
    assert isinstance(error, ScriptError)
    assert error.output == "bare ***"
    assert SECRET not in f"{error} {vars(error)}"
    ledger().flush(30)
    (row,) = ledger().store.select()
    assert SECRET not in f"{row.error} {row.args}"


def test_an_unknown_command(project):
    """Also where it cannot be started, nothing is left of it: no thread, no descriptor."""
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(5):
        assert script("there-is-none {token}")(token=SECRET).exception().exit_code == 127
    if sys.platform == "linux":
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before + 20, "descriptors closed")


def test_a_secret_across_two_pieces(project):
    """One that a command writes in two parts, or that lies across the end of a piece that is read at once."""
    run = script("head -c 65531 /dev/zero; printf %s {token}; printf ses; sleep 0.05; printf %s {rest}", shell=True)
    told = run(token=SECRET, rest=SECRET[3:])
    told.get_result()
    assert log_of(told).lstrip("\0") == "******"


def test_what_only_begins_like_it(project):
    """Nothing is lost of an output that ends with the beginning of a secret."""
    run = script("printf %s {word}; true {token}", shell=True)(token=SECRET, word=SECRET[:5])
    run.get_result()
    assert log_of(run) == SECRET[:5]


def test_what_a_command_leaves_behind(project):
    """It may write on after the end of the command, which is not waited for."""
    command = "(while [ ! -e go ]; do sleep 0.01; done; echo late {token}; touch done) & echo begun; touch {outputs}"
    run = script(command, outputs="made.txt", shell=True, name="leaves")(token=SECRET)
    assert ended(run) is RunState.SUCCEEDED
    assert log_of(run) == "begun\n"
    Path("go").touch()
    wait_until(lambda: log_of(run) == "begun\nlate ***\n", "the late line")


def test_what_is_left_behind_writes_faster_than_it_is_copied(tmp_path, monkeypatch):
    """However fast that is, it is not waited for."""
    copied = []
    with open(tmp_path / "log", "wb") as file:
        hidden = hidden_output.HiddenOutput(file.fileno())

        def copy(text):
            copied.append(text)
            assert len(copied) < 100
            os.write(hidden.writer, b"more\n")

        monkeypatch.setattr(hidden, "_write", copy)
        os.write(hidden.writer, b"one\n")
        hidden.end()
        hidden.give_up()
    assert copied[:2] == ["one\n", "more\n"]


def test_without_secrets_a_command_writes_itself(project, monkeypatch):
    """Nothing is paid for what is not used: there is neither a pipe nor a thread."""
    monkeypatch.setattr("woflo.scripts.hidden_output.HiddenOutput", None)
    assert ended(script("echo {word}")(word="shown")) is RunState.SUCCEEDED


def test_large_output(project):
    """More than a pipe takes, and in the right order."""
    run = script("seq 1 200000; true {token}", shell=True)(token=SECRET)
    run.get_result()
    assert log_of(run).split() == [str(number) for number in range(1, 200001)]


HOLDS = (
    "for fd in /proc/$$/fd/*; do case $(readlink $fd) in *making*) echo ${{fd##*/}};; esac; done; : {token} >{outputs}"
)


@needs_proc
def test_a_command_holds_its_mark(project):
    """Should this process be killed, its target is being made as long as it lives. Shells use lower numbers."""
    run = script(HOLDS, outputs="o.txt", shell=True)(token=SECRET)
    run.get_result()
    (number,) = log_of(run).split()
    assert int(number) >= 100


KILLED = """
import sys
from woflo import script
command = ["sh", "-c", "trap '' HUP TERM; echo bare $0; touch begun; exec sleep 90", "{token}"]
making = script(command, outputs="o.txt", name="making")
if __name__ == "__main__":
    making(token=sys.argv[1]).get_result()
"""


@needs_proc
def test_killed(project):
    """No file has it when the program is killed in the midst; and the command, as long as it lives, has its mark."""
    Path("killed.py").write_text(KILLED)
    process = subprocess.Popen([sys.executable, "killed.py", SECRET], env=script_environment())
    try:
        wait_until(lambda: Path("begun").exists(), "begin of the command")
        pause = iter([True, False])
        mark = Mark.take("o.txt", lambda: next(pause))
        assert mark is None  # it is locked
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(
        lambda: (mark := Mark.take("o.txt", lambda: False)) is not None and not mark.give(), "end of the command"
    )
    assert is_marked("o.txt")
    found = [path for path in Path().rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []


def test_records_have_a_digest_with_a_key(project):
    """What stands for a secret tells whether it is another one, and cannot be compared with digests of guesses."""
    Path("calls").write_text("")
    made = script(
        "sh -c 'echo >> calls; touch $1' {token} {outputs}", outputs="o.txt", name="made", env={"WORD": "{token}-x"}
    )
    shown = script(lambda token: ["sh", "-c", f": {token}; echo >> calls; touch p.txt"], outputs="p.txt", name="shown")
    for word, count in ((SECRET, 2), (SECRET, 2), ("sesame-4712", 4)):
        made(token=word).wait()
        shown(token=word).wait()
        assert len(Path("calls").read_text()) == count
    text = kept()
    assert "sesame" not in text
    assert digest("sesame-4712")[:8] not in text
    assert text.count(sealed("sesame-4712")) >= 3
    key = Path(".woflo/key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32


def test_another_key_is_another_digest(project, monkeypatch):
    """A key that is lost costs one execution more, and one that was emptied is made anew."""
    before = sealed(SECRET)
    assert sealed(SECRET) == before
    for lose in (Path.unlink, lambda path: path.write_bytes(b"")):
        lose(Path(".woflo/key"))
        monkeypatch.setattr("woflo.scripts.sealing._keys", {})
        after = sealed(SECRET)
        assert after != before
        assert len(Path(".woflo/key").read_bytes()) == 32
        before = after


def test_functions(project):
    """The same for the arguments of functions with files, and in what is said of one that cannot be compared."""

    @task(cache=True, runner="thread")
    def kept_result(token: str) -> int:
        return 1

    kept_result(SECRET).wait()
    assert kept_result(SECRET).state is RunState.SKIPPED or ended(kept_result(SECRET)) is RunState.SKIPPED
    text = kept() + "".join(one.target for one in ledger().store.successes())
    assert digest(json.dumps(SECRET)) not in text
    assert digest(kept_result.body.fn.codec.dump_parameter("token", SECRET)) not in text

    class Odd:
        def __reduce__(self):
            raise TypeError("no")

        def __repr__(self):
            return SECRET

    @task(cache=True, runner="thread")
    def odd(token) -> int:
        return 1

    with pytest.raises(ArgumentError, match=r"token=\*\*\* is the same") as told:
        odd(Odd()).get_result()
    assert SECRET not in str(told.value)


def test_settings_and_store_as_well(project):
    """What became known elsewhere, as the password of the store, is hidden in what commands print."""
    hiding.know_url("postgresql://me:sesame-store@host/db")
    run = script("echo to $WHERE", shell=True, env={"WHERE": "postgresql://me:sesame-store@host/db"})()
    run.get_result()
    assert log_of(run) == "to postgresql://me:***@host/db\n"
