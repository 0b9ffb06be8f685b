"""What a task executes: a function, an async function, or a class with a `run` method."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from types import CodeType, CoroutineType, FunctionType
from typing import TYPE_CHECKING, Any

from woflo.errors import ArgumentError, NotATaskError
from woflo.kernel import hiding
from woflo.kernel.injecting import injections_of

if TYPE_CHECKING:
    from woflo.kernel.providing import Injections

__all__ = ["Body", "load_by_name", "run_coroutine"]

_CO_VARARGS, _CO_VARKEYWORDS, _CO_COROUTINE = 0x04, 0x08, 0x80  # inspect.CO_*, without its import
_CO_GENERATOR, _CO_ASYNC_GENERATOR = 0x20, 0x200


class Body:
    """The code behind a task. Several tasks (with other options) may share one body.

    `fn` is what was decorated; `owner` is the task that stands under the function's own name, so that
    another process can find the body by module and name.
    """

    __slots__ = (
        "__weakref__",
        "check_call",
        "codes",
        "fn",
        "injections",
        "is_async",
        "is_class",
        "module",
        "name",
        "qualname",
        "secrets",
    )

    def __init__(self, fn: Any) -> None:
        self.fn: Any = fn
        self.is_class: bool = isinstance(fn, type)
        if self.is_class:
            _need_run_method(fn)
        elif isinstance(getattr(fn, "body", None), Body):
            raise NotATaskError(
                f"@task was given {fn!r}, a task already; use with_options(...) for the same with other options"
            )
        elif isinstance(fn, classmethod | staticmethod):
            kind = type(fn).__name__
            raise NotATaskError(f"@task was put above @{kind} at {fn.__func__.__qualname__}; put @task below it")
        elif not callable(fn):
            raise NotATaskError(
                f"@task was given {fn!r}: it needs a function, a class with a run method, or a callable"
            )
        _need_no_generator(fn.run if self.is_class else fn)
        plain = _unwrapped(fn)
        self.module: str = getattr(plain, "__module__", None) or "__main__"
        self.qualname: str = getattr(plain, "__qualname__", None) or type(plain).__qualname__
        self.name: str = getattr(plain, "__name__", None) or type(plain).__name__
        self.is_async: bool = _class_is_async(fn) if self.is_class else _is_async(fn)
        self.check_call = _checker(fn)
        """Raises `ArgumentError` where the number or the names of the arguments do not fit."""
        self.injections: Injections | None = injections_of(fn)
        """The parameters that are filled when the body is executed, by whatever runner."""
        self.secrets: hiding.Parameters | None = hiding.parameters_of(fn)
        """The parameters whose values are hidden wherever they are shown."""
        self.codes: dict[Any, Any] = {}
        """What others keep with it: runners the code that they ship, by who they are; how calls are stored, by the
        name of the codec."""

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int) -> Any:
        """Execute; the result may be a coroutine, which the caller has to drive.

        `number` is the attempt's, from 1: a class is told by `on_restart` that it is not the first.
        """
        if self.injections is not None:
            kwargs = self.injections.fill(args, kwargs)
        if self.secrets is not None or "pydantic" in sys.modules:
            hiding.know_call(self.secrets, args, kwargs)
        if not self.is_class:
            return self.fn(*args, **kwargs)
        life = _life(self.fn(*args, **kwargs), number)
        return _drive_async(life) if self.is_async else _drive(life)

    def found_by_name(self) -> Any:
        """What stands under the body's name in its module, a task or the plain function; None where nothing can.

        A script or a prompt (`__main__`) is nothing that another process could import.
        """
        if self.module == "__main__" or "<" in self.qualname:
            return None
        found: Any = sys.modules.get(self.module)
        for name in self.qualname.split("."):
            found = getattr(found, name, None)
        return found

    def __reduce__(self) -> Any:
        if getattr(self.found_by_name(), "body", None) is self:
            return (_body_by_name, (self.module, self.qualname))
        # The function is its state: it may name a task with this very body, which then needs the rest already.
        return (_new_body, (self.module, self.qualname, self.name, self.is_async, self.is_class), (self.fn,))

    def __setstate__(self, state: tuple[Any]) -> None:
        self.fn = state[0]
        self.check_call = _checker(self.fn)
        self.injections = injections_of(self.fn)
        self.secrets = hiding.parameters_of(self.fn)

    def parameter_names(self) -> list[str]:
        """The names of the parameters in their order; empty where they cannot be told."""
        from inspect import signature

        try:
            return list(signature(self.fn).parameters)
        except (ValueError, TypeError):
            return []

    def __repr__(self) -> str:
        return f"<body {self.module}.{self.qualname}>"


def load_by_name(module: str, qualname: str) -> Any:
    """Import what `found_by_name` found in the process that sent it."""
    __import__(module)
    found: Any = sys.modules[module]
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _body_by_name(module: str, qualname: str) -> Body:
    body: Body = load_by_name(module, qualname).body
    return body


def _new_body(module: str, qualname: str, name: str, is_async: bool, is_class: bool) -> Body:
    body = Body.__new__(Body)
    body.module, body.qualname, body.name = module, qualname, name
    body.is_async, body.is_class = is_async, is_class
    body.fn, body.codes = None, {}
    return body


def _need_run_method(cls: type) -> None:
    if not callable(getattr(cls, "run", None)):
        raise NotATaskError(f"@task was put on the class {cls.__qualname__}, which has no run method; give it one")


def _need_no_generator(fn: Any) -> None:
    if _flags(fn) & (_CO_GENERATOR | _CO_ASYNC_GENERATOR):
        name = getattr(_unwrapped(fn), "__qualname__", None) or repr(fn)
        raise NotATaskError(
            f"@task was put on {name}, which yields, and a generator cannot be the value of a run; return a list, "
            f"or make a task of what is done for one item and use map"
        )


def _unwrapped(fn: Any) -> Any:
    while not isinstance(fn, FunctionType | type):
        inner = getattr(fn, "func", None) or getattr(fn, "__func__", None)  # partial | bound method
        if inner is None:
            return fn
        fn = inner
    return fn


def _flags(fn: Any) -> int:
    plain = _unwrapped(fn)
    code = getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)
    return getattr(code, "co_flags", 0)


def _is_async(fn: Any) -> bool:
    return bool(_flags(fn) & _CO_COROUTINE)


_HOOKS = ("on_create", "on_restart", "on_success", "on_failure", "on_destroy", "on_abort")


def _class_is_async(cls: Any) -> bool:
    return any(_is_async(getattr(cls, name)) for name in ("run", *_HOOKS) if hasattr(cls, name))


# -- arguments -----------------------------------------------------------------------------------------

Check = Callable[[Body, tuple[Any, ...], dict[str, Any]], None]


def _checker(fn: Any) -> Check | None:
    """A check as cheap as the signature allows: counting for plain functions, `inspect` for the rest."""
    if not isinstance(fn, FunctionType):
        return _check_by_signature
    code = fn.__code__
    if code.co_flags & (_CO_VARARGS | _CO_VARKEYWORDS) or code.co_kwonlyargcount or hasattr(fn, "__wrapped__"):
        return _check_by_signature
    return _counting_check(code, len(fn.__defaults__ or ()))


def _counting_check(code: CodeType, defaults: int) -> Check:
    most, least = code.co_argcount, code.co_argcount - defaults

    def check(body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if kwargs or not least <= len(args) <= most:
            _check_by_signature(body, args, kwargs)

    return check


def _check_by_signature(body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    from inspect import signature

    try:
        expected = signature(body.fn)
    except (ValueError, TypeError):
        return  # some builtins do not tell their signature
    try:
        expected.bind(*args, **kwargs)
    except TypeError as error:
        raise ArgumentError(f"{body.name}{expected}: {error}") from None


# -- classes: the methods called around `run` ----------------------------------------------------------

Life = Generator[Any, Any, Any]


def _life(obj: Any, number: int) -> Life:
    """The calls of one attempt in order. Each yields what a method returned and is sent its result."""
    try:
        yield from _hook(obj, "on_create")
        if number > 1:
            yield from _hook(obj, "on_restart")
        try:
            value = yield obj.run()
        except StopIteration as stop:  # a generator cannot raise it as it is
            raise _CarriedError(stop) from stop
    except Exception:
        yield from _late_hook(obj, "on_failure")
        yield from _late_hook(obj, "on_destroy")
        raise
    except GeneratorExit:
        raise
    except BaseException:
        yield from _late_hook(obj, "on_destroy")
        yield from _late_hook(obj, "on_abort")
        raise
    yield from _late_hook(obj, "on_success")
    yield from _late_hook(obj, "on_destroy")
    return value


class _CarriedError(Exception):
    """Carries a StopIteration of the user's code out of a generator."""


def _hook(obj: Any, name: str) -> Life:
    method = getattr(obj, name, None)
    if method is not None:
        yield method()


def _late_hook(obj: Any, name: str) -> Life:
    """After `run` the outcome stands: a method that fails then is reported and changes nothing."""
    try:
        yield from _hook(obj, name)
    except Exception:
        from woflo.kernel.bus import complain

        complain(f"{type(obj).__qualname__}.{name} raised; the outcome of the attempt stands")


def _drive(life: Life) -> Any:
    try:
        result = next(life)
        while True:
            result = life.send(result)
    except StopIteration as end:
        return end.value
    except _CarriedError as carried:
        raise carried.args[0] from None


async def _drive_async(life: Life) -> Any:
    try:
        result = next(life)
        while True:
            if isinstance(result, CoroutineType):
                try:
                    result = await result
                except BaseException as error:
                    result = life.throw(error)
                    continue
            result = life.send(result)
    except StopIteration as end:
        return end.value
    except _CarriedError as carried:
        raise carried.args[0] from None


# -- coroutines outside of a loop ----------------------------------------------------------------------


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Drive a coroutine to its end in a fresh loop, in a thread beside where one runs here already."""
    import asyncio

    if asyncio._get_running_loop() is None:
        return asyncio.run(coroutine)
    return _in_fresh_thread(lambda: asyncio.run(coroutine))


def _in_fresh_thread(function: Callable[[], Any]) -> Any:
    import contextvars
    import threading

    box: list[Any] = []
    context = contextvars.copy_context()

    def body() -> None:
        try:
            box.append((context.run(function), None))
        except BaseException as error:
            box.append((None, error))

    thread = threading.Thread(target=body, name="woflo-coroutine")
    thread.start()
    thread.join()
    value, error = box.pop()
    try:
        if error is not None:
            raise error
        return value
    finally:
        del error  # which holds this frame
