"""The command line where nothing runs: what it says, and with which exit code it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from integration.desk import MANIFESTS

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ("kill", "--all", "--reason", "x", "--nats-url", "nats://localhost:9")


def tradewind(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tradewind_cli", *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "desk.yaml").write_text(yaml.safe_dump_all(MANIFESTS))
    return tmp_path


@pytest.mark.parametrize(
    "example", sorted(path.name for path in (ROOT / "examples").iterdir() if path.name != "replay")
)
def test_every_example_is_valid(tmp_path, example):
    code, said, complaint = tradewind(tmp_path, "validate", "-f", str(ROOT / "examples" / example))

    assert (code, "is valid" in said) == (0, True), complaint


def test_the_least_pipeline_takes_less_than_twenty_lines():
    lines = (ROOT / "examples/minimal/desk.yaml").read_text().splitlines()
    pipeline = lines[: lines.index("---")]

    assert len(pipeline) < 20


def test_render_prints_the_objects_of_a_cluster_as_yaml(folder):
    code, said, _ = tradewind(folder, "render", "-f", "desk.yaml", "--image", "registry/worker:7")

    deployments = [one for one in yaml.safe_load_all(said) if one["kind"] == "Deployment"]
    assert code == 0
    assert {one["metadata"]["name"] for one in deployments} == {
        "tw-simulator-paper",
        "tw-feed-simulated-paper",
        "tw-gateway-paper",
        "tw-btc",
    }
    assert {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments} == {"registry/worker:7"}


def test_render_prints_the_processes_of_this_machine_as_yaml(folder):
    code, said, _ = tradewind(folder, "render", "-f", "desk.yaml", "--local")

    documents = [document for document in yaml.safe_load_all(said) if document]
    assert code == 0
    assert [document["name"] for document in documents] == [
        "simulator-paper",
        "feed-simulated-paper",
        "gateway-paper",
        "btc",
    ]
    assert documents[-1]["config"]["input"]["stream"] == "tw-default-input"


def test_a_bad_manifest_is_exit_code_two_with_every_problem(folder):
    (folder / "bad.yaml").write_text("kind: TradingPipelin\n---\nkind: [\n")

    code, _, complaint = tradewind(folder, "validate", "-f", "bad.yaml", "-f", "missing.yaml")

    assert code == 2
    assert "bad.yaml:1: TradingPipelin/?: kind: is not a kind" in complaint
    assert "bad.yaml:4: YAML" in complaint
    assert "missing.yaml: file: the path: does not exist" in complaint


def test_resources_are_kept_and_deleted_without_a_runtime(folder):
    assert tradewind(folder, "apply", "-f", "desk.yaml")[0] == 0

    code, said, _ = tradewind(folder, "status", "tp")
    assert (code, said.splitlines()[1].split()[:2]) == (0, ["btc", "Unknown"])

    assert tradewind(folder, "delete", "tp", "btc")[0] == 0
    assert tradewind(folder, "delete", "tp", "btc")[0] == 1


def test_a_halt_can_be_stored_before_anything_runs_and_only_released_not_deleted(folder):
    tradewind(folder, "apply", "-f", "desk.yaml")

    code, said, _ = tradewind(folder, "kill", "--all", "--reason", "not today", "--name", "stop")
    assert (code, "holds from the next start" in said) == (0, True)
    assert tradewind(folder, "kill", "--all", "--reason", "again", "--name", "stop")[0] == 2
    assert tradewind(folder, "delete", "ks", "stop")[0] == 1

    assert tradewind(folder, "release", "stop", "--reason", "now", "--by", "ann")[0] == 0
    assert tradewind(folder, "release", "stop", "--reason", "now")[0] == 2
    assert tradewind(folder, "delete", "ks", "stop")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("kill", "--reason", "x"), 2, "name whom to halt"),
        (("kill", "--all"), 2, "--reason"),
        (("kill", "--reason", "x", "--account", "desk"), 2, "'desk' is not a label: write label=value"),
        (
            (*ELSEWHERE, "--namespace", "desk", "--login", "nowhere"),
            2,
            "--login nowhere holds no nats.creds: name the folder",
        ),
        ((*ELSEWHERE, "--namespace", "desk"), 1, "cannot be reached"),
        (ELSEWHERE, 2, "name the namespace to halt, --namespace NAME"),
        (("release", "nothing", "--reason", "x"), 2, "there is no halt nothing"),
        (
            ("apply", "-f", "desk.yaml", "-f", "elsewhere.yaml"),
            2,
            "metadata.namespace: default runs in this state directory",
        ),
        (("simulate", "--symbols", "BTCUSDT", "--speed", "2"), 2, "--speed 2 needs a recording"),
        (("simulate", "--symbols", "BTCUSDT", "--capture", "x", "--speed", "fast"), 2, "--speed fast: "),
        (("simulate", "--symbols", "BTCUSDT", "--seed", "-1"), 2, "--seed -1: "),
        (("delete", "pod", "x"), 2, "pod is not a kind"),
        (("status", "pods"), 2, "pods is not a kind"),
        (("up", "--for", "soon", "-f", "desk.yaml"), 2, "'soon' is not a duration"),
        (("up",), 1, "nothing to run"),
        (("down",), 0, ""),
        (("nonsense",), 2, "Unknown command"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(folder, arguments, code, said):
    account = next(one for one in MANIFESTS if one["kind"] == "TradingAccount")
    elsewhere = account | {"metadata": {"name": "other", "namespace": "elsewhere"}}
    (folder / "elsewhere.yaml").write_text(yaml.safe_dump(elsewhere))

    ended, printed, complaint = tradewind(folder, *arguments)

    assert (ended, said in printed + complaint) == (code, True), printed + complaint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("kill", "--all", "--reason", "x" * 300), "KillSwitch/stop: spec.reason: "),
        (("kill", "--all", "--reason", "  "), "KillSwitch/stop: spec.reason: "),
        (("kill", "--all", "--reason", "x", "--account", "desk=" + "y" * 300), "KillSwitch/stop: spec.scope.accounts"),
    ],
)
def test_a_halt_that_cannot_be_kept_is_told_by_field_and_not_stored(folder, arguments, said):
    code, _, complaint = tradewind(folder, *arguments, "--name", "stop")

    assert (code, said in complaint, "Traceback" in complaint) == (2, True, False), complaint
    assert "stop" not in tradewind(folder, "status", "ks")[1]


@pytest.mark.parametrize("text", ['{"x":', "[1]", '[{"kind": "Pod"}]'])
@pytest.mark.parametrize("command", [("apply", "-f", "desk.yaml"), ("delete", "tp", "btc"), ("status",)])
def test_a_store_edited_by_hand_is_named_with_the_remedy(folder, command, text):
    (folder / ".tradewind").mkdir()
    (folder / ".tradewind/store.json").write_text(text)

    code, _, complaint = tradewind(folder, *command)

    assert (code, "store.json cannot be read" in complaint, "Traceback" in complaint) == (1, True, False), complaint


@pytest.mark.parametrize(
    ("output", "said"),
    [("nowhere/x.gz", "cannot be written"), ("desk.yaml", "is no recording"), (".", "is no recording")],
)
def test_a_recording_that_could_not_be_kept_is_not_begun(folder, output, said):
    code, _, complaint = tradewind(folder, "capture", "--symbols", "BTCUSDT", "-o", output, "--for", "1s")

    assert (code, f"--output {output}: {said}" in complaint) == (2, True), complaint


def test_a_simulator_on_a_port_in_use_says_so(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code, _, complaint = tradewind(folder, "simulate", "--symbols", "BTCUSDT", "--port", port)

    assert (code, f"--port {port} is in use" in complaint, "Traceback" in complaint) == (2, True, False), complaint


def test_an_account_somebody_trades_on_is_not_deleted(folder):
    tradewind(folder, "apply", "-f", "desk.yaml")

    code, _, complaint = tradewind(folder, "delete", "ta", "paper")

    assert (code, "TradingPipeline/btc" in complaint) == (1, True), complaint
    assert tradewind(folder, "delete", "tp", "btc")[0] == 0
    assert tradewind(folder, "delete", "ta", "paper")[0] == 0


def test_a_fresh_start_does_not_forget_a_halt(folder):
    tradewind(folder, "kill", "--all", "--reason", "fire", "--name", "stop")

    code, _, complaint = tradewind(folder, "up", "--fresh", "-f", "desk.yaml")

    assert (code, "tradewind release stop" in complaint) == (2, True), complaint
    assert "stop" in tradewind(folder, "status", "ks")[1]


@pytest.mark.parametrize("command", [("up", "-f", "desk.yaml"), ("apply", "-f", "desk.yaml"), ("status",)])
def test_a_path_that_cannot_be_used_is_named_with_the_remedy(folder, command):
    (folder / ".tradewind").write_text("a file")

    code, _, complaint = tradewind(folder, *command)

    assert (code, ".tradewind" in complaint, "Traceback" in complaint) == (1, True, False), complaint


def test_an_account_without_a_gateway_does_not_claim_to_be_free_of_halts(folder):
    tradewind(folder, "apply", "-f", "desk.yaml")

    _, said, _ = tradewind(folder, "status", "ta")

    assert said.splitlines()[1].split()[-2] == "Unknown"
