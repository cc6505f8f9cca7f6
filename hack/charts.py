"""Writes what follows from the charts: their READMEs, and ``deploy/platform.yaml`` for people without Helm.

``--check`` says what differs. Called by ``make charts`` and CI. Needs helm, which is built once, see ``go_programs``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from go_programs import HELM, installed

ROOT = Path(__file__).resolve().parent.parent
CHARTS = ROOT / "charts"
NAMESPACE = "tradewind-system"
MADE = "# Made from charts/tradewind with its default values by `make charts`: change the chart, not this file.\n"
OF_HELM = ("helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")


def rendered(chart: str, *options: str) -> list[dict[str, Any]]:
    """The objects of a chart, as helm makes them.

    Raises:
        subprocess.CalledProcessError: helm refuses the values; its words are in ``stderr``.
    """
    command = [str(installed(HELM)), "template", "tradewind", str(CHARTS / chart), "--namespace", NAMESPACE, *options]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [document for document in yaml.safe_load_all(said) if document]


def platform() -> str:
    """The chart's objects without Helm's own marks and without the pods of ``helm test``."""
    wanted = [one for one in rendered("tradewind") if "helm.sh/hook" not in one["metadata"].get("annotations", {})]
    for one in wanted:
        labels = {name: text for name, text in one["metadata"].pop("labels", {}).items() if name not in OF_HELM}
        one["metadata"] |= {"labels": labels} if labels else {}
    return MADE + yaml.safe_dump_all(wanted, sort_keys=False, width=150)


def readme(chart: str) -> str:
    """The chart's README: what it is, how it is installed, every value."""
    about = yaml.safe_load((CHARTS / chart / "Chart.yaml").read_text())
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
    values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    rows = [f"| `{path}` | `{default}` | {text} |" for path, default, text in _rows(schema, values, "")]
    return "\n".join(
        [
            f"# {chart}",
            "",
            f"{about['description']}. Version {about['version']}, for Kubernetes {about['kubeVersion'].removesuffix('-0')}.",
            "",
            "```",
            f"helm install {chart} charts/{chart} --namespace {NAMESPACE} --create-namespace",
            "```",
            "",
            "| value | default | what it is |",
            "| --- | --- | --- |",
            *rows,
            "",
            "Made from values.schema.json and values.yaml by `make charts`. A value that is not here is refused.",
            "",
        ]
    )


def _rows(schema: dict[str, Any], values: Any, path: str) -> Iterator[tuple[str, str, str]]:
    for name, part in schema.get("properties", {}).items():
        if name not in values:
            continue
        if "description" in part:
            yield path + name, json.dumps(values[name]), part["description"]
        else:
            yield from _rows(part, values[name], f"{path}{name}.")


def main() -> int:
    wanted = {ROOT / "deploy" / "platform.yaml": platform()}
    wanted |= {CHARTS / chart / "README.md": readme(chart) for chart in ("tradewind", "tradewind-crds")}
    if "--check" not in sys.argv[1:]:
        for path, text in wanted.items():
            path.write_text(text)
        return 0
    wrong = [
        str(path.relative_to(ROOT)) for path, text in wanted.items() if not path.is_file() or path.read_text() != text
    ]
    if wrong:
        sys.stderr.write(f"not what the charts give: {', '.join(wrong)}: run `make charts`\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
