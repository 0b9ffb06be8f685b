"""Large values cross in about one copy. Measured where the system tells a process's peak."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from woflo.testing.conformance.checks import Runner, check, isolated
from woflo.testing.conformance.results import zeros
from woflo.testing.conformance.tasks import still_works
from woflo.testing.conformance.tools import on, value_of
from woflo.testing.procfs import peak_memory, reset_peak_memory

MB = 1_000_000
SIZE = 100 * MB


def make_array(size: int) -> Any:
    """An array of this many bytes, with every page written."""
    import numpy

    return numpy.arange(size // 8, dtype=numpy.int64)


def make_odd_arrays() -> list[Any]:
    """Arrays that are no plain block of memory."""
    import numpy

    block = numpy.arange(60_000.0).reshape(200, 300)
    objects = numpy.array(["a", None], object)
    return [block[::2, ::3], numpy.asfortranarray(block), block[:0], numpy.array(5), objects]


def _growth(work: Callable[[], object]) -> int | None:
    """By how many bytes the peak of this process rises above what it has now; None where that is not told."""
    before = reset_peak_memory()
    kept = work()
    after = peak_memory()
    del kept
    return None if before is None or after is None else after - before


@check(only=isolated)
def a_large_array(runner: Runner) -> None:
    """An array of 100 MB comes back writable, and costs the caller at most 1.3 times its size at the peak."""
    if not find_spec("numpy"):
        return
    still_works(runner)
    growth = _growth(lambda: _checked(value_of(on(runner, make_array)(SIZE))))
    assert growth is None or growth <= 1.3 * SIZE, f"{growth / MB:.0f} MB for an array of {SIZE / MB:.0f} MB"


def _checked(array: Any) -> Any:
    assert array.nbytes == SIZE
    assert (array[0], array[-1]) == (0, SIZE // 8 - 1)
    array[0] = 7
    return array


@check(only=isolated)
def a_large_text(runner: Runner) -> None:
    """Bytes of 100 MB cost the caller at most 1.3 times their size at the peak."""
    still_works(runner)
    growth = _growth(lambda: value_of(on(runner, zeros)(SIZE)))
    assert growth is None or growth <= 1.3 * SIZE, f"{growth / MB:.0f} MB for {SIZE / MB:.0f} MB of bytes"


@check()
def arrays_of_odd_shapes(runner: Runner) -> None:
    """Arrays that are slices, in Fortran's order, empty, without dimensions or of objects arrive equal."""
    if not find_spec("numpy"):
        return
    import numpy

    arrays = value_of(on(runner, make_odd_arrays)())
    for array, expected in zip(arrays, make_odd_arrays(), strict=True):
        numpy.testing.assert_array_equal(array, expected)
