"""A program that changes what its tasks refer to, as in a notebook: the workers of a pool see what it is now."""

import pytest
from programs import run
from systems import needs_fork

CHANGING = """
from woflo import task
from woflo.runners import PoolTaskRun
from woflo.runners.multiprocess import ForkProcess, SpawnProcess

Pool = PoolTaskRun.configured(max_concurrency=1, process_type={kind})
STEP, TABLE = 1, {{"a": 1}}
look = TABLE.get

class Thing:
    x = 1
    def read(self):
        return STEP, self.x

@task(runner=Pool)
def one():
    return STEP, look("a"), Thing().read()

@task(runner=Pool)
def two(extra=0):
    return STEP + extra

@task(runner=Pool)
class Three:
    base = 0
    def run(self):
        return STEP, self.base

def seen():
    return [made().get_result(20) for made in (one, two, Three)]

assert seen() == [(1, 1, (1, 1)), 1, (1, 0)], seen()
STEP = 2
assert two().get_result(20) == 2
STEP = 1
assert one().get_result(20) == (1, 1, (1, 1))
TABLE["a"] = Thing.x = Three.fn.base = 3
two.fn.__defaults__ = (5,)
assert seen() == [(1, 3, (1, 3)), 6, (1, 3)], seen()
Thing.read = lambda self: "new"
def look(name): return STEP
STEP = 9
assert seen() == [(9, 9, "new"), 14, (9, 3)], seen()
print("ok")
"""


@pytest.mark.parametrize("kind", ["ForkProcess", "SpawnProcess"])
@needs_fork
def test_what_the_next_call_sees(tmp_path, kind):
    """Globals, classes, defaults, what bound methods are bound to, and all of it back again."""
    assert run(tmp_path, CHANGING.format(kind=kind)) == (0, "ok\n")
