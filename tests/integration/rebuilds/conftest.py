"""What each rebuild is tried on."""

import pytest
from confluent_kafka import Producer
from tests.integration.rebuilding import published, small
from tests.plugins.sealed_ledger import SealedLedger

from drawdown.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return small(settings)


@pytest.fixture
def ledgers(settings: Settings, producer: Producer) -> tuple[SealedLedger, SealedLedger]:
    """Two partitions' ledgers, in the topic."""
    return published(settings, producer)
