"""YAML as values and their lines.

Read from the parser's events, in one pass, so that each value has its line, a key that stands twice is found, and
aliases that expand to millions of values are refused before they do. As in YAML 1.2, `yes` and `on` are texts, and so
are dates; keys are the texts that stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from woflo.jobs.problems import Document, Problems, Spot, shown_path

__all__ = ["parse_yaml", "resolved"]

MOST_VALUES = 500_000
"""How many values a file may have, each alias counted as what it stands for."""
MOST_DEPTH = 60
_ALIASED = object()
_MERGE = "<<"


def parse_yaml(text: str, file: str, problems: Problems) -> Document:
    """The only document in a text. What is wrong is added to `problems`; what was read until then is returned."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(file, problems)
    try:
        builder.build(iter(loader(text).get_event, None))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add_at(file, 1 if mark is None else mark.line + 1, "", _told(error, text, mark))
    except yaml.YAMLError as error:
        problems.add_at(file, _line_of(text, getattr(error, "position", 0)), "", f"is no YAML: {error}".split("\n")[0])
    except _Refused:
        pass  # it was told
    return Document(file, builder.value, builder.spot)


def _told(error: Any, text: str, mark: Any) -> str:
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and "\t" in lines[mark.line][: mark.column + 1]:
        return "a tab stands where YAML allows spaces only; indent by spaces"
    told = ", ".join(filter(None, (error.context, error.problem)))
    place = None if mark is None or "flow" not in told else _PLACE.search("\n".join(lines[: mark.line + 1][-2:]))
    hint = f'; in braces or brackets it needs quotes: "{place[0]}"' if place is not None else ""
    return f"is no YAML: {told}{hint}"


_PLACE = re.compile(r"(?<!['\"])\$[A-Z]*\{[^{}\n]*\}")
"""What stands for a value, and begins with no quote."""


def _line_of(text: str, position: object) -> int:
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


class _Refused(Exception):  # noqa: N818 - nobody sees it
    """Reading ends here."""


class _Open:
    """A mapping or list that is not complete."""

    __slots__ = ("anchor", "before", "inner", "key", "key_line", "line", "merges", "value")

    def __init__(self, value: Any, inner: Any, line: int, anchor: str | None, before: int) -> None:
        self.value, self.inner, self.line, self.anchor, self.before = value, inner, line, anchor, before
        self.key: str | None = None
        self.key_line = 0
        self.merges: list[tuple[Any, Spot]] = []


class _Builder:
    def __init__(self, file: str, problems: Problems) -> None:
        self.value: Any = None
        self.spot: Spot = (1, None)
        self._file = file
        self._problems = problems
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, Any, int]] = {}
        """What stands under an anchor: its value and spot, and how many values that is."""
        self._count = 0
        self._documents = 0
        self._plain: dict[str, Any] = {}
        """What texts without quotes stand for."""

    def build(self, events: Iterator[Any]) -> None:
        """Read all. Raises `_Refused` where it makes no sense to go on."""
        do: dict[str, Callable[[Any], None]] = {
            "ScalarEvent": self._scalar,
            "MappingStartEvent": self._mapping,
            "SequenceStartEvent": self._list,
            "MappingEndEvent": self._end,
            "SequenceEndEvent": self._end,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._document,
        }
        kinds: dict[type, Callable[[Any], None] | None] = {}
        for event in events:
            kind = type(event)
            try:
                handle = kinds[kind]
            except KeyError:
                handle = kinds[kind] = do.get(kind.__name__)
            if handle is not None:
                handle(event)
            elif kind.__name__ == "StreamEndEvent":
                return

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(event, "a second document begins here (`---`); a job file has one")

    def _scalar(self, event: Any) -> None:
        text = event.value
        line = event.start_mark.line + 1
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.value) is dict:
            self._key(top, text, line)
            return
        self._counted(event)
        if event.tag is not None:
            value = self._tagged(event)
        elif event.implicit[0]:
            try:
                value = self._plain[text]
            except KeyError:
                value = self._plain[text] = resolved(text)
        else:
            value = text
        if event.anchor:
            self._anchors[event.anchor] = (value, (line, None), 1)
        self._add(value, (line, None))

    def _key(self, top: _Open, text: str, line: int) -> None:
        if text in top.value:
            first = top.inner[text][0]
            self._problem(line, text, f"stands here twice; first on line {first}")
        top.key, top.key_line = text, line

    def _tagged(self, event: Any) -> Any:
        name = event.tag.removeprefix("tag:yaml.org,2002:")
        if name in ("str", "!"):
            return event.value
        value = resolved(event.value)
        if name in _TAGS and isinstance(value, _TAGS[name]):
            return float(value) if name == "float" else value
        self._problem(event.start_mark.line + 1, None, f"{event.tag!r} before {event.value!r} is not known here")
        return event.value

    def _mapping(self, event: Any) -> None:
        self._begin(event, {}, {})

    def _list(self, event: Any) -> None:
        self._begin(event, [], [])

    def _begin(self, event: Any, value: Any, inner: Any) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.value) is dict:
            self._refuse(event, "a list or mapping stands where a key must be a text")
        if len(self._open) >= MOST_DEPTH:
            self._refuse(event, f"is nested more than {MOST_DEPTH} deep")
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._problem(event.start_mark.line + 1, None, f"{event.tag!r} is not known here")
        self._counted(event)
        if event.anchor:
            self._anchors[event.anchor] = (_ALIASED, None, 0)
        self._open.append(_Open(value, inner, event.start_mark.line + 1, event.anchor, self._count - 1))

    def _end(self, _: Any) -> None:
        done = self._open.pop()
        for value, spot in done.merges:
            _merge_into(done, value, spot)
        spot = (done.line, done.inner)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, spot, self._count - done.before)
        self._add(done.value, spot)

    def _alias(self, event: Any) -> None:
        value, spot, count = self._anchors.get(event.anchor, (None, None, 0))
        if spot is None:
            inside = value is _ALIASED
            why = "stands inside of what it names" if inside else "names an anchor that does not stand above it"
            self._refuse(event, f"the alias *{event.anchor} {why}")
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.value) is dict:
            self._refuse(event, f"the alias *{event.anchor} stands where a key must be a text")
        self._counted(event, count)
        self._add(value, (event.start_mark.line + 1, spot[1]))

    def _counted(self, event: Any, values: int = 1) -> None:
        self._count += values
        if self._count > MOST_VALUES:
            self._refuse(event, f"has more than {MOST_VALUES:,} values with what its aliases stand for; that is no job")

    def _add(self, value: Any, spot: Spot) -> None:
        if not self._open:
            self.value, self.spot = value, spot
            return
        top = self._open[-1]
        if type(top.value) is list:
            top.value.append(value)
            top.inner.append(spot)
        elif top.key == _MERGE:
            self._remember_merge(top, value, spot)
            top.key = None
        else:
            assert top.key is not None
            top.value[top.key] = value
            top.inner[top.key] = (top.key_line, spot[1])
            top.key = None

    def _remember_merge(self, top: _Open, value: Any, spot: Spot) -> None:
        values = list(zip(value, spot[1], strict=True)) if type(value) is list else [(value, spot)]
        for one, where in values:
            if type(one) is dict:
                top.merges.append((one, where))
            else:
                self._problem(spot[0], _MERGE, "must be a mapping, or a list of mappings")

    # -- what is wrong ---------------------------------------------------------------------------------

    def _path(self, *last: str) -> str:
        above = self._open[:-1] if last else self._open
        path: list[Any] = [len(one.value) if type(one.value) is list else one.key for one in above]
        return shown_path([*(key for key in path if key is not None), *last])

    def _problem(self, line: int, key: str | None, message: str) -> None:
        self._problems.add_at(self._file, line, self._path() if key is None else self._path(key), message)

    def _refuse(self, event: Any, message: str) -> None:
        self._problem(event.start_mark.line + 1, None, message)
        raise _Refused


def _merge_into(done: _Open, value: dict[str, Any], spot: Spot) -> None:
    for key, item in value.items():
        if key not in done.value:
            done.value[key] = item
            done.inner[key] = spot[1][key]


# -- texts without quotes (YAML 1.2, core schema) ------------------------------------------------------

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)")
_TAGS: dict[str, Any] = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
_LONGEST_NUMBER = 400


def resolved(text: str) -> Any:
    """What a text without quotes stands for."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-+.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _NUMBER.fullmatch(text) and not (text.lstrip("+-").startswith("0") and text.lstrip("+-").isdigit()):
        return float(text)
    found = _INFINITE.fullmatch(text)
    return float(found[1] + found[2]) if found else text
