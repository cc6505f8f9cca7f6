"""A run's outcome in a few lines for a terminal."""

from __future__ import annotations

from tradewind.decimals import plain
from tradewind_workers.reports.run_report import Report


def summary_lines(report: Report) -> list[str]:
    """Counts, money, and whether the books balance."""
    counts = ", ".join(
        f"{report.counts[name]:,} {name}" for name in ("candles", "signals", "intents", "orders", "fills")
    )
    rejected = ", ".join(f"{reason} {count}" for reason, count in report.rejected.items()) or "none"
    books = "; ".join(report.problems) or "balanced: fills = positions = cash"
    lost = {"could not be read": report.undecodable, "turned away": report.turned_away}
    return [
        counts,
        *(f"{what}: {', '.join(f'{r} {n:,}' for r, n in why.items())}" for what, why in lost.items() if why),
        f"held back: {rejected}",
        f"P&L {report.net:.4f} {report.currency} (realised {report.realised:.4f}, open {report.unrealised:.4f}, fees {plain(report.fees)})",
        f"books {books}",
        f"digest {report.digest}",
    ]
