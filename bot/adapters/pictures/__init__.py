"""Pictures, drawn by matplotlib in a process of its own: it takes 60 MB, and a second, only while one is drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping

from bot.domain.entry import Json
from bot.errors import Unreachable

PATIENCE = 30.0
"""Seconds after which the drawing is given up."""

PNG = b"\x89PNG\r\n"


class DrawnPictures:
    """The port `Pictures`."""

    def errors_per_minute(self, drawing: Mapping[str, Json]) -> bytes:
        """A PNG. Raises `Unreachable` where none comes."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
        with tempfile.TemporaryDirectory(prefix="stagedoor-picture-") as home:
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "bot.adapters.pictures.curve"], input=json.dumps(dict(drawing)).encode(),
                    capture_output=True, timeout=PATIENCE, env={**kept, "MPLCONFIGDIR": home, "HOME": home},
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as trouble:
                raise Unreachable(f"drawing it failed ({type(trouble).__name__}).") from None
        if done.returncode != 0 or not done.stdout.startswith(PNG):
            raise Unreachable("drawing it failed; is matplotlib installed?")
        return done.stdout
