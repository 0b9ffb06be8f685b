"""Whatever the parameters are: no input, no file made by hand, nothing outside of the project is lost or changed."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from woflo import protected, script, task, temporary, touch, use_store
from woflo.durable.engine import engine_of
from woflo.errors import WofloError
from woflo.scripts.cleaning import cleaned
from woflo.scripts.ledger import ledger
from woflo.scripts.making import Making
from woflo.scripts.marks import Mark
from woflo.scripts.provenance import Made
from woflo.stores.memory import MemoryStore

BY_HAND = ["hand", "hand.txt", "in.txt", "d/hand.txt", "d/in.txt", "a*.txt", "é.txt", "-n.txt", ".txt", "hand_1.txt"]
OUTSIDE = ["hand", "hand.txt", "in.txt", "d/hand.txt", "x.txt"]
LINKS = {"link": "../outside", "hand_link.txt": "hand.txt", "out_link.txt": "../outside/hand.txt", "dangle.txt": "none"}

MAKES = 'for f in "$@"; do test -e "$f" || echo made > "$f"; done; '
"""What a command does: it makes what is not there, and leaves alone what is."""
ENDS = {"well": "exit 0", "badly": "exit 1", "killed": "kill -KILL $$"}
NASTY = """
. .. hand in x * h* [a]* ? é -n link d hand_link out_link dangle - {{x}} hand.txt ./hand d/hand d/../hand link/hand
link/../hand ../outside/hand link/../../outside/x {outside}/hand {project}/hand
"""
VALUES = st.sampled_from(["", "a" * 240, *NASTY.split()]) | st.text("./*?[]-aé\nhndi_{}", max_size=6)
TEMPLATES = """
{x} {x}.txt ./{x}.txt d/{x}.txt {x}*.txt {x}_* *{x}.txt **/{x}.txt link/{x}.txt {x}/hand.txt new/{x}.txt
../outside/{x}.txt
"""
OUTPUTS = st.sampled_from(TEMPLATES.split())
INPUTS = st.sampled_from([None, "in.txt", "{y}.txt", "{y}", "d", "*.txt", "link/{y}.txt"])
CALLS = st.tuples(
    st.tuples(OUTPUTS, st.sampled_from([str, temporary, protected])),
    INPUTS,
    VALUES,
    VALUES,
    st.sampled_from(sorted(ENDS)),
    st.sampled_from(["call", "call", "call", "read", "touch", "cut"]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lost")


_count = 0


@contextmanager
def own_project(folder):
    """A project with files in it, and files beside it, in folders of this example alone."""
    global _count
    _count += 1
    top = folder / str(_count)
    for name in ("project/d", "outside/d"):
        (top / name).mkdir(parents=True)
    (top / "project/woflo.toml").touch()
    before, here = use_store(store := MemoryStore()), os.getcwd()
    os.chdir(top / "project")
    try:
        for place, names in ((".", BY_HAND), ("../outside", OUTSIDE)):
            for name in names:
                Path(place, name).write_text(f"{place} {name}")
        for name, to in LINKS.items():
            os.symlink(to, name)
        yield top
    finally:
        ledger().flush(30)
        use_store(before)
        engine_of(store).close()
        store.close()
        os.chdir(here)


def tree(top):
    """What was made by hand, by path: kind and mode, and what is in it."""
    found = {}
    names = [*(f"outside/{name}" for name in OUTSIDE), *(f"project/{name}" for name in (*BY_HAND, *LINKS))]
    for path in [top / name for name in names]:
        status = os.lstat(path)
        content = os.readlink(path) if stat.S_ISLNK(status.st_mode) else path.read_bytes()
        found[str(path)] = (status.st_mode, content)
    return found


def contents(paths):
    return {path: Path(path).read_bytes() for path in paths if os.path.isfile(path)}


def planned(made, values):
    """The paths that a call reads; none where it cannot be meant."""
    try:
        return made.body.fn.plan("make", (), values).inputs
    except (WofloError, OSError):
        return []


def as_script(outputs, inputs, end):
    return script(["sh", "-c", MAKES + ENDS[end], "sh", "{outputs}"], inputs=inputs, outputs=outputs, name="make")


def as_function(outputs, inputs, end):
    @task(inputs=inputs, outputs=outputs, runner="sequential", name="make")
    def make(x, y="y"):
        for path in outputs_of(outputs, x):
            if not os.path.exists(path):
                Path(path).write_text("made")
        if end != "well":
            raise RuntimeError(end)

    return make


def outputs_of(outputs, x):
    return [str(outputs).format(x=x)]


KINDS = {"script": as_script, "function": as_function}


def cut_off(plan):
    """Leave what an attempt leaves whose process is killed."""
    mark = Mark.take(plan.target, bool)
    try:
        Making(plan, ledger().get(plan.target), mark).begin()
        for output in plan.outputs:
            if not os.path.exists(plan.path(output.path)):
                Path(plan.path(output.path)).write_text("part")
    finally:
        mark.give()


def done(made, values, what):
    """Call it, accept what is there, have it read as well, or have it cut off; what goes wrong is an error of ours."""
    try:
        if what == "cut":
            cut_off(made.body.fn.plan("make", (), values))
            return
        if what == "touch":
            touch(made, **values)
            return
        run = made(**values)
        error = run.exception()
        assert error is None or isinstance(error, WofloError | OSError | RuntimeError), repr(error)
        if what == "read" and error is None:
            script(["true", "{inputs}"], runner="sequential")(inputs=run).wait()
    except (WofloError, OSError):
        pass


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=st.lists(CALLS, min_size=1, max_size=4))
@example([(("{x}_*", protected), None, "hand", "y", "well", "call")])
@example([(("{x}.txt", protected), None, "hand", "y", "well", "call")])
@example(
    [(("{x}_*", str), None, "hand", "y", "well", "touch"), (("{x}_*", str), "in.txt", "hand", "y", "well", "call")]
)
@example([(("{x}.txt", temporary), "in.txt", "hand", "y", "well", "read")])
@example([(("{x}.txt", temporary), None, "hand", "y", "well", what) for what in ("touch", "read")])
@example([(("{x}.txt", str), "{y}.txt", "hand", "hand", end, "call") for end in sorted(ENDS)])
@example([(("{x}.txt", str), read, "dangle", "", "well", "call") for read in (None, "in.txt")])
@example([(("{x}.txt", str), None, "new", "", "well", what) for what in ("call", "cut", "call")])
@example([(("{x}", str), None, x, "", "well", "cut") for x in ("hand", "./hand", "d/../hand")])
@example([(("{x}*.txt", str), None, x, "", "well", "cut") for x in ("hand", "./hand")])
@example([(("{x}", str), None, "", "", "well", "call")])
@example([(("{x}.txt", str), read, "a" * 240, "", "well", "call") for read in (None, "in.txt")])
@example([(("{x}*.txt", str), None, "", "", end, "call") for end in ("well", "badly")])
def test_nothing_is_lost(folder, kind, calls):
    """Neither before nor after an attempt, whether it ends well or not, nor by a reader of what is temporary, nor by
    cleaning up: what was there by hand is as it was, and so is what a call reads."""
    with own_project(folder) as top:
        before = tree(top)
        for (outputs, how), inputs, x, y, end, what in calls:
            values = {"x": x.replace("{outside}", str(top / "outside")).replace("{project}", str(top / "project"))}
            if inputs is not None and "{y}" in inputs:
                values["y"] = y.replace("{outside}", str(top / "outside")).replace("{project}", str(top / "project"))
            made = KINDS[kind](how(outputs), inputs, end)
            read = contents(planned(made, values))
            done(made, values, what)
            assert contents(read) == read
            assert tree(top) == before
        cleaned([Made(one) for one in ledger().store.successes()], bool, remove=True)
        assert tree(top) == before
