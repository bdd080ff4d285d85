"""The chart of accounts: what the general ledger calls the accounts that revenue is booked on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from drawdown.errors import InvalidSetting

_ADJUSTMENTS = "adjustments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The names of the accounts. Those with one name are one account."""

    cash: str = "Cash"
    receivable: str = "Accounts receivable"
    deferred_revenue: str = "Deferred revenue"
    revenue: str = "Revenue"
    breakage_revenue: str = "Breakage revenue"
    refunds: str = "Refunds payable"
    contra_revenue: str = "Contra revenue"
    chargeback_loss: str = "Chargeback losses"
    rollover: str = "Rollover clearing"
    adjustment: str = "Adjustments"
    """Of adjustments whose reason has no account of its own."""
    adjustments: Mapping[str, str] = field(default_factory=dict)
    """Accounts by the reason that adjustments give."""

    def of_reason(self, reason: str) -> str:
        """The account of adjustments for a reason."""
        return self.adjustments.get(reason, self.adjustment)


def read_chart(path: Path | None) -> Chart:
    """The chart of a YAML file, which names the accounts that are called otherwise; None: the
    defaults. Raises `InvalidSetting`."""
    if path is None:
        return Chart()
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidSetting(f"the chart of accounts {path} can't be read: {error}") from error
    return _chart(document, path)


def _chart(document: Any, path: Path) -> Chart:
    known = {each.name for each in fields(Chart)}
    if not isinstance(document, dict) or not document.keys() <= known:
        named = document.keys() - known if isinstance(document, dict) else {str(document)}
        raise InvalidSetting(
            f"the chart of accounts {path} names {', '.join(map(str, sorted(named, key=str)))}; "
            f"it may name {', '.join(sorted(known))}"
        )
    names = {key: value for key, value in document.items() if key != _ADJUSTMENTS}
    reasons = document.get(_ADJUSTMENTS, {})
    texts = [*names.values(), *(reasons.values() if isinstance(reasons, dict) else [None])]
    if not all(isinstance(each, str) and each for each in texts):
        raise InvalidSetting(
            f"the chart of accounts {path}: an account's name is text, and {_ADJUSTMENTS} is a "
            "mapping of reasons to such names"
        )
    return Chart(**names, adjustments={str(key): name for key, name in reasons.items()})
