"""Values that are known to be secret: hidden wherever they stand in a text, also where nothing beside them says so.

    arguments of a call ─┐
    settings             ├─► know ─► the values of this process ─► hide(text), Hider.feed(part of a stream)
    URLs, variables      ┘                   │
                                             └─► told to the process that this one is a child of

Known is what woflo is given as a secret: a text of at least `LEAST` characters under a name that means one (`password`,
`api_key`), and what pydantic calls secret. It stays known as long as the process; arguments of calls only
until `MOST` others came after them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from os import environ, getpid
from types import FunctionType, MethodType
from typing import Any, Protocol

__all__ = [
    "LEAST",
    "MASK",
    "Caller",
    "Hider",
    "Parameters",
    "forget_all",
    "hide",
    "hide_within",
    "is_any_known",
    "is_secret_name",
    "know",
    "know_argument",
    "know_call",
    "know_texts",
    "know_url",
    "know_within",
    "parameters_of",
    "passwords_in",
]

MASK = "***"
LEAST = 6
"""Characters that a value has at least which is hidden where it stands alone: a shorter one is part of many words."""
MOST = 1_000
"""How many texts are known at once; those that were given last."""
_LEAST_OF_A_LINE = 16
"""The same for a line of a value of many, as keys in files are: every one of them tells a part of it."""
_MOST_LINES, _MOST_ITEMS, _DEPTH = 200, 100, 6

_WORDS = ("pass", "secret", "credential", "token", "key")
"""Where none of them is in a name, it means no secret: an expression need not be compiled to tell that."""
_NAMES = (
    r"passw|passphrase|secret|credential|token(?!s$|s_|i[sz])|(?<![^\W_])"
    r"(?:api|app|access|account|auth|client|deploy|encryption|license|master|private|shared|signing|ssh|ssl)_?keys?"
    r"(?![^\W_])"
)
"""Names of values that are secrets. Not `key` alone, nor `tokens`: what is called so is mostly a word like others."""
_ABOUT = r"_(?:files?|path|name|ur[li]|dir|type|field|ids?|len|length|count|limit|env|var|hint|prompt|age|ttl)$"
"""Names of what only leads to a secret, or tells something of one: where a file is, how long it is."""
_IN_URL = r"(?<=://)([^\s:/@]*):([^\s/@]+)@"
_IN_QUERY = r"[?&]([\w.-]+)=([^&\s#]+)"

_texts: tuple[str, ...] = ()
"""What is looked for, the longest first: a short one may be a part of it."""
_known: dict[str, bool] = {}
"""The same in the order in which they were given: whether they stay for good."""


class Caller(Protocol):
    """The process that this one is a child of."""

    pid: int
    """Of this process: one that was forked from it by code of a user has another one, and must not speak for it."""

    def tell_secrets(self, texts: list[str], stays: bool) -> None:
        """Have it hide these as well."""
        ...


caller: Caller | None = None
"""Set in a child."""


def is_any_known() -> bool:
    """True where there is anything to be hidden."""
    return bool(_texts)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """True where what stands under this name is a secret, and not only about one, as `password_file` is."""
    name = name.lower()
    if not any(word in name for word in _WORDS):
        return False
    return re.search(_NAMES, name) is not None and re.search(_ABOUT, name) is None


# -- what becomes known --------------------------------------------------------------------------------


def know(value: str | bytes, *, stays: bool = True) -> None:
    """Hide this text from now on, as it is and as JSON, URLs and Python's `repr` write it. Short ones are left.

    What does not stay gives way to others, when there are too many.
    """
    text = value if isinstance(value, str) else value.decode(errors="ignore")
    if len(text) >= LEAST and text not in _known and not text.isspace():
        know_texts(list(dict.fromkeys(_spellings(text))), stays=stays)


def know_texts(texts: Iterable[str], *, stays: bool = True) -> None:
    """Hide these from now on, just as they are."""
    global _texts
    new = [text for text in texts if text not in _known]
    if not new:
        return
    _known.update(dict.fromkeys(new, stays))
    while len(_known) > MOST:
        known = list(_known.items())
        _known.pop(next((one for one, remains in known if not remains), known[0][0]), None)
    while _texts != (now := tuple(sorted(_known, key=len, reverse=True))):
        _texts = now  # without a lock, which a fork could find taken: who comes between is seen by another look
    if caller is not None and caller.pid == getpid():
        caller.tell_secrets(new, stays)


def forget_all() -> None:
    """Hide nothing any more: for tests, which are many programs in one process."""
    global _texts
    _known.clear()
    _texts = ()


def _spellings(text: str) -> Iterator[str]:
    from json import dumps
    from urllib.parse import quote, quote_plus

    parts = [text]
    if "\n" in text:
        lines = (line.strip() for line in text.splitlines()[:_MOST_LINES])
        parts += [line for line in lines if len(line) >= _LEAST_OF_A_LINE and not line.startswith("-----")]
    for part in parts:
        yield part
        if not (part.isascii() and part.isalnum()):
            safe = part.encode("utf-8", "replace")
            yield from (quote(safe, safe=""), quote(safe), quote_plus(safe))
            yield from (repr(part)[1:-1], dumps(part)[1:-1], dumps(part, ensure_ascii=False)[1:-1])


def know_argument(name: str, value: Any, *, stays: bool = True) -> None:
    """Hide the texts in `value` where its name means a secret, whatever pydantic calls one, and a URL's password."""
    if is_secret_name(name):
        for text in _texts_in(value, _DEPTH):
            know(text, stays=stays)
    elif isinstance(value, str):
        know_url(value)
    else:
        know_within(value)


def _texts_in(value: Any, depth: int) -> Iterator[str | bytes]:
    if isinstance(value, str | bytes):
        yield value
    elif _is_secret(value):
        yield from _texts_in(value.get_secret_value(), depth)
    elif depth and isinstance(value, Mapping):
        for one in list(value.values())[:_MOST_ITEMS]:
            yield from _texts_in(one, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for one in value[:_MOST_ITEMS]:
            yield from _texts_in(one, depth - 1)


def know_url(url: str) -> None:
    """Hide the password of a URL."""
    for text in passwords_in(url):
        know(text)


def passwords_in(url: str) -> list[str]:
    """The password of a URL, as it is written and as it is meant; of a longer text those of all URLs.

    One that is the user's name as well (`postgres:postgres@`) is no secret to hide in every text.
    """
    if "://" not in url:
        return []
    from urllib.parse import unquote

    found = [one[2] for one in re.finditer(_IN_URL, url) if one[1] != one[2]]
    found += [one[2] for one in re.finditer(_IN_QUERY, url) if is_secret_name(one[1])]
    return [*found, *map(unquote, found)]


def know_within(value: Any, depth: int = _DEPTH) -> None:
    """Hide what pydantic calls secret in a value; of its models also what is named so, and passwords of URLs."""
    if _is_secret(value):
        for text in _texts_in(value, depth):
            know(text)
    elif depth:
        fields = vars(value) if _is_model(type(value)) else value if isinstance(value, Mapping) else {}
        for name, field in list(fields.items())[:_MOST_ITEMS]:
            _know_field(str(name), field, depth - 1)
        for one in value[:_MOST_ITEMS] if isinstance(value, list | tuple) else ():
            know_within(one, depth - 1)


def _know_field(name: str, field: Any, depth: int) -> None:
    if is_secret_name(name) or isinstance(field, str):
        know_argument(name, field)
    elif type(field).__module__.startswith("pydantic"):  # SecretStr, and addresses of databases and servers
        know_within(field, depth)
        know_url(str(field))
    else:
        know_within(field, depth)


def _is_secret(value: Any) -> bool:
    """True for `SecretStr` and its like. Objects that have whatever they are asked for are asked for nothing."""
    return hasattr(type(value), "get_secret_value")


def _is_model(kind: type) -> bool:
    """True for pydantic's: whoever has an object of one has imported it."""
    return hasattr(kind, "model_fields") and hasattr(kind, "__pydantic_validator__")


# -- the arguments of calls ----------------------------------------------------------------------------

_NEVER = frozenset((int, float, bool, type(None), str, bytes, list, dict, tuple, set))
"""Types of arguments in which nothing of pydantic's is looked for."""


class Parameters:
    """Those of one function that are secret: their places and names."""

    __slots__ = ("places",)

    def __init__(self, places: Mapping[int, str]) -> None:
        self.places: Mapping[int, str] = places


def know_call(parameters: Parameters | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Hide what a call gives for secret parameters, and whatever pydantic calls secret."""
    if parameters is not None:
        count = len(args)
        for place, name in parameters.places.items():
            if place < count:
                know_argument(name, args[place], stays=False)
        for name, value in kwargs.items():
            if is_secret_name(name):
                know_argument(name, value, stays=False)
    if "pydantic" in sys.modules:
        for value in (*args, *kwargs.values()):
            if type(value) not in _NEVER:
                know_within(value, 3)


def parameters_of(fn: Any) -> Parameters | None:
    """The secret ones among the parameters of what is called; None where there are none, and none can be given."""
    bound = type(fn) is MethodType  # each look at a task of an object makes one
    plain = fn.__func__ if bound else fn
    if type(plain) is FunctionType and not hasattr(plain, "__wrapped__"):
        code = plain.__code__
        names = list(code.co_varnames[int(bound) : code.co_argcount + code.co_kwonlyargcount])
        takes_others = bool(code.co_flags & 0x08)  # inspect.CO_VARKEYWORDS, without its import
    else:
        from inspect import signature

        try:
            parameters = list(signature(fn).parameters.values())
        except (ValueError, TypeError):  # some builtins do not tell their signature
            parameters = []
        names = [one.name for one in parameters]
        takes_others = any(one.kind is one.VAR_KEYWORD for one in parameters)
    places = {at: name for at, name in enumerate(names) if is_secret_name(name)}
    return Parameters(places) if places or takes_others else None


# -- hiding --------------------------------------------------------------------------------------------


def hide(text: str, told: Callable[[str], str] | None = None) -> str:
    """`text` with `***` for all that is known to be secret; `told` may give something else to stand for each."""
    for one in _texts:
        if one in text:
            text = text.replace(one, MASK if told is None else told(one))
    return text


def hide_within(value: Any) -> Any:
    """The same for a value as JSON knows it; names in it stay."""
    if not _texts:
        return value
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {name: hide_within(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [hide_within(one) for one in value]
    return value


class Hider:
    """Hides what is known in a text that comes in parts: the beginning of a secret is kept until more has come."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> str:
        """What may be shown by now."""
        if not _texts:
            return text
        text = hide(self._rest + text)
        begun = _begun(text)
        self._rest = text[len(text) - begun :]
        return text[: len(text) - begun]

    def rest(self) -> str:
        """What was kept, where no more comes."""
        rest, self._rest = self._rest, ""
        return rest


def _begun(text: str) -> int:
    """How many of the last characters may be the beginning of a secret."""
    most = 0
    for one in _texts:
        for length in range(min(len(one) - 1, len(text)), most, -1):
            if text.endswith(one[:length]):
                most = length
                break
    return most


know_url(environ.get("WOFLO_STORE", ""))  # long before the store is opened
