"""What several tests of the directory store need."""

from __future__ import annotations

import os

from woflo.stores.directory.places import FOLDERS, place_of


def shown(store):
    """Folders and names of all files that a person sees."""
    return {(folder, name) for folder in FOLDERS for name in os.listdir(f"{store.path}/{folder}")}


def files_fit(store):
    """Each run has its file, in the folder of its state, and there is no other, once it was looked at twice."""
    for _ in range(2):
        store.look()
    return shown(store) == {place_of(row) for row in store.snapshot().runs} - {None}
