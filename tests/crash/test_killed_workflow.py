"""A workflow whose process is killed goes on in the next one that calls it, from where it was."""

import signal

import pytest
from programs import run
from systems import needs_fork

PROGRAM = """
import os, signal, sys
from pathlib import Path
from woflo import sleep, task, workflow

@task
def step(number: int) -> int:
    with open("effects", "a") as file:
        file.write(f"{{number}}\\n")
    if number == {fatal} and not os.path.exists("killed"):
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number

@workflow
{code}

run = steps.with_options(key="the one")(5)
print(run.get_result(60))
"""
PLAIN = """
def steps(count: int) -> int:
    total = 0
    for number in range(count):
        total += step(number).get_result()
        sleep(0)
    return total
"""
BESIDE = """
def steps(count: int) -> int:
    return sum(run.get_result() for run in [step(number) for number in range(count)])
"""
ASYNC = """
async def steps(count: int) -> int:
    total = 0
    for number in range(count):
        total += await step(number)
    return total
"""


@needs_fork
@pytest.mark.parametrize("fatal", [0, 3, 4])
@pytest.mark.parametrize("code", [PLAIN, ASYNC, BESIDE], ids=["plain", "async", "beside"])
def test_it_goes_on(tmp_path, code, fatal):
    """The result is right; what was recorded is not executed again, and only what was in flight twice."""
    program = PROGRAM.format(code=code.strip(), fatal=fatal)
    assert run(tmp_path, program)[0] == -signal.SIGKILL
    code, output = run(tmp_path, program)
    assert (code, output) == (0, "10\n")
    effects = (tmp_path / "effects").read_text().split()
    twice = {number for number in effects if effects.count(number) == 2}
    assert sorted(set(effects)) == ["0", "1", "2", "3", "4"]
    if "for run in" not in program:
        assert twice == {str(fatal)}
    assert len(effects) == 5 + len(twice)


def test_the_end_of_a_program_parks_it(tmp_path):
    """A program that does not wait for its workflow ends; the next one that calls it goes on with it."""
    program = PROGRAM.format(code=PLAIN.strip().replace("sleep(0)", "sleep(0.2)"), fatal=-1)
    first = program.replace("print(run.get_result(60))", "print('not waited for')")
    assert run(tmp_path, first) == (0, "not waited for\n")
    assert run(tmp_path, program) == (0, "10\n")
    effects = (tmp_path / "effects").read_text().split()
    assert sorted(effects) == ["0", "1", "2", "3", "4"]


def test_called_again_it_gives_its_result_at_once(tmp_path):
    """The key finds the run that has ended."""
    program = PROGRAM.format(code=PLAIN.strip(), fatal=-1)
    assert run(tmp_path, program) == (0, "10\n")
    assert run(tmp_path, program) == (0, "10\n")
    assert len((tmp_path / "effects").read_text().split()) == 5


LOOP_ENDS = """
import asyncio, os, sys
from woflo import task, workflow

@task
async def step(number: int) -> int:
    with open("effects", "a") as file:
        file.write(f"{number}\\n")
    if number == 1 and not os.path.exists("reached"):
        open("reached", "w").close()
        await asyncio.sleep(60)
    return number

@workflow
async def steps(count: int) -> int:
    return sum([await step(number) for number in range(count)])

async def main():
    run = steps.with_options(key="the one")(3)
    while not os.path.exists("reached"):
        await asyncio.sleep(0.001)
    return run

run = asyncio.run(main())
"""


@pytest.mark.parametrize("again", ["print(run.get_result(60))", None], ids=["in the same process", "in the next one"])
def test_its_event_loop_ends_before_it(tmp_path, again):
    """Nobody has stopped it: it goes on elsewhere, with the step that was cancelled."""
    if again is None:
        assert run(tmp_path, LOOP_ENDS) == (0, "")
    assert run(tmp_path, LOOP_ENDS + "print(run.get_result(60))") == (0, "3\n")
    assert (tmp_path / "effects").read_text().split() == ["0", "1", "1", "2"]
