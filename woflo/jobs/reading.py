"""One file of a job as values and their lines: YAML, TOML or JSON, by the end of its name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from woflo.jobs.json_texts import parse_json
from woflo.jobs.problems import Document, Problems
from woflo.jobs.yaml_texts import parse_yaml
from woflo.kernel.texts import did_you_mean

__all__ = ["KINDS", "MOST_BYTES", "read"]

MOST_BYTES = 16 << 20
"""What a job file may have; 10,000 tasks have about one megabyte."""


def read(path: Path, problems: Problems) -> Document:
    """The document in a file. What is wrong is added to `problems`; what was read until then is returned."""
    file = shown(path)
    empty = Document(file, {}, (1, {}))
    before = len(problems)
    text = _text(path, file, problems)
    if text is None:
        return empty
    try:
        document = _kind(path)(text, file, problems)
    except RecursionError:
        problems.add_at(file, 1, "", "is nested too deep")
        return empty
    if len(problems) > before:
        return document if type(document.value) is dict else empty
    if document.value is None:
        problems.add_at(file, 1, "", "is empty; a job has at least `tasks:`, with the steps by their names")
        return empty
    if type(document.value) is not dict:
        kind = "a list" if type(document.value) is list else f"the value {document.value!r:.60}"
        problems.add_at(file, document.spot[0], "", f"has {kind}; a job is a mapping, with `tasks:` in it")
        return empty
    return document


def shown(path: Path) -> str:
    """From the current folder, where the file lies there."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _text(path: Path, file: str, problems: Problems) -> str | None:
    try:
        with open(path, "rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            data = b"" if size > MOST_BYTES else opened.read(MOST_BYTES + 1)  # what tells no size may have no end
    except OSError as error:
        hint = _nearest(path) if isinstance(error, FileNotFoundError) else ""
        problems.add_at(file, 1, "", f"cannot be read: {error.strerror or error}{hint}")
        return None
    if max(size, len(data)) > MOST_BYTES:
        has = f"{size:,} bytes" if size > MOST_BYTES else f"more than {MOST_BYTES:,} bytes"
        told = f"has {has}, and a job file may have {MOST_BYTES:,}; put data into files of their own"
        problems.add_at(file, 1, "", told)
        return None
    return _decoded(data, file, problems)


def _nearest(path: Path) -> str:
    """The job file beside it that may have been meant."""
    try:
        return did_you_mean(path.name, sorted(one.name for one in path.parent.iterdir() if one.suffix.lower() in KINDS))
    except OSError:
        return ""


_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _decoded(data: bytes, file: str, problems: Problems) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        told = "name a YAML, TOML or JSON file, or write it in UTF-8"
        problems.add_at(file, line, "", f"is no text in UTF-8 (byte {error.start}: {data[error.start]:#04x}); {told}")
        return None
    found = _NO_TEXT.search(text)
    if found is None:
        return text
    line = text.count("\n", 0, found.start()) + 1
    told = "name a YAML, TOML or JSON file"
    problems.add_at(file, line, "", f"is no text: the character {ord(found[0]):#04x} stands in it; {told}")
    return None


# -- TOML ----------------------------------------------------------------------------------------------

_TOML_LINE = re.compile(r"\(at line (\d+)")
_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def parse_toml(text: str, file: str, problems: Problems) -> Document:
    """As `parse_yaml`. Its parser tells no lines: they are those of the headers and the keys before `=`."""
    import tomllib

    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else max(1, text.count("\n"))
        told = str(error).partition(" (at ")[0] or type(error).__name__
        problems.add_at(file, line, "", f"is no TOML: {told[:1].lower()}{told[1:]}")
        return Document(file, {}, (1, {}))
    return Document(file, _as_json_knows(value), _toml_spots(text))


def _as_json_knows(value: Any) -> Any:
    """Dates and times as the texts that they are in the other kinds of files."""
    if isinstance(value, dict):
        return {key: _as_json_knows(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json_knows(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def _toml_spots(text: str) -> Any:
    root: dict[str, Any] = {}
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(line)
        if header:
            table = _parts(header[1])
            _put(root, table, number)
        elif found := _ASSIGNMENT.match(line):
            _put(root, [*table, *_parts(found[1])], number)
    return (1, root)


def _parts(text: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(text)]


def _put(root: dict[str, Any], path: list[str], line: int) -> None:
    for key in path:
        _, inner = root.setdefault(key, (line, {}))
        root = inner


KINDS: dict[str, Callable[[str, str, Problems], Document]] = {
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
    ".json": parse_json,
    ".toml": parse_toml,
}


def _kind(path: Path) -> Callable[[str, str, Problems], Document]:
    """What is named otherwise is read as YAML, of which JSON is a part."""
    return KINDS.get(path.suffix.lower(), parse_yaml)
