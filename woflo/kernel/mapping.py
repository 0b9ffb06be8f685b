"""`Task.map`: one call per item, launched ahead of the reader."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from woflo.errors import MapLengthError, OptionError
from woflo.kernel.graph import Handle, HandleSeries, Quoted

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["Launched", "RowLauncher", "RunMap"]

R = TypeVar("R")


class Launched:
    """A call that was launched and has no handle yet; a runner may have such for a map."""

    __slots__ = ()

    def handle(self) -> BaseTaskRun[Any]:
        """The handle, made now. Raises what the call was refused with."""
        raise NotImplementedError


class RowLauncher(Protocol):
    """How a runner launches calls of a map in its own way."""

    def launch(self, args: tuple[Any, ...]) -> Launched | None:
        """Launch a call; None for one that has to be made like any other."""
        ...

    def flush(self) -> None:
        """That was all for now."""
        ...


class RunMap(HandleSeries, Generic[R]):
    """The handles of the calls, in the order of the items; an iterator, and usable as `async for`.

    Never more calls are open ahead of the reader than `ahead`, so the input may be endless. Closing it (or
    dropping it) takes no further items; what was launched goes on.
    """

    def __init__(self, task: Task[..., R], iterables: tuple[Any, ...], constants: Mapping[str, Any]) -> None:
        spread = [_is_spread(value) for value in iterables]
        if not any(spread):
            raise OptionError(_nothing_to_spread(task.name, iterables))
        _check_lengths([value for value, one in zip(iterables, spread, strict=True) if one])
        self._task = task
        share = task.runner.share
        columns = [
            iter(value) if one else repeat(_constant(value, share))
            for value, one in zip(iterables, spread, strict=True)
        ]
        self._rows: Iterator[tuple[Any, ...]] = iter(_rows(columns, spread))
        self._constants = {name: _constant(value, share) for name, value in constants.items()}
        self._open: deque[BaseTaskRun[R] | Launched] = deque()
        self.ahead: int = task.runner.map_ahead()
        self._exhausted = False
        self._error: Exception | None = None
        """What the input or a call raised; it is the reader's turn after the calls that were launched before."""

    def __iter__(self) -> RunMap[R]:
        return self

    def __next__(self) -> BaseTaskRun[R]:
        if len(self._open) <= self.ahead // 2:
            self._launch_ahead(0)
        if not self._open:
            self._raise_what_was_raised()
            raise StopIteration
        item = self._open.popleft()
        return item.handle() if isinstance(item, Launched) else item

    def take_launched(self, held: int) -> list[BaseTaskRun[R]]:
        """All that are launched, for a reader who takes them in another order and has `held` of them open.

        Raises, as the iteration does, what the input or a call raised, when all before it were taken and none is held.
        """
        if held + len(self._open) <= self.ahead // 2:
            self._launch_ahead(held)
        taken = [item.handle() if isinstance(item, Launched) else item for item in self._open]
        self._open.clear()
        if not taken and not held:
            self._raise_what_was_raised()
        return taken

    def _raise_what_was_raised(self) -> None:
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # which holds this frame

    def _launch_ahead(self, held: int) -> None:
        """Fill up at once, so that a pool gets many calls in one message."""
        if self._exhausted or self._error is not None:
            return
        task, constants, launched = self._task, self._constants, self._open
        launcher = task.runner.row_launcher(task, constants)
        try:
            for row in islice(self._rows, self.ahead - held - len(launched)):
                item = None if launcher is None else launcher.launch(row)
                launched.append(task(*row, **constants) if item is None else item)
            self._exhausted = held + len(launched) < self.ahead
        except Exception as error:
            self._error = error
        finally:
            if launcher is not None:
                launcher.flush()

    async def __aiter__(self) -> AsyncIterator[BaseTaskRun[R]]:
        for run in self:
            yield run

    def results(self) -> Iterator[R]:
        """The values instead of the handles, in the order of the items; raises the first failure."""
        for run in self:
            yield run.get_result()


def _nothing_to_spread(name: str, values: tuple[Any, ...]) -> str:
    told = f"{name}.map needs an iterable to spread over calls; it was given {values!r}"
    if any(isinstance(value, str | bytes | bytearray | Mapping) for value in values):
        told += "; texts and dictionaries go whole to each call, list(...) of one spreads its items"
    return told


def _is_spread(value: Any) -> bool:
    if isinstance(value, str | bytes | bytearray | Mapping | Handle | Quoted):
        return False
    return isinstance(value, Iterable)


def _constant(value: Any, share: Callable[[Any], Any]) -> Any:
    """A value for every call. It is packed once, so a quote needs to be opened only once too."""
    if isinstance(value, Quoted):
        shared = share(value.value)
        return shared if shared is not value.value else value
    return value if isinstance(value, Handle) else share(value)


def _check_lengths(iterables: list[Any]) -> None:
    lengths = {len(value) for value in iterables if hasattr(value, "__len__")}
    if len(lengths) > 1:
        told = ", ".join(str(length) for length in sorted(lengths))
        raise MapLengthError(
            f"map was given iterables of different lengths ({told}); a value meant for every call goes in quote(...)"
        )


def _rows(columns: list[Iterator[Any]], spread: list[bool]) -> Iterator[tuple[Any, ...]]:
    """Rows until the first spread column ends; the others must end there too."""
    if len(columns) == 1:
        yield from zip(columns[0])  # one column: nothing to compare
        return
    done = object()
    while True:
        row = tuple(next(column, done) for column in columns)
        ended = [item is done for item, one in zip(row, spread, strict=True) if one]
        if all(ended):
            return
        if any(ended):
            raise MapLengthError("map was given iterables of different lengths; the shortest ended first")
        yield row
