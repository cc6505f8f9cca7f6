"""What one resource cannot know of itself: whether what it names is there, and whether limits bind anyone.

Called by the ``tradewind`` command over what its files and its store hold. A problem means that something cannot run; a
warning, that it runs, but hardly as it was meant. Everything is told at once: nothing hides anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tradewind.api.account import TradingAccount
from tradewind.api.kill_switch import KillSwitch
from tradewind.api.manifest import Loaded
from tradewind.api.pipeline import TradingPipeline
from tradewind.api.risk_policy import RiskPolicy
from tradewind.errors import InvalidValue, Problem
from tradewind.instrument import COIN_MARGINED, is_coin_margined, split_symbol

FEEDS = ("MEXC", "Simulated", "Replay", "Generated")
ACCOUNTS = ("MEXC", "Simulated")

Finding = tuple[str, object, str]
"""(path, value, remedy)."""


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
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for entry in loaded:
        resource = entry.resource
        around = [
            other.resource for other in loaded if other.resource.metadata.namespace == resource.metadata.namespace
        ]
        accounts = {r.metadata.name: r for r in around if isinstance(r, TradingAccount)}
        pipelines = [r for r in around if isinstance(r, TradingPipeline)]
        policies = [r for r in around if isinstance(r, RiskPolicy)]
        if isinstance(resource, TradingPipeline):
            problems += [_problem(entry, *found) for found in pipeline_problems(resource, accounts)]
            warnings += [_problem(entry, *found) for found in _pipeline_warnings(resource, accounts)]
        elif isinstance(resource, TradingAccount):
            problems += [_problem(entry, *found) for found in account_problems(resource)]
            bound = policies_of(resource, pipelines, policies)
            warnings += [_problem(entry, *found) for found in _account_warnings(bound)]
        elif isinstance(resource, RiskPolicy):
            bound_by = [one for one in accounts.values() if policies_of(one, pipelines, [resource])]
            problems += [_problem(entry, *found) for found in policy_problems(resource, bound_by)]
            warnings += [_problem(entry, *found) for found in _policy_warnings(bound_by)]
        elif isinstance(resource, KillSwitch):
            warnings += [_problem(entry, *found) for found in _halt_warnings(resource, accounts.values(), pipelines)]
        else:
            remedy = f"{resource.kind} runs only in a cluster: this command leaves it alone"
            warnings.append(_problem(entry, "kind", resource.kind, remedy))
    return problems, warnings


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


def pipeline_problems(pipeline: TradingPipeline, accounts: Mapping[str, TradingAccount]) -> Iterator[Finding]:
    """Why a pipeline cannot run beside these accounts of its namespace, by name."""
    feed, account = pipeline.spec.feed, accounts.get(pipeline.spec.account)
    if feed.venue not in FEEDS:
        yield "spec.feed.venue", feed.venue, f"is not available in this version: use {', '.join(FEEDS)}"
    elif feed.venue == "MEXC" and feed.market != "Spot":
        yield "spec.feed.market", feed.market, "is not available at MEXC in this version: use Spot"
    if account is None:
        known = ", ".join(sorted(accounts)) or "none"
        remedy = f"no such TradingAccount (there are: {known}): add it or name another"
        yield "spec.account", pipeline.spec.account, remedy
        yield from _symbol_problems(pipeline, [])
        return
    name, venue, market = account.metadata.name, account.spec.venue, account.spec.market
    if feed.venue == "Simulated" and venue != "Simulated":
        remedy = f"TradingAccount/{name} has venue {venue}: only a Simulated account has a simulator"
        yield "spec.feed.venue", feed.venue, remedy
    if feed.market != market:
        yield "spec.feed.market", feed.market, f"TradingAccount/{name} trades market {market}: make them the same"
    yield from _symbol_problems(pipeline, [one.symbol for one in account.spec.simulation.instruments])
    yield from _currency_problems(pipeline, account)


def _symbol_problems(pipeline: TradingPipeline, listed: list[str]) -> Iterator[Finding]:
    """Symbols that nobody could trade. MEXC tells base and quote of its symbols itself; elsewhere the symbol must."""
    feed = pipeline.spec.feed
    for place, symbol in enumerate(feed.symbols):
        path = f"spec.feed.symbols[{place}]"
        if is_coin_margined(symbol):
            yield path, symbol, f"is {COIN_MARGINED}"
        elif listed and feed.venue == "Simulated" and symbol not in listed:
            remedy = f"unknown symbol: TradingAccount/{pipeline.spec.account} has {', '.join(listed)}"
            yield path, symbol, remedy
        elif feed.venue != "MEXC" and not listed:
            try:
                split_symbol(symbol)
            except InvalidValue as error:
                yield path, symbol, f"unknown symbol: {error}"


def _currency_problems(pipeline: TradingPipeline, account: TradingAccount) -> Iterator[Finding]:
    """Symbols that are paid in another currency than the account's, in which its limits are. Where a symbol does not
    tell, its venue does, and the gateway denies what would be bought with it."""
    given = {one.symbol: one.quote for one in account.spec.simulation.instruments}
    name, currency = account.metadata.name, account.spec.currency
    for place, symbol in enumerate(pipeline.spec.feed.symbols):
        quote = given.get(symbol) or _told_quote(symbol, currency)
        if quote not in ("", currency):
            remedy = (
                f"is paid in {quote}, TradingAccount/{name} told in {currency}: use an account with currency {quote}"
            )
            yield f"spec.feed.symbols[{place}]", symbol, remedy


def _told_quote(symbol: str, currency: str) -> str:
    """What a symbol is paid in by its name, ``currency`` if that may be; empty where it does not tell."""
    if is_coin_margined(symbol):
        return ""
    if symbol.endswith(currency) and symbol != currency:
        return currency
    try:
        return split_symbol(symbol)[1]
    except InvalidValue:
        return ""


def _pipeline_warnings(pipeline: TradingPipeline, accounts: Mapping[str, TradingAccount]) -> Iterator[Finding]:
    account, venue = accounts.get(pipeline.spec.account), pipeline.spec.feed.venue
    if account is not None and account.spec.venue == "Simulated" and venue != "Simulated":
        remedy = "the simulator matches orders in a market of its own, not this one: use Simulated, or tradewind replay"
        yield "spec.feed.venue", venue, remedy


def account_problems(account: TradingAccount) -> Iterator[Finding]:
    """Why an account cannot be opened in this version."""
    spec = account.spec
    if spec.venue not in ACCOUNTS:
        yield "spec.venue", spec.venue, f"is not available in this version: use {' or '.join(ACCOUNTS)}"
    elif spec.venue == "MEXC" and spec.market != "Spot":
        yield "spec.market", spec.market, "is not available at MEXC in this version: use Spot"
    if spec.mode == "Shadow":
        yield "spec.mode", spec.mode, "is not available in this version: use Paper"


def _account_warnings(bound: list[RiskPolicy]) -> Iterator[Finding]:
    if not any(policy.spec.mode == "Enforce" for policy in bound):
        remedy = "no RiskPolicy in mode Enforce selects it: every order will be denied; apply one"
        yield "metadata.labels", None, remedy


def policy_problems(policy: RiskPolicy, bound: list[TradingAccount]) -> Iterator[Finding]:
    """What does not fit between a policy and the accounts it binds."""
    limits = {
        "maxOrderValue": policy.spec.max_order_value,
        "maxIntradayPosition": policy.spec.max_intraday_position,
        "dailyLoss": policy.spec.daily_loss,
    }
    for field, limit in limits.items():
        for account in bound:
            if limit is not None and limit.currency != account.spec.currency:
                remedy = f"TradingAccount/{account.metadata.name} is told in {account.spec.currency}: use one currency"
                yield f"spec.{field}.currency", limit.currency, remedy


def _policy_warnings(bound: list[TradingAccount]) -> Iterator[Finding]:
    if not bound:
        yield "spec", None, "selects no account and no pipeline: it protects nothing until one has these labels"


def _halt_warnings(
    halt: KillSwitch, accounts: Iterable[TradingAccount], pipelines: list[TradingPipeline]
) -> Iterator[Finding]:
    scope = halt.spec.scope
    hit = scope.namespace or any(scope.accounts and scope.accounts.matches(a.metadata.labels) for a in accounts)
    hit = hit or any(scope.pipelines and scope.pipelines.matches(p.metadata.labels) for p in pipelines)
    if not hit:
        yield "spec.scope", None, "matches nothing: nothing will be halted"


def _problem(entry: Loaded, path: str, value: object, remedy: str) -> Problem:
    resource = entry.resource
    return Problem(f"{entry.file}:{entry.line}", f"{resource.kind}/{resource.metadata.name}", path, value, remedy)
