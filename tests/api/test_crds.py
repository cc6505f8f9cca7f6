"""Our definitions at a real API server: accepted without a warning, and every rule by what it takes and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from api.cluster_world import ROOT, Kubectl, namespace
from api.manifests import Body, account, halt, pipeline, policy, resource
from cluster import ControlPlane
from pydantic import ValidationError
from tradewind.api.kinds import KINDS

FEED = {"venue": "Simulated", "symbols": ["BTCUSDT", "ETHUSDT"]}
SPOT = {"amount": "5", "currency": "USDT"}
MODEL = {"training": {"symbols": ["BTCUSDT"]}}


@pytest.fixture(scope="module")
def trial(plane: ControlPlane) -> Any:
    with namespace(plane) as kubectl:
        yield kubectl


def test_the_definitions_are_taken_without_a_warning(trial: Kubectl) -> None:
    done = trial.tried("apply", "--server-side", "--dry-run=server", "-f", str(ROOT / "crds"))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_field_is_described(trial: Kubectl, kind: str) -> None:
    text = trial("explain", kind, "--recursive=false", "--output=plaintext-openapiv2")
    assert "<no description>" not in trial("explain", f"{kind}.spec") + text.split("metadata")[0]


@pytest.mark.parametrize("short", ["tp", "ta", "rp", "ks", "tm", "tj", "trading"])
def test_short_names_and_the_category_are_known(trial: Kubectl, short: str) -> None:
    assert trial.tried("get", short).returncode == 0


ACCEPTED: list[Body] = [
    pipeline(),
    pipeline(feed=FEED | {"shards": 2}),
    pipeline(feed={"venue": "Replay", "symbols": ["BTCUSDT"], "replay": {"data": "x.gz", "speed": "Max"}}),
    pipeline(feed={"venue": "Generated", "symbols": ["BTCUSDT"], "generated": {"prices": {"BTCUSDT": "61000.5"}}}),
    pipeline(candles={"interval": "1h30m"}),
    pipeline(
        strategy={"type": "Plugin", "plugin": {"class": "desk.alpha:Mine", "settings": {"n": 3, "deep": {"x": [1]}}}}
    ),
    pipeline(allocation={"byRegime": {"LOW_VOL_STABLE": "1"}, "cooldown": "0s"}),
    pipeline(feed={"venue": "MEXC", "market": "Perpetual", "symbols": ["BTC_USDT"]}, allocation={"allowShort": True}),
    pipeline(template={"env": [{"name": "A", "value": "1"}], "resources": {"limits": {"memory": "1Gi"}}}),
    pipeline(
        template={"tolerations": [{"key": "a"}], "affinity": {"podAffinity": {}}, "nodeSelector": {"disk": "ssd"}}
    ),
    account(),
    account(venue="MEXC", mode="Live", credentials={"secretName": "mexc-main"}),
    account(simulated={"balances": {"USDT": "0.000000001"}, "generated": {"seed": 3}}),
    account(acceptance={"differences": {"USDT": "500"}, "by": "tom", "reason": "deposit"}),
    account(blindAfter="5s"),
    pipeline(candles={"interval": "87600h"}),
    policy(),
    policy(mode="Observe", maxOrderValue=None, priceCollar=None),
    policy(maxIntradayPosition={"amount": "1000", "currency": "USDT"}),
    halt(),
    halt(scope={"accounts": {"matchLabels": {}}}, release={"by": "ada", "reason": "over"}),
    resource("TradingModel", "alpha", MODEL),
    resource("TradingJob", "etl", {"type": "ETL", "schedule": "0 6 * * *"}),
    resource("TradingJob", "sweep", {"type": "Sweep", "pipeline": "btc", "parallelism": 4, "completions": 100}),
]
REFUSED: list[tuple[Body, str]] = [
    (pipeline(account=None), "spec.account: Required value"),
    (pipeline(feed={"venue": "Simulated", "symbols": []}), "spec.feed.symbols"),
    (pipeline(feed={"venue": "Simulated", "symbols": ["BTCUSDT", "BTCUSDT"]}), "Duplicate value"),
    (pipeline(feed={"venue": "Simulated", "symbols": ["btcusdt"]}), "should match"),
    (pipeline(feed=FEED | {"shards": 3}), "shards is above the number of symbols"),
    (pipeline(feed=FEED | {"venue": "Replay"}), "venue Replay and the field replay go together"),
    (pipeline(feed=FEED | {"replay": {"data": "x"}}), "venue Replay and the field replay go together"),
    (pipeline(feed=FEED | {"generated": {}}), "the field generated belongs to venue Generated"),
    (pipeline(feed=FEED | {"staleAfter": "0s"}), "must be longer than 0s"),
    (pipeline(feed=FEED | {"staleAfter": "ten"}), "should match"),
    (pipeline(feed=FEED | {"venue": "Binance"}), "Unsupported value"),
    (pipeline(candles={"interval": "1500ms"}), "whole number of seconds"),
    (pipeline(strategy={"type": "Model"}), "not available in this version"),
    (pipeline(strategy={"type": "Plugin"}), "needs the field plugin"),
    (pipeline(strategy={"type": "Momentum", "plugin": {"class": "a:B"}}), "the field plugin does not go with"),
    (pipeline(strategy={"type": "Momentum", "momentum": {"threshold": "0"}}), "must be above zero"),
    (pipeline(strategy={"type": "Momentum", "momentum": {"threshold": "3%"}}), "should match"),
    (pipeline(strategy={"type": "Momentum", "momentum": {"threshold": 0.03}}), "must be of type string"),
    (pipeline(allocation={"capital": "100m"}), "should match"),
    (pipeline(allocation={"capital": "0.0000000001"}), "should match"),
    (pipeline(allocation={"beforeRegime": "1.5"}), "must be between 0 and 1"),
    (pipeline(allocation={"byRegime": {"SIDEWAYS": "0.1"}}), "unknown key"),
    (pipeline(allocation={"allowShort": True}), "spot cannot be sold short"),
    (pipeline(template={"hostNetwork": True}), 'unknown field "spec.template.hostNetwork"'),
    (
        pipeline(
            template={"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "mexc-main", "key": "secret"}}}]}
        ),
        'unknown field "spec.template.env[0].valueFrom"',
    ),
    (pipeline(template={"env": [{"name": "A"}]}), "value: Required value"),
    (pipeline(template={"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}), "Duplicate value"),
    (pipeline(template={"env": [{"name": "a b", "value": ""}]}), "should match"),
    (pipeline(template={"tolerations": 5}), "must be of type array"),
    (pipeline(desiredState="Halted"), "Unsupported value"),
    (pipeline(regime={"period": 1}), "greater than or equal to 2"),
    (account(venue="MEXC", mode="Live"), "need credentials.secretName"),
    (account(mode="Live"), "venue Simulated goes with mode Paper"),
    (
        account(venue="MEXC", mode="Live", credentials={"secretName": "mexc-main"}, simulated={}),
        "the field simulated does not go with mode Live",
    ),
    (account(blindAfter="0s"), "blindAfter must be between 5s"),
    (account(blindAfter="4999ms"), "blindAfter must be between 5s"),
    (account(blindAfter="3601s"), "blindAfter must be between 5s"),
    (pipeline(candles={"interval": "1d"}), "written like 250ms, 30s or 1h30m"),
    (pipeline(candles={"interval": "87601h"}), "must be at most ten years (87600h)"),
    (pipeline(candles={"interval": "999999999h"}), "must be at most ten years (87600h)"),
    (account(simulated={"replay": {"data": "x"}, "generated": {}}), "exclude one another"),
    (account(acceptance={"differences": {}, "by": "tom", "reason": "deposit"}), "state differences or handTrades"),
    (account(simulated={"balances": {"usdt": "1"}}), "a key does not have the form"),
    (account(simulated={"orderLatency": "0s"}), "must be longer than 0s"),
    (policy(accounts=None), "selects nothing protects nothing"),
    (policy(priceCollar=None), "mode Enforce needs maxOrderValue and priceCollar"),
    (policy(priceCollar={"deviation": "1"}), "must be below 1"),
    (policy(maxIntradayPosition=SPOT), "maxOrderValue is above maxIntradayPosition"),
    (policy(maxOrderValue={"amount": "-5", "currency": "USDT"}), "should match"),
    (policy(maxMessages={"count": 0}), "greater than or equal to 1"),
    (policy(dailyLoss={"amount": "0", "currency": "USDT"}), "must be above zero"),
    (halt(scope={}), "scope is empty"),
    (halt(reason=""), "at least 1 chars"),
    (halt(action="Panic"), "Unsupported value"),
    (resource("TradingModel", "alpha", {"training": {"symbols": []}}), "at least 1 items"),
    (resource("TradingModel", "alpha", {"training": {"symbols": ["BTCUSDT"], "schedule": "daily"}}), "should match"),
    (policy(accounts={"matchLabels": {"desk": "a b"}}), "should match"),
    (halt(scope={"accounts": {"matchLabels": {"desk": "x" * 64}}}), "may not be"),
    (resource("TradingJob", "x", {"type": "Backtest"}), "need pipeline"),
    (resource("TradingJob", "x", {"type": "Train"}), "needs model"),
    (resource("TradingJob", "x", {"type": "Reconcile"}), "needs account"),
    (resource("TradingJob", "x", {"type": "ETL", "parallelism": 2}), "parallelism is above completions"),
    (resource("TradingJob", "x", {"type": "ETL", "schedule": "daily"}), "should match"),
]


def without_nothing(body: Body) -> Body:
    return body | {"spec": {key: value for key, value in body["spec"].items() if value is not None}}


@pytest.mark.parametrize("body", ACCEPTED, ids=lambda body: f"{body['kind']}")
def test_what_can_run_is_taken_by_server_and_models_alike(trial: Kubectl, body: Body) -> None:
    body = without_nothing(body)

    assert trial.refusal(body) == ""
    assert not refused_by_models(body)


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_cannot_run_is_refused_by_server_and_models_alike(trial: Kubectl, body: Body, said: str) -> None:
    body = without_nothing(body)

    assert said in trial.refusal(body)
    assert refused_by_models(body)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (pipeline(), pipeline(account="other"), "account cannot be changed"),
        (account(), account(venue="MEXC"), "venue cannot be changed"),
        (account(venue="MEXC"), account(venue="MEXC", market="Perpetual"), "market cannot be changed"),
        (halt(), halt(action="Flatten"), "action cannot be changed"),
        (halt(), halt(reason="another"), "reason cannot be changed"),
        (halt(), halt(scope={"accounts": {"matchLabels": {}}}), "scope cannot be changed"),
        (
            halt(release={"by": "ada", "reason": "over"}),
            halt(release={"by": "bob", "reason": "over"}),
            "release cannot be changed",
        ),
        (halt(release={"by": "ada", "reason": "over"}), halt(), "release cannot be changed"),
        (
            resource("TradingJob", "job", {"type": "ETL"}),
            resource("TradingJob", "job", {"type": "Backup"}),
            "type cannot be changed",
        ),
    ],
)
def test_what_is_immutable_stays(kubectl: Kubectl, before: Body, after: Body, said: str) -> None:
    kubectl("create", "-f", "-", given=yaml_of(before))

    done = kubectl.tried("replace", "-f", "-", given=yaml_of(after))

    assert said in done.stderr


def yaml_of(body: Body) -> str:
    return str(yaml.safe_dump(body))


def refused_by_models(body: Body) -> bool:
    try:
        KINDS[body["kind"]].model_validate(body, by_alias=True, by_name=False)
    except ValidationError:
        return True
    return False
