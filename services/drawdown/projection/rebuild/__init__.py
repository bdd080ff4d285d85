"""Building a projection anew beside the live one, and putting it in its place.

`rebuilding` is the protocol, by numbers; what stands beside it is one step each.
"""

from drawdown.projection.rebuild.differences import Difference
from drawdown.projection.rebuild.rebuilding import Options, Outcome, rebuild
from drawdown.projection.rebuild.standing import Standing, abandon, standing

__all__ = ("Difference", "Options", "Outcome", "Standing", "abandon", "rebuild", "standing")
