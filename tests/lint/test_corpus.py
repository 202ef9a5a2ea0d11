"""Every check by its examples; the list is the folder, and the page about checks names them all."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

from bot.domain.finding import Finding, Level
from bot.migrations import lint
from bot.migrations.checking import analyse, judge, judge_backs
from bot.migrations.formats import rules
from bot.migrations.lint import CHECKS
from bot.migrations.lint.encoding import unfit
from bot.migrations.sql.analyse import Analyst
from bot.migrations.sql.parse import parse
from bot.migrations.sql.rule import Unparsable
from bot.migrations.sql.squawk_rules import RULES
from tests.lint.corpus import CASES, GROUNDED, MAKES, NAME, WITH_BACK, Case

DOCS = Path(__file__).parent.parent.parent / "docs" / "checks.md"


@pytest.fixture(scope="module")
def said() -> dict[Case, tuple[list[Finding], list[Finding]]]:
    """What each file of the corpus is told: all of them in one go, each judged by itself."""
    files = [(case.name, _raw(case.fires)) for case in CASES] + [(case.near_name, _raw(case.near)) for case in CASES]
    findings = [list(judge([analysis]).findings) for analysis in analyse(files)]
    return dict(zip(CASES, zip(findings[:len(CASES)], findings[len(CASES):], strict=True), strict=True))


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {str(case.fires)[:40]}")
def test_it_fires(case: Case, said: dict[Case, tuple[list[Finding], list[Finding]]]) -> None:
    fired = [finding for finding in said[case][0] if finding.rule == case.rule]
    assert fired, [finding.rule for finding in said[case][0]]
    for finding in fired:
        assert finding.why
        assert finding.line >= 1
        assert finding.safe or finding.level is Level.NOTE


def test_every_safe_form_can_be_pasted(said: dict[Case, tuple[list[Finding], list[Finding]]]) -> None:
    """Postgres' own parser takes it; an ellipsis stands for what only its author knows."""
    for told, _ in said.values():
        for finding in told:
            try:
                parse(finding.safe.replace("SET … WHERE", "SET a = 1 WHERE").replace("…", "1").encode())
            except Unparsable as wrong:
                pytest.fail(f"{finding.rule}: {wrong}\n{finding.safe}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {str(case.near)[:40]}")
def test_the_near_miss_does_not(case: Case, said: dict[Case, tuple[list[Finding], list[Finding]]]) -> None:
    assert case.rule not in {finding.rule for finding in said[case][1]}


@pytest.mark.parametrize("case", WITH_BACK, ids=lambda case: f"{case.rule}: {str(case.fires)[:40]}")
def test_a_rollback_file_is_looked_at_beside_its_migration(case: Case) -> None:
    [migration] = analyse([(NAME, MAKES.encode())])
    backs = [judge_backs([migration], {0: (f"rollbacks/{NAME}", _raw(sql))}) for sql in (case.fires, case.near)]
    assert case.rule in {finding.rule for finding in backs[0]}
    assert case.rule not in {finding.rule for finding in backs[1]}
    assert {"if-exists", "drop-without-backup", "header"}.isdisjoint(finding.rule for back in backs for finding in back)


def test_a_check_that_is_passed_over_had_nothing_to_say() -> None:
    """`WORDS` and `COMMANDS` spare work and hide nothing: every check asked about everything finds the same."""
    texts = [_raw(text) for case in (*CASES, *GROUNDED, *WITH_BACK) for text in (case.fires, case.near)]
    fit = [text for text in texts if unfit(NAME, text) is None]
    bodies = [b"do $body$ begin " + text.strip().rstrip(b";") + b"; end $body$;" for text in fit]
    spares, asks_all = Analyst(CHECKS), Analyst([_asked_always(check) for check in CHECKS])
    for text in (*fit, *bodies, *(b";\n".join(pair) for pair in zip(fit, fit[7:], strict=False))):
        assert spares.analyse(NAME, text) == asks_all.analyse(NAME, text), text


def _asked_always(check: ModuleType) -> ModuleType:
    made = ModuleType(check.__name__)
    vars(made).update({name: value for name, value in vars(check).items() if name not in ("WORDS", "COMMANDS")})
    return made


def test_every_check_has_an_example() -> None:
    assert {check.RULE.name for check in CHECKS} <= {case.rule for case in (*CASES, *GROUNDED, *WITH_BACK)}


def test_the_list_is_the_folder() -> None:
    listed = {check.__name__.rpartition(".")[2] for check in CHECKS}
    assert listed == {module.name for module in pkgutil.iter_modules(lint.__path__)}
    assert len(CHECKS) == len(listed)


def test_no_rule_is_named_twice() -> None:
    names = [name for name, *_ in rules()]
    assert len(names) == len(set(names))
    assert not {check.RULE.name for check in CHECKS} & RULES.keys()


def test_the_page_names_every_rule_with_its_level() -> None:
    page = DOCS.read_text()
    for name, level, _, _ in rules():
        assert f"| `{name}` | {level} |" in page


def test_names_hold_in_a_set_of_files() -> None:
    first, again = analyse([(NAME, b"select 1;"), (NAME.replace("_x", "_y"), b"select 2;")])
    assert "file-name" in {finding.rule for finding in judge([first, again]).findings}
