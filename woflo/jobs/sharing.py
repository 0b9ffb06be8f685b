"""`shared`: what the steps of a job leave for those that begin after them.

before   a step gets what the ended ones have left, as one text
in it    `shared["name"] = value`, like a dictionary; read when it is first used
after    what has changed travels back with the result, and is recorded in one write with it
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from importlib import invalidate_caches
from types import CoroutineType
from typing import Any

from woflo.errors import NotInWorkflowError
from woflo.kernel.attempt import AROUND_CODE
from woflo.kernel.body import Body
from woflo.kernel.context import current_attempt
from woflo.runners.processes import shipping
from woflo.stores.codec import ValueCodec, dump_plain

__all__ = ["Changes", "Left", "SharedBody", "given_to", "merge", "shared"]

AROUND_CODE.add(__name__)

GIVEN = "woflo.shared"
"""Under which name a step gets the values, among its arguments; no parameter can have it."""

NUMBER = "woflo.attempt"
"""The same for the number of the attempt, from the second on: each is the first one of a run of its runner."""

OWN = frozenset((GIVEN, NUMBER))

Changes = Mapping[str, Any]
"""`{"set": {name: value}, "gone": [name]}`, as JSON knows it."""


class Left:
    """The result of a step that has changed something: both together."""

    __slots__ = ("changes", "value")

    def __init__(self, value: Any, changes: str) -> None:
        self.value: Any = value
        self.changes: str = changes

    def __reduce__(self) -> Any:
        return (Left, (self.value, self.changes))


class _View:
    """The values as one step sees them."""

    __slots__ = ("before", "text", "values")

    def __init__(self, text: str) -> None:
        self.text = text
        self.values: dict[str, Any] | None = None
        self.before: dict[str, str] = {}
        """Each value as it was, as JSON: a list may be changed in its place."""

    def opened(self) -> dict[str, Any]:
        if self.values is None:
            self.values = json.loads(self.text)
            self.before = {name: dump_plain(value) for name, value in self.values.items()}
        return self.values

    def changes(self) -> str | None:
        """What has changed, as JSON; None for nothing. Raises `SerializationError` for what JSON does not know."""
        if self.values is None:
            return None
        now = {name: ValueCodec(Any, f"shared[{name!r}]").dump(value) for name, value in self.values.items()}
        changed = {name: json.loads(text) for name, text in now.items() if self.before.get(name) != text}
        gone = [name for name in self.before if name not in now]
        return dump_plain({"set": changed, "gone": gone}) if changed or gone else None


_view: ContextVar[_View | None] = ContextVar("woflo_shared", default=None)


class _Shared(MutableMapping[str, Any]):
    """Texts and what JSON knows. Raises `NotInWorkflowError` outside of a step of a job."""

    def _values(self) -> dict[str, Any]:
        view = _view.get()
        if view is None:
            raise NotInWorkflowError(
                "shared was used outside of a step of a job, whose steps alone share something; pass the value as an "
                "argument"
            )
        return view.opened()

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"shared[{name!r}]: the names of shared values are texts")
        self._values()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        view = _view.get()
        return "<shared values of a job>" if view is None else f"shared({view.opened()!r})"


shared: MutableMapping[str, Any] = _Shared()
"""What all steps of a job see: values that JSON knows, by name.

A step sees what those have left that ended before it began, and its own changes. These are kept together with the
end of the step, or, where it fails, not at all; where several change one name, the last one to end counts.
"""


class SharedBody(Body):
    """The body of a task as a step of a job: with the shared values around it."""

    __slots__ = ("_holder", "plain")

    def __init__(self, plain: Body) -> None:
        self.plain: Body = plain
        for name in ("fn", "is_class", "module", "qualname", "name", "is_async", "check_call", "injections"):
            setattr(self, name, getattr(plain, name))
        self.codes: dict[Any, Any] = {}
        self._holder = _Holder(self)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int) -> Any:
        """As of the plain body; the result is `Left` where the code has changed shared values."""
        view = _View(kwargs.get(GIVEN, "{}"))
        if NUMBER in kwargs:
            number = _number_of_attempt(kwargs[NUMBER])
        if not OWN.isdisjoint(kwargs):
            kwargs = {name: value for name, value in kwargs.items() if name not in OWN}
        token = _view.set(view)
        try:
            value = self.plain.call(args, kwargs, number)
        finally:
            _view.reset(token)
        return _finished(value, view) if type(value) is CoroutineType else _with_changes(value, view)

    def found_by_name(self) -> Any:
        """See there: whoever finds the plain body finds this one, too."""
        found = self.plain.found_by_name()
        return self._holder if getattr(found, "body", None) is self.plain else found

    def __reduce__(self) -> Any:
        return (_loaded, (_folder_of(self.plain.module), shipping.dump_in_memory(self.plain)))


def _folder_of(module: str) -> str:
    """The one in which the module is found: a warm worker may have been started before anybody looked there."""
    file: str | None = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" or file is None:
        return ""
    depth = module.count(".") + (os.path.basename(file) == "__init__.py")
    for _ in range(depth + 1):
        file = os.path.dirname(file)
    return file


def _loaded(folder: str, body: bytes) -> SharedBody:
    """In a worker."""
    if folder and folder not in sys.path:
        sys.path.append(folder)
        invalidate_caches()
    return SharedBody(pickle.loads(body))


class _Holder:
    """Has the body, as the task has it that stands under the name of a function."""

    __slots__ = ("body",)

    def __init__(self, body: SharedBody) -> None:
        self.body = body


async def _finished(coroutine: Any, view: _View) -> Any:
    _view.set(view)  # in the context of its own that a coroutine has
    return _with_changes(await coroutine, view)


def _number_of_attempt(number: int) -> int:
    """That of the step, which `current_run()` tells as well."""
    attempt = current_attempt.get()
    if attempt is not None:
        attempt.number = number
    return number


def _with_changes(value: Any, view: _View) -> Any:
    changes = view.changes()
    return value if changes is None else Left(value, changes)


def merge(values: dict[str, Any], changes: Changes) -> None:
    """Let changes happen to the values."""
    values.update(changes["set"])
    for name in changes["gone"]:
        values.pop(name, None)


def given_to(number: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by which a step gets the number of its attempt, and the values; none where they tell nothing."""
    given: dict[str, Any] = {GIVEN: dump_plain(values)} if values else {}
    return given if number <= 1 else {**given, NUMBER: number}
