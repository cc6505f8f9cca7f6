"""Makes ``deploy/argocd/argocd-cm.yaml``: what Argo CD has to know of our kinds, from the Lua in ``deploy/argocd/lua``.

``--check`` writes nothing and fails if the committed file is another one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parents[1] / "deploy" / "argocd"
LUA, OUTPUT = HERE / "lua", HERE / "argocd-cm.yaml"
GROUP = "tradewind.io"
HEAD = """\
# Made by hack/argocd_config.py from deploy/argocd/lua: change it there. A patch: to apply it would take out what others put into the ConfigMap.
#   kubectl -n argocd patch configmap argocd-cm --patch-file deploy/argocd/argocd-cm.yaml
"""


class _Block(str):
    """Text that is written as a block, so that people can read it."""


yaml.SafeDumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


def kinds() -> list[str]:
    """The kinds that have Lua of their own."""
    return sorted(path.parent.name for path in LUA.glob("*/health.lua"))


def health(kind: str) -> str:
    """The whole health script of a kind: what all share, then its own words."""
    return (LUA / "conditions.lua").read_text() + "\n" + (LUA / kind / "health.lua").read_text()


def actions(kind: str) -> dict[str, str]:
    """Scripts by name: ``discovery`` and each action; empty for a kind that has none."""
    found = {path.stem: path.read_text() for path in sorted((LUA / kind / "actions").glob("*.lua"))}
    return found | {"halt": (LUA / "halt.lua").read_text()} if found else {}


def config_map() -> str:
    """The ConfigMap as YAML."""
    data: dict[str, str] = {}
    for kind in kinds():
        data[f"resource.customizations.health.{GROUP}_{kind}"] = _Block(health(kind))
        scripts = actions(kind)
        if scripts:
            definitions = [
                {"name": name, "action.lua": _Block(text)} for name, text in scripts.items() if name != "discovery"
            ]
            listed = {"discovery.lua": _Block(scripts["discovery"]), "definitions": definitions}
            data[f"resource.customizations.actions.{GROUP}_{kind}"] = _Block(yaml.safe_dump(listed, sort_keys=False))
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "argocd-cm",
            "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"},
        },
        "data": data,
    }
    return HEAD + yaml.safe_dump(body, sort_keys=False, width=1000)


def main() -> int:
    made = config_map()
    if "--check" in sys.argv[1:]:
        if OUTPUT.is_file() and OUTPUT.read_text() == made:
            return 0
        print(f"{OUTPUT.name} is not what deploy/argocd/lua gives: run hack/argocd_config.py", file=sys.stderr)
        return 1
    OUTPUT.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
