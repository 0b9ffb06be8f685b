"""What a job file may say, in each of its kinds, and what is made of it: variables, includes, tasks that are found."""

import json
import sys
import textwrap

import pytest
import yaml
from jobs_helpers import TASKS, add

from woflo import Job, task
from woflo.errors import JobFileError, OptionError
from woflo.jobs.drawing import as_yaml
from woflo.jobs.driving import variables_in
from woflo.jobs.problems import Problems
from woflo.jobs.yaml_texts import parse_yaml

pytestmark = pytest.mark.usefixtures("store")


@task
def told(**given: object) -> dict[str, object]:
    """What it was given."""
    return given


def given(job, name="a"):
    """What a step is given."""
    return job.plan.steps[name].arguments


SAME = {"version": 0.1, "config": {"name": "same"}, "tasks": {"a": {"task": "add", "parameters": {"a": 1, "b": 2}}}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.yaml", yaml.safe_dump(SAME)),
        ("job.yml", yaml.safe_dump(SAME, default_flow_style=True)),
        ("job.json", json.dumps(SAME, indent=1)),
        ("job", json.dumps(SAME)),
        ("job.json", "\ufeff" + json.dumps(SAME, indent="\t")),
        ("job.toml", 'version = 0.1\n[config]\nname = "same"\n[tasks.a]\ntask = "add"\nparameters = {a = 1, b = 2}\n'),
    ],
)
def test_kinds(folder, name, text):
    """The same job in YAML, JSON and TOML."""
    job = folder.load(text, name)
    assert (job.name, job.steps, given(job)) == ("same", ["a"], {"a": 1, "b": 2})


def test_yaml(folder):
    """Values as in YAML 1.2: `no` is a text, numbers are numbers, keys are texts; anchors, aliases and merges."""
    job = folder.load(
        """
        aliases:
          base: &base {task: told, parameters: &parameters {x: 1}}
        tasks:
          a:
            <<: *base
            parameters:
              <<: [*parameters, {y: [1, 2.5, -3e2, .5, 0x1F, 0o17, 010, 1_0]}]
              no: no
              1: [true, ~, null, "true", 2024-05-01, !!str 5, !!float 5]
              text: |
                one
                two
          on: *base
        """,
        tasks=[told],
    )
    assert given(job) == {
        "x": 1,
        "y": [1, 2.5, -300.0, 0.5, 31, 15, "010", "1_0"],
        "no": "no",
        "1": [True, None, None, "true", "2024-05-01", "5", 5.0],
        "text": "one\ntwo\n",
    }
    assert given(job, "on") == {"x": 1}


def test_variables(folder, monkeypatch):
    """From the environment, from the call, from the system; with defaults; never through a shell."""
    monkeypatch.setenv("WOFLO_URL", "http://x/$(whoami)?$VAR{n}")
    job = folder.load(
        """
        config: {name: "job-$VAR{customer}", max_concurrency: "$ENV{WOFLO_NONE:3}"}
        tasks:
          a:
            task: told
            parameters:
              url: $ENV{WOFLO_URL}
              default: $ENV{WOFLO_NONE:http://a:1/}
              empty: "$VAR{none:}"
              several: "$VAR{customer}/$VAR{n:0}/$SYS{JOB_DIR}"
              root: [{x: "$SYS{APP_ROOT_DIR}"}]
              left: "$$ENV{HOME} ${HOME} $HOME"
        """,
        tasks=[told],
        variables={"customer": "7", "n": "8"},
    )
    assert job.name == "job-7"
    assert job.plan.max_concurrency == 3
    assert given(job) == {
        "url": "http://x/$(whoami)?$VAR{n}",
        "default": "http://a:1/",
        "empty": "",
        "several": f"7/8/{folder.path}",
        "root": [{"x": str(folder.path)}],
        "left": "$ENV{HOME} ${HOME} $HOME",
    }


def test_values_are_made_what_the_task_takes(folder):
    """A text from a variable becomes the number that the signature asks for."""
    job = folder.load('tasks: {a: {task: add, parameters: {a: "$VAR{a}", b: 2.0}}}', variables={"a": "41"})
    assert job().get_result() == {"a": 43}


def test_a_variable_that_stands_nowhere(folder):
    """Is told with the nearest name; one of an included file, or of a piece for anchors, counts."""
    folder.write("part.yaml", 'tasks: {a: {parameters: {b: "$VAR{number:3}"}}}')
    job = 'include: [part.yaml]\naliases: {x: "$VAR{x:1}"}\ntasks: {a: {task: add, parameters: {a: 1}}}'
    assert folder.load(job, variables={"number": "5", "x": "2"})().get_result() == {"a": 6}
    assert folder.problems(job, variables={"numbr": "5"}) == [
        "job.yaml:1: the variable 'numbr' is given, and $VAR{numbr} stands nowhere; did you mean 'number'?"
    ]
    assert folder.problems('tasks: {a: {task: noop, run: "$$VAR{n}"}}', variables={"n": "5"})[0] == (
        "job.yaml:1: the variable 'n' is given, and $VAR{n} stands nowhere; there is no $VAR{…} at all"
    )


def test_variables_on_the_command_line():
    """NAME=VALUE, where the value may have anything in it."""
    assert variables_in(["a=1", "b=x=y z", "c="]) == {"a": "1", "b": "x=y z", "c": ""}
    with pytest.raises(OptionError, match="--var 'a' must be NAME=VALUE"):
        variables_in(["a"])


def test_includes(folder):
    """One over the other, mappings merged, lists replaced; found beside the file, and in the root."""
    folder.write(
        "parts/template.yaml",
        """
        config: {name: template, max_concurrency: 3}
        tasks:
          a: {task: told, parameters: {x: 1, y: {z: [1, 2]}}, dependencies: [b]}
          b: {task: told}
        """,
    )
    folder.write("parts/more.json", '{"include": "template.yaml", "tasks": {"c": {"task": "told"}}}')
    folder.write("extra.toml", '[tasks.b]\nparameters = {from = "toml"}\n')
    job = folder.load(
        """
        include: [more.json, extra.toml]
        config: {name: whole}
        tasks:
          a: {parameters: {y: {z: [3], w: 4}}, dependencies: []}
        """,
        "parts/job.yaml",
        tasks=[told],
        root=folder.path,
    )
    assert (job.name, job.plan.max_concurrency) == ("whole", 3)
    assert job.steps == ["a", "b", "c"]
    assert given(job) == {"x": 1, "y": {"z": [3], "w": 4}}
    assert given(job, "b") == {"from": "toml"}


def test_a_file_that_is_included_twice(folder):
    """By two others: that is no loop."""
    folder.write("base.yaml", "config: {name: base}\n")
    folder.write("b.yaml", "include: base.yaml\ntasks: {b: {task: noop}}\n")
    folder.write("c.yaml", "include: base.yaml\ntasks: {c: {task: noop}}\n")
    job = folder.load("include: [b.yaml, c.yaml]\n")
    assert (job.name, job.steps) == ("base", ["b", "c"])


def test_dump(folder):
    """One YAML file with all that is included, nothing filled in; it is the same job."""
    folder.write("base.yaml", "config: {name: x}\ntasks: {a: {task: add, parameters: {a: 1}}}\n")
    job = folder.load(
        """
        include: base.yaml
        tasks:
          a: {parameters: {b: "$ENV{WOFLO_B:2}"}}
          b: {task: add, parameters: {a: "${a.result}", b: 5}}
        """
    )
    job.dump("dumped.yaml")
    text = (folder.path / "dumped.yaml").read_text(encoding="utf-8")
    assert "$ENV{WOFLO_B:2}" in text
    assert "include" not in text
    again = Job.load("dumped.yaml", tasks=TASKS)
    assert {name: one.digest for name, one in again.plan.steps.items()} == {
        name: one.digest for name, one in job.plan.steps.items()
    }
    assert again().get_result() == {"b": 8}


@pytest.mark.parametrize("text", ["1e3", "0o17", "+1e5", ".5E3", "0x1F", "yes", "12:30", "null", "", "plain"])
def test_dumped_texts_stay_texts(text):
    """Also those that look like numbers to YAML 1.2, or to YAML 1.1, alone."""
    problems = Problems()
    value = {"tasks": {"a": {"parameters": {"a": text, "b": 1000.0}}}}
    assert parse_yaml(as_yaml(value), "dumped.yaml", problems).value == value
    assert not len(problems)


def test_graph(folder):
    """A Mermaid flowchart; nothing in a name means anything in it."""
    job = folder.load(
        """
        tasks:
          a: {task: noop}
          'b ]; click s0': {task: noop, dependencies: [a]}
          c: {task: add, parameters: {a: "${a.result}"}}
        """,
        skip=["c"],
    )
    assert job.graph() == textwrap.dedent(
        """\
        flowchart TD
            s0["a"]
            s1["b #93;#59; click s0"]
            s2["c"]
            s0 --> s1
            s0 --> s2
            classDef left stroke-dasharray: 4
            class s2 left
        """
    ) or pytest.fail(job.graph())


SELECTED = """
tasks:
  a: {task: noop}
  b: {task: noop, dependencies: [a]}
  c: {task: noop, dependencies: [b]}
  d: {task: noop, dependencies: [b]}
  e: {task: noop}
"""


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ({}, "abcde"),
        ({"skip": ["b", "e"]}, "acd"),
        ({"run_to": "c"}, "abc"),
        ({"run_from": "b"}, "bcd"),
        ({"run_from": "b", "run_to": "d"}, "bd"),
        ({"run_from": "b", "skip": ["c"]}, "bd"),
    ],
)
def test_selection(folder, chosen, left):
    """`skip`, `run_to`, `run_from`, and some of them together."""
    run = folder.load(SELECTED, **chosen)()
    run.get_result()
    assert sorted(run.steps) == list(left)


def test_a_selection_that_cannot_be(folder):
    """An unknown step, and one whose result another one needs."""
    assert folder.problems(SELECTED, skip=["x"], run_to="ee") == [
        "skip: there is no step 'x'; there are: a, b, c, d, e",
        "run_to: there is no step 'ee', and none makes such a file; did you mean 'e'?",
    ]
    assert folder.problems(SELECTED, run_to="c", skip=["a", "b", "c"]) == [
        "run_to c, skip a b c: no step is left to be executed; there are: a, e, b, c, d"
    ]
    text = "tasks:\n  one: {task: noop}\n  b: {task: add, parameters: {a: '${one.result}'}}\n"
    assert folder.problems(text, skip=["one"]) == [
        "tasks.b.parameters.a needs the result of 'one', which is left out; leave out 'b' as well, or none of them"
    ]
    text = "tasks:\n  one: {run: ls, outputs: a}\n  b: {run: 'cat {inputs}', inputs: '${one.outputs}'}\n"
    assert folder.problems(text, run_from="b") == [
        "tasks.b.inputs needs the outputs of 'one', which is left out; leave out 'b' as well, or none of them"
    ]


def test_tasks_are_found(folder, monkeypatch):
    """In `tasks/` and below, in folders and packages that the file lists: decorated or not; and under other names."""
    monkeypatch.setattr(sys, "path", [str(folder.path), *sys.path])
    folder.write("tasks/finding_one.py", "from woflo import task\n@task\ndef one() -> str:\n    return 'one'\n")
    folder.write("tasks/inner/finding_two.py", "class Two:\n    def run(self) -> str:\n        return 'two'\n")
    folder.write("more-tasks/finding_three.py", "class Three:\n    def run(self) -> str:\n        return 'three'\n")
    folder.write("finding_package/__init__.py", "")
    folder.write(
        "finding_package/finding_four.py", "from woflo import task\n@task(name='IV')\ndef four(): return 'four'\n"
    )
    run = folder.load(
        """
        config:
          extension_directories: [./more-tasks]
          extension_packages: [finding_package]
        aliases: {fifth: one}
        tasks:
          a: {task: one}
          b: {task: Two}
          c: {task: Three}
          d: {task: IV}
          e: {task: fifth}
        """,
        tasks=(),
    )()
    assert run.get_result() == {"a": "one", "b": "two", "c": "three", "d": "four", "e": "one"}


def test_tasks_of_installed_distributions(folder, monkeypatch):
    """By entry points, to a task or to a module; they are asked only for what is not found otherwise."""
    monkeypatch.setattr(sys, "path", [str(folder.path), *sys.path])
    folder.write(
        "finding_points.py", "from woflo import task\n@task\ndef seven(): return 7\n@task\ndef eight(): return 8\n"
    )
    folder.write("finding-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: finding\nVersion: 1.0\n")
    folder.write(
        "finding-1.0.dist-info/entry_points.txt",
        """
        [woflo.tasks]
        VII = finding_points:seven
        all = finding_points
        broken = finding_no_such_module
        """,
    )
    assert folder.load("tasks: {a: {task: noop}}").steps == ["a"]
    assert "finding_points" not in sys.modules
    job = folder.load("tasks:\n  a: {task: VII}\n  b: {task: eight}\n", tasks=())
    assert job().get_result() == {"a": 7, "b": 8}


def test_what_cannot_be_found(folder, monkeypatch):
    """A module that cannot be imported, by its file and line; folders and packages that there are not; ambiguity."""
    monkeypatch.setattr(sys, "path", [str(folder.path), *sys.path])
    broken = folder.write("tasks/finding_broken.py", "import os\n\n1 / 0\n")
    ends = folder.write("tasks/finding_ends.py", "import sys\n\nsys.exit(3)\n")
    folder.write("tasks/finding_five.py", "class Same:\n    def run(self): ...\n")
    folder.write("tasks/finding_six.py", "class Same:\n    def run(self): ...\n")
    found = folder.problems(
        """
        config:
          extension_directories: [./gone]
          extension_packages: [finding_no_such_package]
        tasks:
          a: {task: Same}
          b: {task: Sane}
          c: {task: Same}
        """,
        tasks=(),
    )
    several = "there are several tasks named 'Same': tasks.finding_five:Same, tasks.finding_six:Same; rename one"
    assert found == [
        "job.yaml:2: config.extension_directories[0]: there is no folder './gone' in .",
        (
            "job.yaml:3: config.extension_packages[0]: finding_no_such_package cannot be imported: "
            "ModuleNotFoundError: No module named 'finding_no_such_package'"
        ),
        f"job.yaml:4: tasks: {broken}:3 cannot be imported: ZeroDivisionError: division by zero",
        f"job.yaml:4: tasks: {ends}:3 cannot be imported: SystemExit: 3",
        f"job.yaml:5: tasks.a.task: {several}",
        "job.yaml:6: tasks.b.task: there is no task 'Sane'; did you mean 'Same'?",
        f"job.yaml:7: tasks.c.task: {several}",
    ]


def test_nothing_begins_before_all_is_checked(folder, store):
    """A wrong file leaves nothing in the store."""
    with pytest.raises(JobFileError):
        folder.load("tasks:\n  a: {task: noop}\n  b: {task: nop}\n")
    assert store.select() == []
    assert add.fn(1) == 2
