"""`inject()`: the mark of a parameter that is filled when its task is executed; `providing` tells by what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woflo.kernel.providing import Injections

__all__ = ["Injected", "inject", "injections_of"]


class Injected:
    """The default of a parameter that is to be filled."""

    def __copy__(self) -> Injected:
        return self

    def __deepcopy__(self, memo: object) -> Injected:
        return self

    def __repr__(self) -> str:
        return "inject()"


_INJECTED = Injected()


def inject() -> Any:
    """As the default of a parameter: the parameter is filled by its type when the task is executed.

    The type is that of an object given by `use_resources` or `Worker(resources=[…])`, or a pydantic-settings class,
    which is read from the environment, `.env` and `woflo.toml`. Whoever passes an argument for it, decides.
    """
    return _INJECTED


def injections_of(fn: Any) -> Injections | None:
    """What is to be filled in a call of `fn`; None where it wants nothing. Raises as `providing.injections_of`."""
    if not _may_want(fn):
        return None
    from woflo.kernel import providing

    return providing.injections_of(fn)


def _may_want(fn: Any) -> bool:
    """False where the defaults tell at once that nothing is to be filled, as those of nearly every function do."""
    if isinstance(fn, type) or not hasattr(fn, "__defaults__") or hasattr(fn, "__wrapped__"):
        return True
    defaults = (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values())
    return any(isinstance(one, Injected) for one in defaults)
