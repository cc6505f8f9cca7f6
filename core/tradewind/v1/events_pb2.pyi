from tradewind.v1 import market_pb2 as _market_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_FEED: _ClassVar[Source]
    SOURCE_ACCOUNT: _ClassVar[Source]
    SOURCE_CONTROL: _ClassVar[Source]
SOURCE_FEED: Source
SOURCE_ACCOUNT: Source
SOURCE_CONTROL: Source

class Stamp(_message.Message):
    __slots__ = ("time", "source", "row", "n")
    TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    time: int
    source: int
    row: int
    n: int
    def __init__(self, time: _Optional[int] = ..., source: _Optional[int] = ..., row: _Optional[int] = ..., n: _Optional[int] = ...) -> None: ...

class Candle(_message.Message):
    __slots__ = ("symbol", "interval", "open_time", "open", "high", "low", "close", "volume", "quote_volume", "trades")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    QUOTE_VOLUME_FIELD_NUMBER: _ClassVar[int]
    TRADES_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    interval: int
    open_time: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: str
    trades: int
    def __init__(self, symbol: _Optional[str] = ..., interval: _Optional[int] = ..., open_time: _Optional[int] = ..., open: _Optional[int] = ..., high: _Optional[int] = ..., low: _Optional[int] = ..., close: _Optional[int] = ..., volume: _Optional[int] = ..., quote_volume: _Optional[str] = ..., trades: _Optional[int] = ...) -> None: ...

class RegimeChange(_message.Message):
    __slots__ = ("symbol", "regime", "previous", "natr", "percentile", "adx")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REGIME_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    NATR_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    ADX_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    regime: str
    previous: str
    natr: float
    percentile: float
    adx: float
    def __init__(self, symbol: _Optional[str] = ..., regime: _Optional[str] = ..., previous: _Optional[str] = ..., natr: _Optional[float] = ..., percentile: _Optional[float] = ..., adx: _Optional[float] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("symbol", "direction", "price", "reference_price", "change", "confidence")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_PRICE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    direction: int
    price: int
    reference_price: int
    change: int
    confidence: int
    def __init__(self, symbol: _Optional[str] = ..., direction: _Optional[int] = ..., price: _Optional[int] = ..., reference_price: _Optional[int] = ..., change: _Optional[int] = ..., confidence: _Optional[int] = ...) -> None: ...

class Allocation(_message.Message):
    __slots__ = ("symbol", "direction", "regime", "fraction", "target", "position", "reason")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    REGIME_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    direction: int
    regime: str
    fraction: int
    target: int
    position: int
    reason: str
    def __init__(self, symbol: _Optional[str] = ..., direction: _Optional[int] = ..., regime: _Optional[str] = ..., fraction: _Optional[int] = ..., target: _Optional[int] = ..., position: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Intent(_message.Message):
    __slots__ = ("pipeline", "symbol", "side", "quantity", "limit_price", "time_in_force", "reduce_only", "valid_for", "cause_price", "reason", "run_id")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    TIME_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    REDUCE_ONLY_FIELD_NUMBER: _ClassVar[int]
    VALID_FOR_FIELD_NUMBER: _ClassVar[int]
    CAUSE_PRICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    pipeline: str
    symbol: str
    side: int
    quantity: int
    limit_price: int
    time_in_force: str
    reduce_only: bool
    valid_for: int
    cause_price: int
    reason: str
    run_id: str
    def __init__(self, pipeline: _Optional[str] = ..., symbol: _Optional[str] = ..., side: _Optional[int] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., time_in_force: _Optional[str] = ..., reduce_only: _Optional[bool] = ..., valid_for: _Optional[int] = ..., cause_price: _Optional[int] = ..., reason: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class OrderReport(_message.Message):
    __slots__ = ("account", "pipeline", "symbol", "client_order_id", "venue_order_id", "status", "side", "quantity", "limit_price", "cumulative_quantity", "last_quantity", "last_price", "fee", "fee_currency", "maker", "trade_id", "venue_time", "reasons", "detail", "reduce_only", "cause_price", "intent")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_PRICE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    FEE_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    TRADE_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REDUCE_ONLY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_PRICE_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    account: str
    pipeline: str
    symbol: str
    client_order_id: str
    venue_order_id: str
    status: str
    side: int
    quantity: int
    limit_price: int
    cumulative_quantity: int
    last_quantity: int
    last_price: int
    fee: str
    fee_currency: str
    maker: bool
    trade_id: str
    venue_time: int
    reasons: _containers.RepeatedScalarFieldContainer[str]
    detail: str
    reduce_only: bool
    cause_price: int
    intent: Stamp
    def __init__(self, account: _Optional[str] = ..., pipeline: _Optional[str] = ..., symbol: _Optional[str] = ..., client_order_id: _Optional[str] = ..., venue_order_id: _Optional[str] = ..., status: _Optional[str] = ..., side: _Optional[int] = ..., quantity: _Optional[int] = ..., limit_price: _Optional[int] = ..., cumulative_quantity: _Optional[int] = ..., last_quantity: _Optional[int] = ..., last_price: _Optional[int] = ..., fee: _Optional[str] = ..., fee_currency: _Optional[str] = ..., maker: _Optional[bool] = ..., trade_id: _Optional[str] = ..., venue_time: _Optional[int] = ..., reasons: _Optional[_Iterable[str]] = ..., detail: _Optional[str] = ..., reduce_only: _Optional[bool] = ..., cause_price: _Optional[int] = ..., intent: _Optional[_Union[Stamp, _Mapping]] = ...) -> None: ...

class Inquiry(_message.Message):
    __slots__ = ("pipeline", "id")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    pipeline: str
    id: str
    def __init__(self, pipeline: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("reason", "detail", "payload")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    payload: bytes
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("at", "candle", "regime", "signal", "allocation", "intent", "report", "dead_letter", "journal", "inquiry")
    AT_FIELD_NUMBER: _ClassVar[int]
    CANDLE_FIELD_NUMBER: _ClassVar[int]
    REGIME_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_FIELD_NUMBER: _ClassVar[int]
    INQUIRY_FIELD_NUMBER: _ClassVar[int]
    at: Stamp
    candle: Candle
    regime: RegimeChange
    signal: Signal
    allocation: Allocation
    intent: Intent
    report: OrderReport
    dead_letter: DeadLetter
    journal: JournalEntry
    inquiry: Inquiry
    def __init__(self, at: _Optional[_Union[Stamp, _Mapping]] = ..., candle: _Optional[_Union[Candle, _Mapping]] = ..., regime: _Optional[_Union[RegimeChange, _Mapping]] = ..., signal: _Optional[_Union[Signal, _Mapping]] = ..., allocation: _Optional[_Union[Allocation, _Mapping]] = ..., intent: _Optional[_Union[Intent, _Mapping]] = ..., report: _Optional[_Union[OrderReport, _Mapping]] = ..., dead_letter: _Optional[_Union[DeadLetter, _Mapping]] = ..., journal: _Optional[_Union[JournalEntry, _Mapping]] = ..., inquiry: _Optional[_Union[Inquiry, _Mapping]] = ...) -> None: ...

class JournalEntry(_message.Message):
    __slots__ = ("epoch", "placed", "latch", "day_start", "limits", "progress", "opening", "standing")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PLACED_FIELD_NUMBER: _ClassVar[int]
    LATCH_FIELD_NUMBER: _ClassVar[int]
    DAY_START_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    epoch: Epoch
    placed: OrderPlaced
    latch: Latch
    day_start: DayStart
    limits: LimitsAdopted
    progress: Progress
    opening: Opening
    standing: Standing
    def __init__(self, epoch: _Optional[_Union[Epoch, _Mapping]] = ..., placed: _Optional[_Union[OrderPlaced, _Mapping]] = ..., latch: _Optional[_Union[Latch, _Mapping]] = ..., day_start: _Optional[_Union[DayStart, _Mapping]] = ..., limits: _Optional[_Union[LimitsAdopted, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., opening: _Optional[_Union[Opening, _Mapping]] = ..., standing: _Optional[_Union[Standing, _Mapping]] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("number", "holder", "journal_id")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_ID_FIELD_NUMBER: _ClassVar[int]
    number: int
    holder: str
    journal_id: str
    def __init__(self, number: _Optional[int] = ..., holder: _Optional[str] = ..., journal_id: _Optional[str] = ...) -> None: ...

class OrderPlaced(_message.Message):
    __slots__ = ("client_order_id", "intent", "at", "latest_acceptance", "state")
    CLIENT_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    LATEST_ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    client_order_id: str
    intent: Intent
    at: Stamp
    latest_acceptance: int
    state: str
    def __init__(self, client_order_id: _Optional[str] = ..., intent: _Optional[_Union[Intent, _Mapping]] = ..., at: _Optional[_Union[Stamp, _Mapping]] = ..., latest_acceptance: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class Latch(_message.Message):
    __slots__ = ("uid", "action", "reason", "released", "by", "scope")
    UID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    uid: str
    action: str
    reason: str
    released: bool
    by: str
    scope: str
    def __init__(self, uid: _Optional[str] = ..., action: _Optional[str] = ..., reason: _Optional[str] = ..., released: _Optional[bool] = ..., by: _Optional[str] = ..., scope: _Optional[str] = ...) -> None: ...

class DayStart(_message.Message):
    __slots__ = ("date", "equity", "currency", "pipelines")
    DATE_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PIPELINES_FIELD_NUMBER: _ClassVar[int]
    date: str
    equity: str
    currency: str
    pipelines: _containers.RepeatedCompositeFieldContainer[Part]
    def __init__(self, date: _Optional[str] = ..., equity: _Optional[str] = ..., currency: _Optional[str] = ..., pipelines: _Optional[_Iterable[_Union[Part, _Mapping]]] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("pipeline", "worth")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    WORTH_FIELD_NUMBER: _ClassVar[int]
    pipeline: str
    worth: str
    def __init__(self, pipeline: _Optional[str] = ..., worth: _Optional[str] = ...) -> None: ...

class Opening(_message.Message):
    __slots__ = ("balances", "by", "reason", "acceptance")
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACCEPTANCE_FIELD_NUMBER: _ClassVar[int]
    balances: _containers.RepeatedCompositeFieldContainer[Amount]
    by: str
    reason: str
    acceptance: str
    def __init__(self, balances: _Optional[_Iterable[_Union[Amount, _Mapping]]] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ..., acceptance: _Optional[str] = ...) -> None: ...

class Amount(_message.Message):
    __slots__ = ("currency", "amount")
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    currency: str
    amount: str
    def __init__(self, currency: _Optional[str] = ..., amount: _Optional[str] = ...) -> None: ...

class LimitsAdopted(_message.Message):
    __slots__ = ("policy", "hash", "changed_by")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    hash: str
    changed_by: str
    def __init__(self, policy: _Optional[str] = ..., hash: _Optional[str] = ..., changed_by: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("subject", "sequence")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    subject: str
    sequence: int
    def __init__(self, subject: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class Standing(_message.Message):
    __slots__ = ("pipeline", "inquiry", "positions", "working")
    PIPELINE_FIELD_NUMBER: _ClassVar[int]
    INQUIRY_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    WORKING_FIELD_NUMBER: _ClassVar[int]
    pipeline: str
    inquiry: str
    positions: _containers.RepeatedCompositeFieldContainer[Held]
    working: _containers.RepeatedCompositeFieldContainer[Works]
    def __init__(self, pipeline: _Optional[str] = ..., inquiry: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[Held, _Mapping]]] = ..., working: _Optional[_Iterable[_Union[Works, _Mapping]]] = ...) -> None: ...

class Held(_message.Message):
    __slots__ = ("symbol", "quantity")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    quantity: int
    def __init__(self, symbol: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class Works(_message.Message):
    __slots__ = ("symbol", "intent")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    INTENT_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    intent: Stamp
    def __init__(self, symbol: _Optional[str] = ..., intent: _Optional[_Union[Stamp, _Mapping]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("first_input", "last_input", "rows", "events", "next_row")
    FIRST_INPUT_FIELD_NUMBER: _ClassVar[int]
    LAST_INPUT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_ROW_FIELD_NUMBER: _ClassVar[int]
    first_input: int
    last_input: int
    rows: _market_pb2.MarketRows
    events: _containers.RepeatedCompositeFieldContainer[Event]
    next_row: int
    def __init__(self, first_input: _Optional[int] = ..., last_input: _Optional[int] = ..., rows: _Optional[_Union[_market_pb2.MarketRows, _Mapping]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., next_row: _Optional[int] = ...) -> None: ...
