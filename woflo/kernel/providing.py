"""Who fills the parameters of `inject()`: the process that executes the attempt, by their types.

    objects given by `use_resources`  ──►  exactly of the type  ──►  of a subclass  ──►  settings, read from files

They are no arguments of the call: nothing of them is pickled or stored, unless the caller passes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import count
from types import FrameType, SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, get_type_hints

from woflo.errors import MissingResourceError, OptionError
from woflo.kernel import hiding
from woflo.kernel.injecting import Injected
from woflo.kernel.registry import load_settings

if TYPE_CHECKING:
    from inspect import Parameter
    from typing import Self

    from woflo.kernel.body import Body
    from woflo.kernel.task import Task

__all__ = [
    "Injections",
    "Resources",
    "check_provided",
    "check_travels",
    "generation",
    "injections_of",
    "provided",
    "use_resources",
]


# -- what a function wants -----------------------------------------------------------------------------


class Injections:
    """The parameters of one function that are filled, and with what type of object."""

    def __init__(self, fn: Any, positions: dict[str, int | None]) -> None:
        self._fn = fn
        self._positions = positions
        """Where the parameter stands among the positional ones; None where it can only be given by name."""
        self._kinds: dict[str, type] | None = None

    def fill(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """`kwargs`, with an object for each of the parameters that was not passed."""
        return {**kwargs, **{name: provided(self.kinds[name]) for name in self.missing(args, kwargs)}}

    def missing(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
        """The parameters that were not passed."""
        given = len(args)
        return [
            name
            for name, position in self._positions.items()
            if name not in kwargs and (position is None or position >= given)
        ]

    @property
    def kinds(self) -> dict[str, type]:
        """The type of each parameter. Raises `OptionError` where an annotation is no class, or cannot be looked up."""
        if self._kinds is None:
            annotations = _parameters(self._fn)
            self._kinds = {name: _kind(self._fn, name, annotations[name].annotation) for name in self._positions}
        return self._kinds


def injections_of(fn: Any) -> Injections | None:
    """What is to be filled in a call of `fn`; None where it wants nothing.

    Raises `OptionError` for a parameter without annotation, and for one that can be given by position only.
    """
    wanted = {}
    for position, (name, parameter) in enumerate(_parameters(fn).items()):
        if isinstance(parameter.default, Injected):
            _check(fn, parameter)
            wanted[name] = None if parameter.kind is parameter.KEYWORD_ONLY else position
    return Injections(fn, wanted) if wanted else None


def _parameters(fn: Any) -> dict[str, Parameter]:
    from inspect import signature

    try:
        return dict(signature(fn).parameters)
    except (ValueError, TypeError):  # some builtins do not tell their signature
        return {}


def _check(fn: Any, parameter: Parameter) -> None:
    if parameter.annotation is parameter.empty:
        raise OptionError(
            f"the parameter {parameter.name!r} of {_name(fn)} has the default inject() and no annotation; annotate it "
            f"with the type of what is to be injected"
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise OptionError(
            f"the parameter {parameter.name!r} of {_name(fn)} has the default inject() and can only be given by "
            f"position; put it behind the /"
        )


def _kind(fn: Any, name: str, annotation: Any) -> type:
    try:
        holder: Any = SimpleNamespace(__annotations__={name: annotation})
        kind = get_type_hints(holder, globalns=_namespace(fn))[name]
    except Exception as error:
        raise OptionError(
            f"the annotation {annotation!r} of {name!r} in {_name(fn)} cannot be looked up ({error}); what is injected "
            f"needs a class that its module knows while it runs"
        ) from error
    if not isinstance(kind, type):
        raise OptionError(f"{name!r} of {_name(fn)} has the annotation {kind!r}; what is injected needs a class")
    return kind


_INNER = ("func", "__func__", "__wrapped__")
"""Under which a partial function, a method and a decorated function have what they stand for."""


def _namespace(fn: Any) -> dict[str, Any]:
    """Where the names in its annotations are looked up."""
    while (at := next((one for one in _INNER if hasattr(fn, one)), None)) is not None:
        fn = getattr(fn, at)
    return getattr(fn, "__globals__", None) or vars(sys.modules.get(getattr(fn, "__module__", None) or "") or sys)


def _name(fn: Any) -> str:
    return getattr(fn, "__qualname__", None) or repr(fn)


# -- what there is -------------------------------------------------------------------------------------

_given: list[Resources] = []
"""The last given at the end. No lock: each step is one operation, and a forked child goes on with what it finds."""
_changes = count(1)
generation: int = 0
"""Another one after each change of what is given; a forked child has what was given in the one it was forked in."""


class Resources:
    """Objects that this process provides, until `end()` or the end of the `with` block."""

    def __init__(self, objects: tuple[Any, ...]) -> None:
        self.objects: tuple[Any, ...] = objects
        self.by_import: bool = _is_importing()
        """True where a module gave them while it was imported: a process that imports it gives the same."""

    def end(self) -> None:
        """Provide them no longer."""
        try:
            _given.remove(self)
        except ValueError:
            pass  # it was ended already
        else:
            _change()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def use_resources(*resources: Any) -> Resources:
    """Provide these objects for `inject()` to all that this process executes, by their types.

    Of several objects of one type the last given counts. Returns what ends it: for good without, until `end()`, or for
    a `with` block. Processes that are started afresh (not forked) provide what the modules they import provide; a call
    that needs another object there raises `MissingResourceError`. Workers of a pool that have not what is given now are
    replaced before they are sent a call whose task has something injected.
    """
    for one in resources:
        if one is None or isinstance(one, type):
            raise OptionError(f"use_resources({one!r}): give objects, whose types tell where they belong")
        hiding.know_within(one)
    made = Resources(resources)
    _given.append(made)
    _change()
    return made


def _change() -> None:
    global generation
    generation = next(_changes)


def _is_importing() -> bool:
    """True where a module that another process can import is being imported by this thread."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


def provided(kind: type) -> Any:
    """The object for a parameter of this type.

    Raises `MissingResourceError` where nobody provides one, `SettingsError` for settings that are not valid.
    """
    given = _find(kind)
    if given is not None:
        return given[1]
    found = load_settings()(kind)
    if found is None:
        raise MissingResourceError(
            f"nobody provides a {kind.__qualname__}; give an object by use_resources(…) or Worker(…, resources=[…])"
        )
    return found


def _find(kind: type) -> tuple[Resources, Any] | None:
    """Who gave the object for a parameter of this type, and the object; None where nobody has."""
    objects = [(given, one) for given in reversed(tuple(_given)) for one in reversed(given.objects)]
    for found in objects:
        if type(found[1]) is kind:
            return found
    for found in objects:
        if isinstance(found[1], kind):
            return found
    return None


def check_travels(body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise `MissingResourceError` where a process that is started afresh would not have what this one provides.

    For a call of `body` that is about to be sent there, which would get another object, or none.
    """
    injections = body.injections
    for name in () if injections is None else injections.missing(args, kwargs):
        kind = injections.kinds[name]  # type: ignore[union-attr]  # there is no name where it is None
        given = _find(kind)
        if given is not None and not given[0].by_import:
            raise MissingResourceError(
                f"{body.name} has {name!r} injected, and the {kind.__qualname__} that use_resources was given in this "
                f"process does not travel to one that is started afresh; call use_resources where the module of the "
                f"task is imported, or in the initializer of a pool, or take process_type=ForkProcess"
            )


def check_provided(tasks: Iterable[Task[..., Any]]) -> None:
    """Raise what a call of any of these tasks would raise for want of what it has injected."""
    for task in tasks:
        injections = task.body.injections
        for name, kind in ({} if injections is None else injections.kinds).items():
            try:
                provided(kind)
            except MissingResourceError as error:
                raise MissingResourceError(f"{task.name} has {name!r} injected, and {error}") from None
