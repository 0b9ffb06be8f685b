"""What a task accepts: the names of its parameters, and values by their annotations, as far as they tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from inspect import Parameter, signature, unwrap
from typing import Any, get_type_hints

from woflo.jobs.problems import near

__all__ = ["Parameters", "parameters_of"]

_AS_IT_IS = (Any, object, Parameter.empty, None)
_SCALARS = (str, int, float, bool)


class Parameters:
    """Those of one function or class."""

    def __init__(self, fn: Any, found: dict[str, Parameter]) -> None:
        kinds = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD, Parameter.POSITIONAL_ONLY)
        self.takes_any: bool = any(one.kind is Parameter.VAR_KEYWORD for one in found.values())
        self.names: list[str] = [name for name, one in found.items() if one.kind not in kinds]
        self._needed = [name for name in self.names if found[name].default is Parameter.empty]
        self._fn = fn
        self._found = found
        self._converters: dict[str, Any] = {}

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            return get_type_hints(_called(self._fn), include_extras=True)
        except Exception:  # a name that exists for type checkers only
            return {}

    def _annotation(self, name: str) -> Any:
        hint = self._hints.get(name)
        if hint is None and name in self._found:
            hint = self._found[name].annotation
        return Any if isinstance(hint, str) else hint

    def problems(self, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """What is wrong with the names that are given."""
        if not self.takes_any:
            for name in given:
                if name not in self.names:
                    yield name, f"is no parameter of it{near(name, self.names, 'it has')}"
        for name in self._needed:
            if name not in given:
                yield name, "is missing: the task needs it"

    def converted(self, name: str, value: Any) -> Any:
        """The value as the annotation says. Raises `ValueError` that tells why it cannot be that."""
        annotation = self._annotation(name)
        if annotation in _AS_IT_IS or (type(value) is annotation and annotation in _SCALARS):
            return value
        from pydantic import ValidationError

        try:
            return self._converter(name, annotation).validate_python(value)
        except ValidationError as error:
            raise ValueError(_told(error, value)) from None

    def _converter(self, name: str, annotation: Any) -> Any:
        found = self._converters.get(name)
        if found is None:
            from pydantic import ConfigDict, TypeAdapter

            try:
                found = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
            except Exception:  # a model says itself what is allowed; what pydantic does not know passes
                found = _as_it_is(annotation)
            self._converters[name] = found
        return found


def _called(fn: Any) -> Any:
    """The function that gets the arguments."""
    return vars(fn).get("__init__", fn) if isinstance(fn, type) else unwrap(fn)


class _Anything:
    def validate_python(self, value: Any) -> Any:
        return value


def _as_it_is(annotation: Any) -> Any:
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(annotation)
    except Exception:
        return _Anything()


def _told(error: Any, value: Any) -> str:
    """The first line of each of pydantic's complaints, with the place inside of the value."""
    lines = []
    for one in error.errors(include_url=False):
        inside = ".".join(map(str, one["loc"]))
        told = one["msg"][:1].lower() + one["msg"][1:]
        lines.append(f"{inside}: {told}" if inside else told)
    return f"{'; '.join(lines)}, and it is {value!r:.80}"


def parameters_of(fn: Any) -> Parameters | None:
    """Those of a function or class; None where they cannot be told."""
    try:
        return Parameters(fn, dict(signature(fn).parameters))
    except (ValueError, TypeError):
        return None
