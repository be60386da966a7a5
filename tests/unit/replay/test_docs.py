"""The way through it of docs/replay.md, as written there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.replay.adapters.rule_sets import CHECKOUT

DOCS = CHECKOUT / "docs" / "replay.md"


def test_one_changes_a_word_sees_the_lost_alert_and_mends_it(tmp_path: Path) -> None:
    blocks = re.findall(r"```\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    spoil, says, mend = (block for block in blocks if "it.toml" in block)
    for part in ("services", "tests/day"):
        shutil.copytree(CHECKOUT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))

    def sh(script: str) -> subprocess.CompletedProcess[str]:
        script = script.replace("chancery diff", f"{sys.executable} -m services.cli diff")
        who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
        who |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
        environment = os.environ | who | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    begun = sh("git init -q . && git add . && git commit -q -m one")
    assert begun.returncode == 0, begun.stderr
    lost = sh(spoil)
    assert lost.returncode == 1, lost.stderr
    for line in says.strip().splitlines():
        assert line in lost.stdout
    mended = sh(mend)
    assert mended.returncode == 0, mended.stderr
    assert "lost 0, gained 0, changed 0" in mended.stdout
