"""Consumer groups: who is a member, and which partitions each is given.

Members keep what they have while the rest moves (cooperative-sticky, or KIP-848). A member learns
of a new assignment at its next poll. One that has fallen silent is put out, and its partitions go
to others without its knowledge.
"""

from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError

from tests.simulation.errors import failure

SESSION_S: Final = 10.0


class Metadata:
    """Who commits: what `consumer_group_metadata` gives."""

    def __init__(self, group: "Group", member: "Member | None", generation: int) -> None:
        self.group = group
        self.member = member
        self.generation = generation

    def check(self) -> None:
        """Raise what the group's coordinator answers to a member of the past.

        Nobody is refused who doesn't say which member it is.
        """
        if self.member is None:
            return
        if self.member not in self.group.members:
            raise failure(KafkaError.UNKNOWN_MEMBER_ID, abort=True)
        if self.generation != self.group.generation:
            raise failure(KafkaError.ILLEGAL_GENERATION, abort=True)


class Member:
    """A member of a group; `alive` says whether its process sends heartbeats."""

    def __init__(self, name: str, alive: Callable[[], bool]) -> None:
        self.name = name
        self.alive = alive
        self.generation = -1
        self.owned: set[int] = set()
        self.target: set[int] = set()
        self.heard_s = 0.0


class Group:
    """One group, of one topic with so many partitions."""

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.generation = 0
        self.members: list[Member] = []
        self._partitions = partitions

    def join(self, member: Member, now_s: float) -> None:
        """A new member."""
        member.heard_s = now_s
        member.owned.clear()
        self.members.append(member)
        self.rebalance()

    def leave(self, member: Member) -> None:
        """A member goes; what it had is free."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def put_out(self, now_s: float) -> list[Member]:
        """Put out the members that were silent for too long."""
        for member in self.members:
            if member.alive():
                member.heard_s = now_s
        silent = [each for each in self.members if now_s - each.heard_s > SESSION_S]
        for member in silent:
            self.members.remove(member)
        if silent:
            self.rebalance()
        return silent

    def rebalance(self) -> None:
        """A new generation, with as equal shares as there can be; who has one keeps it."""
        self.generation += 1
        shares = self._shares()
        taken: set[int] = set()
        for member, share in zip(self.members, shares, strict=True):
            member.target = set(sorted(member.target - taken)[:share])
            taken |= member.target
        free = [number for number in range(self._partitions) if number not in taken]
        for member, share in zip(self.members, shares, strict=True):
            while len(member.target) < share:
                member.target.add(free.pop(0))

    def _shares(self) -> list[int]:
        count = len(self.members)
        return [
            self._partitions // count + (index < self._partitions % count) for index in range(count)
        ]

    def obtainable(self, member: Member) -> list[int]:
        """What is meant for a member, and nobody else still has."""
        taken = {number for each in self.members if each is not member for number in each.owned}
        return sorted(member.target - member.owned - taken)
