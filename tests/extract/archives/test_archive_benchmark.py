"""The shared archives that many tools agree on, read in-process; skipped where they are not at hand."""

import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest

from extract.archives.unpack import HashSink, unpack

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "archives"


@pytest.mark.skipif(not (SHARED / "expected.jsonl").is_file(), reason="shared benchmark archives are not at hand")
def test_shared_archives_are_read_as_many_tools_agree():
    spec = importlib.util.spec_from_file_location("archive_score", SHARED / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    misses = {}
    states = Counter()
    for line in (SHARED / "expected.jsonl").read_text().splitlines():
        want = json.loads(line)
        got = unpack(SHARED / want["dir"] / want["entry"], HashSink())
        states[got.state] += 1
        members = [
            {"path": m.path, "sha256": m.sha256.hex() if m.sha256 else "", "state": m.state} for m in got.members
        ]
        verdict, _ = score.judge(want, {"state": got.state, "reason": got.reason, "members": members})
        if verdict:
            misses[want["entry"]] = verdict
    assert not misses
    assert states["ok"] > 190
