"""How two commands differ, in the words of whoever wrote them."""

from __future__ import annotations

from woflo.scripts.plan import is_of_shell

__all__ = ["changed_command"]

SHOWN = 100
"""Characters of a text for a shell that are shown whole."""
BESIDE = 20
"""Characters that are shown on either side of a difference."""


def changed_command(before: list[str], now: list[str]) -> str:
    """As its user wrote it: a text for a shell, else words."""
    had_shell, has_shell = is_of_shell(before), is_of_shell(now)
    if had_shell and has_shell:
        old, new = _differing(before[2], now[2])
        return f"the command was {old!r}, and is {new!r}"
    if had_shell != has_shell:
        return f"the command is {'now' if has_shell else 'no longer'} executed by a shell"
    for number, (old, new) in enumerate(zip(before, now, strict=False), 1):
        if old != new:
            return f"word {number} of the command was {old!r}, and is {new!r}"
    if len(before) > len(now):
        return f"the command has no longer the word {before[len(now)]!r}"
    return f"the command has a further word, {now[len(before)]!r}"


def _differing(old: str, new: str) -> tuple[str, str]:
    """Both, and of what is long what stands around the difference."""
    if max(len(old), len(new)) <= SHOWN:
        return old, new
    begin = _common(old, new)
    end = _common(old[begin:][::-1], new[begin:][::-1])
    return _around(old, begin, len(old) - end), _around(new, begin, len(new) - end)


def _common(one: str, other: str) -> int:
    """Characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(one), len(other)))


def _around(text: str, begin: int, end: int) -> str:
    begin, end = max(0, begin - BESIDE), min(len(text), end + BESIDE)
    shown = text[begin:end]
    if len(shown) > SHOWN:
        shown = f"{shown[: SHOWN - BESIDE]}…{shown[-BESIDE:]}"
    return f"{'…' if begin else ''}{shown}{'…' if end < len(text) else ''}"
