"""The report as one HTML file that needs no network, and as JSON beside it."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tradewind_workers.reports.charts import REGIME_COLOURS, charts
from tradewind_workers.reports.run_report import Report, to_document

MAX_TRIPS = 2000


def to_html(report: Report) -> str:
    """One self-contained page; everything that a user named is escaped."""
    environment = Environment(loader=PackageLoader("tradewind_workers.reports", "."), autoescape=True)
    environment.filters |= {"time": _time, "money": _money}
    return environment.get_template("report.html.j2").render(
        report=report,
        document=to_document(report),
        trips=[trip.to_document() for trip in report.trips[-MAX_TRIPS:]],
        charts=[(title, Markup(body)) for title, body in charts(report)],  # noqa: S704 - made by plotly from numbers
        colours=REGIME_COLOURS,
        plotly=Markup(get_plotlyjs()),  # noqa: S704
    )


def write_report(report: Report, directory: Path) -> tuple[Path, Path]:
    """Write report.html and report.json, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    page, data = directory / "report.html", directory / "report.json"
    for path, text in ((page, to_html(report)), (data, json.dumps(to_document(report), indent=1))):
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        unfinished.write_text(text)
        unfinished.replace(path)
    return page, data


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if ns else "open"


def _money(text: str) -> str:
    return f"{float(text):,.4f}"
