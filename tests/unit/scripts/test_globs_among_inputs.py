"""Which calls make files, where inputs are globs: a glob is no name, and finds what is made in the same request."""

from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, dry_run, gather, script, task
from woflo.errors import MissingInputError, UnknownMakerError
from woflo.scripts.makers import call_all, calls_for

part = script("cp {inputs} {outputs}", inputs="in/{n}.txt", outputs="out/{n}.txt", name="part")
join = script("cat {inputs} > {outputs}", inputs="out/*.txt", outputs="join.txt", shell=True, name="join")
ABOUT = (part, join)


@pytest.fixture
def inputs(project):
    """Three of them."""
    Path("in").mkdir()
    for n in "123":
        Path(f"in/{n}.txt").write_text(n)
    return project


def names(calls):
    return [str(call) for call in calls]


@pytest.mark.parametrize("order", [("join.txt", "out/3.txt", "out/1.txt"), ("out/1.txt", "out/3.txt", "join.txt")])
def test_what_is_asked_for_comes_first_and_is_found(inputs, order):
    """In whatever order files are named, those that a glob finds are made before it is looked what that finds."""
    calls = calls_for(order, ABOUT)
    assert sorted(names(calls)[:-1]) == ["part(n='1')", "part(n='3')"]
    assert (names(calls)[-1], calls[-1].needs) == ("join()", (0, 1))
    gather(*call_all(calls)).get_result()
    assert Path("join.txt").read_text() == "13"
    assert "".join(path.read_text() for path in sorted(Path("in").iterdir())) == "123"
    again = call_all(calls_for(order, ABOUT))
    assert {ended(run) for run in again} == {RunState.SKIPPED}
    gather(*call_all(calls_for([*order, "out/2.txt"], ABOUT))).get_result()
    assert Path("join.txt").read_text() == "123"


def test_what_others_need_is_found_too(inputs):
    """Files that are made because somebody else reads them are there for a glob as well."""
    size = script("wc -c {inputs} > {outputs}", inputs="out/{n}.txt", outputs="{n}.size", shell=True, name="size")
    calls = calls_for(["join.txt", "2.size"], [*ABOUT, size])
    assert names(calls) == ["part(n='2')", "join()", "size(n='2')"]
    assert [call.needs for call in calls] == [(), (0,), (0,)]


def test_a_glob_that_finds_nothing_is_a_missing_input(inputs):
    """It is told before anything is executed, with the glob and what can be done; nothing is called with `*`."""
    with pytest.raises(MissingInputError, match=r"join reads 'out/\*\.txt', which no file matches.*ask for the files"):
        calls_for(["join.txt"], ABOUT)
    with pytest.raises(UnknownMakerError, match=r"nothing makes 'out/\*\.txt' \(no file matches it"):
        calls_for(["out/*.txt"], ABOUT)

    @task(outputs="text/{n}.txt", runner="thread")
    def text(n):
        Path(f"text/{n}.txt").write_text("1")

    @task(inputs="text/?.txt", outputs="all.txt", runner="thread")
    def every() -> None:
        Path("all.txt").write_text("".join(path.read_text() for path in Path("text").iterdir()))

    with pytest.raises(MissingInputError, match=r"every reads 'text/\?\.txt'"):
        calls_for(["all.txt"], [text, every])
    with pytest.raises(MissingInputError, match=r"every reads 'text"):
        calls_for(["all.txt", "elsewhere/a.txt"], [every, script("x", outputs="elsewhere/{n}.txt", name="x")])
    gather(*call_all(calls_for(["all.txt", "text/a.txt"], [text, every]))).get_result()
    assert Path("all.txt").read_text() == "1"


def test_what_makes_files_that_nobody_can_name_before(project):
    """The maker of a glob is that of another glob that says the same; values in it are told by the rest of the name."""
    split = script("for i in 1 2; do echo $i > parts_{x}/$i.txt; done", outputs="parts_{x}/*", shell=True, name="split")
    gathered = script(
        "cat {inputs} > {outputs}", inputs="parts_{x}/*.txt", outputs="{x}.all", shell=True, name="gathered"
    )
    calls = calls_for(["a.all"], [split, gathered])
    assert names(calls) == ["split(x='a')", "gathered(x='a')"]
    gather(*call_all(calls)).get_result()
    assert Path("a.all").read_text() == "1\n2\n"


def test_calls_that_need_each_other_by_a_glob(project):
    """Neither can be first."""
    one = script("cat {inputs} > {outputs}", inputs="*.x", outputs="1.x", shell=True, name="one")
    other = script("cp {inputs} {outputs}", inputs="1.x", outputs="2.x", name="other")
    with pytest.raises(UnknownMakerError, match="needs itself, by a glob among inputs"):
        calls_for(["1.x", "2.x"], [one, other])


def test_a_file_with_such_a_name(project):
    """One that is there is a file, whatever characters are in its name."""
    Path("in").mkdir()
    Path("in/[a].txt").write_text("it")
    Path("out").mkdir()
    Path("out/[a].txt").touch()
    reads = script("cp {inputs} {outputs}", inputs="out/[a].txt", outputs="reads.txt", name="reads")
    assert names(calls_for(["reads.txt"], [part, reads])) == ["part(n='[a]')", "reads()"]


def test_a_dry_run_names_what_a_glob_will_find(inputs):
    """It does not say that the reader would fail."""
    with dry_run() as plan:
        call_all(calls_for(["join.txt", "out/1.txt", "out/2.txt"], ABOUT))
    assert [one.task for one in plan.planned] == ["part", "part", "join"]
    assert plan.planned[-1].reasons == (
        "out/1.txt would be made anew by part",
        "out/2.txt would be made anew by part",
    )
    with dry_run() as plan:
        join()
    assert plan.planned[-1].reasons[1:] == (
        "no file matches its input out/*.txt, and nothing is known to make one: it would fail",
    )


def test_the_error_of_a_call_names_the_glob(project):
    """Where it is called by itself."""
    with pytest.raises(MissingInputError, match=r"join was not started: no file matches its input 'out/\*\.txt'"):
        join().get_result()
