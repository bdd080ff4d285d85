"""Checkpoints: what an audit of one partition came to, so that the next reads only what is new.

A checkpoint vouches for everything before it: it is saved, in one transaction, only where nothing
was wrong. It holds the hash of the last entry it saw; where the ledger doesn't have that entry any
more, nothing of it is believed. It is derived, and may be thrown away: `verify --full` does.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from drawdown.domain.accounts import Account
from drawdown.domain.charges import Charged
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic
from drawdown.domain.kept import Kept
from drawdown.domain.memory import key_of
from drawdown.errors import Unavailable
from drawdown.verification.account_state import (
    account_text,
    charge_text,
    read_account,
    read_charge,
)

FORMAT: Final = 3
"""Of another format a file is made anew; so is one that is no database."""
_BUSY_S: Final = 5.0
_TABLES: Final = """
CREATE TABLE account (customer_id TEXT, unit TEXT, state TEXT NOT NULL,
    PRIMARY KEY (customer_id, unit)) WITHOUT ROWID;
CREATE TABLE charge (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE told (sign BLOB, topic TEXT, first INTEGER NOT NULL,
    PRIMARY KEY (sign, topic)) WITHOUT ROWID;
CREATE TABLE usage (customer_id TEXT, unit TEXT, meter TEXT, period TEXT, sums TEXT NOT NULL,
    PRIMARY KEY (customer_id, unit, meter, period)) WITHOUT ROWID;
CREATE TABLE referral (referral_id TEXT, customer_id TEXT,
    PRIMARY KEY (referral_id, customer_id)) WITHOUT ROWID;
CREATE TABLE reached (state TEXT NOT NULL);
"""

Sign = tuple[str, str, str, bytes]
"""What of an input or an entry is told again: its kind, customer, id and digest."""
Period = tuple[str, str, str, str]
"""Customer, unit, meter; a day, such as 2026-01-01, or an hour UTC, such as 2026-01-01 05:00:00."""


@dataclass(slots=True, kw_only=True)
class Reached:
    """How far an audit came, and what it carries over: what stands beyond the ends it read to."""

    partition_seq: int = 0
    last_offset: int = -1
    """Of the last entry's record in the ledger topic; -1: none was read."""
    last_hash: str = ""
    next_offset: dict[str, int] = field(default_factory=dict)
    """By the topic's short name; absent: its start."""
    decided: dict[str, list[int]] = field(default_factory=dict)
    """Offsets of inputs that were decided and not looked at yet."""
    letters: list[dict[str, Any]] = field(default_factory=list)
    """Dead letters of inputs not looked at yet."""
    parked: dict[str, list[int]] = field(default_factory=dict)
    """Offsets of inputs that entries park and that weren't looked at yet."""
    uncompared: list[list[str]] = field(default_factory=list)
    """Accounts, as customer and unit, of entries that the read model didn't show yet."""
    swept: list[str] = field(default_factory=lambda: ["", ""])
    """The account, as customer and unit, up to which the read model was compared again."""
    topics: dict[str, Any] = field(default_factory=dict)
    """How far published topics were compared."""
    totals: dict[str, Any] = field(default_factory=dict)


class Checkpoint:
    """The file of one partition, and one transaction in it. A context manager."""

    def __init__(self, path: Path) -> None:
        """Raises `Unavailable` where another audit has it open."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _opened(path)
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"{path} can't be used (is another audit at work?): {error}"
            ) from error
        found = self._database.execute("SELECT state FROM reached").fetchone()
        self.reached = Reached() if found is None else Reached(**json.loads(found[0]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(sqlite3.Error):
            self._database.rollback()
        self._database.close()

    @property
    def begun(self) -> bool:
        """Whether it vouches for anything."""
        return self.reached.last_offset >= 0 or bool(self.reached.next_offset)

    def forget(self) -> None:
        """Begin anew; what was saved stays until something is saved in its place."""
        for table in ("account", "charge", "told", "usage", "referral", "reached"):
            self._database.execute(f"DELETE FROM {table}")
        self.reached = Reached()

    def save(self, reached: Reached) -> None:
        """Vouch for everything up to there."""
        self._database.execute("DELETE FROM reached")
        self._database.execute("INSERT INTO reached VALUES (?)", [json.dumps(asdict(reached))])
        self._database.commit()
        self.reached = reached

    # ---- What is folded.

    def account(self, customer_id: str, unit: str, charges: Kept[Charged]) -> Account | None:
        """An account as it was then, or None."""
        found = self._database.execute(
            "SELECT state FROM account WHERE customer_id = ? AND unit = ?", [customer_id, unit]
        ).fetchone()
        return None if found is None else read_account(customer_id, unit, found[0], charges)

    def accounts_after(self, customer_id: str, unit: str, at_most: int) -> list[tuple[str, str]]:
        """The customers and units of the next accounts, in their order."""
        return self._database.execute(
            "SELECT customer_id, unit FROM account WHERE (customer_id, unit) > (?, ?) "
            "ORDER BY customer_id, unit LIMIT ?",
            [customer_id, unit, at_most],
        ).fetchall()

    def keep_accounts(self, accounts: Iterable[Account]) -> None:
        """Keep accounts as they are now."""
        self._database.executemany(
            "INSERT OR REPLACE INTO account VALUES (?, ?, ?)",
            ((each.customer_id, each.unit, account_text(each)) for each in accounts),
        )

    def charge(self, key: str) -> Charged | None:
        """The charge of an event, by `key_of`."""
        found = self._database.execute("SELECT state FROM charge WHERE key = ?", [key]).fetchone()
        return None if found is None else read_charge(found[0])

    def keep_charges(self, charges: Iterable[tuple[str, Charged]]) -> None:
        """Keep charges as they are now."""
        self._database.executemany(
            "INSERT OR REPLACE INTO charge VALUES (?, ?)",
            ((key, charge_text(charged)) for key, charged in charges),
        )

    def periods_of(self, customer_id: str, unit: str) -> list[Period]:
        """The meters, days and hours of an account that have sums."""
        return [
            (customer_id, unit, meter, period)
            for meter, period in self._database.execute(
                "SELECT meter, period FROM usage WHERE customer_id = ? AND unit = ?",
                [customer_id, unit],
            )
        ]

    def add_usage(self, sums: dict[Period, list[int]]) -> dict[Period, list[int]]:
        """Add to the sums of meters, days and hours; what they are then."""
        summed = {}
        for period, added in sums.items():
            found = self._database.execute(
                "SELECT sums FROM usage"
                " WHERE customer_id = ? AND unit = ? AND meter = ? AND period = ?",
                period,
            ).fetchone()
            before = [0] * len(added) if found is None else json.loads(found[0])
            summed[period] = [one + other for one, other in zip(before, added, strict=True)]
        self._database.executemany(
            "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?)",
            ((*period, json.dumps(each)) for period, each in summed.items()),
        )
        return summed

    def add_referrals(self, referrals: dict[str, set[str]]) -> dict[str, set[str]]:
        """Add the customers that were granted referrals; all of them then."""
        self._database.executemany(
            "INSERT OR IGNORE INTO referral VALUES (?, ?)",
            ((referral, each) for referral, customers in referrals.items() for each in customers),
        )
        known: dict[str, set[str]] = {}
        for referral, customer in self._database.execute("SELECT * FROM referral"):
            known.setdefault(referral, set()).add(customer)
        return known

    # ---- What was said before.

    def tell(self, signs: Iterable[tuple[Sign, InputTopic, int]]) -> None:
        """Keep what entries say, with the topic and offset of their inputs."""
        self._database.executemany(
            "INSERT OR IGNORE INTO told VALUES (?, ?, ?)",
            ((_hashed(sign), topic, offset) for sign, topic, offset in signs),
        )

    def was_told(self, sign: Sign, source: InputTopic, offset: int) -> bool:
        """Whether an entry says it whose input stands before that offset of `source`; two topics
        have no order between them."""
        kind, customer_id, id_, digest = sign
        if kind in ("usage", "charge"):
            charged = self.charge(key_of(customer_id, id_))
            while charged is not None:
                says = kind == "charge" or charged.digest == digest
                if says and (charged.topic != source or charged.offset < offset):
                    return True
                charged = charged.before
        found = self._database.execute(
            "SELECT topic, first FROM told WHERE sign = ?", [_hashed(sign)]
        )
        return any(topic != source or first < offset for topic, first in found)


def _hashed(sign: Sign) -> bytes:
    kind, customer_id, id_, digest = sign
    return sha256("\0".join((kind, customer_id, id_)).encode() + digest).digest()[:16]


def _opened(path: Path) -> sqlite3.Connection:
    """The database, its transaction begun; a file that is none is thrown away before."""
    try:
        return _begun(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.unlink()
    return _begun(path)


def _begun(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        [version] = database.execute("PRAGMA user_version").fetchone()
        if version == FORMAT:
            return database
        for (name,) in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall():
            database.execute(f'DROP TABLE "{name}"')
        for statement in _TABLES.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {FORMAT}")
    except sqlite3.Error:
        database.close()
        raise
    return database


def carried(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter whose input isn't looked at yet, as it is carried over."""
    return {
        "topic": letter.topic,
        "offset": letter.offset,
        "reason": letter.reason,
        "length": letter.length,
        "sha256": letter.sha256.hex(),
        "partition": letter.partition,
        "recorded_at": letter.recorded_at,
    }


def read_carried(told: dict[str, Any]) -> DeadLetter:
    """The letter again; its bytes aren't kept."""
    known = {**told, "sha256": bytes.fromhex(told["sha256"])}
    return DeadLetter(**known, detail="", key=None, value=b"")
