"""A process is killed in a step whose task has an `on_crash`: nothing is executed twice behind anybody's back."""

import signal

import pytest
from programs import run
from systems import needs_fork

PROGRAM = """
import os, signal, sys, asyncio, time
from pathlib import Path
from woflo import Happened, complete, gather, resume, task, workflow
from woflo.durable.choice import current_store
from woflo.errors import UncertainError

def was_paid(key, order):
    lines = Path("bank").read_text().split()
    return Happened(f"receipt of {{order}}") if key and order in lines else None

@task(on_crash={on_crash}{options})
{kind} charge(order: str) -> str:
    if {when} and not os.path.exists("killed"):
        Path("killed").touch()
        os.kill(int(os.environ["PARENT"]), signal.SIGKILL)
    with open("bank", "a") as bank:
        bank.write(f"{{order}}\\n")
    if not os.path.exists("killed"):
        Path("killed").touch()
        os.kill(int(os.environ["PARENT"]), signal.SIGKILL)
    return f"receipt of {{order}}"

@workflow
{code}

os.environ["PARENT"] = str(os.getpid())
Path("bank").touch()
run = buy.with_options(key="the one")("x")
"""
PLAIN = """
def buy(order: str) -> str:
    return charge(order).get_result()
"""
BESIDE = """
def buy(order: str) -> str:
    return gather(charge(order)).get_result()[0]
"""
ASYNC = """
async def buy(order: str) -> str:
    return await charge(order)
"""
RESULT = 'print(run.get_result(60).partition(" of ")[0])'
ASK = """
try:
    print(run.get_result(60))
except UncertainError as error:
    step = next(row for row in current_store().steps(run.id))
    print(step.state, step.id in str(error), 'charge{"order":"x"}' in str(error))
"""
DECIDE = """
step = next(row for row in current_store().steps(run.id))
{decision}
while run.is_running():
    time.sleep(0.01)  # get_result would raise that it waits for a decision, until that was seen here
print(run.get_result().partition(" of ")[0])
"""

codes = pytest.mark.parametrize("code", [PLAIN, BESIDE, ASYNC], ids=["plain", "beside", "async"])
kinds = pytest.mark.parametrize(
    ("kind", "options"),
    [("def", ""), ("async def", ""), ("def", ", runner='multiprocess'")],
    ids=["def", "async def", "in a process"],
)


def program(code, kind, options, on_crash, when, end):
    """The program, whose step kills it before it pays, or after."""
    head = PROGRAM.format(code=code.strip(), kind=kind, options=options, on_crash=on_crash, when=when)
    return head + end


def payments(folder):
    return len((folder / "bank").read_text().split())


@needs_fork
@codes
@kinds
@pytest.mark.parametrize("before", [True, False], ids=["before it paid", "after"])
def test_a_function_is_asked(tmp_path, code, kind, options, before):
    """One payment, whether it died before or after."""
    text = program(code, kind, options, "was_paid", before, RESULT)
    assert run(tmp_path, text)[0] == -signal.SIGKILL
    assert run(tmp_path, text) == (0, "receipt\n")
    assert payments(tmp_path) == 1


@needs_fork
@codes
@kinds
@pytest.mark.parametrize(
    ("decision", "paid"),
    [("complete(step.id, 'receipt of the books')", 1), ("resume(step.id)", 2)],
    ids=["it happened", "again"],
)
def test_a_person_is_asked(tmp_path, code, kind, options, decision, paid):
    """The program ends, the question stays; what was decided in another program is done."""
    ask = program(code, kind, options, "'ask'", False, ASK)
    assert run(tmp_path, ask)[0] == -signal.SIGKILL
    for _ in range(2):
        assert run(tmp_path, ask) == (0, "WAITING True True\n")
    decide = program(code, kind, options, "'ask'", False, DECIDE.format(decision=decision))
    assert run(tmp_path, decide) == (0, "receipt\n")
    assert payments(tmp_path) == paid
