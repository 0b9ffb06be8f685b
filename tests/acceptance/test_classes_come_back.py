"""Instances of classes that no other process can import come back as what they were, and leave the classes alone."""

import pytest
from programs import run
from systems import needs_fork, needs_pidfd

PROGRAM = """
from dataclasses import dataclass
from woflo import task
from woflo.runners import PoolTaskRun
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess, MultiprocessTaskRun, SpawnProcess

Runner = {runner}
task(abs, runner=Runner)(1).get_result(20)  # a pool has its workers from before the classes

class Model:
    calls, seen = 0, []

class Job:
    __slots__ = ("a", "__b", "__weakref__")
    def __init__(self):
        self.a, self.__b = 1, 2
    def read(self):
        return self.a, self.__b

@dataclass(slots=True)
class Point:
    x: int

@task(runner=Runner)
def same(value):
    return value

run, seen = same(Model()), Model.seen
Model.calls = 77
assert type(run.get_result(20)) is Model
assert Model.calls == 77 and Model.seen is seen

job = same(Job()).get_result(20)
assert type(job) is Job and job.read() == (1, 2) and not hasattr(job, "__dict__")
assert same(Point(3)).get_result(20) == Point(3)
print("ok")
"""

MODULE = """
from woflo import task
made = None

def fresh():
    global made
    class Local(Exception): pass
    made = Local
    return Local

def check():
    class Failure(Exception): pass
    class Special(Failure): pass
    def fail():
        raise Special("x")
    try:
        task(fail)().get_result(20)
    except Failure as error:
        assert type(error) is Special
    class Thing: pass
    assert isinstance(task(lambda: Thing())().get_result(20), Thing)
    run = task(lambda: fresh()())()
    mine = [fresh() for _ in range(100)]
    assert type(run.get_result(20)) not in mine
    print("ok")
"""

KINDS = ["ForkProcess", "SpawnProcess", "ForkServerProcess"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runner", ["MultiprocessTaskRun", "PoolTaskRun"])
@needs_pidfd
def test_classes_of_a_script(tmp_path, runner, kind):
    told = PROGRAM.format(runner=f"{runner}.configured(process_type={kind})")
    assert run(tmp_path, told) == (0, "ok\n")


@needs_fork
def test_classes_of_a_function_that_a_child_has_inherited(tmp_path):
    (tmp_path / "local.py").write_text(MODULE)
    assert run(tmp_path, "import local\nlocal.check()\n") == (0, "ok\n")
