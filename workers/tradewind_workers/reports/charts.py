"""The charts of a report: equity with drawdown, and a price panel for each symbol."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tradewind_workers.reports.run_report import Report

MAX_POINTS = 5000
REGIME_COLOURS = {
    "LOW_VOL_STABLE": "rgba(120,144,156,0.10)",
    "LOW_VOL_TRENDING": "rgba(38,166,154,0.16)",
    "HIGH_VOL_TRENDING": "rgba(255,167,38,0.16)",
    "HIGH_VOL_CHAOTIC": "rgba(239,83,80,0.16)",
}
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 70, "r": 20, "t": 30, "b": 30},
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#78909c"},
    "legend": {"orientation": "h", "y": 1.08},
    "hovermode": "x unified",
}
_AXIS = {"gridcolor": "rgba(128,128,128,0.18)", "zeroline": False}


def charts(report: Report) -> list[tuple[str, str]]:
    """(title, HTML fragment) each; plotly's script is not in them."""
    made = [("Equity and drawdown", _equity(report))] if report.equity else []
    symbols = sorted({candle.symbol for candle in report.candles})
    return made + [(symbol, _price(report, symbol)) for symbol in symbols]


def _equity(report: Report) -> str:
    samples = _thin(list(report.equity))
    times = [_time(time) for time, _ in samples]
    values = [float(value) for _, value in samples]
    peaks: list[float] = []
    for value in values:
        peaks.append(max(value, peaks[-1] if peaks else value))
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.04)
    figure.add_trace(go.Scatter(x=times, y=values, name="equity", line={"color": "#26a69a", "width": 1.6}), 1, 1)
    fall = [value - peak for value, peak in zip(values, peaks, strict=True)]
    figure.add_trace(
        go.Scatter(x=times, y=fall, name="drawdown", fill="tozeroy", line={"color": "#ef5350", "width": 1}), 2, 1
    )
    return _html(figure, 420)


def _price(report: Report, symbol: str) -> str:
    scale = 10 ** report.instruments[symbol].price_decimals
    candles = _thin([candle for candle in report.candles if candle.symbol == symbol])
    figure = go.Figure(
        go.Candlestick(
            x=[_time(c.open_time) for c in candles],
            open=[c.open / scale for c in candles],
            high=[c.high / scale for c in candles],
            low=[c.low / scale for c in candles],
            close=[c.close / scale for c in candles],
            name="price",
            increasing_line_color="#26a69a",
            decreasing_line_color="#ef5350",
        )
    )
    for side, name, mark, colour in ((1, "buy", "triangle-up", "#1e88e5"), (-1, "sell", "triangle-down", "#d81b60")):
        fills = [fill for fill in report.fills if fill.symbol == symbol and fill.side == side]
        figure.add_trace(
            go.Scatter(
                x=[_time(fill.at.time) for fill in fills],
                y=[fill.last_price / scale for fill in fills],
                mode="markers",
                name=name,
                marker={"symbol": mark, "size": 11, "color": colour, "line": {"width": 1, "color": "white"}},
            )
        )
    _regimes(figure, report, symbol)
    figure.update_layout(xaxis_rangeslider_visible=False)
    return _html(figure, 460)


def _regimes(figure: Any, report: Report, symbol: str) -> None:
    """Bands behind the price, one a regime."""
    changes = [change for change in report.regimes if change.symbol == symbol][-400:]
    ends = [*(change.at.time for change in changes), report.period[1]]
    shapes = []
    for change, (start, end) in zip(changes, pairwise(ends), strict=True):
        colour = REGIME_COLOURS[change.regime]
        shapes.append(
            {"type": "rect", "xref": "x", "yref": "paper", "x0": _time(start), "x1": _time(end), "y0": 0, "y1": 1,
             "fillcolor": colour, "line": {"width": 0}, "layer": "below"}
        )  # fmt: skip
    figure.update_layout(shapes=shapes)


def _html(figure: Any, height: int) -> str:
    figure.update_layout(height=height, **_LAYOUT)
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS)
    fragment: str = figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}
    )
    return fragment


def _thin(values: list[Any]) -> list[Any]:
    """At most ``MAX_POINTS`` of them, the last one kept."""
    step = -(-len(values) // MAX_POINTS) or 1
    return values[::step] + ([values[-1]] if values and (len(values) - 1) % step else [])


def _time(ns: int) -> datetime:
    return datetime.fromtimestamp(ns / 1e9, UTC)
