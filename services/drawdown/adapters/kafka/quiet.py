"""librdkafka's own log, kept off a terminal: what matters surfaces as an error of the call."""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("drawdown.librdkafka")
"""Has a handler only where somebody gives it one; librdkafka would write to stderr itself."""
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False
