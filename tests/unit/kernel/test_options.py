"""Every option that cannot be meant is a named error where it is written."""

from __future__ import annotations

import pytest
from tenacity import wait_fixed

import woflo
from woflo import task
from woflo.errors import NotATaskError, OptionError, UnknownNameError

BAD = {
    "name": ["", "  ", 3],
    "retries": [-1, 1.5, 2.0, "2", None, True],
    "retry_sleep_time": [-1, "5", None, float("nan"), float("inf"), True],
    "retry_on": ["ValueError", 3, None, int, (ValueError, 3)],
    "timeout": [0, -1, "3", float("nan"), float("inf"), True],
    "deadline": [0, -0.5, "3", float("nan"), float("inf"), True],
    "runner": [3, int, object()],
    "max_concurrency": [0, -1, 1.5, "3", True],
    "resources": [
        "cpus",
        3,
        {"cpus": 0},
        {"cpus": -1},
        {"cpus": "many"},
        {"cpus": None},
        {"cpus": True},
        {"memory": "4XB"},
        {"cpus": float("nan")},
        {"cpus": float("inf")},
        {3: 1},
    ],
    "rate_limit": ["", "10", "0/s", "10/y", "-1/s", "10/0s", 10, "ten/s"],
    "key": ["", "a\0b", "\ud800"],
    "queue": ["", "a\0b"],
    "limit_key": ["\udfffx"],
    "tags": [{"customer": "a\0b"}],
}
CASES = [(name, value) for name, values in BAD.items() for value in values]
IDS = [f"{name}={value!r:.40}".partition(" at 0x")[0] for name, value in CASES]


def work():
    pass


@pytest.mark.parametrize(("name", "value"), CASES, ids=IDS)
def test_a_bad_value_is_an_error_at_decoration_that_names_option_and_value(name, value):
    """The error comes before any call and says which option, and what was given."""
    with pytest.raises(OptionError) as caught:
        task(**{name: value})(work)
    told = str(caught.value)
    shown = repr(value) if not isinstance(value, dict) else repr(next(iter(value.values())))
    assert shown in told
    assert name in told or isinstance(value, dict)


@pytest.mark.parametrize(("name", "value"), CASES, ids=IDS)
def test_with_options_checks_as_decoration_does(name, value):
    """What `@task` refuses, `with_options` refuses."""
    plain = task(work)
    with pytest.raises(OptionError):
        plain.with_options(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retries", 0),
        ("retry_sleep_time", 0.5),
        ("retry_sleep_time", wait_fixed(3)),
        ("retry_on", (KeyError, OSError)),
        ("retry_on", lambda error: True),
        ("timeout", 1),
        ("timeout", 30 * 86400),
        ("deadline", 0.25),
        ("runner", "thread"),
        ("max_concurrency", 1),
        ("resources", {"cpus": 0.5, "memory": "1KB"}),
        ("rate_limit", "100/m"),
        ("rate_limit", "5/10s"),
        ("key", "ключ/../\U0001f600 \n\x1b"),
    ],
)
def test_a_good_value_is_taken(name, value):
    """What the documentation allows is accepted, and kept over `with_options`."""
    made = task(**{name: value})(work)
    kept = getattr(made.with_options(name="other").options, name)
    assert kept == getattr(made.options, name)
    default = getattr(task(work).options, name)
    assert (kept == default) == (value == default)


def test_an_unknown_option_is_named_with_the_nearest_known_one():
    """A slip of the pen is told with what was probably meant."""
    with pytest.raises(OptionError, match=r"retrys.*did you mean 'retries'\?"):
        task(retrys=3)


def test_an_unknown_runner_is_named_with_the_nearest_known_one():
    """`runner="thred"` fails at decoration and points at "thread"."""
    with pytest.raises(UnknownNameError, match=r"thred.*did you mean 'thread'\?"):
        task(runner="thred")(work)


def test_the_message_about_an_unknown_name_is_made_of_sentences():
    """Without a near name, the list of known ones starts a sentence of its own."""
    with pytest.raises(UnknownNameError, match=r"'zzz'[.;] "):
        task(runner="zzz")(work)


@pytest.mark.parametrize("value", [3, "text", object(), type("NoRun", (), {})])
def test_what_cannot_be_executed_is_no_task(value):
    """`@task` on what is not callable, or on a class without `run`, names what it was given."""
    with pytest.raises(NotATaskError):
        task(value)


def test_a_timeout_on_the_sequential_runner_is_an_error():
    """Code in the calling thread cannot be timed, and says so at decoration."""
    with pytest.raises(OptionError, match="timeout=3"):
        task(runner="sequential", timeout=3)(work)
    with pytest.raises(OptionError, match="timeout=3"):
        task(runner="thread", timeout=3)(work).with_options(runner="sequential")


def test_an_abstract_runner_is_an_error_at_decoration():
    """`BaseTaskRun` itself, or an heir without its two methods, cannot execute anything."""
    with pytest.raises(OptionError, match="BaseTaskRun"):
        task(runner=woflo.BaseTaskRun)(work)


def test_after_takes_handles_only(memory):
    """`after=` names what must succeed first, so it must be a handle or several."""
    plain = task(work)
    with pytest.raises(OptionError, match="after=3"):
        plain.with_options(after=3)
    run = plain.with_options(runner=memory)()
    assert plain.with_options(after=run).options.after == (run,)
    assert plain.with_options(after=[run]).options.after == (run,)


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_a_runner_is_not_configured_with_a_limit_that_cannot_be_meant(memory, value):
    """A limit of nothing would let every call wait for ever."""
    with pytest.raises(OptionError, match="max_concurrency"):
        memory.configured(max_concurrency=value)


def test_a_runner_is_not_configured_with_a_setting_that_it_lacks(memory):
    """The error names the setting and those that there are."""
    with pytest.raises(OptionError, match=r"max_concurency.*max_concurrency"):
        memory.configured(max_concurency=3)


@pytest.mark.parametrize("grace", [-1, "5", None, float("nan"), True])
def test_a_grace_that_cannot_be_meant_is_an_error(memory, grace):
    """`stop` checks its seconds before it does anything."""
    run = task(runner=memory)(work)()
    with pytest.raises(OptionError, match="grace="):
        run.stop(grace)
    assert run.is_running()
