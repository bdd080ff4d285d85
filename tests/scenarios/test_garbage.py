"""Books go when nobody has them any more: services look for garbage rarely (`drawdown.garbage`)."""

import gc
from pathlib import Path

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.ledger import Ledger
from drawdown.rehearsal import Rehearsal
from drawdown.scenarios.document import Scenario, read_scenario


def accounts_after(scenario: Scenario) -> int:
    """How many accounts a scenario leaves; its books are let go of."""
    ledger = Ledger(namespace="test", partition=0, rate_card_lead_us=scenario.rate_card_lead_us)
    rehearsal = Rehearsal(ledger)
    for step in scenario.steps:
        for each in step.inputs:
            rehearsal.play(each, step.at)
    return len([each for each in ledger.accounts() if each.customer_id != PARTITION_CUSTOMER])


def test_books_with_every_kind_of_entry_form_no_cycle() -> None:
    scenario = read_scenario(Path(__file__).parent / "every_kind_of_entry.yaml")
    accounts_after(scenario)
    gc.collect()
    gc.disable()
    try:
        assert accounts_after(scenario) > 0
        assert gc.collect() == 0
    finally:
        gc.enable()
