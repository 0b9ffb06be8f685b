"""The options of a task, checked where they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel.graph import Handle
from woflo.kernel.quantities import parse_quantity, parse_rate

if TYPE_CHECKING:
    from woflo.kernel.ports import Admission
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["OnCrash", "Options", "RetryOn", "checked_text", "waiting_time", "whole_number"]

RetryOn = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]
OnCrash = str | Callable[..., Any]
"""What is done about a step that was under way when its process died: "retry", "ask", or a function that knows."""


class Options:
    """What was given to `@task` or `with_options`. Immutable by convention; `changed` gives another one."""

    __slots__ = (
        "admission",
        "after",
        "codec",
        "deadline",
        "delay",
        "force",
        "heartbeat_timeout",
        "key",
        "limit_key",
        "max_calls",
        "max_concurrency",
        "missed",
        "name",
        "on_crash",
        "on_failure",
        "priority",
        "queue",
        "rate_limit",
        "resources",
        "retries",
        "retry_on",
        "retry_sleep_time",
        "runner",
        "schedule",
        "tags",
        "timeout",
    )

    def __init__(
        self,
        name: str | None = None,
        retries: int = 0,
        retry_sleep_time: Any = 0,
        retry_on: RetryOn = Exception,
        timeout: float | None = None,
        deadline: float | None = None,
        runner: str | type[BaseTaskRun[Any]] | None = None,
        max_concurrency: int | None = None,
        resources: Mapping[str, Any] | None = None,
        rate_limit: str | None = None,
        after: Sequence[BaseTaskRun[Any]] = (),
        admission: Admission | None = None,
        key: str | None = None,
        queue: str | None = None,
        priority: int = 0,
        delay: float | None = None,
        schedule: str | None = None,
        missed: str = "one",
        tags: Mapping[str, str] | None = None,
        on_failure: Task[..., Any] | str | None = None,
        max_calls: int | None = None,
        heartbeat_timeout: float | None = None,
        codec: str = "json",
        on_crash: OnCrash = "retry",
        limit_key: str | None = None,
        force: bool = False,
    ) -> None:
        self.name: str | None = _checked_text("name", name)
        self.retries: int = whole_number("retries", retries, least=0)
        self.retry_sleep_time: Any = _checked_wait(retry_sleep_time)
        self.retry_on: RetryOn = _checked_retry_on(retry_on)
        self.timeout: float | None = _seconds("timeout", timeout)
        self.deadline: float | None = _seconds("deadline", deadline)
        self.runner: str | type[BaseTaskRun[Any]] | None = runner
        self.max_concurrency: int | None = (
            None if max_concurrency is None else whole_number("max_concurrency", max_concurrency, least=1)
        )
        self.resources: dict[str, Any] | None = _checked_resources(resources)
        self.rate_limit: str | None = rate_limit
        if rate_limit is not None:
            parse_rate(rate_limit)
        self.after: tuple[Any, ...] = _checked_after(after)
        self.admission: Admission | None = admission
        self.key: str | None = _checked_text("key", key)
        self.queue: str | None = _checked_text("queue", queue)
        self.priority: int = whole_number("priority", priority, least=-(10**9))
        self.delay: float | None = _seconds("delay", delay)
        self.schedule: str | None = _checked_text("schedule", schedule)
        self.codec: str = _one_of("codec", codec, ("json", "pickle"))
        self.missed: str = _one_of("missed", missed, ("one", "all", "none"))
        self.on_crash: OnCrash = _checked_on_crash(on_crash)
        self.limit_key: str | None = _checked_text("limit_key", limit_key)
        self.force: bool = _checked_flag("force", force)
        self.tags: dict[str, str] | None = _checked_tags(tags)
        self.on_failure: Task[..., Any] | str | None = _checked_receiver(on_failure)
        self.max_calls: int | None = None if max_calls is None else whole_number("max_calls", max_calls, least=0)
        self.heartbeat_timeout: float | None = _seconds("heartbeat_timeout", heartbeat_timeout)

    def changed(self, changes: Mapping[str, Any]) -> Options:
        """These options with `changes` on top."""
        return Options(**{**{name: getattr(self, name) for name in Options.__slots__}, **changes})

    def portable(self) -> dict[str, Any]:
        """The options that mean something in another process."""
        left = ("after", "admission", "on_failure", "on_crash")
        return {name: getattr(self, name) for name in Options.__slots__ if name not in left}


def checked_text(option: str, text: object) -> str:
    """`text`, where every store can keep it as a name. Raises `OptionError` that names `option`."""
    if not isinstance(text, str) or not text.strip():
        raise OptionError(f"{option}={text!r} must be a text that is not empty")
    if not _can_be_kept(text):
        raise _cannot_be_kept(option, text)
    return text


def _cannot_be_kept(option: str, text: str) -> OptionError:
    return OptionError(
        f"{option}={text!r} cannot be kept by every store: it must be a text without the character NUL (\\x00) and "
        f"without halves of characters (surrogates, \\ud800 to \\udfff)"
    )


def _can_be_kept(text: str) -> bool:
    """PostgreSQL keeps no NUL, and nobody half a character."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def _checked_text(option: str, text: object) -> str | None:
    return None if text is None else checked_text(option, text)


def _checked_flag(option: str, flag: object) -> bool:
    if not isinstance(flag, bool):
        raise OptionError(f"{option}={flag!r} must be True or False")
    return flag


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise OptionError(f"{option}={value!r} must be one of: {', '.join(known)}")
    return value


def _checked_on_crash(on_crash: object) -> OnCrash:
    if callable(on_crash) and not isinstance(on_crash, type):
        return on_crash
    if on_crash not in ("retry", "ask"):
        raise OptionError(f"on_crash={on_crash!r} must be 'retry', 'ask', or a function that tells whether it happened")
    return str(on_crash)


def whole_number(option: str, value: object, least: int) -> int:
    """`value`, or an `OptionError` where it is no whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{option}={value!r} must be a whole number, {least} or more")
    return value


def _seconds(option: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0 or math.isinf(value):
        raise OptionError(f"{option}={value!r} must be a number of seconds above zero, or None for no {option}")
    return float(value)


def waiting_time(timeout: object) -> float | None:
    """The `timeout` of a wait, or an `OptionError` where it is no number of seconds."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or math.isnan(timeout):
        raise OptionError(f"timeout={timeout!r} must be a number of seconds, or None to wait for ever")
    return timeout


def _checked_wait(wait: Any) -> Any:
    if callable(wait):
        return wait
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not wait >= 0 or math.isinf(wait):
        raise OptionError(
            f"retry_sleep_time={wait!r} must be seconds, zero or more, "
            "or a strategy such as tenacity.wait_exponential()"
        )
    return float(wait)


def _checked_retry_on(retry_on: Any) -> RetryOn:
    types = retry_on if isinstance(retry_on, tuple) else (retry_on,)
    if all(isinstance(one, type) and issubclass(one, BaseException) for one in types):
        return tuple(types)
    if callable(retry_on) and not isinstance(retry_on, type):
        return retry_on  # type: ignore[no-any-return]  # a predicate of the user
    raise OptionError(f"retry_on={retry_on!r} must be an exception type, a tuple of them, or a predicate")


def _checked_resources(resources: object) -> dict[str, Any] | None:
    if resources is None:
        return None
    if not isinstance(resources, Mapping):
        raise OptionError(f"resources={resources!r} must be a mapping such as {{'cpus': 2, 'memory': '4GB'}}")
    for name, amount in resources.items():
        if not isinstance(name, str):
            raise OptionError(f"resources={resources!r}: {name!r} is no name; write {{'cpus': 2, 'memory': '4GB'}}")
        parse_quantity(name, amount)
    return dict(resources)


def _checked_after(after: object) -> tuple[Any, ...]:
    runs = tuple(after) if isinstance(after, list | tuple | set | frozenset) else (after,)
    for run in runs:
        if not isinstance(run, Handle):
            raise OptionError(f"after={run!r} must be a handle, or a list of handles, as calls of tasks return them")
    return runs


def _checked_tags(tags: object) -> dict[str, str] | None:
    if tags is None:
        return None
    if not isinstance(tags, Mapping):
        raise OptionError(f"tags={tags!r} must be names with their values: tags={{'customer': '7'}}")
    for name, value in tags.items():
        if not isinstance(name, str) or not name or not isinstance(value, str):
            raise OptionError(f"tags={tags!r}: {name!r}: {value!r} must be a name and a text, as {{'customer': '7'}}")
        for text in (name, value):
            if not _can_be_kept(text):
                raise _cannot_be_kept("tags", text)
    return dict(tags)


def _checked_receiver(receiver: Any) -> Any:
    """The task that receives what failed, or its name."""
    if receiver is None or isinstance(receiver, str):
        return _checked_text("on_failure", receiver)
    from woflo.kernel.task import Task

    if not isinstance(receiver, Task) or not receiver.runner.traits.durable:
        raise OptionError(
            f"on_failure={receiver!r} must be a task whose calls a store keeps (runner='queue', or a workflow), or "
            f"the name of one"
        )
    try:
        signature(receiver.fn).bind(failure=None)
    except TypeError as error:
        raise OptionError(
            f"on_failure={receiver!r} must have one parameter that has to be given, failure: FailedRun ({error})"
        ) from error
    return receiver
