"""What a namespace has in common: service accounts, logins of people to NATS, the gateways' view of halts, the three lanes."""

from __future__ import annotations

from tradewind.contract.subjects import Names
from tradewind.permissions import OBSERVER, RISK_OFFICER, of_observer, of_risk_officer

from tradewind_operator.builders.network_policy import LANES, build_network_policy
from tradewind_operator.builders.role import build_role, build_role_binding
from tradewind_operator.builders.secret import build_login
from tradewind_operator.builders.service_account import GATEWAY, WORKER, build_service_account
from tradewind_operator.kinds.workers import as_known, unwanted
from tradewind_operator.names import Key, labels
from tradewind_operator.plan import Body, Plan
from tradewind_operator.platform import Platform
from tradewind_operator.world import World


def plan_namespace(key: Key, world: World, platform: Platform) -> Plan:
    """Wanted while there is anything that runs: an account, a model, a job."""
    if not any(world.keys_of(key.namespace, kind) for kind in ("TradingAccount", "TradingModel", "TradingJob")):
        return Plan(prune=tuple(world.children(key)))
    marks, names = labels(key), Names(key.namespace)
    objects: list[Body] = [build_service_account(name, key.namespace, marks) for name in (GATEWAY, WORKER)]
    objects.append(build_role(GATEWAY, key.namespace, marks))
    objects.append(build_role_binding(GATEWAY, key.namespace, marks))
    for user, rights in ((RISK_OFFICER, of_risk_officer(names)), (OBSERVER, of_observer(names))):
        login = as_known(build_login(user, rights, key.namespace, marks, platform), key, world, platform)
        objects += [login] if login is not None else []
    if platform.network_policies:
        objects += [build_network_policy(lane, key.namespace, marks) for lane in LANES]
    return Plan(apply=tuple(objects), prune=unwanted(world, key, objects))
