"""A projector whose rows a rebuild has replaced claims at once; one that was fenced waits."""

import pytest

from drawdown.errors import Fenced, RowsReplaced
from tests.projection.test_bounds import HASHES, Projecting


@pytest.mark.parametrize(
    ("error", "waits"), [(RowsReplaced("rebuilt"), False), (Fenced("taken"), True)]
)
def test_who_is_fenced_waits_before_it_claims(error: Fenced, waits: bool) -> None:
    projecting = Projecting()
    failures = [error]

    def fail_once() -> None:
        if failures:
            raise failures.pop()

    projecting.database.before_write = fail_once
    projecting.run(2)
    assert (projecting.written() == []) is waits
    projecting.run(60)
    assert projecting.written() == HASHES
