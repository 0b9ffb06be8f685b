"""What is known to be secret is hidden in every text, however it is written, and in whichever parts it comes."""

from __future__ import annotations

import json
import logging
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from woflo import RunState, current_run, inject, subscribe, task, use_resources
from woflo.errors import OptionError, SerializationError
from woflo.kernel import hiding
from woflo.kernel.masking import mask_text
from woflo.kernel.pairs import named_values
from woflo.kernel.registry import load_runner
from woflo.stores.codec import Codec
from woflo.stores.failures import dump_error, load_error

pydantic = pytest.importorskip("pydantic")
RUNNERS = {
    name: type(f"Caught_{name}", (load_runner(name),), {"capture_output": True})
    for name in ("sequential", "thread", "multiprocess", "pool")
}


class Nested(pydantic.BaseModel):
    words: list[pydantic.SecretStr]
    address: pydantic.PostgresDsn


class Access(pydantic.BaseModel):
    word: pydantic.SecretStr
    raw: pydantic.SecretBytes
    db_password: str
    url: str
    nested: Nested
    name: str


ACCESS = Access(
    word="sesame-word",
    raw=b"sesame-raw",
    db_password="sesame-db",
    url="https://me:sesame-url@example.org/",
    nested={"words": ["sesame-nested"], "address": "postgresql://me:sesame-dsn@example.org/db"},
    name="not-secret",
)
ALL = "word raw db url nested dsn"


SECRET = [
    *("password", "db_password", "PGPASSWORD", "passphrase", "token", "API_TOKEN", "access_token", "client_secret"),
    *("credentials", "api_key", "x_api_key", "APIKEY", "private_key", "aws_secret_access_key"),
]
OTHERS = [
    *("key", "group_key", "primary_key", "tokens", "max_tokens", "token_count", "tokenizer", "TOKENIZERS_PARALLELISM"),
    *("password_file", "secret_name", "token_url", "monkey", "AWS_ACCESS_KEY_ID", "compass"),
]


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name):
    """What stands under these names is hidden wherever it stands."""
    assert hiding.is_secret_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_others(name):
    """A key of a dictionary, or the path of a file, is a word like others: logs would be unreadable without it."""
    assert not hiding.is_secret_name(name)


@given(secret=st.text(st.characters(codec="utf-8"), min_size=hiding.LEAST, max_size=30).filter(lambda one: one.strip()))
def test_however_it_is_written(secret):
    """As it is, and as JSON, URLs and Python write it."""
    hiding.forget_all()
    hiding.know(secret)
    for text in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), quote(secret, "")):
        told = hiding.hide(f"<{text}>")
        assert "***" in told
        assert text not in told
        assert secret not in told


def test_what_is_short_is_left():
    """A short value is a part of many words; under its name it is hidden as ever."""
    hiding.know("short")
    assert mask_text("shortened, password=short") == "shortened, password=***"


def test_each_line_of_a_key_is_hidden():
    """Lines are logged one by one."""
    hiding.know("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n")
    assert hiding.hide("2 AQEFAASCBKcwggSjAgEAAoIB\n") == "2 ***\n"
    assert hiding.hide("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_the_longer_one_first():
    """One that is a part of another leaves nothing of that."""
    hiding.know("secret")
    hiding.know("secret-and-more")
    assert hiding.hide("secret-and-more secret") == "*** ***"


def test_arguments_give_way_and_others_stay():
    """Millions of calls with a secret each take no memory, and do not displace the password of the store."""
    hiding.know_url("postgresql://me:sesame-store@host/db")
    for number in range(2 * hiding.MOST):
        hiding.know_call(hiding.Parameters({0: "token"}), (f"given-{number:06}",), {})
    assert len(hiding._known) == len(hiding._texts) == hiding.MOST
    assert hiding.hide("sesame-store given-000000 given-001999") == "*** given-000000 ***"


def test_passwords_of_urls():
    """As they are written and as they are meant; not one that is the user's name as well."""
    for url in ("postgresql://me:p%40ss-word@host/db", "sqlite:///a.db?password=p%40ss-word"):
        hiding.forget_all()
        hiding.know_url(url)
        assert hiding.hide("p@ss-word p%40ss-word") == "*** ***"
    hiding.know_url("postgresql://postgres:postgres@host/postgres")
    assert hiding.hide("to postgres") == "to postgres"


def test_models_with_secrets():
    """Fields that are marked, of whatever depth, that are named so, and passwords in addresses; nothing else."""
    with use_resources(ACCESS):
        assert [hiding.hide(f"sesame-{name}") for name in ALL.split()] == ["***"] * 6
        assert hiding.hide("not-secret") == "not-secret"


@given(
    st.lists(st.text("ab", min_size=hiding.LEAST, max_size=9), min_size=1, max_size=3),
    st.lists(st.text("abc", max_size=12), max_size=12),
)
def test_parts_of_a_stream(secrets, parts):
    """However a text is cut: what comes out has no secret in it, and nothing else is missing or added."""
    hiding.forget_all()
    for secret in secrets:
        hiding.know(secret)
    hider = hiding.Hider()
    told = "".join(map(hider.feed, parts)) + hider.rest()
    assert not any(secret in told for secret in secrets)
    if not any(secret in "".join(parts) for secret in secrets):
        assert told == "".join(parts)


def test_what_begins_like_a_secret_is_not_kept_for_long():
    """A prompt is shown at once, and the beginning of a secret as soon as it is none."""
    hiding.know("sesame-word")
    hider = hiding.Hider()
    assert [hider.feed(one) for one in ("who? ", "ses", "ame", "-wo", "man")] == ["who? ", "", "", "", "sesame-woman"]


class Taking:
    """Takes a secret when it is made, and its method another one."""

    def __init__(self, name, token):
        self.token = token

    def run(self, number, password, *, api_key=None): ...


def test_which_parameters_are_secret():
    """Of functions, classes, methods, and whatever tells its signature; kept in their places."""
    for fn, places in (
        (lambda a, token, *, password: None, {1: "token", 2: "password"}),
        (Taking, {1: "token"}),
        (Taking("a", "b").run, {1: "password", 2: "api_key"}),
        (partial(lambda token, a, secret: None, 1), {1: "secret"}),
        (lambda **others: None, {}),
    ):
        assert hiding.parameters_of(fn).places == places
    for fn in (lambda a, key: None, len, print):
        found = hiding.parameters_of(fn)
        assert found is None or not found.places


@task
def telling(token, access=None, **others):
    """Says all that it was given, in every way."""
    text = " ".join([token, *others.values(), *([] if access is None else [access.word.get_secret_value()])])
    print("x" * ((1 << 16) - 4) + text, flush=True)
    logging.getLogger("app").warning("logged %s", text)
    current_run().progress(1, 2, text)
    raise ValueError(text)


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_a_call_is_given(runner):
    """By place, by name, among others by name, and within a model: in all that is told of the run."""
    events = []
    with subscribe(events.append):
        run = telling.with_options(runner=RUNNERS[runner])("sesame-one", ACCESS, api_key="sesame-two", word="shown")
        error = run.exception()
    assert "sesame-one" in str(error)  # its caller's own
    told = "".join(getattr(event, "text", "") + getattr(event, "message", "") for event in events)
    assert "sesa" not in told
    assert told.count("*** *** shown ***") >= 2 - (runner == "sequential")
    assert mask_text(str(error)) == "*** *** shown ***"


@task
def settled(access: Access = inject()):
    print(access.word.get_secret_value(), flush=True)
    raise ValueError(access.word.get_secret_value())


@task
def outer():
    settled.with_options(runner=RUNNERS["multiprocess"])().wait()


def test_what_only_a_child_knows():
    """What is injected where a task executes is hidden by its caller, and by the caller of that."""
    resources = use_resources(ACCESS)
    hiding.forget_all()  # as where the settings are read in the child
    events = []
    with resources, subscribe(events.append):
        run = outer.with_options(runner="multiprocess")()
        run.wait()
    assert run.state is RunState.SUCCEEDED
    errors = [event.error for event in events if getattr(event, "error", None) is not None]
    assert errors
    assert "***" in {mask_text(str(one)) for one in errors}
    assert "sesame-word" not in "".join(getattr(event, "text", "") for event in events)


def test_errors_in_stores():
    """Message, arguments, attributes, notes, causes and traceback: without the secret, and still its class."""
    hiding.know("message")  # also where it is a word of the record itself
    hiding.know("sesame-word")
    error = ValueError("bad sesame-word", {"at": ["sesame-word"]})
    error.where = "message sesame-word"
    error.add_note("sesame-word")
    error.__cause__ = LookupError("sesame-word")
    text = dump_error(error)
    assert "sesame" not in text
    again = load_error(text)
    assert isinstance(again, ValueError)
    assert again.args == ("bad ***", {"at": ["***"]})
    assert again.where == "*** ***"


def test_the_log(caplog):
    """Messages and tracebacks on woflo's logger, as any handler writes them."""
    hiding.know("sesame-word")
    logger = logging.getLogger("woflo")
    try:
        raise ValueError("sesame-word")
    except ValueError:
        logger.exception("of %s and %d", "sesame-word", 7)
    assert "sesame" not in caplog.text
    assert "of *** and 7" in caplog.text
    assert "ValueError: ***" in caplog.text


def test_what_is_wrong_with_a_secret():
    """An argument that cannot be stored, or read, is told without its value; and so is one of a command line."""

    def picky(token: int, word: int) -> None: ...

    codec = Codec(picky)
    for wrong in (lambda: codec.dump_call(("sesame-4711", 1), {}), lambda: codec.load_call('{"token":"sesame-4711"}')):
        with pytest.raises(SerializationError, match=r"'token' of picky is .*\*\*\*") as told:
            wrong()
        assert "sesame" not in str(told.value)
    with pytest.raises(SerializationError, match="shown"):
        codec.dump_call((1, "shown"), {})
    with pytest.raises(OptionError, match=r"'token=\*\*\*'"):
        named_values("--arg", ["token=sesame-4711", "token=sesame-4711"])
    assert hiding.hide("sesame-4711") == "***"
