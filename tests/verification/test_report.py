"""Reports: the first difference in the order of the log, and totals that add up."""

from drawdown.verification.report import DIFFERENCES_KEPT, Difference, Report


def difference(where: str = "ledger-entries", **more: object) -> Difference:
    given: dict[str, object] = {"partition": 0, "explanation": "why", **more}
    return Difference(where=where, **given)  # type: ignore[arg-type]


def test_the_first_difference_is_that_of_the_input_appended_first() -> None:
    late = difference(at=9, offset=1)
    early = difference("usage-events", at=3, offset=7, partition=1)
    of_a_table = difference("accounts")
    for order in ([late, early, of_a_table], [of_a_table, late, early], [early, of_a_table, late]):
        report = Report(namespace="n")
        for each in order:
            report.differ(each)
        assert report.first is early
    assert str(early) == "usage-events [1] offset 7: why"


def test_of_one_moment_the_flow_decides_then_partition_and_offset() -> None:
    ordered = [
        difference("usage-events", at=3, offset=9),
        difference("ledger-commands", at=3, offset=1),
        difference("ledger-entries", at=3, offset=1),
        difference("ledger-entries", at=3, offset=2),
        difference("ledger-entries", at=3, offset=0, partition=1),
        difference("ledger-replies", at=3, offset=0),
        difference("dead-letters", at=3, offset=0),
        difference("lots", partition=0),
        difference("accounts", partition=1),
    ]
    assert sorted([*ordered[5:], *ordered[:5]], key=lambda each: each.order) == ordered


def test_partitions_are_added_up_with_every_difference_counted() -> None:
    whole = Report(namespace="n", events=1)
    part = Report(namespace="n", events=2, records=4, records_audited=1)
    part.rejected["no_rate"] = 2
    part.referrals["r"] = {"acme"}
    for number in range(DIFFERENCES_KEPT + 5):
        part.differ(difference(at=number))
    whole.include(part)
    assert (whole.events, whole.rejected, whole.coverage) == (3, {"no_rate": 2}, 0.25)
    assert (whole.difference_count, len(whole.differences)) == (DIFFERENCES_KEPT + 5, 100)
    assert whole.one_sided_referrals == ["r"]
    document = whole.as_json()
    assert document["first_difference"]["at"] == "1970-01-01T00:00:00Z"


def test_totals_go_on() -> None:
    before = Report(namespace="n", events=5, credits_charged=7)
    before.dead_letters["parked"] = 1
    after = Report(namespace="n")
    after.go_on_from(before.totals())
    assert after.totals() == before.totals()
    assert Report(namespace="n").coverage == 1.0
