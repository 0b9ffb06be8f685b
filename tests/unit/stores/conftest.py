"""Where the stores of the tests are."""

from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def folder(tmp_path):
    """Of a directory store."""
    return tmp_path / "store"


@pytest.fixture
def path(tmp_path):
    """Of an SQLite store."""
    return tmp_path / "runs.db"


@pytest.fixture
def url(postgres):
    """Of a PostgreSQL store."""
    return postgres.new_url()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
