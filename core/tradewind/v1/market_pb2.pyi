from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_KIND_CLOCK: _ClassVar[RowKind]
    ROW_KIND_TRADE: _ClassVar[RowKind]
    ROW_KIND_QUOTE: _ClassVar[RowKind]
    ROW_KIND_LEVEL: _ClassVar[RowKind]
    ROW_KIND_RESET: _ClassVar[RowKind]
ROW_KIND_CLOCK: RowKind
ROW_KIND_TRADE: RowKind
ROW_KIND_QUOTE: RowKind
ROW_KIND_LEVEL: RowKind
ROW_KIND_RESET: RowKind

class SymbolScale(_message.Message):
    __slots__ = ("symbol", "price_decimals", "quantity_decimals")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    PRICE_DECIMALS_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_DECIMALS_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    price_decimals: int
    quantity_decimals: int
    def __init__(self, symbol: _Optional[str] = ..., price_decimals: _Optional[int] = ..., quantity_decimals: _Optional[int] = ...) -> None: ...

class MarketRows(_message.Message):
    __slots__ = ("count", "symbols", "row", "first_row", "kind", "symbol", "side", "receive_time", "venue_time", "price", "quantity", "id")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    VENUE_TIME_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    count: int
    symbols: _containers.RepeatedCompositeFieldContainer[SymbolScale]
    row: bytes
    first_row: int
    kind: bytes
    symbol: bytes
    side: bytes
    receive_time: bytes
    venue_time: bytes
    price: bytes
    quantity: bytes
    id: bytes
    def __init__(self, count: _Optional[int] = ..., symbols: _Optional[_Iterable[_Union[SymbolScale, _Mapping]]] = ..., row: _Optional[bytes] = ..., first_row: _Optional[int] = ..., kind: _Optional[bytes] = ..., symbol: _Optional[bytes] = ..., side: _Optional[bytes] = ..., receive_time: _Optional[bytes] = ..., venue_time: _Optional[bytes] = ..., price: _Optional[bytes] = ..., quantity: _Optional[bytes] = ..., id: _Optional[bytes] = ...) -> None: ...
