"""The workflows for GitHub Actions: valid, pinned, least rights, nothing of production, and every secret explained."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from templates.documents import workflow

DOCS = (Path(__file__).parent.parent / "docs" / "ci.md").read_text()
EITHER = pytest.mark.parametrize("by_cli", [False, True], ids=["stagedoor", "cli"])


def steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in document["jobs"].values() for step in job["steps"]]


@EITHER
def test_it_is_a_workflow_with_pinned_actions_and_few_rights(by_cli: bool) -> None:
    document = yaml.safe_load(workflow(by_cli=by_cli))
    assert "supabase/migrations/**" in document[True]["pull_request"]["paths"], "YAML reads `on` as true"
    assert document["permissions"] == {"contents": "read"}
    for step in steps(document):
        assert "uses" not in step or re.search(r"@(v\d+|[0-9a-f]{40})$", step["uses"]), step
        assert "run" not in step or "${{" not in step["run"], "what comes from outside is never pasted into a shell"
    assert any("stagedoor check" in step.get("run", "") for step in steps(document))
    assert any(step.get("run") == "npm test" for step in steps(document))
    pushes = [step["run"] for step in steps(document) if "supabase db push" in step.get("run", "")]
    assert len(pushes) == by_cli
    assert all("--remote=" in push and "--yes" in push for push in pushes)


@EITHER
def test_its_secrets_are_staging_s_and_explained(by_cli: bool) -> None:
    text = workflow(by_cli=by_cli)
    secrets = set(re.findall(r"secrets\.(\w+)", text)) | set(re.findall(r"vars\.(\w+)", text))
    assert secrets
    assert not [secret for secret in secrets if "PROD" in secret]
    assert [secret for secret in secrets if f"`{secret}`" not in DOCS] == []


@EITHER
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_its_shell_is_sound(by_cli: bool) -> None:
    for step in steps(yaml.safe_load(workflow(by_cli=by_cli))):
        if "run" in step:
            assert subprocess.run(["bash", "-n", "-c", step["run"]], check=False).returncode == 0, step
