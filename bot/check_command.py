"""`stagedoor check`: reads what is named, and says what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.domain.finding import Level
from bot.errors import StagedoorError
from bot.migrations.checking import Ground, analyse, judge, judge_backs
from bot.migrations.folder_files import named, twins
from bot.migrations.formats import FORMATS, levels_at

DEFAULT = "supabase/migrations"


def run(paths: Sequence[str], form: str, least: str, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit status, what goes to standard output, and what is wrong with what was asked for."""
    try:
        files = named(paths or [str(migrations_folder(environ))])
    except StagedoorError as wrong:
        return 2, "", str(wrong)
    # Files that are named are a pull request's, and go in together. Of a folder nobody knows what is applied.
    ground = Ground(together=bool(paths) and not any(Path(path).is_dir() for path in paths))
    analyses = analyse(files)
    report = judge(analyses, ground)
    backs = judge_backs(analyses, twins(files))
    report = replace(report, findings=(*report.findings, *backs))
    return (1 if any(levels_at(report, Level(least))) else 0), FORMATS[form](report, len(files)), ""


def migrations_folder(environ: Mapping[str, str]) -> Path:
    """The folder that `MIGRATIONS_DIR` names, in the environment or in `.env`, or the Supabase CLI's."""
    if own := environ.get("MIGRATIONS_DIR"):
        return Path(own)
    from dotenv import dotenv_values  # in CI, where the files are named, nobody waits for it

    return Path(dotenv_values(".env").get("MIGRATIONS_DIR") or DEFAULT)
