"""A step that reads what another one makes is executed behind it, though nobody says so."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from woflo import RunState, task


@task(outputs="parts/{name}.txt")
def part(name: str, after: str = "") -> None:
    """A function with a file of its own."""
    with open(f"parts/{name}.txt", "w") as file:
        file.write(name)


def needs(job):
    return {name: list(step.needs) for name, step in job.plan.steps.items()}


def test_by_name(folder, store):
    """By the names of the files, in whatever order the steps stand; it is executed so, and up to date the next time."""
    (folder.path / "parts").mkdir()
    job = """
    tasks:
      all: {run: "cat {inputs}", inputs: [parts/b.txt, "./{first}.out"], parameters: {first: a}}
      out: {run: "cp {inputs} {outputs}", inputs: parts/b.txt, outputs: a.out}
      part: {task: part, parameters: {name: b}}
      other: {run: "cp ../in.txt {outputs}", outputs: c.txt, cwd: parts}
      last: {run: "cat {inputs}", inputs: parts/c.txt}
    """
    (folder.path / "in.txt").write_text("hello")
    loaded = folder.load(job, tasks=[part])
    assert needs(loaded) == {
        "part": [],
        "other": [],
        "out": ["part"],
        "last": ["other"],
        "all": ["part", "out"],
    }
    assert loaded.plan.steps["all"].reads_from == {"part": "parts/b.txt", "out": "a.out"}
    for state in (RunState.SUCCEEDED, RunState.SKIPPED):
        run = folder.load(job, tasks=[part])()
        run.get_result()
        assert [run.steps[name].state for name in ("part", "out", "other")] == [state] * 3


def test_globs_and_folders(folder):
    """A glob finds what is made later, and a folder has in it what is made there, however deep."""
    loaded = folder.load(
        """
        tasks:
          all: {run: "cat {inputs}", inputs: "parts/*.txt"}
          deep: {run: "cat {inputs}", inputs: "**/*.txt"}
          folder: {run: "ls {inputs}", inputs: parts}
          one: {task: part, parameters: {name: one}}
          two: {task: part, parameters: {name: two/two}}
          many: {run: "split {outputs}", outputs: "lines/*.txt"}
          line: {run: "cat {inputs}", inputs: lines/a.txt}
        """,
        tasks=[part],
    )
    assert needs(loaded) == {
        "one": [],
        "two": [],
        "many": [],
        "all": ["one"],
        "deep": ["one", "two", "many"],
        "folder": ["one", "two"],
        "line": ["many"],
    }


def test_what_is_said_stays(folder):
    """A dependency that is written is no edge by a file; a name that is known later orders nothing."""
    loaded = folder.load(
        """
        tasks:
          make: {run: "touch {outputs}", outputs: a.txt}
          again: {run: "touch {outputs}", outputs: a.txt, dependencies: [make]}
          read: {run: "cat {inputs}", inputs: a.txt, dependencies: [again]}
          name: {task: noop}
          later: {run: "cat {inputs}", inputs: "{name}.txt", parameters: {name: "${name.result}"}}
        """
    )
    assert needs(loaded)["read"] == ["again"]
    assert needs(loaded)["later"] == ["name"]
    assert not any(step.reads_from for step in loaded.plan.steps.values())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            """
            tasks:
              one: {run: "touch {outputs}", outputs: a.txt}
              two: {run: "touch {outputs}", outputs: a.txt}
              read:
                run: cat {inputs}
                inputs: a.txt
            """,
            ("job.yaml:6: tasks.read.inputs: a.txt is made by the steps 'one' and 'two'; name one in `dependencies`"),
        ),
        (
            """
            tasks:
              one: {run: "touch {outputs}", outputs: d/a.txt}
              two: {run: "cp {inputs} {outputs}", inputs: b.txt, outputs: ["./d/a.txt"]}
            """,
            (
                "job.yaml:3: tasks.two.outputs: d/a.txt is made by the step 'one', too, and both may be executed at "
                "the same time; name another file, or that step in `dependencies`"
            ),
        ),
        (
            """
            tasks:
              one: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: b.txt}
              two: {run: "cp {inputs} {outputs}", inputs: b.txt, outputs: a.txt}
            """,
            (
                "job.yaml:2: tasks.one.inputs: the steps need each other: one → two (for a.txt) → one (for b.txt); "
                "leave one of them out"
            ),
        ),
    ],
)
def test_what_has_no_order(folder, text, problem):
    """Several makers, of which none is named, and files that need each other, are told before anything begins."""
    assert folder.problems(text) == [problem]


def test_it_is_drawn(folder):
    """The picture says for which file."""
    job = folder.load(
        """
        tasks:
          make: {run: "touch {outputs}", outputs: a.txt}
          read: {run: "cat {inputs}", inputs: a.txt}
          last: {task: noop, dependencies: [read]}
        """
    )
    assert '    s0 -->|"a.txt"| s1\n    s1 --> s2\n' in job.graph()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_graph_of_files(folder, data):
    """However the steps stand in the file, each is behind all whose files it reads, and needs no other."""
    count = data.draw(st.integers(2, 9))
    reads = {n: sorted(data.draw(st.sets(st.integers(0, n - 1)))) if n else [] for n in range(count)}
    steps = {
        f"s{n}": {
            "run": "cat {inputs}",
            "inputs": [f"d{one % 3}/f{one}" for one in reads[n]],
            "outputs": f"d{n % 3}/f{n}",
        }
        for n in data.draw(st.permutations(range(count)))
    }
    job = folder.load(json.dumps({"tasks": {name: _without_empty(step) for name, step in steps.items()}}), "job.json")
    assert {name: sorted(needed) for name, needed in needs(job).items()} == {
        f"s{n}": sorted(f"s{one}" for one in reads[n]) for n in range(count)
    }
    place = {name: number for number, name in enumerate(job.steps)}
    assert all(place[f"s{one}"] < place[f"s{n}"] for n in range(count) for one in reads[n])


def _without_empty(step):
    return {**step, "run": "true"} if not step["inputs"] else step


def test_globs_of_both(folder, store):
    """What names its outputs by a glob is before what finds them by one, whichever of the two says more."""
    job = folder.load(
        """
        tasks:
          all: {run: "cat {inputs}", inputs: "parts/*"}
          join: {run: "cp {inputs} all/", inputs: "parts/*.txt", outputs: "all/*.txt"}
          split: {run: "sh -c 'mkdir -p all; echo 1 > parts/1.txt; echo 2 > parts/2.txt'", outputs: "parts/*.txt"}
        """
    )
    assert needs(job) == {"split": [], "all": ["split"], "join": ["split"]}
    job().get_result()
    assert sorted(path.name for path in (folder.path / "all").iterdir()) == ["1.txt", "2.txt"]
