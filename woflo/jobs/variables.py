"""`$ENV{NAME:default}`, `$VAR{NAME:default}` and `$SYS{NAME}` in the texts of a job file. Never a shell."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Any, NamedTuple

from woflo.jobs.problems import near
from woflo.kernel import hiding

__all__ = ["Recorded", "Variables", "variables_named_in"]

_PLACE = re.compile(r"(\$?)\$(ENV|VAR|SYS)\{([^{}]*)\}")
Tell = Callable[[tuple[Any, ...], str], None]


class Recorded(NamedTuple):
    """What variables stood for in a run that is to be gone on with."""

    run_id: str
    values: Mapping[str, str]
    """Secrets are hidden in it."""

    def besides(self, given: Mapping[str, str]) -> dict[str, str]:
        """Those that are not given anew."""
        return {name: value for name, value in self.values.items() if name not in given}

    def told(self, name: str) -> str:
        """Why one of them has to be given again; empty where it can be taken."""
        if hiding.MASK not in self.values[name]:
            return ""
        told = f"the variable {name!r} of {self.run_id} is a secret, which is not recorded"
        return f"{told}; give it again with --var {name}=…"


class Variables:
    """What there is to be filled in.

    `$$ENV{…}` stands for `$ENV{…}` itself. What is filled in is not searched again. What is a secret, by the name of
    its variable or of its place, is hidden from then on wherever it is shown.
    """

    def __init__(self, root: Path, file: Path, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.secrets: set[str] = set()
        """What has been filled in for secrets, and what stands at the places of such."""
        self._known: dict[str, Mapping[str, Any]] = {
            "ENV": environment,
            "VAR": given,
            "SYS": _Built({
                "APP_ROOT_DIR": lambda: str(root),
                "JOB_DIR": lambda: str(file.parent),
                "JOB_FILE": lambda: str(file),
                "CWD": os.getcwd,
                "HOST": socket.gethostname,
                "USER": getuser,
                "PID": lambda: str(os.getpid()),
                "DATE": lambda: datetime.now().astimezone().date().isoformat(),
                "TIME": lambda: datetime.now().astimezone().isoformat(timespec="seconds"),
            }),
        }  # fmt: skip

    def filled(self, value: Any, tell: Tell, path: tuple[Any, ...] = ()) -> Any:
        """`value` with all its texts filled in; what cannot be is told, and left without its braces."""
        kind = type(value)
        if kind is str:
            text = self.text(value, tell, path) if "$" in value else value
            if path and "{" not in text and type(path[-1]) is str and hiding.is_secret_name(path[-1]):
                self._know([text])
            return text
        if kind is dict:
            return {key: self.filled(item, tell, (*path, key)) for key, item in value.items()}
        if kind is list:
            return [self.filled(item, tell, (*path, number)) for number, item in enumerate(value)]
        return value

    def text(self, text: str, tell: Tell, path: tuple[Any, ...]) -> str:
        """The same for one text."""

        def one(found: re.Match[str]) -> str:
            if found[1]:
                return found[0][1:]
            value, problem = self._value(found[2], found[3])
            if problem:
                tell(path, problem)
            return f"${found[2]}" if value is None else value

        return _PLACE.sub(one, text)

    def _know(self, texts: list[str]) -> None:
        for text in texts:
            hiding.know(text)
        self.secrets.update(filter(None, texts))

    def _value(self, kind: str, inside: str) -> tuple[str | None, str]:
        """What stands there, or why there is nothing."""
        name, colon, default = inside.partition(":")
        known = self._known[kind]
        if name in known:
            try:
                value = str(known[name])
                if kind != "SYS":
                    self._know([value] if hiding.is_secret_name(name) else hiding.passwords_in(value))
                return value, ""
            except (OSError, KeyError, ImportError) as error:  # a user without a name
                return None, f"$SYS{{{name}}} cannot be told here: {error}"
        if colon and kind != "SYS":
            return default, ""
        if kind == "ENV":
            return None, f"the environment has no {name!r}; set it, or write a default: $ENV{{{name}:…}}"
        if kind == "VAR":
            told = f"; give it with --var {name}=…, or write a default: $VAR{{{name}:…}}"
            return None, f"there is no variable {name!r}{near(name, known) if known else ''}{told}"
        return None, f"there is no $SYS{{{name}}}{near(name, known)}"


def variables_named_in(value: Any) -> Iterator[str]:
    """The names of all `$VAR{…}` in its texts."""
    if isinstance(value, str):
        for found in _PLACE.finditer(value) if "$VAR" in value else ():
            if found[2] == "VAR" and not found[1]:
                yield found[3].partition(":")[0]
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from variables_named_in(item)


class _Built(dict[str, Callable[[], str]]):
    """Values that are made when they are asked for."""

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(name)()
