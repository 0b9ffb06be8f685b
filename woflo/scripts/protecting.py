"""Protected outputs that are read-only, as woflo has made them: they are not made anew unless somebody says so.

One that its user has made writable again is protected no more.
"""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from woflo.errors import ProtectedOutputError
from woflo.scripts.conflicts import is_claimed
from woflo.scripts.files import Protected
from woflo.scripts.freshness import is_forced, reasons
from woflo.scripts.marks import is_taken, mark_of

if TYPE_CHECKING:
    from woflo.scripts.ledger import Known
    from woflo.scripts.plan import Plan

__all__ = ["in_the_way", "need_unprotected"]


def need_unprotected(plan: Plan, known: Known | None) -> None:
    """Of a call that is to be executed. Raises `ProtectedOutputError`."""
    paths = _in_the_way(plan, known)
    if not paths or plan.target is None or is_claimed(plan) or is_taken(mark_of(plan.target)):
        return  # what somebody is making at this moment is found made when it is this call's turn
    why = next(reasons(plan, known), "it is not as it was made")
    raise ProtectedOutputError(
        f"{plan.name} was not started: its output {paths[0]!r} is protected, and would be made anew because {why}. To "
        f"have it made anew, force the call (-f {shlex.quote(plan.name)}, or with_options(force=True)), or give up the "
        f"protection: chmod u+w {shlex.join(paths)}, or remove it"
    )


def in_the_way(plan: Plan, known: Known | None) -> list[str]:
    """What a dry run says of the protected files that a call which has to be executed would not get past."""
    force = shlex.quote(plan.name)
    return [
        f"its output {path} is protected: it would fail; -f {force}, or chmod u+w {shlex.quote(path)}, has it made anew"
        for path in _in_the_way(plan, known)
    ]


def _in_the_way(plan: Plan, known: Known | None) -> list[str]:
    outputs = [one for one in plan.outputs if one.kind is Protected]
    if not outputs or plan.is_forced or is_forced(plan.name) is not None:
        return []
    own = () if known is None else known.outputs
    files = [(one, path) for one in outputs for path in plan.files_of(one)]
    meant = [path for one, path in files if one.pattern is None or path in own]  # a glob finds files of others, too
    return [path for path in meant if _is_read_only(plan.path(path))]


def _is_read_only(whole: str) -> bool:
    """As the rights say, also for who may write whatever they say."""
    try:
        mode = os.lstat(whole).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and not mode & 0o222
