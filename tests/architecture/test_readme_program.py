"""The program in the README works out balances from the files of a run."""

import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.repository import ROOT

CARD = """
meters:
  llm.tokens:
    lines:
      - {quantity: input, rate: "0.3", per: "1000"}
      - {quantity: input, match: {model: sage-1}, rate: "1", per: "3"}
overrides:
  bob:
    llm.tokens:
      - {quantity: input, rate: "5"}
"""
GRANTS = """
{"customer_id": "ann", "type": "grant", "amount": "10"}
{"customer_id": "ann", "type": "grant", "amount": "0.5"}
{"customer_id": "bob", "type": "grant", "amount": "10"}
{"customer_id": "bob", "type": "change_policy", "policy": {"overdraft_limit": "2"}}
"""
EVENT = (
    '{{"event_id": "{}", "customer_id": "{}", "meter": "llm.tokens", "status": "{}", '
    '"properties": {{"model": "{}"}}, "quantities": {{"input": "{}"}}}}'
)
EVENTS = [
    EVENT.format("1", "ann", "succeeded", "swift-1", 1_000),
    EVENT.format("1", "ann", "succeeded", "swift-1", 1_000),
    EVENT.format("2", "ann", "failed", "swift-1", 9_000),
    EVENT.format("3", "ann", "succeeded", "sage-1", 1),
    EVENT.format("1", "bob", "succeeded", "sage-1", 3),
]


def test_it_prints_each_balance(tmp_path: Path) -> None:
    [program] = re.findall(r"(?s)```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"))
    (tmp_path / "rate-card.yaml").write_text(CARD)
    (tmp_path / "grants.jsonl").write_text(GRANTS.strip())
    (tmp_path / "events.jsonl").write_text("\n".join(EVENTS))
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    # ann: 10.5 − 0.3 − 0.333333; bob: 10 − 12, for 15 exceeds what he has and may owe.
    assert done.stdout.split() == ["ann", "9866667/1000000", "bob", "-2"]
