"""When the venue knew of a row, told on our own clock: what the matching engine orders rows and orders by.

The two clocks differ by an unknown offset. A message cannot be received before it was sent, so the largest
(venue time - receive time) seen so far is the offset as the fastest message shows it.
"""

from __future__ import annotations

import numpy as np

from tradewind_workers.rows import Column, Rows

_UNSEEN = np.iinfo(np.int64).min


class VenueClock:
    """Running estimate of the offset; row by row, so the same whatever the batches."""

    def __init__(self) -> None:
        self._offset = _UNSEEN
        self._last = 0

    def times(self, rows: Rows) -> Column:
        """Venue time of every row on the receive clock, in ns: never decreasing, never after its receive time.

        Rows whose venue time is unknown (0) count as known at their receive time.
        """
        known = rows.venue_time > 0
        ahead = np.where(known, rows.venue_time - rows.receive_time, _UNSEEN)
        offsets = np.maximum(np.maximum.accumulate(ahead), self._offset)
        times = np.where(known, rows.venue_time - np.where(known, offsets, 0), rows.receive_time)
        times = np.maximum.accumulate(np.maximum(times, self._last))
        if len(rows):
            self._offset = int(offsets[-1])
            self._last = int(times[-1])
        return times
