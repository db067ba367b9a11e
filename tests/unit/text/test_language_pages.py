"""The language pages say what the code does."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_language_pages_are_up_to_date():
    pytest.importorskip("icu4py")
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "language_pages.py"), "--check"], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
