"""ccxt as the other opinion: its protobuf classes read our frames and we read its, and its signature is ours."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import ccxt
import pytest
from google.protobuf.json_format import MessageToDict
from tradewind_workers.venues.mexc.push import decode_push
from tradewind_workers.venues.mexc.requests import signature
from tradewind_workers.venues.mexc.wire.mexc_push_pb2 import PushMessage

BODIES: dict[str, dict[str, object]] = {
    "publicAggreDeals": {
        "deals": [{"price": "61712.34", "quantity": "0.5", "tradeType": 2, "time": "1700000000001"}],
        "eventType": "spot@public.aggre.deals.v3.api.pb@10ms",
    },
    "publicAggreDepths": {
        "asks": [{"price": "1.5", "quantity": "0"}],
        "bids": [{"price": "1.4", "quantity": "7"}, {"price": "1.3", "quantity": "8"}],
        "eventType": "spot@public.aggre.depth.v3.api.pb@10ms",
        "fromVersion": "10589632359",
        "toVersion": "10589632361",
    },
    "publicAggreBookTicker": {"bidPrice": "1", "bidQuantity": "2", "askPrice": "3", "askQuantity": "4"},
    "privateDeals": {
        "price": "3", "quantity": "1.5", "amount": "4.5", "tradeType": 1, "isMaker": True, "isSelfTrade": True,
        "tradeId": "5059X1", "clientOrderId": "tw1", "orderId": "C02__1", "feeAmount": "0.001", "feeCurrency": "MX",
        "time": "1700000000001",
    },
    "privateOrders": {
        "id": "C02__1", "clientId": "tw1", "price": "3", "quantity": "1.5", "amount": "4.5", "avgPrice": "3",
        "orderType": 3, "tradeType": 1, "isMaker": True, "remainAmount": "1", "remainQuantity": "0.5",
        "lastDealQuantity": "1", "cumulativeQuantity": "1", "cumulativeAmount": "3", "status": 5,
        "createTime": "1700000000001",
    },
    "privateAccount": {
        "vcoinName": "USDT", "coinId": "1", "balanceAmount": "10", "balanceAmountChange": "-1", "frozenAmount": "2",
        "frozenAmountChange": "1", "type": "ENTRUST", "time": "1700000000001",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs() -> Iterator[type]:
    """ccxt's wrapper class; its generated modules import one another by a package that is not theirs alone."""
    before, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(Path(ccxt.__file__).parent / "protobuf" / "mexc"))
    module: ModuleType = __import__("ccxt.protobuf.mexc.PushDataV3ApiWrapper_pb2", fromlist=["_"])
    yield module.PushDataV3ApiWrapper
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.endswith("V3Api_pb2") and not name.startswith("ccxt"):
            del sys.modules[name]


def document(body: str) -> dict[str, object]:
    return {
        "channel": "spot@x", "symbol": "BTCUSDT", "symbolId": "7", "createTime": "1700000000000",
        "sendTime": "1700000000005", body: BODIES[body],
    }  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_ccxt_reads_the_frames_we_write(theirs: type, body: str) -> None:
    ours = PushMessage()
    from google.protobuf.json_format import ParseDict

    ParseDict(document(body), ours)

    read = theirs()
    read.ParseFromString(ours.SerializeToString())

    assert MessageToDict(read) == document(body)


@pytest.mark.parametrize("body", BODIES)
def test_we_read_the_frames_ccxt_writes(theirs: type, body: str) -> None:
    from google.protobuf.json_format import ParseDict

    written = ParseDict(document(body), theirs())

    read = decode_push(written.SerializeToString())

    assert MessageToDict(read, preserving_proto_field_name=True) == document(body)


@pytest.mark.parametrize(
    "parameters",
    [
        {"symbol": "BTCUSDT"},
        {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.5", "price": "61000.10"},
        {"newClientOrderId": "tw0123456789abcdef", "symbol": "ETHUSDT"},
    ],
)
def test_our_signature_is_ccxts(parameters: dict[str, str]) -> None:
    exchange = ccxt.mexc({"apiKey": "mx0key", "secret": "45d0b3c26f2644f19bfb98b07741b2f5"})

    signed = exchange.sign("order", ["spot", "private"], "POST", dict(parameters))

    query, _, theirs = urlsplit(signed["url"]).query.rpartition("&signature=")
    assert signature(query, exchange.secret) == theirs
    assert signed["headers"]["X-MEXC-APIKEY"] == "mx0key"
