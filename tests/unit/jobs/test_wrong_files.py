"""What is wrong with a job file is told at once, all of it, each with file, line and path, and soon."""

import json
import time

import pytest
from jobs_helpers import TASKS
from systems import needs_proc

from woflo import Job
from woflo.errors import JobFileError
from woflo.kernel.registry import RUNNERS

SOON = 1.0


def told(path):
    """The problems of a file, and how long it took to tell them."""
    begun = time.perf_counter()
    with pytest.raises(JobFileError) as error:
        Job.load(path, tasks=TASKS)
    return list(error.value.problems), time.perf_counter() - begun


EMPTY = "job.yaml:1: is empty; a job has at least `tasks:`, with the steps by their names"
ONE_PROBLEM = {
    "less than none at once": (
        """
        config: {max_concurrency: -1}
        tasks:
          a: {task: noop}
        """,
        "job.yaml:1: config.max_concurrency: input should be greater than or equal to 0, and is -1",
    ),
    "a variable that there is not in a command": (
        """
        tasks:
          a: {run: "echo $SYS{HOTS}"}
        """,
        "job.yaml:2: tasks.a.run: there is no $SYS{HOTS}; did you mean 'HOST'?",
    ),
    "unknown task": (
        """
        tasks:
          a:
            task: nop
        """,
        "job.yaml:3: tasks.a.task: there is no task 'nop'; did you mean 'noop'?",
    ),
    "unknown step": (
        """
        tasks:
          fetch: {task: noop}
          b:
            task: noop
            dependencies:
              - fetch
              - fetsch
        """,
        "job.yaml:7: tasks.b.dependencies[1]: there is no step 'fetsch'; did you mean 'fetch'?",
    ),
    "unknown key": (
        """
        tasks:
          a:
            task: noop
            max_atempts: 3
        """,
        "job.yaml:4: tasks.a.max_atempts: is not known here; did you mean 'max_attempts'?",
    ),
    "a variable without quotes in braces": (
        """
        tasks:
          a: {task: noop, parameters: {v: $VAR{v:1}}}
        """,
        (
            "job.yaml:2: is no YAML: while parsing a flow mapping, did not find expected ',' or '}'; "
            'in braces or brackets it needs quotes: "$VAR{v:1}"'
        ),
    ),
    "unknown key at the top": (
        """
        taskz:
          a: {}
        tasks: {a: {task: noop}}
        """,
        "job.yaml:1: taskz: is not known here; did you mean 'tasks'?",
    ),
    "a number of attempts": (
        """
        tasks:
          a: {task: noop, retries: 3}
        """,
        "job.yaml:2: tasks.a.retries: is not known here; write 'max_attempts', in which the first attempt counts too",
    ),
    "unknown key of config": (
        """
        config:
          nam: x
        tasks: {a: {task: noop}}
        """,
        "job.yaml:2: config.nam: is not known here; did you mean 'name'?",
    ),
    "missing parameter": (
        """
        tasks:
          a:
            task: add
        """,
        "job.yaml:2: tasks.a.parameters.a: is missing: the task needs it",
    ),
    "unknown parameter": (
        """
        tasks:
          a:
            task: add
            parameters: {a: 1, bb: 2}
        """,
        "job.yaml:4: tasks.a.parameters.bb: is no parameter of it; did you mean 'b'?",
    ),
    "parameter of a wrong type": (
        """
        tasks:
          a:
            task: add
            parameters:
              a: 1
              b: many
        """,
        (
            "job.yaml:6: tasks.a.parameters.b: input should be a valid integer, unable to parse string as an integer, "
            "and it is 'many'"
        ),
    ),
    "key of a wrong type": (
        """
        tasks:
          a:
            task: noop
            max_attempts: often
        """,
        "job.yaml:4: tasks.a.max_attempts: must be a whole number, and is 'often'",
    ),
    "number out of bounds": (
        """
        tasks:
          a:
            task: noop
            max_attempts: 0
        """,
        "job.yaml:4: tasks.a.max_attempts: input should be greater than or equal to 1, and is 0",
    ),
    "neither task nor run": (
        """
        tasks:
          a:
            backoff: 1
        """,
        "job.yaml:2: tasks.a: has neither `task`, the name of a task, nor `run`, a command",
    ),
    "words of a command": (
        """
        tasks:
          a: {run: [sleep, 1.10]}
        """,
        "job.yaml:2: tasks.a.run: has the word 1.1; write it in quotes, as the command is to get it",
    ),
    "no command": (
        """
        tasks:
          a: {run: {sleep: 1}}
        """,
        "job.yaml:2: tasks.a.run: must be a command as a text, or a list of its words, and is {'sleep': 1}",
    ),
    "no files": (
        """
        tasks:
          a: {run: ls, inputs: {x: [[a]]}}
        """,
        ("job.yaml:2: tasks.a.inputs: must be a path, a list of paths, or named groups of them, and is {'x': [['a']]}"),
    ),
    "values that no command can have": (
        """
        tasks:
          a: {run: "ls {p}", parameters: {p: {x: 1}}}
        """,
        "job.yaml:2: tasks.a: p={'x': 1} cannot stand in a command; give a text, a number or a path",
    ),
    "places for several values": (
        """
        tasks:
          a: {run: "cp {inputs}{outputs}", inputs: a, outputs: b}
        """,
        (
            "job.yaml:2: tasks.a: the word '{inputs}{outputs}' has two places for several values; give each a word of "
            "its own"
        ),
    ),
    "no folder": (
        """
        tasks:
          a: {run: ls, cwd: "a\\0b"}
        """,
        "job.yaml:2: tasks.a: cwd='a\\x00b' has a NUL character in it, which no folder can have",
    ),
    "a deadline of the job": (
        """
        config: {deadline: .inf}
        tasks: {a: {task: noop}}
        """,
        "job.yaml:1: config.deadline: deadline=inf must be a number of seconds above zero, or None for no deadline",
    ),
    "a name of the job": (
        """
        config: {name: "a\\0b"}
        tasks: {a: {task: noop}}
        """,
        "job.yaml:1: config.name: is 'a\\x00b'; no space may stand at its ends, and all of it must be printable",
    ),
    "task and run": (
        """
        tasks:
          a: {task: noop, run: ls}
        """,
        "job.yaml:2: tasks.a: has `task` and `run`; it can execute one of them",
    ),
    "cycle": (
        """
        tasks:
          a: {task: noop, dependencies: [b]}
          b: {task: noop, dependencies: [c]}
          c: {task: noop, dependencies: [a]}
          d: {task: noop, dependencies: [a]}
        """,
        "job.yaml:2: tasks.a.dependencies: the steps need each other: a → b → c → a; leave one of them out",
    ),
    "step that needs itself": (
        """
        tasks:
          a:
            task: add
            parameters: {a: "${a.result}"}
        """,
        "job.yaml:2: tasks.a.dependencies: the steps need each other: a → a; leave one of them out",
    ),
    "reference to no step": (
        """
        tasks:
          one: {task: noop}
          a:
            task: add
            parameters: {a: "${ona.result}"}
        """,
        "job.yaml:5: tasks.a.parameters.a: there is no step 'ona'; did you mean 'one'?",
    ),
    "reference to no kind": (
        """
        tasks:
          one: {task: noop}
          a:
            task: add
            parameters: {a: "${one.value}"}
        """,
        "job.yaml:5: tasks.a.parameters.a: ${one.value} is not known; a step has .result and .outputs",
    ),
    "unknown runner": (
        """
        tasks:
          a: {task: noop, runner: pol}
        """,
        (
            "job.yaml:2: tasks.a.runner: there is no runner named 'pol'; did you mean 'pool'? Known: "
            + ", ".join(RUNNERS)
        ),
    ),
    "unknown runner of all": (
        """
        config: {runner: pol}
        tasks: {a: {task: noop}}
        """,
        "job.yaml:1: config.runner: there is no runner named 'pol'; did you mean 'pool'? Known: " + ", ".join(RUNNERS),
    ),
    "what a runner cannot keep": (
        """
        tasks:
          a: {task: noop, runner: sequential, timeout: 3}
        """,
        (
            "job.yaml:2: tasks.a: timeout=3 cannot be kept by SequentialTaskRun, which executes in the calling thread; "
            "choose another runner, or leave the timeout out"
        ),
    ),
    "what a worker would not know of": (
        """
        tasks:
          a: {task: noop, runner: queue, max_concurrency: 3}
        """,
        (
            "job.yaml:2: tasks.a: max_concurrency=3 was given to a call of noop that is kept in a store, and whoever "
            "executes it would not know of it; give it to the task where it is defined"
        ),
    ),
    "more than there is": (
        """
        tasks:
          a: {task: noop, resources: {licences: 2}}
        """,
        "job.yaml:2: tasks.a.resources: asks for licences=2, and this machine has 0",
    ),
    "a quantity that is none": (
        """
        tasks:
          a: {task: noop, resources: {memory: much}}
        """,
        "job.yaml:2: tasks.a.resources: resource memory='much' is no amount; write a number, or a size like '4GB'",
    ),
    "duplicate key": (
        """
        tasks:
          a: {task: noop}
          b: {task: noop}
          a: {task: noop}
        """,
        "job.yaml:4: tasks.a: stands here twice; first on line 2",
    ),
    "missing include": (
        """
        include:
          - gone.yaml
        tasks: {a: {task: noop}}
        """,
        "job.yaml:2: include[0]: there is no file 'gone.yaml', neither beside this one nor in {folder}",
    ),
    "include of itself": (
        """
        include: job.yaml
        tasks: {a: {task: noop}}
        """,
        "job.yaml:1: include: the files include each other: job.yaml → job.yaml",
    ),
    "missing variable of the environment": (
        """
        tasks:
          a: {task: add, parameters: {a: "$ENV{WOFLO_NO_SUCH}"}}
        """,
        (
            "job.yaml:2: tasks.a.parameters.a: the environment has no 'WOFLO_NO_SUCH'; set it, or write a default: "
            "$ENV{WOFLO_NO_SUCH:…}"
        ),
    ),
    "missing variable": (
        """
        config:
          name: "$VAR{customer}"
        tasks: {a: {task: noop}}
        """,
        (
            "job.yaml:2: config.name: there is no variable 'customer'; give it with --var customer=…, or write a "
            "default: $VAR{customer:…}"
        ),
    ),
    "missing value of the system": (
        """
        tasks:
          a: {task: add, parameters: {a: "$SYS{APP_ROOT}"}}
        """,
        "job.yaml:2: tasks.a.parameters.a: there is no $SYS{APP_ROOT}; did you mean 'APP_ROOT_DIR'?",
    ),
    "no tasks": ("version: 0.1\n", "job.yaml:1: tasks: is missing"),
    "empty tasks": ("version: 0.1\ntasks: {}\n", "job.yaml:2: tasks: must have at least one entry"),
    "a later version": (
        "version: 3\ntasks: {a: {task: noop}}\n",
        "job.yaml:1: version: is 3, and this woflo reads version 0.1",
    ),
    "a list": ("- a\n- b\n", "job.yaml:1: has a list; a job is a mapping, with `tasks:` in it"),
    "a text": ("hello\n", "job.yaml:1: has the value 'hello'; a job is a mapping, with `tasks:` in it"),
    "empty": ("", EMPTY),
    "comments alone": ("# nothing\n", EMPTY),
    "tabs": (
        "tasks:\n\ta:\n\t\ttask: noop\n",
        "job.yaml:2: a tab stands where YAML allows spaces only; indent by spaces",
    ),
    "no YAML": (
        "tasks: {a: {task: noop}\nb: 3\n",
        "job.yaml:2: is no YAML: while parsing a flow mapping, did not find expected ',' or '}'",
    ),
    "two documents": (
        "tasks: {a: {task: noop}}\n---\nb: 1\n",
        "job.yaml:2: a second document begins here (`---`); a job file has one",
    ),
    "an alias of nothing": (
        "tasks:\n  a: *other\n",
        "job.yaml:2: tasks.a: the alias *other names an anchor that does not stand above it",
    ),
    "an alias of itself": (
        "tasks: &all\n  a: *all\n",
        "job.yaml:2: tasks.a: the alias *all stands inside of what it names",
    ),
    "an alias as a key": (
        "aliases: [&x y]\ntasks:\n  *x : {task: noop}\n",
        "job.yaml:3: tasks: the alias *x stands where a key must be a text",
    ),
    "a tag": (
        "tasks:\n  a: !!python/object:os.system {}\n",
        "job.yaml:2: tasks.a: 'tag:yaml.org,2002:python/object:os.system' is not known here",
    ),
    "a reference in a command": (
        "tasks:\n  a: {task: noop}\n  b:\n    run: 'echo ${a.result} $${a.result}'\n",
        "job.yaml:4: tasks.b.run: ${a.result} stands only in parameters, and in the inputs of commands (`run`)",
    ),
    "a reference in outputs": (
        "tasks:\n  a: {task: noop}\n  b:\n    run: touch {outputs}\n    outputs: [x, '${a.outputs}']\n",
        "job.yaml:5: tasks.b.outputs[1]: ${a.outputs} stands only in parameters, and in the inputs of commands (`run`)",
    ),
    "a reference in the inputs of a function": (
        "tasks:\n  a: {run: touch x, outputs: x}\n  b:\n    task: noop\n    inputs: '${a.outputs}'\n    outputs: y\n",
        "job.yaml:5: tasks.b.inputs: ${a.outputs} stands only in parameters, and in the inputs of commands (`run`)",
    ),
    "a reference in config": (
        "config: {name: '${a.result}'}\ntasks:\n  a: {task: noop}\n",
        "job.yaml:1: config.name: ${a.result} stands only in parameters, and in the inputs of commands (`run`)",
    ),
    "a place beside a reference in inputs": (
        """
        tasks:
          a: {run: touch x, outputs: x}
          b: {run: "cat {inputs} {n}", parameters: {n: y}, inputs: ["${a.outputs}", "{n}.txt"]}
        """,
        "job.yaml:3: tasks.b.inputs: {n} cannot stand beside what other steps have made; give it as a parameter",
    ),
    "inputs that a step does not make": (
        "tasks:\n  a: {task: noop}\n  b:\n    run: cat {inputs}\n    inputs: '${a.outputs}'\n",
        "job.yaml:5: tasks.b.inputs: the step 'a' names no outputs; write what it makes there",
    ),
    "a name that cannot be": (
        "tasks:\n  '~a': {task: noop}\n",
        "job.yaml:2: tasks.~a: '~a' cannot be the name of a step: no space at its ends, none of ~\"{}$",
    ),
}


@pytest.mark.parametrize(("text", "problem"), ONE_PROBLEM.values(), ids=list(ONE_PROBLEM))
def test_one_problem(folder, text, problem):
    """It is told with its line and its path, by the name of the value, and with the way out; and nothing else is."""
    found, seconds = told(folder.write("job.yaml", text))
    assert found == [problem.replace("{folder}", str(folder.path))]
    assert seconds < SOON


def test_no_tasks_but_what_looks_like_them(folder):
    """The nearest name is told."""
    assert folder.problems("version: 0.1\ntaks:\n  a: {task: noop}\n") == [
        "job.yaml:1: tasks: is missing",
        "job.yaml:2: taks: is not known here; did you mean 'tasks'?",
    ]


def test_all_are_told_at_once(folder):
    """Problems of different kinds in one file, in the order of their lines."""
    found = folder.problems(
        """
        config: {nmae: x}
        tasks:
          a: {task: add, parameters: {a: x}}
          b: {task: nop, dependencies: [c]}
          d: {task: noop, max_attempts: x}
          e: 3
          f: {task: noop, dependencies: [f]}
        """
    )
    paths = [
        "config.nmae",
        "tasks.a.parameters.a",
        "tasks.b.task",
        "tasks.b.dependencies[0]",
        "tasks.d.max_attempts",
        "tasks.e",
        "tasks.f.dependencies",
    ]
    assert [one.split(": ")[1] for one in found][:1] == ["config.nmae"]
    assert sorted(one.split(": ")[1] for one in found) == sorted(paths)
    assert [int(one.split(":")[1]) for one in found] == sorted(int(one.split(":")[1]) for one in found)


def test_a_bomb_is_refused(folder):
    """Aliases that stand for billions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    found, seconds = told(folder.write("job.yaml", "\n".join(lines)))
    assert found == ["job.yaml:6: a5[3]: has more than 500,000 values with what its aliases stand for; that is no job"]
    assert seconds < SOON


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.yaml", "a: " + "[" * 5000),
        ("job.yaml", "a: " + "{b: " * 5000),
        ("job.json", '{"a": ' + "[" * 50_000),
        ("job.json", '{"a": ' + "[" * 900 + "]" * 900 + "}"),
        ("job.toml", "a = " + "[" * 5000),
    ],
    ids=["lists", "mappings", "JSON", "closed JSON", "TOML"],
)
def test_nesting_is_refused(folder, name, text):
    """Thousands of lists in each other."""
    found, seconds = told(folder.write(name, text))
    assert found and all(one.startswith(f"{name}:1: ") for one in found)
    assert seconds < SOON


def test_nesting_by_aliases_is_refused(folder):
    """Lists that are deep by what their aliases stand for."""
    lines = ["tasks: {a: {task: noop}}", "aliases:", f"  - &a0 {'[' * 50}x{']' * 50}"]
    lines += [f"  - &a{n} {'[' * 50}*a{n - 1} {']' * 50}" for n in range(1, 100)]
    found, seconds = told(folder.write("job.yaml", "\n".join(lines).replace("aliases:", "config:")))
    assert len(found) == 1
    assert found[0].startswith("job.yaml:")
    assert seconds < SOON
    deep = "\n".join([*lines[1:], "tasks: {a: {task: noop, parameters: {x: *a99 }}}"])
    found, seconds = told(folder.write("job.yaml", deep))
    assert found == ["job.yaml:1: is nested too deep"]
    assert seconds < SOON


@pytest.mark.parametrize(
    ("name", "text"), [("job.json", '{"tasks": %s}'), ("job.toml", "tasks = %s"), ("job.yaml", "tasks: %s")]
)
def test_a_number_of_thousands_of_digits(folder, name, text):
    """Python refuses to read it; that is told as all else is."""
    found, seconds = told(folder.write(name, text % ("9" * 10_000)))
    assert len(found) == 1
    assert found[0].startswith(f"{name}:1: ")
    assert seconds < SOON


def test_a_large_file_is_refused(folder):
    """50 MB of YAML are not even read."""
    there = folder.path / "job.yaml"
    there.write_bytes(b"tasks:\n" + b"# nothing\n" * 5_300_000)
    found, seconds = told(there)
    assert found == [
        "job.yaml:1: has 53,000,007 bytes, and a job file may have 16,777,216; put data into files of their own"
    ]
    assert seconds < SOON


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            b"tasks:\n  a: \xff\xfe\n",
            "job.yaml:2: is no text in UTF-8 (byte 12: 0xff); name a YAML, TOML or JSON file, or write it in UTF-8",
        ),
        (
            b"\x7fELF\x02\x01\x01" + bytes(1000),
            "job.yaml:1: is no text: the character 0x7f stands in it; name a YAML, TOML or JSON file",
        ),
        (
            b"tasks:\n  a: \x00\n",
            "job.yaml:2: is no text: the character 0x00 stands in it; name a YAML, TOML or JSON file",
        ),
    ],
)
def test_a_binary_file_is_refused(folder, data, problem):
    """A program, an image, a text in another encoding."""
    there = folder.path / "job.yaml"
    there.write_bytes(data)
    assert told(there)[0] == [problem]


def test_a_missing_file(folder):
    """The file itself, or a folder in its place."""
    assert told(folder.path / "job.yaml")[0] == ["job.yaml:1: cannot be read: No such file or directory"]
    assert told(folder.path)[0][0].endswith("cannot be read: Is a directory")


@pytest.mark.parametrize("name", ["a\\0.yaml", "x" * 5000, "x" * 300], ids=["NUL", "long path", "long name"])
def test_what_can_be_no_path(folder, name):
    """Of a file, or of a folder with tasks."""
    found = folder.problems(f'include: ["{name}"]\ntasks: {{a: {{task: noop}}}}')
    assert [one.partition(" file '")[0] for one in found] == ["job.yaml:1: include[0]: there is no"]
    found = folder.problems(f'config: {{extension_directories: ["{name}"]}}\ntasks: {{a: {{task: noop}}}}')
    assert [one.partition(" folder '")[0] for one in found] == [
        "job.yaml:1: config.extension_directories[0]: there is no"
    ]


def test_links_in_a_circle(folder):
    """As the system tells it."""
    (folder.path / "job.yaml").symlink_to("job.yaml")
    assert told(folder.path / "job.yaml")[0] == ["job.yaml:1: cannot be read: Too many levels of symbolic links"]


@needs_proc
def test_a_file_without_an_end(folder):
    """No more of it is read than a job file may have."""
    (folder.path / "job.yaml").symlink_to("/dev/zero")
    found, seconds = told(folder.path / "job.yaml")
    assert len(found) == 1
    assert found[0].startswith("/dev/zero:1: has more than 16,777,216 bytes, and a job file may have 16,777,216; put ")
    assert seconds < SOON


def test_files_that_include_each_other(folder):
    """The ring is told where it closes."""
    folder.write("b.yaml", "include: [c.yaml]\n")
    folder.write("c.yaml", "config: {}\ninclude: [b.yaml]\n")
    found = folder.problems("include: [b.yaml]\ntasks: {a: {task: noop}}\n")
    assert found == ["c.yaml:2: include[0]: the files include each other: b.yaml → c.yaml → b.yaml"]


def test_the_line_is_that_of_the_file_that_says_it(folder):
    """Where an included file has the value, and where the file itself stands over it."""
    folder.write("base.yaml", "config: {name: x}\ntasks:\n  a: {task: nop}\n  b:\n    task: nop\n")
    found = folder.problems(
        """
        include: [base.yaml]
        tasks:
          b:
            backoff: 1
            task: noq
        """
    )
    assert [one.split(": there")[0] for one in found] == ["job.yaml:5: tasks.b.task", "base.yaml:3: tasks.a.task"]


def test_json(folder):
    """The same for JSON: lines, duplicate keys, and texts that are none."""
    text = json.dumps({"tasks": {"a": {"task": "nop", "dependencies": ["b", "é\n"]}}}, indent=2)
    found = folder.problems(text, "job.json")
    assert [one.split(": there")[0] for one in found] == [
        "job.json:4: tasks.a.task",
        "job.json:6: tasks.a.dependencies[0]",
        "job.json:7: tasks.a.dependencies[1]",
    ]
    found = folder.problems('{"tasks": {"a": {"task": "noop"},\n "a": {"task": "noop"}}}', "job.json")
    assert found == ["job.json:2: tasks.a: stands here twice; first on line 1"]
    assert folder.problems('{"tasks":\n oops}', "job.json") == ["job.json:2: is no JSON: Expecting value in column 2"]


def test_toml(folder):
    """The same for TOML."""
    found = folder.problems('[config]\nname = "x"\n\n[tasks.a]\ntask = "nop"\ndependencies = ["b"]\n', "job.toml")
    assert [one.split(": there")[0] for one in found] == [
        "job.toml:5: tasks.a.task",
        "job.toml:6: tasks.a.dependencies[0]",
    ]
    assert folder.problems("[tasks]\na = \n", "job.toml") == ["job.toml:2: is no TOML: invalid value"]
    assert folder.problems("[tasks.a]\n[tasks.a]\n", "job.toml")[0].startswith("job.toml:2: is no TOML: cannot declare")


def test_many_problems_are_counted(folder):
    """A hundred are told, and how many there are besides; the error has them all."""
    text = "tasks:\n" + "".join(f"  s{n}: {{task: nop}}\n" for n in range(300))
    with pytest.raises(JobFileError) as error:
        folder.load(text)
    assert len(error.value.problems) == 300
    assert str(error.value).count("\n") == 101
    assert str(error.value).endswith("… and 200 more")


def test_a_file_that_is_not_there(folder):
    """The job file beside it that may have been meant is named."""
    for name in ("job.yaml", "other.txt"):
        folder.write(name, "tasks: {a: {task: noop}}")
    for name, hint in (("job.yml", "; did you mean 'job.yaml'?"), ("else.yaml", ""), ("none/job.yaml", "")):
        problems, _ = told(folder.path / name)
        assert problems == [f"{name}:1: cannot be read: No such file or directory{hint}"]


def test_what_only_a_shell_could_mean(folder):
    """The way out is told as a file has it."""
    (told,) = folder.problems("tasks:\n  a: {run: 'echo a | wc'}\n")
    assert "for a shell write `shell: true`, for the word itself quote it" in told
