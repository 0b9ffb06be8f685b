"""Amounts and rates as a user writes them: `"4GB"`, `"10/s"`."""

from __future__ import annotations

import re

from woflo.errors import OptionError

__all__ = ["as_text", "parse_quantity", "parse_rate"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_PERIODS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_quantity(name: str, amount: object) -> float:
    """The amount of a resource as a number; memory may be written `"4GB"` (10^9) or `"4GiB"` (2^30), in bytes."""
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        value = float(amount)
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", str(amount).upper())
        if match is None:
            raise OptionError(f"resource {name}={amount!r} is no amount; write a number, or a size like '4GB'")
        unit = match[2] or ""
        value = float(match[1]) * (_UNITS.get(unit) or _BINARY[unit])
    if not 0 < value < float("inf"):
        raise OptionError(f"resource {name}={amount!r} must be a number above zero; leave it out where none is needed")
    return value


def as_text(amount: float) -> str:
    """An amount as a person writes it: `16.7GB`, `2`."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if amount >= size:
            return f"{amount / size:.4g}{unit}"
    return f"{amount:g}"


def parse_rate(rate: str) -> tuple[int, float]:
    """`"10/s"` as (starts, seconds): ten starts in any one second. Periods are s, m, h and d, or `"5/10s"`."""
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+(?:\.\d+)?)?\s*([smhd])\s*", str(rate))
    if match is None or int(match[1]) < 1 or float(match[2] or 1) <= 0:
        raise OptionError(f"rate_limit={rate!r} is no rate; write starts per period, like '10/s', '100/m' or '5/10s'")
    return int(match[1]), float(match[2] or 1) * _PERIODS[match[3]]
