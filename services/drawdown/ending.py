"""How a service ends: at once, with a code that says whether trying again may help."""

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import structlog
from confluent_kafka import KafkaException

from drawdown.errors import DrawdownError, RetryableError, Unavailable


def run_to_its_end(service: Callable[[], None]) -> NoReturn:
    """Run a service; the process ends when it returns or raises, with the code of the error.

    Whatever its threads do: the interpreter's own way out would wait for all of them, and a call
    of the broker's client may never return (`partition.py`).
    """
    code = _code_of(service)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _code_of(service: Callable[[], None]) -> int:
    try:
        service()
    except KafkaException as error:
        structlog.get_logger().error("ended", reason=error.args[0].str(), retry=True)
        return Unavailable.exit_code
    except DrawdownError as error:
        retry = isinstance(error, RetryableError)
        structlog.get_logger().error("ended", reason=str(error), retry=retry)
        return error.exit_code
    except SystemExit as left:
        return int(left.code or 0)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        structlog.get_logger().exception("ended", reason=repr(error), retry=False)
        return DrawdownError.exit_code
    return 0
