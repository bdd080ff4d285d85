"""Checking a proof offline: the chain from its beginning, and every figure folded anew.

What an entry says can't be changed without changing its hash, nor an entry be left out, doubled
or moved without breaking the chain. Only a cut at the end leaves a whole chain behind: that is
caught by the head that the checker has from elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any, Final

from drawdown.adapters.avro.codec import genesis_hash
from drawdown.domain.accounts import Account
from drawdown.domain.evolve import UnknownEntry, fold
from drawdown.domain.invariants import check_account, check_entry
from drawdown.errors import InvalidDocument
from drawdown.statements.form import EntryLine, Header, NoProof, read_entry_line, read_header
from drawdown.statements.form import readable as readable_form

_LOTS_MANY: Final = 16
"""An account with more lots is checked whole at every so many of its entries, and at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found. `proven` entries are vouched for by the head that was given."""

    header: Header | None
    entries: int
    head: str
    balance: int
    available: int
    line: int
    """The line of the first thing that is wrong; 0: nothing is."""
    wrong: str
    given_head: str
    proven: int

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.wrong


class _Broken(Exception):
    """What is wrong with the line being read."""


def check_proof(path: Path, head: str = "") -> Checked:
    """Check a proof's file; `head` is the hash, in hex, that it must lead to.

    Raises `InvalidDocument` where the file can't be read.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            return check_lines(file, head)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"{path}: can't be read: {error}") from error


def check_lines(lines: Iterable[str], head: str = "") -> Checked:
    """Check a proof's lines."""
    check = _Check(head.strip().lower())
    line = 0
    try:
        for text in lines:
            line += 1
            check.read(text)
        check.end()
    except (_Broken, NoProof) as error:
        return check.result(max(line, 1), str(error))
    return check.result(0, "")


class _Check:
    """The account as far as it has been read."""

    def __init__(self, given_head: str) -> None:
        self._given = given_head
        self._header: Header | None = None
        self._account: Account | None = None
        self._head = b""
        self._proven = 0

    def read(self, text: str) -> None:
        """The next line. Raises `_Broken` or `NoProof`."""
        if self._header is None or self._account is None:
            header = read_header(text)
            self._header = header
            self._account = Account(header.customer_id, header.unit)
            self._head = genesis_hash(header.namespace, header.customer_id, header.unit)
            return
        self._entry(read_entry_line(text), self._header, self._account)

    def _entry(self, line: EntryLine, header: Header, account: Account) -> None:
        facts, seq = line.facts, account.account_seq + 1
        self._chain(line)
        whose = (facts.namespace, facts.customer_id, facts.unit)
        if whose != (header.namespace, header.customer_id, header.unit):
            raise _Broken(f"it is an entry of {' / '.join(whose)}")
        if facts.account_seq != seq:
            raise _Broken(f"entry {facts.account_seq} stands where entry {seq} must")
        _as_read(line)
        for wrong in check_entry(facts):
            raise _Broken(wrong)
        try:
            fold(account, facts)
        except (AssertionError, KeyError, UnknownEntry) as error:
            raise _Broken(f"entry {seq} can't be folded: {error}") from error
        if len(account.lots) <= _LOTS_MANY or seq % _LOTS_MANY == 0:
            self._invariants(account)

    def _chain(self, line: EntryLine) -> None:
        if line.prev_hash != self._head:
            raise _Broken(
                f"the chain breaks: it follows {line.prev_hash.hex()}, not {self._head.hex()}"
            )
        self._head = sha256(line.covered).digest()
        if line.stated_hash != self._head.hex():
            raise _Broken(f"the hash of its bytes is {self._head.hex()}, not {line.stated_hash}")
        if line.stated_prev_hash != line.prev_hash.hex():
            raise _Broken(f"prev_hash is {line.prev_hash.hex()}, not {line.stated_prev_hash}")
        if self._given == self._head.hex():
            self._proven = line.facts.account_seq

    def _invariants(self, account: Account) -> None:
        for wrong in check_account(account):
            raise _Broken(wrong)

    def end(self) -> None:
        """Check what only the whole proof shows. Raises `_Broken`."""
        header, account = self._header, self._account
        if header is None or account is None:
            raise _Broken("the file is empty")
        self._invariants(account)
        if header.entries != account.account_seq:
            raise _Broken(f"it has {account.account_seq} entries, not {header.entries}")
        if account.account_seq and header.head != self._head.hex():
            raise _Broken(f"it ends at {self._head.hex()}, not {header.head}")
        if self._given and not self._proven:
            raise _Broken(
                f"it doesn't lead to the head given, {self._given}: entries are missing at its "
                f"end, or it isn't this ledger's"
            )

    def result(self, line: int, wrong: str) -> Checked:
        """What was found."""
        account = self._account
        return Checked(
            header=self._header,
            entries=0 if account is None else account.account_seq,
            head=self._head.hex(),
            balance=0 if account is None else account.balance,
            available=0 if account is None else account.available,
            line=line,
            wrong=wrong,
            given_head=self._given,
            proven=self._proven if not wrong else 0,
        )


def _as_read(line: EntryLine) -> None:
    """Raise `_Broken` where what people read isn't what the bytes say."""
    says = readable_form(line.facts)
    for name in sorted({*says, *line.stated}):
        # As text, for to Python `true` is 1.
        if dumps(line.stated.get(name), sort_keys=True) != dumps(says.get(name), sort_keys=True):
            raise _Broken(
                f"{name} reads {_shown(line.stated.get(name))}, but its bytes say "
                f"{_shown(says.get(name))}"
            )


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "…"
