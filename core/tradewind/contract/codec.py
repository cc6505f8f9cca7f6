"""Events to protobuf and back. Market rows stay columns of bytes here: who computes with them knows numpy, this does not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from google.protobuf.message import DecodeError

from tradewind import events as ev
from tradewind.errors import UndecodableMessage
from tradewind.v1 import events_pb2 as pb


def encode_event(event: ev.Event) -> pb.Event:
    """The wire form of any event."""
    return _ENCODERS[type(event)](event)


def decode_event(message: pb.Event) -> ev.Event:
    """The event of a wire form.

    Raises:
        UndecodableMessage: no body, or one this version does not know.
    """
    body = message.WhichOneof("body")
    if body == "journal":
        body = message.journal.WhichOneof("body")
    decoder = _DECODERS.get(body or "")
    if decoder is None:
        raise UndecodableMessage("UNKNOWN_EVENT", f"an event without a body known here ({body})")
    try:
        return decoder(message, _stamp(message.at))
    except (ValueError, ArithmeticError) as error:
        raise UndecodableMessage("BAD_EVENT", f"{body}: {error}") from error


def parse_batch(data: bytes) -> pb.Batch:
    """The protobuf message of one INPUT, stage or journal record.

    Raises:
        UndecodableMessage: the bytes are no Batch.
    """
    try:
        return pb.Batch.FromString(data)
    except DecodeError as error:
        raise UndecodableMessage("GARBAGE", str(error)) from error


def canonical(event: ev.Event) -> bytes:
    """The same bytes for the same event in every process: what digests are made of."""
    return encode_event(event).SerializeToString(deterministic=True)


def _to_stamp(at: ev.Stamp) -> pb.Stamp:
    return pb.Stamp(time=at.time, source=at.source, row=at.row, n=at.n)


def _stamp(at: pb.Stamp) -> ev.Stamp:
    return ev.Stamp(at.time, at.source, at.row, at.n)


def _candle(e: ev.Candle) -> pb.Event:
    body = pb.Candle(
        symbol=e.symbol, interval=e.interval, open_time=e.open_time, open=e.open, high=e.high, low=e.low,
        close=e.close, volume=e.volume, quote_volume=str(e.quote_volume), trades=e.trades,
    )  # fmt: skip
    return pb.Event(at=_to_stamp(e.at), candle=body)


def _un_candle(m: pb.Event, at: ev.Stamp) -> ev.Candle:
    c = m.candle
    return ev.Candle(
        at, c.symbol, c.interval, c.open_time, c.open, c.high, c.low, c.close, c.volume, int(c.quote_volume), c.trades
    )


def _regime(e: ev.RegimeChange) -> pb.Event:
    body = pb.RegimeChange(
        symbol=e.symbol, regime=e.regime, previous=e.previous or "", natr=e.natr, percentile=e.percentile, adx=e.adx
    )
    return pb.Event(at=_to_stamp(e.at), regime=body)


def _un_regime(m: pb.Event, at: ev.Stamp) -> ev.RegimeChange:
    r = m.regime
    previous = ev.Regime(r.previous) if r.previous else None
    return ev.RegimeChange(at, r.symbol, ev.Regime(r.regime), previous, r.natr, r.percentile, r.adx)


def _signal(e: ev.Signal) -> pb.Event:
    body = pb.Signal(
        symbol=e.symbol, direction=e.direction, price=e.price, reference_price=e.reference_price, change=e.change,
        confidence=e.confidence,
    )  # fmt: skip
    return pb.Event(at=_to_stamp(e.at), signal=body)


def _un_signal(m: pb.Event, at: ev.Stamp) -> ev.Signal:
    s = m.signal
    return ev.Signal(at, s.symbol, s.direction, s.price, s.reference_price, s.change, s.confidence)


def _allocation(e: ev.Allocation) -> pb.Event:
    body = pb.Allocation(
        symbol=e.symbol, direction=e.direction, regime=e.regime, fraction=e.fraction, target=e.target,
        position=e.position, reason=e.reason,
    )  # fmt: skip
    return pb.Event(at=_to_stamp(e.at), allocation=body)


def _un_allocation(m: pb.Event, at: ev.Stamp) -> ev.Allocation:
    a = m.allocation
    return ev.Allocation(at, a.symbol, a.direction, a.regime, a.fraction, a.target, a.position, a.reason)


def _intent_body(e: ev.Intent) -> pb.Intent:
    return pb.Intent(
        pipeline=e.pipeline, run_id=e.run_id, symbol=e.symbol, side=e.side, quantity=e.quantity,
        limit_price=e.limit_price, time_in_force=e.time_in_force, reduce_only=e.reduce_only, valid_for=e.valid_for,
        cause_price=e.cause_price, reason=e.reason,
    )  # fmt: skip


def _un_intent_body(i: pb.Intent, at: ev.Stamp) -> ev.Intent:
    if i.side not in (1, -1) or i.time_in_force not in ("GTC", "IOC", "FOK"):
        raise ValueError(f"intent with side {i.side} and time in force {i.time_in_force!r}")
    return ev.Intent(
        at, i.pipeline, i.run_id, i.symbol, i.side, i.quantity, i.limit_price, i.time_in_force,  # type: ignore[arg-type]
        i.reduce_only, i.valid_for, i.cause_price, i.reason,
    )  # fmt: skip


def _report(e: ev.OrderReport) -> pb.Event:
    body = pb.OrderReport(
        account=e.account, pipeline=e.pipeline, symbol=e.symbol, client_order_id=e.client_order_id,
        venue_order_id=e.venue_order_id, status=e.status, side=e.side, quantity=e.quantity, limit_price=e.limit_price,
        cumulative_quantity=e.cumulative_quantity, last_quantity=e.last_quantity, last_price=e.last_price,
        fee=str(e.fee) if e.fee else "", fee_currency=e.fee_currency, maker=e.maker, trade_id=e.trade_id,
        venue_time=e.venue_time, reasons=e.reasons, detail=e.detail, reduce_only=e.reduce_only,
        cause_price=e.cause_price, intent=_to_stamp(e.intent) if e.intent else None,
    )  # fmt: skip
    return pb.Event(at=_to_stamp(e.at), report=body)


def _un_report(m: pb.Event, at: ev.Stamp) -> ev.OrderReport:
    r = m.report
    if r.side not in (1, -1):
        raise ValueError(f"report with side {r.side}")
    return ev.OrderReport(
        at, r.account, r.pipeline, r.symbol, r.client_order_id, r.venue_order_id, ev.OrderStatus(r.status), r.side,  # type: ignore[arg-type]
        r.quantity, r.limit_price, r.cumulative_quantity, r.last_quantity, r.last_price, Decimal(r.fee or 0),
        r.fee_currency, r.maker, r.trade_id, r.venue_time, tuple(r.reasons), r.detail, r.reduce_only, r.cause_price,
        _stamp(r.intent) if r.HasField("intent") else None,
    )  # fmt: skip


def _journal(at: ev.Stamp, **body: object) -> pb.Event:
    return pb.Event(at=_to_stamp(at), journal=pb.JournalEntry(**body))  # type: ignore[arg-type]


def _placed(e: ev.OrderPlaced) -> pb.Event:
    return _journal(
        e.at,
        placed=pb.OrderPlaced(
            client_order_id=e.client_order_id, intent=_intent_body(e.intent), at=_to_stamp(e.intent.at),
            latest_acceptance=e.latest_acceptance, state=e.state,
        ),
    )  # fmt: skip


def _un_placed(m: pb.Event, at: ev.Stamp) -> ev.OrderPlaced:
    p = m.journal.placed
    return ev.OrderPlaced(at, p.client_order_id, _un_intent_body(p.intent, _stamp(p.at)), p.latest_acceptance, p.state)


def _un_latch(m: pb.Event, at: ev.Stamp) -> ev.Latch:
    e = m.journal.latch
    return ev.Latch(at, e.uid, e.action, e.reason, e.scope, e.released, e.by)


def _opening(e: ev.Opening) -> pb.Event:
    amounts = [pb.Amount(currency=currency, amount=str(amount)) for currency, amount in e.balances]
    return _journal(e.at, opening=pb.Opening(balances=amounts, by=e.by, reason=e.reason, acceptance=e.acceptance))


def _un_opening(m: pb.Event, at: ev.Stamp) -> ev.Opening:
    o = m.journal.opening
    amounts = tuple((one.currency, Decimal(one.amount)) for one in o.balances)
    return ev.Opening(at, amounts, o.by, o.reason, o.acceptance)


def _day_start(e: ev.DayStart) -> pb.Event:
    parts = [pb.Part(pipeline=name, worth=str(worth)) for name, worth in e.pipelines]
    body = pb.DayStart(date=e.date, equity=str(e.equity), currency=e.currency, pipelines=parts)
    return _journal(e.at, day_start=body)


def _un_day_start(m: pb.Event, at: ev.Stamp) -> ev.DayStart:
    d = m.journal.day_start
    parts = tuple((one.pipeline, Decimal(one.worth)) for one in d.pipelines)
    return ev.DayStart(at, d.date, Decimal(d.equity), d.currency, parts)


def _standing(e: ev.Standing) -> pb.Event:
    positions = [pb.Held(symbol=symbol, quantity=quantity) for symbol, quantity in e.positions]
    working = [pb.Works(symbol=symbol, intent=_to_stamp(intent)) for symbol, intent in e.working]
    body = pb.Standing(pipeline=e.pipeline, inquiry=e.inquiry, positions=positions, working=working)
    return _journal(e.at, standing=body)


def _un_standing(m: pb.Event, at: ev.Stamp) -> ev.Standing:
    s = m.journal.standing
    positions = tuple((one.symbol, one.quantity) for one in s.positions)
    return ev.Standing(
        at, s.pipeline, s.inquiry, positions, tuple((one.symbol, _stamp(one.intent)) for one in s.working)
    )


_ENCODERS: dict[type, Callable[[Any], pb.Event]] = {
    ev.Candle: _candle,
    ev.RegimeChange: _regime,
    ev.Signal: _signal,
    ev.Allocation: _allocation,
    ev.Intent: lambda e: pb.Event(at=_to_stamp(e.at), intent=_intent_body(e)),
    ev.OrderReport: _report,
    ev.Inquiry: lambda e: pb.Event(at=_to_stamp(e.at), inquiry=pb.Inquiry(pipeline=e.pipeline, id=e.id)),
    ev.DeadLetter: lambda e: pb.Event(
        at=_to_stamp(e.at), dead_letter=pb.DeadLetter(reason=e.reason, detail=e.detail, payload=e.payload[:4096])
    ),
    ev.Epoch: lambda e: _journal(e.at, epoch=pb.Epoch(number=e.number, holder=e.holder, journal_id=e.journal_id)),
    ev.OrderPlaced: _placed,
    ev.Latch: lambda e: _journal(
        e.at,
        latch=pb.Latch(uid=e.uid, action=e.action, reason=e.reason, scope=e.scope, released=e.released, by=e.by),
    ),
    ev.DayStart: _day_start,
    ev.Opening: _opening,
    ev.LimitsAdopted: lambda e: _journal(
        e.at, limits=pb.LimitsAdopted(policy=e.policy, hash=e.hash, changed_by=e.changed_by)
    ),
    ev.Progress: lambda e: _journal(e.at, progress=pb.Progress(subject=e.subject, sequence=e.sequence)),
    ev.Standing: _standing,
}

_DECODERS: dict[str, Callable[[pb.Event, ev.Stamp], ev.Event]] = {
    "candle": _un_candle,
    "regime": _un_regime,
    "signal": _un_signal,
    "allocation": _un_allocation,
    "intent": lambda m, at: _un_intent_body(m.intent, at),
    "report": _un_report,
    "inquiry": lambda m, at: ev.Inquiry(at, m.inquiry.pipeline, m.inquiry.id),
    "dead_letter": lambda m, at: ev.DeadLetter(at, m.dead_letter.reason, m.dead_letter.detail, m.dead_letter.payload),
    "epoch": lambda m, at: ev.Epoch(at, m.journal.epoch.number, m.journal.epoch.holder, m.journal.epoch.journal_id),
    "placed": _un_placed,
    "latch": _un_latch,
    "day_start": _un_day_start,
    "opening": _un_opening,
    "limits": lambda m, at: ev.LimitsAdopted(
        at, m.journal.limits.policy, m.journal.limits.hash, m.journal.limits.changed_by
    ),
    "progress": lambda m, at: ev.Progress(at, m.journal.progress.subject, m.journal.progress.sequence),
    "standing": _un_standing,
}
