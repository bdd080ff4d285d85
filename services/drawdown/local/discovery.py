"""Where the broker and the database are when no setting says it: what `drawdown up` started."""

from drawdown.local import stack
from drawdown.settings import Settings


def resolved(settings: Settings) -> Settings:
    """`settings` with empty addresses filled from what runs in `data_dir`.

    An address stays empty where nothing runs; whoever needs it says so.
    """
    found = stack.status(
        settings.data_dir,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        database_url=settings.database_url,
    )
    addresses = {
        "kafka_bootstrap_servers": found.kafka_bootstrap_servers,
        "database_url": found.database_url,
    }
    return settings.model_copy(update=addresses)
