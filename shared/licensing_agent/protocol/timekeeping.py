"""What time it is for a lease, on a machine whose clock can be set by anybody.

What this module guarantees:

* From one contact with the service to the next, :attr:`Timekeeping.mark` never goes back.
* It advances at least as fast as time passes while the process runs, whatever the clock shows,
  and at least as far as the clock has moved forward since the contact.

So a clock that is set back gains nothing, and one that was wrong all along does no harm: after a
contact only its movement counts. Times are epoch seconds of the service.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """The latest time known. ``service`` and ``wall`` are both clocks at the last contact."""

    service: float
    wall: float
    mark: float

    @classmethod
    def starting(cls, wall: float) -> Timekeeping:
        """Before there has been any contact, the clock is all there is."""
        return cls(wall, wall, wall)

    def contact(self, service: float, wall: float) -> Timekeeping:
        """The service has told its time, and proved it."""
        return Timekeeping(service, wall, service)

    def seen(self, wall: float) -> Timekeeping:
        """The machine's clock, or a file's time by that clock, has shown ``wall``."""
        # Behind where it stood at the contact, it has been set: it may be right now, but not more.
        shown = wall if wall < self.wall else self.service + (wall - self.wall)
        return replace(self, mark=max(self.mark, shown))

    def passed(self, seconds: float) -> Timekeeping:
        """So much time has passed by a clock that cannot be set."""
        return replace(self, mark=self.mark + max(0.0, seconds))
