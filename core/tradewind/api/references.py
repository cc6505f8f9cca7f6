"""What one resource cannot know of itself: whether what it names is there, and whether limits bind anyone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.manifest import Loaded
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.errors import Problem


def policies_of(
    account: TradingAccount, pipelines: Iterable[TradingPipeline], policies: Iterable[RiskPolicy]
) -> list[RiskPolicy]:
    """The policies that bind an account: by its own labels, or by those of a pipeline that trades on it."""
    traders = [p for p in pipelines if p.spec.account == account.metadata.name]
    return [
        policy
        for policy in policies
        if (policy.spec.accounts and policy.spec.accounts.matches(account.metadata.labels))
        or (policy.spec.pipelines and any(policy.spec.pipelines.matches(p.metadata.labels) for p in traders))
    ]


def check_references(loaded: list[Loaded]) -> tuple[list[Problem], list[Problem]]:
    """(problems, warnings) of resources together."""
    pipelines = [(e, e.resource) for e in loaded if isinstance(e.resource, TradingPipeline)]
    accounts = {e.resource.metadata.name: (e, e.resource) for e in loaded if isinstance(e.resource, TradingAccount)}
    policies = [(e, e.resource) for e in loaded if isinstance(e.resource, RiskPolicy)]
    switches = [(e, e.resource) for e in loaded if isinstance(e.resource, KillSwitch)]
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for entry, pipeline in pipelines:
        problems += _check_pipeline(entry, pipeline, accounts)
    traders = [pipeline for _, pipeline in pipelines]
    for entry, account in accounts.values():
        bound = policies_of(account, traders, [policy for _, policy in policies])
        if not any(policy.spec.mode == "Enforce" for policy in bound):
            remedy = "no RiskPolicy in mode Enforce selects it: every order will be denied; apply one"
            warnings.append(_problem(entry, "metadata.labels", None, remedy))
        for policy in bound:
            limit = policy.spec.daily_loss
            if limit and limit.currency != account.spec.currency:
                remedy = f"RiskPolicy/{policy.metadata.name} limits dailyLoss in {limit.currency}: use one currency"
                problems.append(_problem(entry, "spec.currency", account.spec.currency, remedy))
    for entry, switch in switches:
        scope = switch.spec.scope
        hit = scope.namespace or any(
            scope.accounts and scope.accounts.matches(a.metadata.labels) for _, a in accounts.values()
        )
        hit = hit or any(scope.pipelines and scope.pipelines.matches(p.metadata.labels) for p in traders)
        if not hit:
            warnings.append(_problem(entry, "spec.scope", None, "matches nothing: nothing will be halted"))
    return problems, warnings


def _check_pipeline(
    entry: Loaded, pipeline: TradingPipeline, accounts: dict[str, tuple[Loaded, TradingAccount]]
) -> list[Problem]:
    spec, problems = pipeline.spec, []
    if spec.account not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        return [
            _problem(
                entry,
                "spec.account",
                spec.account,
                f"no such TradingAccount (there are: {known}): add it or name another",
            )
        ]
    account = accounts[spec.account][1]
    if spec.feed.venue == "Simulated" and account.spec.venue != "Simulated":
        remedy = (
            f"TradingAccount/{spec.account} has venue {account.spec.venue}: only a Simulated account has a simulator"
        )
        problems.append(_problem(entry, "spec.feed.venue", spec.feed.venue, remedy))
    simulation = account.spec.simulated
    listed = [one.symbol for one in simulation.instruments] if simulation else []
    for place, symbol in enumerate(spec.feed.symbols):
        if listed and spec.feed.venue == "Simulated" and symbol not in listed:
            remedy = f"unknown symbol: TradingAccount/{spec.account} has {', '.join(listed)}"
            problems.append(_problem(entry, f"spec.feed.symbols[{place}]", symbol, remedy))
    return problems


def missing_files(loaded: list[Loaded]) -> list[Problem]:
    """Recordings that are named but not there; relative paths start at the manifest's folder."""
    problems = []
    for entry in loaded:
        resource = entry.resource
        replay = None
        if isinstance(resource, TradingPipeline):
            replay, path = resource.spec.feed.replay, "spec.feed.replay.data"
        elif isinstance(resource, TradingAccount) and resource.spec.simulated:
            replay, path = resource.spec.simulated.replay, "spec.simulated.replay.data"
        if replay is not None and not resolve(entry.file, replay.data).is_file():
            problems.append(_problem(entry, path, replay.data, "no such file: give the path of a recorded capture"))
    return problems


def resolve(manifest: Path, path: str) -> Path:
    """A path in a manifest, from the manifest's folder."""
    return (manifest.parent / path).resolve()


def _problem(entry: Loaded, path: str, value: object, remedy: str) -> Problem:
    return Problem(str(entry.file), f"{entry.resource.kind}/{entry.resource.metadata.name}", path, value, remedy)
