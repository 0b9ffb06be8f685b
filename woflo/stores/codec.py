"""Values as JSON, typed by the annotations of a task, and back.

What is stored must come back as it was. So a value is checked when it is stored: one that its annotation does not
describe, or that would come back as something else, is refused there, by the name of its parameter. Without an
annotation a value may be what JSON knows: None, bool, int, float, str, and lists and dictionaries of those.
"""

from __future__ import annotations

import json
import pickle
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import cached_property
from inspect import BoundArguments, Parameter, signature
from typing import TYPE_CHECKING, Any, get_type_hints

from woflo.errors import SerializationError, TaskStoppedError
from woflo.kernel.graph import Handle, find_handles, substitute
from woflo.kernel.hiding import is_secret_name
from woflo.kernel.masking import mask, mask_text, shorten_call
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.stores.differing import SCALARS, Difference, first_difference, first_foreign
from woflo.stores.failures import dump_error, load_error

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from woflo.stores.rows import Row

__all__ = ["Codec", "PicklingCodec", "ValueCodec", "dump_plain"]

PICKLED = '{"$pickle":'
MOST = 256 * 1024 * 1024
"""Characters of JSON that a value may have; what is larger belongs in a file, whose path is passed."""

_UNTYPED = (Any, object, Parameter.empty, None)
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class Codec:
    """How the arguments and the result of one function are stored.

    With `pickles`, what JSON and the annotations cannot store is pickled, and only then a pickle is loaded.
    """

    def __init__(self, fn: Any, *, pickles: bool = False) -> None:
        self.fn = fn
        self._kind = PicklingCodec if pickles else ValueCodec
        self.name: str = getattr(fn, "__name__", repr(fn))

    @cached_property
    def _parameters(self) -> dict[str, tuple[Parameter, ValueCodec]]:
        hints = _hints(vars(self.fn).get("__init__") if isinstance(self.fn, type) else self.fn)
        return {
            name: (
                parameter,
                self._kind(hints.get(name, Any), f"the argument {name!r} of {self.name}", "argument", name),
            )
            for name, parameter in self._signature.parameters.items()
        }

    @cached_property
    def _signature(self) -> Any:
        return signature(self.fn)

    @cached_property
    def _result(self) -> ValueCodec:
        run = getattr(self.fn, "run", None) if isinstance(self.fn, type) else self.fn
        return self._kind(_hints(run).get("return", Any), f"the result of {self.name}", "result")

    def dump_call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The arguments as a JSON object, by the names of the parameters, in their order.

        A handle among them is written as `{"$run": id}`. Raises `SerializationError` that names the parameter.
        """
        plain = self._plain
        if plain is not None and not kwargs and len(args) <= len(plain):
            parts = [prefix + codec.dump(value) for (prefix, codec), value in zip(plain, args, strict=False)]
        else:
            given = self._signature.bind(*args, **kwargs).arguments
            parts = [f"{_encode(name)}:{self.dump_parameter(name, value)}" for name, value in given.items()]
        return "{" + ",".join(parts) + "}"

    @cached_property
    def _plain_codecs(self) -> dict[str, ValueCodec] | None:
        """Those of the arguments, which may all be given by their places; None where arguments may be collected."""
        kinds = {parameter.kind for parameter, _ in self._parameters.values()}
        if kinds & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD, Parameter.KEYWORD_ONLY}:
            return None
        return {name: codec for name, (_, codec) in self._parameters.items()}

    @cached_property
    def _plain(self) -> list[tuple[str, ValueCodec]] | None:
        """The same, with what is written before each argument."""
        plain = self._plain_codecs
        return None if plain is None else [(f"{_encode(name)}:", codec) for name, codec in plain.items()]

    def dump_parameter(self, name: str, value: Any) -> str:
        """The value of one parameter as JSON. Raises `SerializationError`."""
        parameter, codec = self._parameters[name]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            return "[" + ",".join(map(codec.dump, value)) + "]"
        if parameter.kind is Parameter.VAR_KEYWORD:
            return "{" + ",".join(f"{_encode(key)}:{codec.dump(item)}" for key, item in value.items()) + "}"
        return codec.dump(value)

    def load_call(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments again, as positional and keyword arguments.

        Raises `SerializationError` where they do not fit the function (any more).
        """
        given = _parse(text, f"the arguments of {self.name}")
        plain = self._plain_codecs
        if plain is not None and list(given) == list(plain)[: len(given)]:
            return tuple([codec.convert(raw) for codec, raw in zip(plain.values(), given.values(), strict=False)]), {}
        return self._bound(given, text)

    def _bound(self, given: dict[str, Any], text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Where arguments are collected, have a gap between them, or do not fit."""
        values: dict[str, Any] = {}
        for name, raw in given.items():
            if name not in self._parameters:
                raise SerializationError(
                    f"{self.name} has no parameter {name!r}, and it is stored: {mask_text(text[:200])}"
                )
            parameter, codec = self._parameters[name]
            if parameter.kind is Parameter.VAR_POSITIONAL:
                values[name] = tuple(codec.convert(item) for item in raw)
            elif parameter.kind is Parameter.VAR_KEYWORD:
                values[name] = {key: codec.convert(item) for key, item in raw.items()}
            else:
                values[name] = codec.convert(raw)
        bound = BoundArguments(self._signature, values)  # it knows what is given by name: all behind a gap
        return bound.args, bound.kwargs

    def dump_result(self, value: Any) -> str:
        """The result as JSON. Raises `SerializationError`."""
        return self._result.dump(value)

    def dump_outcome(
        self, state: RunState | None, outcome: Outcome
    ) -> tuple[RunState, Outcome, str | None, str | None]:
        """The end of a run as it is stored: state, outcome, result and error.

        Without a `state`, it is SUCCEEDED, FAILED or STOPPED by the outcome. A result that cannot be stored is a
        failure. An int where a float is annotated, which Python's types allow (PEP 484), is a float from here on: what
        is told now is what is told when the record is read.
        """
        error = outcome.error
        if error is None:
            if type(outcome.value) is int and self._result.scalar is float:
                outcome = Outcome(float(outcome.value))
            try:
                return state or RunState.SUCCEEDED, outcome, self.dump_result(outcome.value), None
            except SerializationError as refused:
                state, outcome, error = RunState.FAILED, Outcome.failed(refused), refused
        state = state or (RunState.STOPPED if outcome.interrupted else RunState.FAILED)
        return state, outcome, None, dump_error(error)

    def load_outcome(self, row: Row) -> Outcome:
        """What a run that has ended left. Raises `SerializationError`."""
        if row.error is not None:
            return Outcome.failed(load_error(row.error))
        if row.state is RunState.STOPPED:
            return Outcome(None, TaskStoppedError(f"{row.task} ({row.id}) was stopped"), interrupted=True)
        return Outcome(self.load_result(row.result))

    def load_result(self, text: str | None) -> Any:
        """The result again. Raises `SerializationError` where it does not fit the annotation (any more)."""
        return self._result.load("null" if text is None else text)


class ValueCodec:
    """How values of one annotation are stored. `what` names them in errors; `name` may be that of a secret."""

    def __init__(self, annotation: Any, what: str, which: str = "", name: str = "") -> None:
        self.name = name
        self.annotation = annotation
        self.what = what
        self.which = which
        self.is_untyped: bool = annotation in _UNTYPED
        self.scalar: Any = annotation if annotation in SCALARS else None

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
        try:
            try:
                return TypeAdapter(self.annotation, config=config)
            except PydanticUserError:  # a model or a dataclass says itself how it is written
                return TypeAdapter(self.annotation)
        except Exception as error:
            raise self._refusal(
                f"has the annotation {self.annotation!r}, which pydantic cannot store: {error}"
            ) from error

    def dump(self, value: Any) -> str:
        """`value` as JSON. Raises `SerializationError` for one that would not come back as it is."""
        try:
            if type(value) is self.scalar:
                text = repr(value) if self.scalar is int else _encode(value)
            elif find_handles((value,), {})[0]:
                return dump_plain(substitute(value, _reference))
            else:
                text = self._dump_untyped(value) if self.is_untyped else self._dump_typed(value)
                if text.startswith(PICKLED):
                    told = 'is a dictionary with the key "$pickle", which is woflo\'s own; take another name'
                    raise self._refusal(told)
        except ValueError as error:  # of JSON's own: a list that holds itself, or a number of too many digits
            way_out = "; pass hex(n), a text" if "digits" in str(error) else ""
            raise self._refusal(f"cannot be written as JSON: {_small(str(error))}{way_out}") from error
        if len(text) > MOST:
            raise self._refusal(f"has {len(text):,} characters as JSON; write it to a file, and pass the path")
        return text

    def _dump_untyped(self, value: Any) -> str:
        foreign = first_foreign(value)
        if foreign is not None:
            raise self._refusal(
                f"is or holds {self._shown(foreign)}, which JSON does not know; annotate it with its type "
                f"({type(foreign).__name__} …), so that it can come back as it is"
            )
        return dump_plain(value)

    def _dump_typed(self, value: Any) -> str:
        try:
            text = self._adapter.dump_json(value, warnings="error").decode()
            again = self._adapter.validate_json(text)
        except Exception as error:
            told = f"is {self._shown(value)}, which {self._annotated()} does not describe{_inside(error, value)}"
            is_told = type(error).__module__.startswith("pydantic")  # in our words, and theirs tell the values, too
            raise self._refusal(told) from (None if is_told else error)
        is_equal = type(again) is type(value) and (again == value or self._is_same(again, text))
        if not is_equal or self._may_hold_deques:
            found = first_difference(value, again) or (None if is_equal else Difference("", value, again))
            if found is not None:
                raise self._refusal(self._differing(found))
        return text

    @cached_property
    def _may_hold_deques(self) -> bool:
        """Those are equal also where one of them has a bound, which is not stored."""
        return "deque" in str(self._adapter.core_schema)

    def _differing(self, found: Difference) -> str:
        name = self.name if is_secret_name(self.name) else found.secret
        given, again = (shorten_call(type(one).__name__, (one,), {}, (name,)) for one in (found.given, found.again))
        is_what = f"has {given} at {found.place}, which" if found.place else f"is {given}, and"
        return f"{is_what} would come back as {again} under {self._annotated()}; {found.advice()}"

    def _is_same(self, again: Any, text: str) -> bool:
        """True for what is not equal to itself, such as a list with NaN, and is written in the same way again."""
        return "NaN" in text and self._adapter.dump_json(again).decode() == text

    def load(self, text: str) -> Any:
        """The value of a JSON text."""
        if text.startswith(PICKLED):
            return self.unpickled(_parse(text, self.what))
        if self.is_untyped or self.scalar is not None:
            return self.convert(_parse(text, self.what))
        return self._validated(text)

    def convert(self, raw: Any) -> Any:
        """The value of JSON that is parsed already."""
        if type(raw) is dict and "$pickle" in raw:
            return self.unpickled(raw)
        if self.is_untyped or type(raw) is self.scalar:
            return raw
        return self._validated(dump_plain(raw))

    def unpickled(self, raw: Any) -> Any:
        """Never here: a row does not decide that something is unpickled."""
        raise self._refusal(
            "is stored as a pickle, and a pickle in a store of JSON is refused: who can write a store whose pickles "
            'are loaded can have code executed; they are loaded only where the task itself says codec="pickle"'
        )

    def _validated(self, text: str) -> Any:
        try:
            return self._adapter.validate_json(text)
        except Exception as error:
            shown = mask(self.name, text)[:200]
            raise self._refusal(
                f"is stored as {shown}, which {self._annotated()} does not describe{_inside(error, None)}"
            ) from None

    def _shown(self, value: Any) -> str:
        return shorten_call(type(value).__name__, (value,), {}, (self.name,))

    def _annotated(self) -> str:
        name = self.annotation.__name__ if isinstance(self.annotation, type) else str(self.annotation)
        return f"the annotation {name}"

    def _refusal(self, told: str) -> SerializationError:
        return SerializationError(f"{self.what} {told}", which=self.which)


class PicklingCodec(ValueCodec):
    """Of a task that says `codec="pickle"`."""

    def dump(self, value: Any) -> str:
        """As JSON where that can be, else as `{"$pickle": BASE64}`. Raises `SerializationError`."""
        try:
            return super().dump(value)
        except SerializationError:
            text = self._pickle(value)
        if len(text) > MOST:
            raise self._refusal(f"has {len(text):,} characters as a pickle; write it to a file, and pass the path")
        return text

    def _pickle(self, value: Any) -> str:
        try:
            data = pickle.dumps(value, protocol=5)
        except Exception as error:
            raise self._refusal(f"is {self._shown(value)}, which neither JSON nor pickle can store: {error}") from error
        return f'{PICKLED}"{b64encode(data).decode()}"}}'

    def unpickled(self, raw: Any) -> Any:
        """The value. Raises `SerializationError` where it cannot be loaded (any more)."""
        try:
            return pickle.loads(b64decode(raw["$pickle"], validate=True))
        except Exception as error:
            raise self._refusal(f"is stored as a pickle that cannot be loaded: {error!r}") from error


def dump_plain(value: Any) -> str:
    """JSON of what JSON knows."""
    return _encode(value)


def _reference(run: Handle) -> dict[str, str]:
    return {"$run": str(getattr(run, "id", ""))}


def _parse(text: str, what: str) -> Any:
    try:
        return _decode(text)
    except ValueError as error:
        raise SerializationError(
            f"{what} cannot be read from the store, it is no JSON ({error}): {mask_text(text[:200])}"
        ) from error


_UNEXPECTED = re.compile(r"Expected `(.+?)`(?:.*field_name='(\w+)')?.*input_type=(\w+)\]")
"""What pydantic says of a part that is not what the annotation of that part says."""


def _inside(error: Exception, value: Any) -> str:
    """Why a value is not described by its annotation, where more can be told than that it is none."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        parts = [": ".join(filter(None, (".".join(map(str, one["loc"])), _small(one["msg"])))) for one in found]
    elif str(error).startswith("Pydantic serializer warnings"):
        parts = [
            f"{field or 'a part of it'} must be {wanted}, and is {kind}"
            for wanted, field, kind in _UNEXPECTED.findall(str(error))
            if field or kind != type(value).__name__
        ]
    else:
        parts = [str(error)]
    return f": {'; '.join(dict.fromkeys(parts))}" if parts else ""


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _hints(fn: Callable[..., Any] | None) -> dict[str, Any]:
    """The annotations of a function, as far as they can be told."""
    try:
        return get_type_hints(fn, include_extras=True)
    except Exception:  # a name that exists for type checkers only: the others are told all the same
        return {name: given for name, given in getattr(fn, "__annotations__", {}).items() if not isinstance(given, str)}
