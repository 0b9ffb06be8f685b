"""What is shown cannot move a cursor, begin a line, or hide; and secrets are not in it."""

from __future__ import annotations

import re
import time
from ast import literal_eval

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from woflo.kernel.masking import mask_text, told
from woflo.kernel.texts import Lines, did_you_mean, file_name, output, plain, seconds, short, spelled_out

PIECES = st.sampled_from(
    ["\x1b", "[", "]0;", "2J", "31m", "\x07", "\x9b", "\r", "\n", "\u202e", "a", "\x1b\\", "\x90", ";"]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text())
@example("\x1b" * 3 + "[[0m")
@example("\x1b]0;" + "x" * 5_000)
def test_nothing_is_left_that_a_terminal_obeys(text):
    """Whatever is written, in whichever order."""
    shown = plain(text)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u2028\u2029")
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[2J\x1b[Hforged", "forged"),
        ("10%\r50%", "10% 50%"),
        ("a\tb", "a       b"),
        ("grün 漢字 🎉", "grün 漢字 🎉"),
        ("\ud800", "\ufffd"),
        ("one\ntwo", "one two"),
    ],
)
def test_what_was_meant_to_be_read_is_left(text, shown):
    """Colours, titles and links go, words stay; of a line that was written over, the last state."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("10%\r50%\r100%", "100%"), ("done\r", "done"), ("\r\r", ""), ("\x1b[1mone\r", "one")]
)
def test_of_a_line_that_was_written_over_the_last_state_is_left(text, shown):
    """As a person would have read it."""
    assert output(text) == shown


@given(st.lists(PIECES, max_size=30).map("".join) | st.text())
def test_what_is_spelled_out_can_be_read_back(text):
    """Nothing that a terminal obeys is left, and nothing is lost."""
    shown = spelled_out(text)
    assert shown.isprintable()
    if "\\" not in text:
        assert re.sub(r"\\(?:U.{8}|u.{4}|x..|.)", lambda found: literal_eval(f'"{found[0]}"'), shown) == text


def test_some_may_be_left_as_they_are():
    """The ends of lines, where there may be several."""
    assert spelled_out("a\tb\nc\x1b\u202e", but="\t\n") == "a\tb\nc\\x1b\\u202e"
    assert spelled_out("a\tb\nc") == "a\\tb\\nc"


@pytest.mark.parametrize("piece", ["\x1b]", "\x1b[0", "a.a", "key", "token=", "://a:", "bearer ", "\x1b", "passw"])
def test_no_text_takes_long(piece):
    """A megabyte of what nearly matches is done in about its length."""
    text = piece * (1_000_000 // len(piece))
    begin = time.process_time()
    plain(text)
    mask_text(text)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:HUNTER2@host/db",
        "redis://:HUNTER2@host",
        "https://me:p@HUNTER2@host",
        "password=HUNTER2",
        "DB_PASSWORD: HUNTER2",
        '{"api_key": "HUNTER2 and more"}',
        "{'client_secret': 'HUNTER2'}",
        "token = HUNTER2, next",
        "key=HUNTER2",
        "Authorization: Bearer HUNTER2.HUNTER2",
        "?access_token=HUNTER2&x=1",
        "passwd=HUNTER2;",
        "credentials='HUNTER2'",
    ],
)
def test_secrets_in_text_are_masked(text):
    """Passwords of URLs, and what stands behind a name that says it is a secret."""
    assert "HUNTER2" not in mask_text(text)
    assert "HUNTER2" not in told(ValueError(text))


@pytest.mark.parametrize(
    "text",
    ["see https://example.org/a?b=c", "monkey=3", "keyboard: 4", "mail me@host", "KeyError: 'x'", "a basic idea"],
)
def test_other_text_is_left_alone(text):
    """A mask where none is needed hides what helps."""
    assert mask_text(text) == text


def test_an_error_whose_text_raises_is_told():
    """What tells of a failure must not fail by it."""

    class Broken(Exception):
        def __str__(self):
            raise ZeroDivisionError

    assert told(Broken()) == "Broken: <its message cannot be shown: ZeroDivisionError>"
    assert told(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    ("given", "words"),
    [(None, ""), (0.0012, "0.0012 s"), (3.21, "3.21 s"), (250, "4 min 10 s"), (7_500, "2 h 5 min"), (-1.0, "0 s")],
)
def test_durations_are_for_people(given, words):
    """Seconds, minutes, hours."""
    assert seconds(given) == words


def test_the_nearest_name_is_told():
    """One, and none where all are far."""
    assert did_you_mean("thraed", {"process": 1, "thread": 2}) == "; did you mean 'thread'?"
    assert did_you_mean("x", ["thread"]) == did_you_mean("x", []) == ""


def test_what_is_short_is_whole():
    """And what is not says so."""
    assert short("abc", 3) == "abc"
    assert short("abcd", 3) == "ab…"


@pytest.mark.parametrize(
    ("text", "name"), [("fetch", "fetch"), ("../../etc", "_.._etc"), ("a/b c", "a_b_c"), ("..", "_"), ("漢字", "_")]
)
def test_a_name_is_no_path(text, name):
    """Letters of every system, and nothing that leads elsewhere."""
    assert file_name(text) == name


@given(st.lists(st.text("ab\n", max_size=8), max_size=20))
def test_lines_are_those_of_the_whole(parts):
    """However the text came in."""
    lines, found = Lines(), []
    for part in parts:
        found += lines.add("run", "stdout", part)
    found += [line for _, line in lines.end("run")]
    whole = "".join(parts).split("\n")
    assert found == (whole if whole[-1] else whole[:-1])


def test_a_line_without_an_end_is_given_out_in_pieces():
    """Memory stays flat."""
    lines = Lines()
    found = [line for _ in range(10) for line in lines.add("run", "stdout", "x" * 20_000)]
    assert sum(map(len, found)) + sum(len(line) for _, line in lines.end("run")) == 200_000
    assert max(map(len, found)) < 100_000


def test_streams_and_runs_are_kept_apart():
    """A line of one does not end in another's."""
    lines = Lines()
    assert lines.add("a", "stdout", "one") == []
    assert lines.add("a", "stderr", "two\n") == ["two"]
    assert lines.add("b", "stdout", "three\n") == ["three"]
    assert lines.end("a") == [("stdout", "one")]
    assert lines.end("a") == []
