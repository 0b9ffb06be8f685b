"""Values are data: whatever is in them, they stay within the word, or the quotes, that they were put into."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woflo import script, task
from woflo.errors import ArgumentError, OptionError
from woflo.scripts.body import SHELL, Script
from woflo.scripts.words import parsed

NASTY = ["a b", "it's", '"', "; echo x", "$(echo x)", "`echo x`", "-rf", "a\nb", "*", "$HOME", "\\", "{i}", "é", ""]
SHOW = "import sys, json; json.dump(sys.argv[1:], open(sys.argv[1], 'w'))"


def made(command, **options):
    return Script(command, name="s", module="m", **options)


def command(task, /, **values):
    return task.plan("s", (), values).command


@pytest.mark.parametrize("value", NASTY)
def test_a_value_stays_within_its_word(value):
    """Neither spaces nor quotes nor dashes make another word of it."""
    assert command(made("do {i} --x={i}"), i=value) == ["do", value, f"--x={value}"]


@pytest.mark.parametrize("value", [one for one in NASTY if one])
@pytest.mark.parametrize("shell", [False, True])
def test_a_value_reaches_the_command_as_it_is(project, value, shell):
    """Through a real command, with and without a shell."""
    words = f"{sys.executable} -c {{code}} {{outputs}} {{i}}"
    show = script(words, outputs="shown.json", shell=shell, name="show")
    show(code=SHOW, i=value).get_result()
    assert json.loads((project / "shown.json").read_text()) == ["shown.json", value]


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
def test_any_text_is_one_word_for_a_shell(value):
    """What a shell makes of the quoted text is the text."""
    import shlex

    shell, _, text = command(made("do {i} x", shell=True), i=value)
    assert (shell, shlex.split(text)) == (SHELL, ["do", value, "x"])


PLACES = [
    "echo '{a}'",
    'echo "{a}"',
    "echo `ls {a}`",
    "true # {a}",
    "cat <<E\n{a}\nE",
    "echo \\{a}",
    "echo $'{a}'",
    'echo "`ls {a}`"',
    'echo "$(echo "{a}")"',
    "echo $(( {a} + 1 ))",
    'echo "$((1 + ({a})))"',
    "echo $(($(wc {a})))",
    "echo $[{a}]",
    "((i = {a}))",
    'echo "$( ( ( ls ) ) "b {a}" )"',
    "echo ${x:{a}:1}",
    'echo "${x:{a}:1}"',
    "echo ${x:-$(ls {a})}",
    "echo ${x:-${y}{a}}",
    'echo "${x:-\'}"\'}" {a} "',
    "echo $'it\\'s' {a}",
    "echo $'it\\' {a} '",
    "[[ {a} -eq 1 ]]",
    "true && [[ 1 -eq {a} ]]",
    "x=$( [[ {a} -eq 1 ]] )",
    "if [[ $(ls {a}) ]]; then ls; fi",
]


@pytest.mark.parametrize("text", PLACES)
def test_no_value_where_it_cannot_be_quoted(text):
    """Its quotes would mean something else there, and it could become code: refused where it is written."""
    with pytest.raises(OptionError, match="cannot be quoted"):
        made(text, shell=True)


@pytest.mark.parametrize(
    "text",
    [
        "cat {a} > {b}",
        "echo $(wc -l {a})",
        'echo "$(wc {a})"',
        "(cd {a}; ls)",
        "echo $((1 + (2))) {a}",
        "echo $[1] {a}",
        "awk '{print $1}' {a}",
        "f${x}{a}",
        'echo "${x:-"}"}" {a}',
        "echo ${x:-'}'} ${#y} {a}",
        "echo ${x:-(} {a}",
        "echo $'two' {a}",
        "[[ 1 -eq 1 ]] && echo {a}",
        "[ {a} -eq 1 ]",
        "ls [[:alpha:]]* {a}",
        "echo '[[ ' {a}",
    ],
)
def test_a_value_where_it_can_be_quoted(text):
    """Also within a substitution, and beside quotes of the user's own."""
    values = dict.fromkeys(made(text, shell=True).parameters, "x y")
    assert "'x y'" in command(made(text, shell=True), **values)[2]


@pytest.mark.parametrize(
    "words",
    [
        "sh -c 'echo hello {name}'",
        ["/bin/sh", "-c", "cat {inputs}"],
        ["bash", "-euo", "pipefail", "-c", "cat < {outputs}"],
        "env A=1 zsh -lc '{name}'",
        "dash -c -e -- 'echo {name:>3}' x",
        "timeout 5 ksh +x -ec {name}",
        lambda name: ["sh", "-c", "echo {name}"],
    ],
)
def test_a_value_that_a_shell_would_execute(words):
    """Is refused within the text behind `-c`, wherever the shell stands, and the way out is told."""
    with pytest.raises(OptionError, match=r"would be code; give it as a word of its own, .* -c '… \"\$1\"' \w+ \{"):
        command(made(words), name="x; touch pwned")


def test_a_value_that_a_shell_is_given():
    """As a word of its own behind the text; a file of that name, and a `-c` of others, are no shell's text."""
    task = made(["sh", "-eo", "pipefail", "-c", 'echo "$1"', "sh", "{name}"])
    assert command(task, name="x; y")[-1] == "x; y"
    for words in ("sh {name} -c x", "sh -e {name}", "python3 -c {name}", "sh --norc -e x.sh -c {name}", "a -c {name}"):
        assert "x; y" in command(made(words), name="x; y")


@pytest.mark.parametrize(
    ("words", "shell"), [("echo {x", False), (["do", "--x={out.log"], False), ("echo {x; a", True)]
)
def test_a_brace_that_is_not_closed(words, shell):
    """Is told, and not printed as it stands."""
    with pytest.raises(OptionError, match=r"has a brace that is not closed, '\{"):
        made(words, shell=shell)


@pytest.mark.parametrize("where", ["inputs", "outputs"])
def test_a_brace_that_is_not_closed_in_a_path(where):
    """It would be the name of a file. Of a function, too."""
    with pytest.raises(OptionError, match=r"'\{n.txt' has a brace that is not closed"):
        script("do", **{where: "{n.txt"})
    with pytest.raises(OptionError, match=r"'\{n.txt' has a brace that is not closed"):
        task(**{"outputs": "o.txt", where: "{n.txt"})(lambda n: None)


def test_braces_of_others():
    """Of JSON, of a shell and of patterns, and what a function returns, may stand as they are."""
    for words in ("do { {} {1 {{x", "do ${x", "do '{a: {x}}'", ["do", "{ x"], lambda: ["do", "{x"]):
        command(made(words), **dict.fromkeys(made(words).parameters, "v"))
    assert command(made("{ echo a; }; echo ${x:-{} {v}", shell=True), v="w")[2].endswith("w")


def test_braces_that_are_no_places():
    """Only names are; `{{name}}` is the name in braces, `${name}` a shell's."""
    template = parsed("{} {1} {a b} {'x': {'y': 1}} {{name}} ${HOME}")
    assert template == ("{} {1} {a b} {'x': {'y': 1}} {name} ${HOME}",)


def test_numbers_paths_and_lists():
    """Formatted as Python does; a list is as many words, also with something before each."""
    from pathlib import Path

    task = made("do {n:03d} {p} {many} --x={many}")
    assert command(task, n=7, p=Path("a/b"), many=["u", 1]) == ["do", "007", "a/b", "u", "1", "--x=u", "--x=1"]
    assert command(made(["do", 1, Path("a b"), "{x}"]), x=b"raw") == ["do", "1", "a b", "raw"]


@pytest.mark.parametrize(
    "words",
    [
        "find . -exec do {i} ';'",
        r"find . -exec do {i} \;",
        'sh -c "a > $0" {i}',
        '--x="a > b"',
        "pip install 'a>=2' b>=2 a|b x=a;b http://h/?a&b",
        "do '>f' \\>f \">f\" a\\;",
        "do '\"' '>'",
        ["do", ">"],
    ],
)
def test_words_that_mean_something_to_a_shell(words):
    """Are words where they are quoted, or stand in a list."""
    assert not made(words).shell


def test_files_in_a_command():
    """All, those of a group, or one of them."""
    task = made("do {inputs} {inputs[1]} -- {outputs.log}", outputs={"bam": "{x}.bam", "log": "{x}.log"})
    assert command(task, x="q", inputs=["a", "b"]) == ["do", "a", "b", "b", "--", "q.log"]
    with pytest.raises(ArgumentError, match=r"\{inputs\[1\]\} is not among the inputs"):
        command(task, x="q", inputs="a")
    with pytest.raises(ArgumentError, match="call it with inputs="):
        command(made("cat {inputs}"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"command": "do 'x"}, "cannot be split"),
        ({"command": " "}, "no words"),
        ({"command": []}, "a text, or a list of words"),
        ({"command": 7}, "a text, or a list of words"),
        ({"command": ["do", None]}, "the word None"),
        ({"command": "do\0"}, "NUL"),
        *[({"command": f"do a {word} b"}, "shell=True") for word in (">", "|", "&&", ";", "<", "2>", ">>", "2>&1")],
        ({"command": "do {i} > {j}"}, "'>' in it"),
        *[({"command": f"do a {word} b"}, "shell=True") for word in (">f", ">>f", "<f", "2>f", "2>&1x", "&>f", "<<E")],
        *[({"command": f"do a {word} b"}, "shell=True") for word in ("|wc", "&&ls", ";ls", "a;", "{i};", ">{j}")],
        ({"command": "do {i} >{j}"}, "'>{j}' in it"),
        ({"command": ["do\0"]}, "NUL"),
        ({"command": ["do"], "shell": True}, "a list needs no shell"),
        ({"command": "do", "outputs": 7}, "outputs=7 must be a path"),
        ({"command": "do", "outputs": ""}, "is no path"),
        ({"command": "do", "outputs": {"a b": "x"}}, "cannot be the name of a group"),
        ({"command": "do", "outputs": "{inputs}.x"}, "stands in a path"),
        ({"command": "do", "env": "PATH"}, "env='PATH' must be names"),
        ({"command": "do", "env": {"A=B": "1"}}, "cannot be the name of an environment variable"),
        ({"command": lambda i: "do", "outputs": "{j}.txt"}, "none of its parameters, which are: i"),
    ],
)
def test_what_cannot_be_meant_is_told_at_the_definition(wrong, told):
    """By name, with the value."""
    with pytest.raises(OptionError, match=told):
        made(**wrong)


def test_arguments_are_checked_at_the_call():
    """A wrong name, one that is missing, a value that cannot stand in a command."""
    task = script("do {i} {j}", name="solve")
    with pytest.raises(ArgumentError, match="no parameter 'k'; it has: "):
        task(i=1, j=2, k=3)
    with pytest.raises(ArgumentError, match="needs a value for: j"):
        task(i=1)
    with pytest.raises(ArgumentError, match="multiple values"):
        task(1, i=1)
    assert "NUL" in str(task(i="\0", j=1).exception())
    assert "cannot stand in a command" in str(task(i=None, j=1).exception())


def test_names_of_options_are_checked():
    """With the nearest one that there is."""
    with pytest.raises(OptionError, match="no option 'output'; did you mean 'outputs'"):
        script("do", output="x")


@pytest.mark.parametrize("shell", [False, True])
def test_a_file_does_not_become_an_option(project, shell):
    """One whose name begins with a dash is given with its folder; it is known by its name."""
    (project / "-n").write_text("good")
    copy = script(
        "cat {inputs} > {outputs}" if shell else "cp {inputs} {outputs}", outputs="-{x}", shell=shell, name="c"
    )
    assert copy(x="r", inputs="*n").get_result() == ["-r"]
    assert (project / "-r").read_text() == "good"
    plan = copy.body.fn.plan("c", (), {"x": "r", "inputs": "-n"})
    assert (plan.inputs, plan.outputs[0].path, plan.target) == (["-n"], "-r", "-r")


def test_files_with_dashes_in_words():
    """In a word of their own, behind something, of groups, and for a function that makes the command."""
    task = made("do {inputs} --x={inputs[1]} {outputs.log}", outputs={"log": "-l"})
    assert command(task, inputs=["a-b", "-b"]) == ["do", "a-b", "./-b", "--x=./-b", "./-l"]
    task = made(lambda inputs, outputs: ["do", *inputs, *outputs], outputs="-o")
    assert command(task, inputs=["-a", "b/-c"]) == ["do", "./-a", "b/-c", "./-o"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python solve.py {i}", "solve"),
        ("/usr/bin/convert a b", "convert"),
        ("python -c x", "script"),
        ("{i}", "script"),
    ],
)
def test_a_script_is_named_after_its_program(words, name):
    """Or after the file that an interpreter executes."""
    assert script(words).name == name
