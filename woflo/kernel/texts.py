"""Texts of programs as texts for people: they cannot move the cursor, forge a line, or turn the text around.

Durations, names of files, and names that were meant are told here as well. Expressions are compiled where they are
first needed: a program that only calls tasks has no such text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable

__all__ = ["MOST_ENDED", "Lines", "did_you_mean", "file_name", "output", "plain", "seconds", "short", "spelled_out"]

MOST_OF_A_LINE = 1 << 16
"""Characters of a line that are kept until its end comes."""

MOST_ENDED = 256
"""How many runs that have ended are remembered."""

# Each alternative goes a bounded way, so that no text takes long. ECMA-48: control sequences, then strings, then pairs.
_ESCAPES = (
    "(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]{0,16}[0-~]?"
)
_CONTROLS = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what changes the direction of writing
    "\u2028\u2029\ufeff\ufff9-\ufffb]"
)
_SURROGATES = "[\ud800-\udfff]"


def plain(text: str) -> str:
    """One line without terminal escapes and control characters."""
    if text.isprintable():  # as most are
        return text
    text = re.sub(_ESCAPES, "", text.replace("\n", " ").replace("\r", " "))
    text = re.sub(_CONTROLS, "", text.expandtabs(8))
    return re.sub(_SURROGATES, "\ufffd", text)


def spelled_out(text: str, but: str = "") -> str:
    """The text with whatever moves a cursor or turns letters round spelled out, `but` for these characters.

    Nothing of it is lost, as of a file's name or a command nothing may be.
    """
    if text.isprintable():  # as most are
        return text
    return "".join(one if one.isprintable() or one in but else repr(one)[1:-1] for one in text)


def output(line: str) -> str:
    """The same for a line that was printed. Of one that was written over, as bars are, the last state is left."""
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")
    return plain(line)


def short(text: str, limit: int = 200) -> str:
    """The beginning of one plain line."""
    text = plain(text[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def seconds(duration: float | None) -> str:
    """A duration for people, such as `3.2 s`, `4 min 10 s` or `2 h 5 min`; empty where there is none."""
    if duration is None:
        return ""
    duration = max(0.0, duration)  # clocks of two machines differ
    if duration < 60:
        return f"{duration:.3g} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What is said behind an unknown name, such as `; did you mean 'thread'?`; empty where none is near."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def file_name(text: str, limit: int = 60) -> str:
    """A part of a file's name that is harmless on every system."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text[:limit]).lstrip(".") or "_"


class Lines:
    """Lines of what comes in parts, by whose they are.

    What a program that a task has left behind writes may come after the end of its run: it is given out as it comes.
    """

    def __init__(self) -> None:
        self._begun: dict[tuple[str, str], str] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        """Ids of the runs that ended last."""

    def add(self, run_id: str, stream: str, text: str) -> list[str]:
        """The lines that are complete now; one that grows beyond all measure is given out in pieces."""
        text = self._begun.pop((run_id, stream), "") + text
        *lines, rest = text.split("\n")
        if len(rest) > MOST_OF_A_LINE or (rest and run_id in self._ended):
            lines.append(rest)
        elif rest:
            self._begun[run_id, stream] = rest
        return lines

    def begin(self, run_id: str) -> None:
        """It begins, perhaps once more after it had ended."""
        self._ended.pop(run_id, None)

    def has_ended(self, run_id: str) -> bool:
        """True for one of the runs that ended last."""
        return run_id in self._ended

    def end(self, run_id: str) -> list[tuple[str, str]]:
        """What a run that has ended had begun: stream and line."""
        self._ended[run_id] = None
        if len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)
        streams = [stream for stream in ("stdout", "stderr") if (run_id, stream) in self._begun]
        return [(stream, self._begun.pop((run_id, stream))) for stream in streams]
