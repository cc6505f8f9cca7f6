"""What the API server can check within one object, by kind and path: the same as the models' own checks, in CEL.

A path names an object of the schema from ``spec`` on. Messages are those of the models.
"""

from __future__ import annotations

from tradewind.api.fields import Rule


def _immutable(field: str, remedy: str) -> Rule:
    return Rule(f"self.{field} == oldSelf.{field}", f"{field} cannot be changed: {remedy}")


def _only_with(field: str, holder: str, value: str) -> Rule:
    message = f"the field {field} does not go with another {holder} than {value}: remove it"
    return Rule(f"!has(self.{field}) || self.{holder} == '{value}'", message)


RULES: dict[str, dict[str, list[Rule]]] = {
    "TradingPipeline": {
        "spec": [
            _immutable("account", "delete the TradingPipeline first"),
            Rule(
                "!self.allocation.allowShort || self.feed.market != 'Spot'",
                "allocation.allowShort needs feed.market Perpetual: spot cannot be sold short",
            ),
        ],
        "spec.feed": [
            Rule(
                "(self.venue == 'Replay') == has(self.replay)",
                "venue Replay and the field replay go together: set both or neither",
            ),
            Rule(
                "!has(self.generated) || self.venue == 'Generated'",
                "the field generated belongs to venue Generated: remove it or change the venue",
            ),
            Rule("self.shards <= self.symbols.size()", "shards is above the number of symbols: use at most as many"),
        ],
        "spec.candles": [
            Rule(
                "duration(self.interval).getMilliseconds() % 1000 == 0",
                "interval must be a whole number of seconds",
            )
        ],
        "spec.strategy": [
            Rule("self.type != 'Model'", "type Model is not available in this version: use Momentum or Plugin"),
            Rule("self.type != 'Plugin' || has(self.plugin)", "type Plugin needs the field plugin with its class"),
            _only_with("plugin", "type", "Plugin"),
            _only_with("momentum", "type", "Momentum"),
        ],
    },
    "TradingAccount": {
        "spec": [
            _immutable("venue", "delete the TradingAccount first"),
            _immutable("market", "delete the TradingAccount first"),
            Rule(
                "duration(self.blindAfter) >= duration('5s') && duration(self.blindAfter) <= duration('1h')",
                "blindAfter must be between 5s, as there is news every second, and 1h, as halts may be lost meanwhile",
            ),
            Rule(
                "self.mode == 'Paper' || self.venue == 'Simulated' || has(self.credentials)",
                "modes Live and Shadow need credentials.secretName: a login at the venue",
            ),
            Rule(
                "self.venue != 'Simulated' || self.mode == 'Paper'",
                "venue Simulated goes with mode Paper: nothing there is live",
            ),
            Rule(
                "self.mode != 'Live' || !has(self.simulated)",
                "the field simulated does not go with mode Live: remove it",
            ),
        ],
        "spec.acceptance": [
            Rule(
                "(has(self.differences) && self.differences.size() > 0) || (has(self.handTrades) && self.handTrades.size() > 0)",
                "is empty: state differences or handTrades",
            )
        ],
        "spec.simulated": [
            Rule("!(has(self.replay) && has(self.generated))", "replay and generated exclude one another: remove one")
        ],
    },
    "RiskPolicy": {
        "spec": [
            Rule(
                "has(self.accounts) || has(self.pipelines)",
                "needs accounts or pipelines: a policy that selects nothing protects nothing",
            ),
            Rule(
                "self.mode != 'Enforce' || (has(self.maxOrderValue) && has(self.priceCollar))",
                "mode Enforce needs maxOrderValue and priceCollar: set them, or use mode Observe",
            ),
            Rule(
                "!has(self.maxOrderValue) || !has(self.maxIntradayPosition)"
                " || self.maxOrderValue.currency != self.maxIntradayPosition.currency"
                " || quantity(self.maxOrderValue.amount).compareTo(quantity(self.maxIntradayPosition.amount)) <= 0",
                "maxOrderValue is above maxIntradayPosition: lower it",
            ),
        ],
        "spec.priceCollar": [
            Rule("quantity(self.deviation).isLessThan(quantity('1'))", "deviation must be below 1: it is a ratio")
        ],
    },
    "KillSwitch": {
        "spec": [
            _immutable("scope", "give the new one another name"),
            _immutable("action", "give the new one another name"),
            _immutable("reason", "give the new one another name"),
            Rule(
                "!has(oldSelf.release) || (has(self.release) && self.release == oldSelf.release)",
                "release cannot be changed: it is set once",
            ),
        ],
        "spec.scope": [
            Rule(
                "has(self.accounts) || has(self.pipelines) || self.namespace",
                "scope is empty: name accounts, pipelines or the namespace",
            )
        ],
    },
    "TradingModel": {},
    "TradingJob": {
        "spec": [
            _immutable("type", "delete the TradingJob first"),
            Rule(
                "!(self.type in ['Backtest', 'Sweep', 'PaperRun']) || has(self.pipeline)",
                "types Backtest, Sweep and PaperRun need pipeline: name the TradingPipeline to run",
            ),
            Rule("self.type != 'Train' || has(self.model)", "type Train needs model: name the TradingModel to train"),
            Rule(
                "self.type != 'Reconcile' || has(self.account)",
                "type Reconcile needs account: name the TradingAccount to compare",
            ),
            Rule("self.parallelism <= self.completions", "parallelism is above completions: lower it"),
        ]
    },
}
