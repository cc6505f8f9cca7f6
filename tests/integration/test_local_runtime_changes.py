"""A desk on one machine when something changes or breaks: what goes on, what is restarted, what is left behind."""

from __future__ import annotations

import copy
import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest
from integration.desk import Desk
from tradewind.events import Latch, OrderPlaced

pytestmark = pytest.mark.slow  # a desk takes a few seconds to start and to trade


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.end()


@pytest.fixture
def trading(desk: Desk) -> Desk:
    """A desk that has its first fill."""
    desk.up()
    desk.await_(lambda: desk.fills)
    return desk


def test_a_kill_is_acknowledged_and_nothing_trades_until_the_release(trading: Desk):
    code, said = trading.run("kill", "--all", "--reason", "fat finger", "--name", "stop")

    assert code == 0, said
    assert "gateway-paper: latched" in said
    assert "gateway-paper: enforced" in said
    halted_at = trading.await_(lambda: trading.gateway.get("halts") and trading.fills)  # told since the halt
    trading.await_(lambda: trading.denied("KILL_SWITCH") > 1)
    assert trading.fills == halted_at
    journal = trading.journal()
    [latched] = [event.at.time for event in journal if isinstance(event, Latch)]
    assert [event for event in journal if isinstance(event, OrderPlaced) and event.at.time > latched] == []

    code, said = trading.run("release", "stop", "--reason", "was a test", "--by", "risk officer")

    assert code == 0, said
    trading.await_(lambda: trading.fills > halted_at)


def test_a_halt_while_the_message_server_is_silent_is_kept_and_reaches_gateways_when_it_is_back(trading: Desk):
    server = next(process for process in trading.processes() if "nats-server" in process.cmdline()[0])
    server.suspend()
    try:
        code, said = trading.run("kill", "--all", "--reason", "fire", "--name", "stop")
    finally:
        server.resume()

    assert (code, "KillSwitch/stop" in said.replace("killswitch", "KillSwitch"), "NOBODY" in said) == (1, True, True), (
        said
    )
    trading.await_(lambda: [halt["reason"] for halt in trading.gateway.get("halts", [])] == ["fire"])


def test_a_halt_holds_though_the_store_cannot_be_read(trading: Desk):
    (trading.state.path / "store.json").write_text("{")

    code, said = trading.run("kill", "--all", "--reason", "fire", "--name", "stop")

    assert "gateway-paper: enforced" in said, said
    trading.await_(lambda: trading.denied("KILL_SWITCH") > 1)
    assert code == 0


def test_new_limits_hold_at_once_and_restart_nothing(trading: Desk):
    before = trading.pids()
    trading.spec("RiskPolicy")["maxOrderValue"]["amount"] = "1"
    trading.save()

    code, said = trading.run("apply", "-f", str(trading.manifests))

    assert (code, "RiskPolicy/house configured" in said) == (0, True), said
    trading.await_(lambda: trading.denied("MAX_ORDER_VALUE") > 1)
    assert trading.pids() == before


def test_a_changed_pipeline_restarts_alone_and_trades_on(trading: Desk):
    before = trading.pids()
    trading.spec("TradingPipeline")["allocation"]["capital"] = "900"
    trading.save()

    assert trading.run("apply", "-f", str(trading.manifests))[0] == 0

    trading.await_(lambda: trading.pid_of("btc") not in (0, before["btc"]))
    filled = trading.fills
    trading.await_(lambda: trading.fills > filled)
    after = trading.pids()
    assert {name for name in before if after[name] != before[name]} == {"btc"}


def test_another_pipeline_trades_and_disturbs_no_one(trading: Desk):
    before = trading.pids()
    second = copy.deepcopy(trading.documents[0])
    second["metadata"]["name"] = "eth"
    second["spec"]["feed"]["symbols"] = ["ETHUSDT"]
    trading.documents.append(second)
    trading.save()

    assert trading.run("apply", "-f", str(trading.manifests))[0] == 0

    trading.await_(lambda: any(p["symbol"] == "ETHUSDT" for p in trading.gateway.get("positions", [])))
    after = trading.pids()
    assert {name for name in before if after[name] != before[name]} <= {"simulator-paper"}
    epoch = trading.figures["epoch"]
    filled = trading.fills
    trading.await_(lambda: trading.fills > filled + 1)
    assert (trading.figures["epoch"], trading.figures["problems"]) == (epoch, [])


def test_accounts_at_different_venues_do_not_hinder_one_another(desk: Desk):
    pipeline, account = copy.deepcopy(desk.documents[:2])
    pipeline["metadata"]["name"], account["metadata"]["name"] = "sol", "other"
    pipeline["spec"] |= {"account": "other", "feed": {"venue": "Simulated", "symbols": ["SOLUSDT"]}}
    desk.documents += [pipeline, account]
    desk.save()
    desk.up()
    desk.await_(lambda: desk.fills and desk.beats().get("gateway-other", {}).get("fills"))

    dead = desk.pid_of("gateway-paper")
    os.kill(dead, signal.SIGKILL)

    filled = desk.fills
    desk.await_(lambda: desk.pid_of("gateway-paper") not in (0, dead) and desk.fills > filled)
    assert {p["symbol"] for p in desk.figures["positions"]} == {"BTCUSDT"}
    assert (desk.figures["problems"], desk.figures["drift"]) == ([], [])


@pytest.mark.parametrize("workload", ["btc", "gateway-paper", "feed-simulated-paper"])
def test_a_worker_that_dies_is_started_again_and_trading_goes_on(trading: Desk, workload: str):
    dead = trading.pid_of(workload)

    os.kill(dead, signal.SIGKILL)

    trading.await_(lambda: trading.pid_of(workload) not in (0, dead))
    filled = trading.fills
    trading.await_(lambda: trading.fills > filled)
    assert trading.figures["problems"] == []


def test_down_drains_and_leaves_no_process_no_lock_and_no_half_written_file(trading: Desk):
    assert trading.process is not None

    code, said = trading.run("down")

    assert (code, said.strip()) == (0, "stopped")
    assert trading.process.wait(5) == 0
    assert trading.processes() == []
    assert trading.state.running is None
    assert list(trading.state.path.rglob("*.new")) == []


def test_an_interrupt_before_anything_is_ready_ends_at_once_and_says_what_was_not_done(desk: Desk, tmp_path):
    desk.up("--report", str(tmp_path / "report"))
    desk.await_(lambda: any("simulator-paper.json" in " ".join(one.cmdline()) for one in desk.processes()))

    assert desk.process is not None
    desk.process.send_signal(signal.SIGINT)

    assert desk.process.wait(60) == 1
    assert "the report could not be made: feed simulated-paper had not started" in desk.output.read_text()
    assert desk.processes() == []
    assert desk.state.running is None


def test_a_halt_outlives_a_restart(trading: Desk):
    before = trading.pid_of("gateway-paper")
    assert trading.run("kill", "--all", "--reason", "fire", "--name", "stop")[0] == 0
    assert trading.run("down")[0] == 0

    trading.up()

    said = trading.await_(lambda: (beat := trading.gateway).get("ready") and beat["pid"] != before and beat)
    assert [halt["reason"] for halt in said["halts"]] == ["fire"]


def test_a_second_start_goes_on_with_the_same_books(trading: Desk):
    assert trading.run("down")[0] == 0
    uid = trading.state.documents()[0]["metadata"]["uid"]

    trading.up()

    filled = trading.await_(lambda: trading.gateway.get("ready") and trading.fills)
    trading.await_(lambda: trading.fills > filled)
    assert trading.figures["problems"] == []
    assert trading.figures["epoch"] == 2
    assert trading.state.documents()[0]["metadata"]["uid"] == uid


def test_a_port_in_use_is_left_alone_and_another_taken(desk: Desk):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        desk.state.path.mkdir(parents=True)
        (desk.state.path / "ports.json").write_text(json.dumps({"nats": port, "simulator-paper:http": port}))

        desk.up()

        desk.await_(lambda: desk.gateway.get("ready"))
    ports = json.loads((desk.state.path / "ports.json").read_text())
    assert port not in (ports["nats"], ports["simulator-paper:http"])


def test_no_worker_is_started_only_to_fail_because_the_simulator_is_not_there_yet(trading: Desk):
    assert "ended with code" not in trading.output.read_text()


def test_status_reads_like_kubectl(trading: Desk):
    code, said = trading.run("status", "tp")

    lines = [line.split() for line in said.splitlines()]
    assert code == 0
    assert lines[0] == ["NAME", "READY", "STATE", "TOPOLOGY", "SYMBOLS", "ACCOUNT", "HALTED", "P&L(DAY)", "AGE"]
    assert lines[1][:7] == ["btc", "True", "Running", "Fused", "1", "paper", "False"]


def test_a_sharded_desk_trades_every_symbol_in_its_own_worker(desk: Desk):
    spec = desk.spec("TradingPipeline")
    spec["feed"] |= {"symbols": ["BTCUSDT", "ETHUSDT", "SOLUSDT"], "shards": 2}
    desk.save()

    desk.up()

    traded = lambda: {p["symbol"] for p in desk.gateway.get("positions", [])}  # noqa: E731
    desk.await_(lambda: traded() == {"BTCUSDT", "ETHUSDT", "SOLUSDT"})
    assert {name for name, beat in desk.beats().items() if beat["role"] == "pipeline"} == {"btc-0", "btc-1"}
    os.kill(desk.pid_of("btc-1"), signal.SIGKILL)
    filled = desk.fills
    desk.await_(lambda: desk.pid_of("btc-1") and desk.fills > filled + 2)
    assert desk.figures["problems"] == []


def test_a_distributed_desk_trades(desk: Desk):
    desk.spec("TradingPipeline")["topology"] = "Distributed"
    desk.save()

    desk.up()

    desk.await_(lambda: desk.fills)
    assert {"btc-market", "btc-candles", "btc-regime", "btc-strategy", "btc-allocation"} <= set(desk.beats())
