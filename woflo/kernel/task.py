"""Tasks: what `@task` makes of a function or a class."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from woflo.errors import OptionError
from woflo.kernel.body import Body, load_by_name
from woflo.kernel.context import current_attempt
from woflo.kernel.options import OnCrash, Options, RetryOn
from woflo.kernel.registry import load_making, load_runner

if TYPE_CHECKING:
    from woflo.kernel.mapping import RunMap
    from woflo.kernel.run import BaseTaskRun

__all__ = ["Task", "task"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


_F = TypeVar("_F", bound=Callable[..., Any])


_OF_MAKING = ("inputs", "outputs", "cache", "version", "cache_ignore")
"""Of tasks that are skipped where what they make is up to date."""
_OF_A_CALL = ("admission", "after", "key", "force")
"""What is said for a call, and not where a task is defined."""
_OF_THE_TASK = ("admission", "codec", "missed", "schedule")
"""What is said where a task is defined, and not for a call."""


def _telling_unknown_names(method: _F) -> _F:
    """`method(self, **options)`, where the name of an option that there is not is told as `@task` tells it."""

    @wraps(method)
    def checked(self: Any, *args: Any, **options: Any) -> Any:
        _check_names("with_options", options, left=_OF_THE_TASK, refused=_OF_THE_TASK)
        return method(self, *args, **options)

    return checked  # type: ignore[return-value]  # with the signature of the method


class HasRun(Protocol[R_co]):
    """An object whose `run` is the work."""

    def run(self) -> R_co: ...


class HasAsyncRun(Protocol[R_co]):
    """An object whose `run` is the work, as a coroutine."""

    def run(self) -> Coroutine[Any, Any, R_co]: ...


class Task(Generic[P, R]):
    """A definition: what to execute, and its policy. Calling it makes a run and returns its handle."""

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_gates",
        "_lanes",
        "_runner",
        "body",
        "given",
        "is_bare",
        "is_limited",
        "is_plain",
        "name",
        "options",
    )

    def __init__(self, body: Body, options: Options) -> None:
        self.body: Body = body
        self.options: Options = options
        self.given: Mapping[str, Any] = {}
        """What `with_options` has set since the definition, which another process finds by the name."""
        self.name: str = options.name or body.name
        self.is_limited: bool = bool(
            options.max_concurrency is not None or options.rate_limit is not None or options.resources
        )
        self.is_plain: bool = options.deadline is None and not options.after and not options.resources
        """True where a call of plain values needs no further look at the options before it is admitted."""
        self.is_bare: bool = (
            self.is_plain
            and not self.is_limited
            and options.timeout is None
            and options.heartbeat_timeout is None
            and options.admission is None
            and self.name == body.name
        )
        """True where the options need no look at all until an attempt fails."""
        self._lanes: dict[Any, Any] = {}
        self._gates: Any = {}
        self._runner = None if options.runner is None else load_runner(options.runner)
        if self._runner is not None:
            _check_for_runner(self._runner, options)
        self.__name__: str = body.name
        self.__qualname__ = body.qualname
        self.__module__ = body.module
        self.__doc__ = getattr(body.fn, "__doc__", None)

    @property
    def __wrapped__(self) -> Any:
        """What was decorated: `inspect.signature` and documentation tools look here."""
        return self.body.fn

    @property
    def fn(self) -> Callable[P, Any]:
        """The plain function or class."""
        return self.body.fn  # type: ignore[no-any-return]  # what was decorated, with its own type

    @property
    def runner(self) -> type[BaseTaskRun[Any]]:
        """The runner class that calls of this task get."""
        if self._runner is None:
            self._runner = load_runner(None)
            _check_for_runner(self._runner, self.options)
        return self._runner

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> BaseTaskRun[R]:
        """Call the task: a handle, at once. A handle among the arguments is a dependency.

        Raises `ArgumentError` for a wrong number or name of arguments.
        """
        check = self.body.check_call
        if check is not None:
            check(self.body, args, kwargs)
        caller = current_attempt.get()
        if caller is not None and caller.recorder is not None:
            return caller.recorder.call(self, args, kwargs)
        run = (self._runner or self.runner)(self, args, kwargs)
        try:
            run._begin()
            return run
        finally:
            del run  # where it was executed here, its failure holds this frame

    def map(self, /, *iterables: Any, **constants: Any) -> RunMap[R]:
        """Call the task for each item: a lazy sequence of handles in the order of the items.

        Iterables other than text, bytes and mappings are spread (all of one length); any other value, and
        `quote(value)`, is given to every call; `list(...)` of a text or a mapping is spread. Calls are launched ahead
        of the reader, within the limit of the runner, so that the input may be endless.
        """
        from woflo.kernel.mapping import RunMap

        return RunMap(self, iterables, constants)

    @_telling_unknown_names
    def with_options(
        self,
        *,
        name: str | None = ...,  # type: ignore[assignment]  # `...` stands for "as it was"
        retries: int = ...,  # type: ignore[assignment]
        retry_sleep_time: Any = ...,
        retry_on: RetryOn = ...,  # type: ignore[assignment]
        timeout: float | None = ...,  # type: ignore[assignment]
        deadline: float | None = ...,  # type: ignore[assignment]
        runner: str | type[BaseTaskRun[Any]] | None = ...,  # type: ignore[assignment]
        max_concurrency: int | None = ...,  # type: ignore[assignment]
        resources: Mapping[str, Any] | None = ...,  # type: ignore[assignment]
        rate_limit: str | None = ...,  # type: ignore[assignment]
        after: BaseTaskRun[Any] | Sequence[BaseTaskRun[Any]] = ...,  # type: ignore[assignment]
        key: str | None = ...,  # type: ignore[assignment]
        queue: str | None = ...,  # type: ignore[assignment]
        limit_key: str | None = ...,  # type: ignore[assignment]
        priority: int = ...,  # type: ignore[assignment]
        delay: float | None = ...,  # type: ignore[assignment]
        tags: Mapping[str, str] | None = ...,  # type: ignore[assignment]
        on_failure: Task[..., Any] | str | None = ...,  # type: ignore[assignment]
        max_calls: int | None = ...,  # type: ignore[assignment]
        heartbeat_timeout: float | None = ...,  # type: ignore[assignment]
        on_crash: OnCrash = ...,  # type: ignore[assignment]
        force: bool = ...,  # type: ignore[assignment]
    ) -> Task[P, R]:
        """The same task with other options; what is not named stays. See `task` for their meaning.

        `force=True`, which only a call has, executes a script, or a function with `outputs` or `cache=True`, whether
        it is up to date or not. Raises `OptionError`.
        """
        given = {key: value for key, value in locals().items() if key != "self" and value is not ...}
        if given.get("force") and self.options.admission is None:
            raise OptionError(
                f"force=True was given to {self.name}, which is executed at every call; it is for what is skipped "
                f"where it is up to date: scripts, and functions with outputs= or cache=True"
            )
        twin: Task[P, R] = Task(self.body, self.options.changed(given))
        twin.given = {**self.given, **given}
        if not given.keys() & {"max_concurrency", "rate_limit"}:
            twin._gates = self._gates  # the runs of both count together
        return twin

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A task defined in a class is bound to the instance, as a method is."""
        bind = getattr(self.body.fn, "__get__", None)
        if instance is None or self.body.is_class or bind is None:
            return self
        bound: Task[..., R] = Task(Body(bind(instance, owner)), self.options)
        bound._gates, bound._lanes, bound.given = self._gates, self._lanes, self.given
        return bound

    def __repr__(self) -> str:
        return f"<task {self.name} ({self.body.module}.{self.body.qualname})>"

    # A task travels by its name where it stands under it in its module, else by its parts. The parts are
    # its state, not arguments of its making: a task may refer to itself through its function.

    def __reduce__(self) -> Any:
        if self.body.found_by_name() is self:
            return (load_by_name, (self.body.module, self.body.qualname))
        return (_new_task, (), (self.body, self.options.portable()))

    def __setstate__(self, state: Any) -> None:
        body, options = state
        Task.__init__(self, body, Options(**options))


def _new_task() -> Task[..., Any]:
    return Task.__new__(Task)


def _check_for_runner(runner: type[BaseTaskRun[Any]], options: Options) -> None:
    name = "timeout" if options.timeout is not None else "heartbeat_timeout"
    seconds = getattr(options, name)
    if seconds is not None and not runner.traits.parallel:
        raise OptionError(
            f"{name}={seconds:g} cannot be kept by {runner.__name__}, which executes in the calling thread; "
            f"choose another runner, or leave the timeout out"
        )
    runner._check_options(options)


@overload
def task(fn: type[HasAsyncRun[R]], /) -> Task[..., R]: ...
@overload
def task(fn: type[HasRun[R]], /) -> Task[..., R]: ...
@overload
def task(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = ...,
    retries: int = ...,
    retry_sleep_time: Any = ...,
    retry_on: RetryOn = ...,
    timeout: float | None = ...,
    deadline: float | None = ...,
    runner: str | type[BaseTaskRun[Any]] | None = ...,
    max_concurrency: int | None = ...,
    resources: Mapping[str, Any] | None = ...,
    rate_limit: str | None = ...,
    queue: str | None = ...,
    limit_key: str | None = ...,
    priority: int = ...,
    delay: float | None = ...,
    schedule: str | None = ...,
    missed: str = ...,
    tags: Mapping[str, str] | None = ...,
    on_failure: Task[..., Any] | str | None = ...,
    max_calls: int | None = ...,
    heartbeat_timeout: float | None = ...,
    codec: str = ...,
    on_crash: OnCrash = ...,
    inputs: Any = ...,
    outputs: Any = ...,
    cache: bool = ...,
    version: str | int | None = ...,
    cache_ignore: Sequence[str] = ...,
) -> Decorator: ...
def task(fn: Any = None, /, **options: Any) -> Any:
    """Make a task of a function, an async function, or a class with a `run` method.

    Options:
        name: shown and stored; the function's name by default.
        retries: further attempts after the first fails, 0 or more.
        retry_sleep_time: seconds between attempts, or a tenacity `wait_*` strategy.
        retry_on: exception types, or a predicate, worth another attempt.
        timeout: seconds that one attempt may take.
        deadline: seconds that the whole run may take, waiting and retries included.
        runner: a subclass of `BaseTaskRun`, or its name: "sequential", "thread", "async", "multiprocess", "pool".
        max_concurrency: runs of this task at the same time.
        resources: what a run takes of the machine, such as `{"cpus": 2, "memory": "4GB"}`.
        rate_limit: starts per period, `"10/s"` or `"100/m"`.
        queue, priority, delay: with the runner "queue": whose workers take the call; higher ones first; not before
            so many seconds have passed.
        limit_key: what calls from a queue count for where the queue limits how many of one key are under way, as
            "customer-7"; see `woflo.configure_queue`. Mostly given to a call, by `with_options`.
        schedule: when workers call the task, which then has no arguments: five cron fields, "@every 2h" (s, m, h, d)
            or "@start"; `missed` says which ticks are made up for that came while no worker was there: "one" (the
            latest), "all" or "none".
        tags: what a stored run is found by besides task and key, such as `{"customer": "7"}`.
        on_failure: the task, or its name, that is called with a `FailedRun` when a stored run has failed.
        max_calls: how many stored calls one run may make.
        heartbeat_timeout: seconds that may pass between two `current_run().heartbeat()`; then the attempt has failed.
        codec: "json", or "pickle" for values in a store that neither JSON nor the annotations can describe; whoever can
            write that store can then have code executed where they are read.
        on_crash: what is done about a step, or a call from a queue, that was under way when its process died: "retry"
            executes it again, "ask" waits for a person's decision, and a function `verify(key, *args)` is asked
            whether it happened; see `woflo.Happened`.
        inputs, outputs: files that a function reads and makes: paths, globs, or templates over its parameters, alone,
            in lists or in a dict of named groups. A call whose outputs are up to date is SKIPPED, with the result of
            then: arguments, inputs, and the code of the function and of what it reaches in the project are the same.
        cache: True keeps the result, and gives it again for the same arguments, inputs and code.
        version: counts in place of the code: change it where the results are others.
        cache_ignore: names of parameters that make no difference.

    Raises `OptionError` for an option that cannot be meant, `UnknownNameError` for an unknown runner,
    `NotATaskError` for what cannot be executed; all at decoration.
    """
    if options.keys() & set(_OF_MAKING):
        others = {name: value for name, value in options.items() if name not in _OF_MAKING}
        _check_names("@task", others, left=_OF_A_CALL, refused=("force",))
        return load_making()(fn, options)
    _check_names("@task", options, left=_OF_A_CALL, refused=("force",))
    checked = Options(**options)
    if fn is None:
        return lambda function: Task(Body(function), checked)
    return Task(Body(fn), checked)


class Decorator(Protocol):
    """What `task(...)` with options returns."""

    @overload
    def __call__(self, fn: type[HasAsyncRun[R]], /) -> Task[..., R]: ...
    @overload
    def __call__(self, fn: type[HasRun[R]], /) -> Task[..., R]: ...
    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R]: ...
    def __call__(self, fn: Any, /) -> Any: ...


def _check_names(where: str, options: dict[str, Any], left: tuple[str, ...], refused: tuple[str, ...] = ()) -> None:
    known = [name for name in Options.__slots__ if name not in left]
    known += [name for name in _OF_MAKING if where == "@task"]
    for name in options:
        if name not in Options.__slots__ or name in refused:
            from woflo.kernel.texts import did_you_mean

            hint = did_you_mean(name, known) or "."
            raise OptionError(f"{where} has no option {name!r}{hint} It has: {', '.join(known)}")
