"""The one family of operational failures.

A refused command or usage event is no error: it is a `rejected` entry (see `domain.codes`).
A programmer's error is an `AssertionError`. What stands here is everything else that can go
wrong while running:

    DrawdownError
    ├── UsageError            the caller asked for something that can't be; exit code 2
    │   ├── InvalidDocument       a rate card, scenario, trace or policy file that can't be read
    │   └── InvalidSetting        a setting is missing or contradicts another
    ├── RetryableError        trying again, unchanged, may succeed; exit code 75
    │   ├── Unavailable           the broker or the database doesn't answer
    │   ├── TimedOut              no answer within the time given
    │   ├── Fenced                another process has taken the partition over
    │   │   └── RowsReplaced          a rebuild has put other rows where this one wrote
    │   └── StateUnwritable       the disk refuses local state: full, read-only
    │       └── StateInUse            another process, or another thread, has it open
    └── FatalError            trying again can't help; exit code 1
        ├── StateUnreadable       local state that is corrupt, foreign or of another format
        ├── LocalSetupFailed      the embedded broker or database can't be installed or started
        ├── DecodeFailed          bytes that are no record of the schema
        │   └── SchemaUnknown         a framing or schema id that nobody here knows
        ├── LedgerCorrupt         a chain, a sequence or an invariant doesn't hold
        ├── PartitionHalted       a partition stopped itself rather than decide wrongly
        │   ├── PartitionPoisoned     too many of its inputs are no records
        │   └── AppendedAhead         one of its inputs is of a time that hasn't come yet
        ├── Refused               the broker refuses what this process must do; exit code 77
        ├── DatabaseRefused       the database refuses a statement, now and next time
        └── NotInAgreement        an audit found a difference
"""


class DrawdownError(Exception):
    """Root of every operational failure. Its text says what is wrong and what to do."""

    exit_code = 1


class UsageError(DrawdownError):
    """The caller asked for something that can't be."""

    exit_code = 2


class InvalidDocument(UsageError):
    """A document (rate card, scenario, trace, policy) that can't be accepted as it is."""


class InvalidSetting(UsageError):
    """A setting is missing, malformed, or contradicts another."""


class RetryableError(DrawdownError):
    """Trying again, unchanged, may succeed."""

    exit_code = 75


class Unavailable(RetryableError):
    """The broker or the database doesn't answer."""


class TimedOut(RetryableError):
    """No answer within the time given."""


class Fenced(RetryableError):
    """Another process has taken the partition over; this one must let go of it."""


class RowsReplaced(Fenced):
    """A rebuild has put other rows where this process wrote; it may claim the partition at once."""


class StateUnwritable(RetryableError):
    """The disk refuses local state: it is full, read-only, or somebody else has it open."""


class StateInUse(StateUnwritable):
    """Somebody else has the local state open."""


class FatalError(DrawdownError):
    """Trying again can't help."""


class StateUnreadable(FatalError):
    """Local state that is corrupt, foreign or of another format; it is rebuilt, never trusted."""


class LocalSetupFailed(FatalError):
    """The embedded broker or database can't be installed or started."""


class DecodeFailed(FatalError):
    """Bytes that are no record of the schema they claim."""


class SchemaUnknown(DecodeFailed):
    """A framing other than the wire format, or a schema id that the resolver doesn't know."""


class LedgerCorrupt(FatalError):
    """A chain, a sequence or an invariant of the ledger doesn't hold."""


class PartitionHalted(FatalError):
    """A partition stopped itself rather than decide wrongly."""


class PartitionPoisoned(PartitionHalted):
    """Too many of a partition's inputs are no records: it stopped rather than park them all."""


class AppendedAhead(PartitionHalted):
    """A record was appended ahead of this machine's clock: one of the two clocks is wrong."""

    def __init__(self, reason: str, appended_at: int) -> None:
        """`appended_at`, in µs, is the record's time."""
        super().__init__(reason)
        self.appended_at = appended_at


class Refused(FatalError):
    """The broker refuses what this process must do; somebody must permit or configure it."""

    exit_code = 77


class DatabaseRefused(FatalError):
    """The database refuses a statement, and would refuse it again."""


class NotInAgreement(FatalError):
    """An audit found a difference."""
