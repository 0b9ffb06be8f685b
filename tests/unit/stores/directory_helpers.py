"""What several tests of the directory store need."""

from __future__ import annotations

import os

from woflo.stores.directory.places import FOLDERS, log_of, place_of


def shown(store):
    """Folders and names of all files that a person sees, but for logs."""
    found = {(folder, name) for folder in FOLDERS for name in os.listdir(f"{store.path}/{folder}")}
    return {one for one in found if not one[1].endswith(".log")}


def files_fit(store):
    """Each run has its file, in the folder of its state, and there is no other, once it was looked at twice."""
    for _ in range(2):
        store.look()
    for folder in FOLDERS:
        logs = {name for name in os.listdir(f"{store.path}/{folder}") if name.endswith(".log")}
        there = {log_of(row.id) for row in store.snapshot().runs if (place_of(row) or ("",))[0] == folder}
        assert logs <= there, f"in {folder} there are logs without their runs: {logs - there}"
    return shown(store) == {place_of(row) for row in store.snapshot().runs} - {None}
