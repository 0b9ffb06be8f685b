"""What counts of a function's code: found again whichever way its file was loaded, and as it is now."""

from __future__ import annotations

import ast
import functools
import importlib
import json
import linecache
import subprocess
import sys
from types import ModuleType

import pytest
from fresh_helpers import ended

from woflo import RunState, task
from woflo.scripts.code import code_of
from woflo.scripts.layers import told

EXECUTED, SKIPPED = RunState.SUCCEEDED, RunState.SKIPPED

APP = """
import dataclasses, functools, re
from pathlib import Path
import helpers
import woflo
from helpers import A, B, LEVELS, deco, f, fill, near, register, tell, REGISTRY
from woflo import task

cached = task(cache=True, runner="thread")
LIST = [1, 2]
PAIRS = {"a": 1}
SET = {1, 2}
TABLE = {"f": f}
RX = re.compile("a")
PATH = Path("here")
PART = functools.partial(f, 2)
PARTS = functools.partial(fill)
MADE = LIST[0:1]
MADE.append(4)
for k in range(3):
    PAIRS[k] = k
FROZEN = frozenset({"a", "b"})
SEEN = {}
COUNT = 0
LAZY = None

@dataclasses.dataclass
class Config:
    k: int = 9
    def doubled(self): return self.k * 2

CONFIG = Config(k=8)
THING = B()

class Late(Config):
    @property
    def value(self): return f(self.k)

@deco
def decorated(x): return x

@near(3)
def given(x): return x

@functools.lru_cache(maxsize=5)
def kept(x): return x

def default(x=f): return x

def annotated(x: B): return x.m(1)

def main(x):
    global COUNT, LAZY
    COUNT += 1
    LAZY = LAZY or object()
    SEEN[x] = COUNT
    return x

def counting(fn):
    n = 0
    @functools.wraps(fn)
    def wrapper(x):
        nonlocal n
        n += 1
        return fn(x)
    return wrapper

@counting
def counted(x): return x

def table(rows):
    widths = [3, 4]
    def width(x): return widths[x]
    return width

WIDTH = table(3)

if __name__ == "__main__":
    LIST.append(5)
"""
HELPERS = """
import functools
LEVELS = ["low", "high"]
REGISTRY = {}

class A:
    def m(self, x): return x + 1

class B(A): pass

def deco(fn):
    @functools.wraps(fn)
    def w(x): return fn(x) + 10
    return w

def near(times):
    def around(fn):
        def w(x): return fn(x) * times
        return w
    return around

def register(fn):
    REGISTRY[fn.__name__] = fn
    return fn

@register
def first(x): return x + 100

def f(x): return x + 1000
def fill(x): return x + 2000
def tell(x): return x
"""


@pytest.fixture
def load(project, monkeypatch):
    """`load(app=…, helpers=…)` writes the two modules, and imports them anew."""
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(app=APP, helpers=HELPERS) -> ModuleType:
        for name, text in (("helpers", helpers), ("code_app", app)):
            (project / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        return importlib.import_module("code_app")

    yield load
    for name in ("helpers", "code_app", "other"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("uses", "old", "new"),
    [
        ("B().m(x)", "return x + 1\n", "return x + 2\n"),
        ("decorated(x)", "+ 10\n", "+ 20\n"),
        ("given(x)", "* times", "+ times"),
        ("given(x)", "@near(3)", "@near(4)"),
        ("kept(x)", "maxsize=5", "maxsize=6"),
        ("sum(LIST)", "LIST = [1, 2]", "LIST = [1, 3]"),
        ("PAIRS['a']", '{"a": 1}', '{"a": 2}'),
        ("PAIRS[0]", "PAIRS[k] = k", "PAIRS[k] = 2 * k"),
        ("max(SET)", "SET = {1, 2}", "SET = {1, 3}"),
        ("MADE[0]", "MADE.append(4)", "MADE.append(5)"),
        ("MADE[0]", "LIST = [1, 2]", "LIST = [1, 3]"),
        ("'a' in FROZEN", '"a", "b"', '"a", "c"'),
        ("TABLE['f'](x)", "x + 1000", "x + 1001"),
        ("LEVELS[0]", '"low"', '"none"'),
        ("helpers.LEVELS[0]", '"low"', '"none"'),
        ("REGISTRY['first'](x)", "x + 100\n", "x + 101\n"),
        ("REGISTRY['first'](x)", "REGISTRY[fn.__name__]", "REGISTRY[fn.__qualname__]"),
        ("RX.match(x)", 'compile("a")', 'compile("b")'),
        ("str(PATH)", '"here"', '"there"'),
        ("PART()", "f, 2", "f, 3"),
        ("PART()", "x + 1000", "x + 1001"),
        ("PARTS(x)", "x + 2000", "x + 2001"),
        ("CONFIG.k", "k=8", "k=7"),
        ("CONFIG.k", "k: int = 9", "k: int = 10"),
        ("THING.m(x)", "return x + 1\n", "return x + 2\n"),
        ("Late().doubled()", "self.k * 2", "self.k * 3"),
        ("Late().value", "x + 1000", "x + 1001"),
        ("default()", "x + 1000", "x + 1001"),
        ("annotated(x)", "return x + 1\n", "return x + 2\n"),
        ("WIDTH(x)", "[3, 4]", "[3, 5]"),
        ("COUNT", "COUNT = 0", "COUNT = 1"),
    ],
)
def test_what_counts(load, uses, old, new):
    """What is reached by name in the project: whether it is derived, wrapped, looked up, made or imported."""
    text = f"{APP}\ndef use(x): return {uses}\n"
    assert (old in APP) != (old in HELPERS)
    before = code_of(load(text).use)
    assert code_of(load(text).use) == before
    after = code_of(load(text.replace(old, new), HELPERS.replace(old, new)).use)
    assert after != before
    assert code_of(load(text + "\n# a word\n", HELPERS.replace("\n\n", "\n\n# another one\n\n")).use) == before


@pytest.mark.parametrize("decorator", ["task(cache=True)", "woflo.task(cache=True)", "cached"])
def test_options_of_tasks_do_not_count(load, decorator):
    """As how often they are tried: those that matter count by themselves."""
    text = f"{APP}\n@{decorator}\ndef use(x: int) -> int: return kept(x)\n"
    before = code_of(load(text).use)
    after = code_of(load(text.replace("cache=True", "cache=True, retries=3")).use)
    assert before == after
    assert "code_app.kept" in after


def test_what_changes_while_a_program_executes_does_not_count(load):
    """A cache, a counter, a registry, what is made when it is first needed: a target does not flip because of them."""
    text = (
        f"{APP}\n@task(cache=True, runner='sequential')\ndef use(x: int) -> int:\n"
        f"    LIST.append(x)\n    LEVELS.append('top')\n    REGISTRY[x] = tell\n    THING.n = x\n"
        f"    return main(counted(x))\n"
    )
    app = load(text)
    before = code_of(app.use)
    assert ended(app.use(1)) is EXECUTED
    assert (app.COUNT, app.SEEN, app.LIST, app.LEVELS) == (1, {1: 1}, [1, 2, 1], ["low", "high", "top"])
    assert code_of(app.use) == before
    assert ended(app.use(1)) is SKIPPED
    assert ended(load(text).use(1)) is SKIPPED


@pytest.mark.parametrize(
    "words",
    ["from lazy import g", "import lazy; g = lazy.g", "from pack.lazy import g", "from pack import lazy; g = lazy.g"],
)
def test_what_is_imported_within_a_function(load, project, words):
    """Counts as a whole, with what it imports, whether it was imported already or not; the look does not import it."""
    (project / "pack").mkdir()
    (project / "pack" / "__init__.py").touch()
    for name in ("lazy.py", "pack/lazy.py"):
        (project / name).write_text("import json\nfrom deep import h\ndef g(x): return h(x)\n")
    (project / "deep.py").write_text("def h(x): return x + 1\n")
    text = f"def use(x):\n    {words}\n    return g(x)\n"
    use = load(text).use
    before = code_of(use)
    assert {"lazy", "pack.lazy", "deep"}.isdisjoint(sys.modules)
    assert use(1) == 2
    assert code_of(use) == before == code_of(load(text).use)
    assert "json" not in before
    (project / "deep.py").write_text("def h(x): return x + 1000\n")
    after = code_of(load(text).use)
    assert [name for name in before if before[name] != after[name]] == ["deep"]
    for name in ("lazy", "pack", "pack.lazy", "deep"):
        sys.modules.pop(name, None)


def test_sets_have_one_order():
    """In each program, whatever the hashes of texts are there."""
    assert told(frozenset("cab")) == told(frozenset("bca")) == "frozenset([\"'a'\", \"'b'\", \"'c'\"])"
    assert told((1, frozenset("ba"))) == told((1, frozenset("ab")))


def test_two_of_one_name_count_both(load):
    """As functions without a name do, and those that one function has made."""
    text = f"{APP}\nONE = lambda x: x + 1\n\nTWO = lambda x: x + 2\n\nA1 = near(1)(f)\nA2 = near(2)(f)\n"
    text += "def use(x): return ONE(x) + TWO(x) + A1(x) + A2(x)\n"
    before = code_of(load(text).use)
    for old, new in (
        ("x + 1\n\nTWO", "x + 3\n\nTWO"),
        ("x + 2\n", "x + 3\n"),
        ("near(1)", "near(3)"),
        ("near(2)", "near(3)"),
    ):
        assert code_of(load(text.replace(old, new)).use) != before, old


def test_what_a_task_was_made_with_counts(load):
    """The arguments of a partial, and the object of a method: two of them have results of their own."""
    text = "class Adds:\n    def __init__(self, n): self.n = n\n    def add(self, x: int) -> int: return x + self.n\n"
    app = load(f"{APP}\n{text}")
    adds = [app.Adds(1), app.Adds(2)]
    functions = [one.add for one in adds] + [functools.partial(app.Adds.add, one) for one in adds]
    codes = [code_of(one) for one in functions]
    assert codes[0] == codes[2] != codes[1] == codes[3]
    assert code_of(app.Adds(1).add) == codes[0]
    method = task(cache=True, runner="thread")(adds[0].add)
    assert [method(1).get_result(), ended(method(1))] == [2, SKIPPED]
    adds[0].n = 5
    assert [method(1).get_result(), ended(method(1))] == [6, SKIPPED]


# -- one name ------------------------------------------------------------------------------------------

FLOW = """
from pathlib import Path
from woflo import task
NAMES = ["x"]
class Base:
    def add(self, x): return x + 1
def helper(x): return Base().add(x)
@task(outputs="o/{i}.txt", runner="thread")
def make(i: int):
    Path(f"o/{i}.txt").write_text(str(helper(i)) + NAMES[0] + __name__)
@task(cache=True, runner="pool")
def square(x: int) -> int: return helper(x) ** 2
def main():
    print([str(run.wait() and run.state) for run in (make(1), square(2))])
if __name__ == "__main__": main()
"""


@pytest.mark.parametrize("folder", ["", "sub"])
def test_one_file_is_found_fresh_whichever_way_it_is_loaded(project, folder):
    """As a program, as a module, by `woflo run`, and imported: what one has made the others do not make again."""
    (project / folder).mkdir(exist_ok=True)
    file = project / folder / "flow.py"
    file.write_text(FLOW)
    module = f"{folder}.flow" if folder else "flow"
    ways = [
        [str(file)],
        ["-m", "woflo", "run", str(file), "main"],
        ["-m", module],
        ["-c", f"import {module} as flow; flow.main()"],
        [str(file)],
    ]
    told = []
    for words in ways:
        done = subprocess.run([sys.executable, *words], cwd=project, capture_output=True, text=True, timeout=60)
        told += [line for line in done.stdout.splitlines() if line.startswith("[")]
        assert done.returncode == 0, done.stderr
    assert told == ["['SUCCEEDED', 'SUCCEEDED']", *["['SKIPPED', 'SKIPPED']"] * 4]


def test_files_of_one_name_are_told_apart(project, monkeypatch, load):
    """By their folders: each has results of its own."""
    for name in ("a", "b"):
        (project / name).mkdir()
        (project / name / "flow.py").write_text(FLOW)
    (project / "src").mkdir()
    (project / "src" / "c.py").write_text(FLOW)
    names = [
        next(one for one in code_of(_imported(project / path)) if one.endswith("square"))
        for path in ("a/flow.py", "b/flow.py", "src/c.py")
    ]
    assert names == ["a.flow.square", "b.flow.square", "c.square"]


def _imported(path):
    spec = importlib.util.spec_from_file_location("flow", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.square


# -- looked at once, and again where something has changed ---------------------------------------------


def _planned(app):
    return app.use.body.fn.plan("use", (1,), {}).code


def test_sources_are_read_once(load, monkeypatch):
    """A hundred calls parse each file of the project once."""
    parsed = []
    parse = ast.parse
    app = load(f"{APP}\n@cached\ndef use(x: int) -> int: return helpers.f(x) + THING.m(x) + LIST[0] + decorated(x)\n")
    monkeypatch.setattr(ast, "parse", lambda *args, **kwargs: parsed.append(1) or parse(*args, **kwargs))
    looked = []
    monkeypatch.setattr("woflo.scripts.code._Look", _counting(looked))
    assert [ended(app.use(x % 10)) for x in range(100)].count(SKIPPED) == 90
    assert len(parsed) == 2
    assert len(looked) == 1


def _counting(looked):
    from woflo.scripts.code import _Look

    class Counted(_Look):
        def __init__(self, fn):
            looked.append(1)
            super().__init__(fn)

    return Counted


@pytest.mark.parametrize(
    "change",
    [
        "helpers.f = other.put",
        "helpers.f.__code__ = helpers.tell.__code__",
        "helpers.A.m = other.put",
        "helpers.B.m = other.put",
        "app.LIMIT = 4",
        "app.missing = helpers.tell",
        "app.THING = other.Other()",
        "app.helpers = None",
        "app.decorated = helpers.tell",
        "app.PART = helpers.functools.partial(helpers.tell)",
    ],
)
def test_what_is_put_in_its_place_is_seen(load, project, change):
    """A function, a method, a value of another kind, at once; what another module has called by a name as well."""
    app = load(
        f"{APP}\nLIMIT = 3\n@cached\ndef use(x: int) -> int:\n"
        f"    return helpers.f(x) + THING.m(x) + LIMIT + decorated(x) + missing(x) + PART(x)\n"
    )
    (project / "other.py").write_text("def put(*args): return 1\nclass Other:\n    m = put\n")
    other = importlib.import_module("other")
    before = _planned(app)
    assert _planned(app) is before
    exec(change, {"app": app, "helpers": app.helpers, "other": other})
    assert _planned(app) != before


def test_a_module_that_is_loaded_again_is_seen(load, project):
    """As it is then, and its file is as it was when it was loaded."""
    app = load(f"{APP}\n@cached\ndef use(x: int) -> int: return helpers.f(x)\n")
    before = _planned(app)
    (project / "helpers.py").write_text(HELPERS.replace("x + 1000", "x + 1001"))
    assert _planned(app) is before
    importlib.reload(app.helpers)
    assert _planned(app) != before


def test_what_is_typed_counts_as_it_is(project):
    """At a prompt there is no file: each definition counts when it is typed, and lists as they are at the moment."""
    names = {"__name__": "__main__", "task": task, "functools": functools}

    def typed(text):
        number = len([one for one in linecache.cache if one.startswith("<typed")])
        file = f"<typed {number}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), names)

    typed("def g(x): return x + 1\n")
    typed("LIST = [1, {'a': [g]}]\n")
    typed("@task(cache=True)\ndef use(x: int) -> int: return LIST[0] + x\n")
    seen = [dict(code_of(names["use"]))]
    for text in (
        "LIST.append(3)",
        "LIST[1]['a'].append(4)",
        "def g(x): return x + 2\n",
        "LIST[1]['a'][0] = g",
        "LIST = 3",
    ):
        typed(text)
        plan = names["use"].body.fn.plan("use", (1,), {})
        seen.append(dict(plan.code))
    assert len({json.dumps(one) for one in seen}) == len(seen) - 1  # the second `g` is in no list at first
    assert set(seen[0]) == {"__main__.LIST", "__main__.g", "__main__.use"}
