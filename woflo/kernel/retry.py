"""Whether a failed attempt is followed by another one, and when. Decided here alone, on the caller's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.kernel import clock

if TYPE_CHECKING:
    from woflo.kernel.options import Options
    from woflo.kernel.run import BaseTaskRun

__all__ = ["delay_before_next", "is_plain", "is_worth_retrying"]


def is_plain(options: Options) -> bool:
    """True where the decision runs no code of the user, so that it may be taken on any thread."""
    return isinstance(options.retry_on, tuple) and isinstance(options.retry_sleep_time, float)


def is_worth_retrying(options: Options, error: BaseException) -> bool:
    """Whether `retry_on` covers this error. An exception of a predicate is raised to the caller."""
    if isinstance(options.retry_on, tuple):
        return isinstance(error, options.retry_on)
    return bool(options.retry_on(error))


def delay_before_next(run: BaseTaskRun[Any], error: BaseException) -> float:
    """Seconds until the next attempt. A tenacity strategy is asked with the state that it expects."""
    wait: Any = run.task.options.retry_sleep_time
    if isinstance(wait, float):
        return wait
    return max(0.0, float(wait(_state_for_tenacity(run, error))))


def _state_for_tenacity(run: BaseTaskRun[Any], error: BaseException) -> Any:
    import tenacity

    state = tenacity.RetryCallState(tenacity.Retrying(), run.task.body.fn, (), {})
    state.attempt_number = run.attempt
    state.set_exception((type(error), error, error.__traceback__))
    state.start_time = clock.monotonic() - max(0.0, clock.now() - (run.started_at or clock.now()))
    state.outcome_timestamp = clock.monotonic()
    return state
