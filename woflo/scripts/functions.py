"""Functions with files, and functions whose results are kept: the same freshness as that of scripts."""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import cached_property, update_wrapper
from inspect import Parameter, Signature, iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any

from woflo.errors import ArgumentError, OptionError, SerializationError, TaskStoppedError
from woflo.kernel.body import Body
from woflo.kernel.context import current_attempt
from woflo.kernel.digest import digest
from woflo.kernel.hiding import know_argument
from woflo.kernel.masking import MASK, mask
from woflo.kernel.options import Options
from woflo.kernel.task import Task
from woflo.scripts.admission import FreshnessAdmission
from woflo.scripts.body import Lookup
from woflo.scripts.code import Code, full_name
from woflo.scripts.execution import known_of
from woflo.scripts.files import Declared, Temporary
from woflo.scripts.making import Making
from woflo.scripts.marks import Mark
from woflo.scripts.places import check_written
from woflo.scripts.plan import Plan, inputs_of
from woflo.scripts.sealing import sealed_digest
from woflo.scripts.words import check_closed, fields_of, texts_of
from woflo.stores.codec import Codec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MakingFunction", "made_task"]

PAUSE = 0.02


def made_task(fn: Any, given: dict[str, Any]) -> Any:
    """What `@task` gives for a function with `inputs`, `outputs`, `cache`, `version` or `cache_ignore`."""
    own = {name: given.pop(name) for name in ("inputs", "outputs", "cache", "version", "cache_ignore") if name in given}
    options = Options(**given, admission=FreshnessAdmission())
    if fn is None:
        return lambda function: Task(Body(MakingFunction(function, **own)), options)
    return Task(Body(MakingFunction(fn, **own)), options)


class MakingFunction:
    """A function, and what is looked at before and after it."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        inputs: Any = None,
        outputs: Any = None,
        cache: bool = False,
        version: str | int | None = None,
        cache_ignore: Sequence[str] = (),
    ) -> None:
        if isinstance(fn, type) or not callable(fn):
            raise OptionError(f"inputs, outputs and cache are for functions; {fn!r} is none")
        update_wrapper(self, fn)
        self.func = fn
        self._code = Code(fn)
        self.signature: Signature = signature(fn)
        self.inputs: Declared = Declared("inputs", inputs)
        self.outputs: Declared = Declared("outputs", outputs)
        self.has_temporary: bool = any(one.kind is Temporary for one in self.outputs.patterns)
        self.cache: bool = _checked_flag(cache)
        self.version = version
        self.cache_ignore: frozenset[str] = self._checked_names(cache_ignore)
        if not self.cache and not self.outputs:
            raise OptionError(f"{self.name}: without outputs= or cache=True there is nothing to be up to date")
        paths = [*self.inputs.templates(), *self.outputs.templates()]
        check_closed(paths)
        for field in fields_of(paths):
            if field.name not in self.signature.parameters:
                known = ", ".join(self.signature.parameters) or "none"
                raise OptionError(f"{self.name}: {field} is none of its parameters, which are: {known}")

    @property
    def name(self) -> str:
        """The function's."""
        return str(getattr(self.func, "__name__", repr(self.func)))

    def _checked_names(self, given: Any) -> frozenset[str]:
        names = [given] if isinstance(given, str) else list(given)
        for one in names:
            if one not in self.signature.parameters:
                raise OptionError(f"{self.name}: cache_ignore={given!r} names {one!r}, which is no parameter of it")
        return frozenset(names)

    @cached_property
    def codec(self) -> Codec:
        """How its arguments and results are written."""
        return Codec(self.func)

    def __reduce__(self) -> Any:
        own = {"inputs": self.inputs.given, "outputs": self.outputs.given, "cache": self.cache}
        return (_made_again, (self.func, {**own, "version": self.version, "cache_ignore": tuple(self.cache_ignore)}))

    # -- the plan of a call ----------------------------------------------------------------------------

    def plan(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """What a call means, as far as files and freshness go."""
        plan = self._files(name, args, kwargs)
        plan.extra = {
            **self._arguments(args, kwargs),
            **({} if self.version is None else {"version": str(self.version)}),
        }
        plan.code = self._code.digests() if self.version is None else {}
        if plan.target is None:
            plan.target = f"cache:{full_name(self.func)}:{digest(repr(sorted(plan.extra.items())))}"
        plan.codec = self.codec
        return plan

    def _files(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        values = self._bound(args, kwargs)
        lookup = Lookup(name, values)
        fields = fields_of([*self.inputs.templates(), *self.outputs.templates()])
        texts = {one.key: texts_of(one.name, values[one.name], one.form) for one in fields}
        plain = {key: text for key, text in texts.items() if isinstance(text, str)}
        read = self.inputs.fill(lookup, plain)
        self.inputs.check(name, read, "")
        globs: list[str] = []
        inputs = inputs_of([one.pattern or one.path for one in read], "", globs)
        outputs = self.outputs.fill(lookup, plain)
        self.outputs.check(name, outputs, "")
        for pattern, output in zip(self.outputs.patterns, outputs, strict=True):
            if pattern.fixed is None:
                check_written(name, "outputs", output.path, pattern.folder, "")
        plan = Plan(name, inputs, outputs)
        plan.globs = globs
        return plan

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, str]:
        given = self.signature.bind(*args, **kwargs)
        given.apply_defaults()
        return {
            name: self._digest(name, value) for name, value in given.arguments.items() if name not in self.cache_ignore
        }

    def _digest(self, name: str, value: Any) -> str:
        kind = self.signature.parameters[name].kind
        is_secret = mask(name, "") == MASK
        if is_secret:
            know_argument(name, value, stays=False)
        made = sealed_digest if is_secret else digest
        try:
            if kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                raise SerializationError
            return made(self.codec.dump_parameter(name, value))
        except SerializationError:
            try:
                return made(pickle.dumps(value, 5))
            except Exception as error:
                shown = MASK if is_secret else repr(value)
                raise ArgumentError(
                    f"{self.name}: whether {name}={shown} is the same as before cannot be told ({error}); name it in "
                    f"cache_ignore where it does not matter"
                ) from error

    # -- the call --------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Execute it, with its files looked after."""
        if iscoroutinefunction(self.func):
            return self._call_async(args, kwargs)
        if not self.outputs:
            return self.func(*args, **kwargs)
        plan = self._begun(args, kwargs)
        with _files_kept(plan, _taken(plan)):
            return self.func(*args, **kwargs)

    def _begun(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Plan:
        """Its files are those of the folder in which it begins, wherever its code goes."""
        plan = self._files(self.name, args, kwargs)
        plan.root = os.getcwd()
        return plan

    async def _call_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.outputs:
            return await self.func(*args, **kwargs)
        plan = self._begun(args, kwargs)
        assert plan.target is not None
        while (mark := Mark.take(plan.target, bool)) is None:
            await asyncio.sleep(PAUSE)
        with _files_kept(plan, mark):
            return await self.func(*args, **kwargs)


def _made_again(func: Any, own: dict[str, Any]) -> MakingFunction:
    return MakingFunction(func, **own)


def _checked_flag(cache: Any) -> bool:
    if not isinstance(cache, bool):
        raise OptionError(f"cache={cache!r} must be True or False")
    return cache


def _taken(plan: Plan) -> Mark:
    attempt = current_attempt.get()

    def pause() -> bool:
        time.sleep(PAUSE)
        return attempt is None or not attempt.stop_requested

    assert plan.target is not None
    mark = Mark.take(plan.target, pause)
    if mark is None:
        raise TaskStoppedError(f"{plan.name} was stopped while it waited for another one that makes {plan.target}")
    return mark


@contextmanager
def _files_kept(plan: Plan, mark: Mark) -> Iterator[None]:
    """Around the code: outputs of before are moved aside, those of now must be there; partial ones go."""
    assert plan.target is not None
    is_clean = False
    attempt = current_attempt.get()
    is_inside = attempt is not None and attempt.run is None
    try:
        known = known_of(plan.target, is_changed=mark.was_waited_for or mark.was_cut_off, is_inside=is_inside)
        making = Making(plan, known, mark)
        making.begin()
        try:
            yield
            making.keep()
        except BaseException:
            is_clean = making.revert()
            raise
        is_clean = True
    finally:
        mark.end(is_clean=is_clean)
        mark.give()
