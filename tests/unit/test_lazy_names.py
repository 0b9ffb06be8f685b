"""Names that are imported when they are first asked for are what they are said to be, whatever was imported before."""

from importlib import import_module
from pkgutil import iter_modules

import pytest


@pytest.mark.parametrize("name", ["woflo", "woflo.testing"])
def test_no_module_stands_in_the_place_of_a_name(name):
    """Importing a module sets it as an attribute of its package, over whatever else has that name."""
    package = import_module(name)
    modules = {module.name for module in iter_modules(package.__path__)}
    assert len(modules) > 3
    assert modules & set(package._ON_FIRST_USE) == set()


@pytest.mark.parametrize("name", ["woflo", "woflo.testing"])
def test_every_name_is_there(name):
    """All that the face promises, and nothing that it does not."""
    package = import_module(name)
    for one in package.__all__:
        assert getattr(package, one) is not None
    assert set(package._ON_FIRST_USE) <= set(package.__all__)


def test_every_exception_is_told_of():
    """The reference shows what is in `__all__`."""
    errors = import_module("woflo.errors")
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and one.__module__ == errors.__name__]
    assert sorted(errors.__all__) == sorted(one.__name__ for one in kinds)
