"""Large results arrive whole, in about one copy, and leave nothing open."""

import random
from functools import cache

import pytest
from programs import run
from systems import needs_proc

from woflo import task
from woflo.runners import MultiprocessTaskRun, PoolTaskRun

PATIENCE = 60.0
KB, MB, GB = 1 << 10, 1_000_000, 1_000_000_000

SIZES = [0, 64 * KB, 70 * KB, MB, 100 * MB]
LARGEST = pytest.param(11 * GB // 10, marks=[pytest.mark.slow, pytest.mark.timeout(300)])
"""More than is written, or read, in one call of the system."""


@cache
def _block():
    """A prime number of bytes: a piece in the wrong place shows."""
    return random.Random(1).randbytes(1_000_003)


def content(size):
    return (_block() * (size // len(_block()) + 1))[:size]


def content_as_array(size):
    import numpy

    return numpy.frombuffer(bytearray(content(size)), numpy.uint8)


@pytest.fixture(params=["process", "pool"])
def runner(request):
    if request.param == "process":
        yield MultiprocessTaskRun
    else:
        with PoolTaskRun.configured(max_concurrency=1) as pool:
            yield pool


@pytest.mark.parametrize("size", [*SIZES, LARGEST])
def test_bytes(runner, size):
    """Every byte arrives in its place, from nothing to more than fits into one read."""
    assert task(runner=runner)(content)(size).get_result(PATIENCE) == content(size)


@pytest.mark.parametrize("size", [*SIZES, LARGEST])
def test_arrays(runner, size):
    """An array arrives with every byte in its place too, and is the caller's own to write to."""
    array = task(runner=runner)(content_as_array)(size).get_result(PATIENCE)
    assert array.nbytes == size
    assert memoryview(array) == content(size)
    array[:1] = 7
    assert array[:1].tolist() == [7][:size]


def several(sizes):
    return [content_as_array(size) if size % 2 else content(size) for size in sizes]


def test_several_in_one_result(runner):
    """Buffers that travel beside the pickle, and those within it, come back to their own places."""
    sizes = [0, 1, 64 * KB - 1, 64 * KB, 64 * KB + 1, 1, 3 * MB, 3 * MB + 1, 65 * KB + 1, 100]
    arrived = task(runner=runner)(several)(sizes).get_result(PATIENCE)
    assert [bytes(one) for one in arrived] == [content(size) for size in sizes]


# -- programs of their own: nothing else is in their memory, and nothing else is open in them ------------

BEGINNING = """
import os
from pathlib import Path
from woflo import task
from woflo.runners import MultiprocessTaskRun, PoolTaskRun

Runner = {{
    "process": MultiprocessTaskRun.configured(max_concurrency=2),
    "pool": PoolTaskRun.configured(max_concurrency=2),
}}[{kind!r}]
PATIENCE = 60
"""

MEMORY = """
import numpy
SIZE, PARTS = 100_000_000, {parts}

@task(runner=Runner)
def make(size, parts):
    arrays = [numpy.arange(size // 8 // parts) for _ in range(parts)]
    return arrays[0] if parts == 1 else arrays

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

make(1_000_000, 1).get_result(PATIENCE)
before = memory("VmRSS")
made = make(SIZE, PARTS).get_result(PATIENCE)
grown = memory("VmHWM") - before
arrays = [made] if PARTS == 1 else made
assert sum(array.nbytes for array in arrays) == SIZE
assert all(array[-1] == len(array) - 1 and array.flags.writeable for array in arrays)
assert grown > 0.9 * SIZE, f"only {{grown / SIZE:.2f}}: this was no measurement"
assert grown <= 1.3 * SIZE, f"{{grown / SIZE:.2f}} times the array"
print("ok")
"""


@needs_proc
@pytest.mark.parametrize("parts", [1, 10])
@pytest.mark.parametrize("kind", ["process", "pool"])
def test_memory_of_the_caller(tmp_path, kind, parts):
    """100 MB of arrays, in one or in ten, raise the peak of the caller by at most 1.3 times their size."""
    code, output = run(tmp_path, (BEGINNING + MEMORY).format(kind=kind, parts=parts), timeout=PATIENCE)
    assert (code, output) == (0, "ok\n")


OPEN = """
from woflo.testing import wait_until
from woflo.testing.procfs import descriptors

COUNT, SIZE = 300, 200_000

@task(runner=Runner)
def make(number):
    return bytes([number % 256]) * SIZE

def held():
    return [what for what in descriptors().values() if "memfd" in what and "slots" not in what]

runs = [make(number) for number in range(COUNT)]
for run in runs:
    assert run.wait(PATIENCE)
kept = [run.get_result(PATIENCE) for run in runs[::2]]  # the others are never read
assert kept == [bytes([number % 256]) * SIZE for number in range(0, COUNT, 2)]
wait_until(lambda: not held(), f"closed memory: {{held()}}")
wait_until(lambda: len(descriptors()) < 40, f"few descriptors: {{descriptors()}}")
assert len(runs) == COUNT
print("ok")
"""


@needs_proc
@pytest.mark.unmeasured
@pytest.mark.parametrize("kind", ["process", "pool"])
def test_finished_handles_keep_no_descriptor(tmp_path, kind):
    """Three hundred large results, read and kept or never read, keep nothing open."""
    assert run(tmp_path, (BEGINNING + OPEN).format(kind=kind), timeout=PATIENCE) == (0, "ok\n")


WITHOUT_ROOM = """
import resource

@task(runner=Runner)
def fill(make):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    value = eval(make)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, resource.RLIM_INFINITY))
    return value

for make in ("b'x' * 50_000_000", "'x' * 50_000_000", "'\u00fc' * 50_000_000"):
    print(type(fill(make).exception(PATIENCE)).__name__)
"""


@needs_proc
@pytest.mark.parametrize("kind", ["process", "pool"])
def test_where_there_is_no_room_for_a_copy(tmp_path, kind):
    """What needs none to be packed arrives; for a text that has to be encoded, the lack of memory is told as itself."""
    code, output = run(tmp_path, (BEGINNING + WITHOUT_ROOM).format(kind=kind), timeout=PATIENCE)
    assert (code, output.split()) == (0, ["NoneType", "NoneType", "MemoryError"])
