"""`woflo logs` of whatever a program may write: bytes that are no text, lines without an end, more than memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
from programs import Program, environment
from programs import woflo_command as woflo

from woflo.cli.growing import PIECE, Growing

pytestmark = pytest.mark.unmeasured

RUN = "01a228572a7d87e935b200000001"
LARGE = 24 << 20
"""Bytes of the large file; read as a whole it would take a multiple of them."""


@pytest.fixture
def log(tmp_path):
    """The file of the logs of a run that no store knows."""
    (tmp_path / "woflo.toml").touch()
    (tmp_path / ".woflo" / "logs").mkdir(parents=True)
    return tmp_path / ".woflo" / "logs" / f"{RUN}.1.log"


def folder_of(log):
    return log.parent.parent.parent


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"caf\xe9 \xff\xfe\n", "caf\ufffd \ufffd\ufffd"),
        (b"nul\x00 bell\x07 \x1b[2Jclear\n", "nul\\x00 bell\\x07 \\x1b[2Jclear"),
        ("utf-16\n".encode("utf-16-le"), "u\\x00t\\x00f\\x00-\\x001\\x006\\x00"),
        ("right \u202eleft\n".encode(), "right \\u202eleft"),
        (b"\xed\xa0\x80 half a pair\n", "\ufffd\ufffd\ufffd half a pair"),
        (b"progress\rover\rwritten", "progress\\rover\\rwritten"),
        (b"\xf0\x9f\x99", "\ufffd"),
        (b"password=\xff\xe9hunter2\n", "password=***"),
    ],
)
def test_what_is_no_text(log, written, shown):
    """It is shown harmless, the rest as it is; status 0."""
    log.write_bytes(written)
    output, said, status = woflo(folder_of(log), "logs", RUN, PYTHONIOENCODING="utf-8")
    assert (said, status) == ("", 0)
    assert output.splitlines()[1] == shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_where_the_terminal_knows_fewer_letters(log, encoding):
    """They are replaced: it is no error."""
    log.write_bytes("u → s\n".encode() + b"\xff\n")
    output, said, status = woflo(folder_of(log), "logs", RUN, PYTHONIOENCODING=encoding)
    assert (said, status) == ("", 0)
    assert len(output.splitlines()) == 3
    assert output.splitlines()[1].startswith("u ")
    assert output.splitlines()[1].endswith(" s")


def peak_of(folder, *words):
    """The most memory that the command took, in MiB."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", program, sys.executable, "-m", "woflo", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=90, check=True
    )
    return int(done.stdout) / 1024


@pytest.mark.parametrize("letters", [b"x", "ü".encode(), b"\xff\x00"], ids=["ascii", "letters", "no text"])
def test_a_line_that_never_ends_takes_no_memory(log, letters):
    """However long it is."""
    log.write_bytes(b"short\n")
    least = peak_of(folder_of(log), "logs", RUN)
    log.write_bytes(letters * (LARGE // len(letters)))
    assert peak_of(folder_of(log), "logs", RUN) < least + 12


def test_it_is_followed(log):
    """A line without its end is shown when nothing comes for a moment, and memory stays as it was."""
    log.write_bytes(b"begin\n")
    folder = folder_of(log)
    command = [sys.executable, "-m", "woflo", "logs", RUN, "-f"]
    with Program(folder, "", command=command) as logs, log.open("ab") as file:
        logs.wait_for("begin")
        least = memory_of(logs.process.pid)
        file.write(b"no end")
        file.flush()
        logs.wait_for("no end")
        for _ in range(40):
            file.write("ü".encode() * (1 << 18))
            file.flush()
        file.write(b" the last of it\nnext\n")
        file.flush()
        logs.wait_for("\nnext\n", 60)
        assert "the last of it" in logs.output
        assert memory_of(logs.process.pid) < least + 12


def memory_of(pid):
    """The most memory that a process has taken until now, in MiB."""
    with open(f"/proc/{pid}/status") as file:
        (line,) = [line for line in file if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def read(path, growing, **how):
    with path.open("rb") as file:
        return list(growing.lines(file, **how))


def test_letters_are_not_cut(tmp_path):
    """A long line is given out in pieces, each of whole letters."""
    path = tmp_path / "file"
    text = "x" * (PIECE - 1) + "ü" * PIECE
    path.write_bytes(text.encode())
    pieces = read(path, Growing())
    assert "".join(pieces) == text
    assert len(pieces) > 2


def test_a_letter_that_is_on_its_way_is_waited_for(tmp_path):
    """Where the file may grow; at the end it is what it is."""
    path, growing = tmp_path / "file", Growing()
    path.write_bytes("aü".encode()[:-1])
    assert [read(path, growing, hold=True) for _ in range(3)] == [[], ["a"], []]
    path.write_bytes("aü".encode())
    assert [read(path, growing, hold=True) for _ in range(2)] == [[], ["ü"]]
    path.write_bytes("aü".encode() + b"\xc3")
    assert read(path, growing) == ["\ufffd"]


def test_a_line_in_two_parts_is_one(tmp_path):
    """Its beginning is held until the rest comes, or nothing does; a file that is begun anew is read anew."""
    path, growing = tmp_path / "file", Growing()
    path.write_bytes(b"whole\nbeg")
    assert read(path, growing, hold=True) == ["whole"]
    path.write_bytes(b"whole\nbegun\nother")
    assert read(path, growing, hold=True) == ["begun"]
    assert read(path, growing, hold=True) == ["other"]
    assert read(path, growing, hold=True) == []
    path.write_bytes(b"new\n")
    assert read(path, growing, hold=True) == ["new"]


def test_what_comes_meanwhile_is_for_the_next_time(tmp_path):
    """So that a file which grows faster than it is read holds up no other."""
    path, growing = tmp_path / "file", Growing()
    path.write_bytes(b"a\nb\n")
    with path.open("rb") as file:
        lines = growing.lines(file)
        assert next(lines) == "a"
        with path.open("ab") as more:
            more.write(b"c\n")
        assert list(lines) == ["b"]
        assert list(growing.lines(file)) == ["c"]
