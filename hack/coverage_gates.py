"""Runs the tests and fails if they reach less than 80 % of the code's lines, or 95 % of the domain's.

CI and ``make coverage`` call it. What is given on the command line goes to pytest. The last line is pytest's own, and
so is the exit code, unless the tests pass and a gate does not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OVERALL, DOMAIN = 80, 95
WORKERS = "workers/tradewind_workers"
PURE_GATEWAY = (
    *("books", "closing", "effects", "exposure", "folded", "gateway", "latches", "ledger", "limits"),
    *("order_ids", "orders", "reference_price", "reports", "status"),
)
DOMAIN_FILES = [
    "core/tradewind/*",
    f"{WORKERS}/stages/*",
    f"{WORKERS}/controls/*",
    *(f"{WORKERS}/gateway/{name}.py" for name in PURE_GATEWAY),
]


def run_tests(arguments: list[str]) -> tuple[int, str]:
    """Exit code and last line of pytest, whose output is passed on as it comes."""
    command = [sys.executable, "-m", "pytest", "--cov", "--cov-report=", *arguments]
    last = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        for line in tests.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = line if line.strip() else last
    return tests.returncode, last


def reached(name: str, at_least: int, include: list[str]) -> bool:
    """Whether enough lines are reached; says how many, and where not."""
    command = [sys.executable, "-m", "coverage", "report", f"--fail-under={at_least}", "--skip-covered", "-m"]
    if include:
        command.append("--include=" + ",".join(include))
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = "enough" if report.returncode == 0 else "TOO LITTLE"
    print(f"{report.stdout}{report.stderr}lines reached, {name}: {verdict} (at least {at_least} %)\n")
    return report.returncode == 0


def main() -> int:
    code, last = run_tests(sys.argv[1:])
    gates = [reached("everything", OVERALL, []), reached("the domain", DOMAIN, DOMAIN_FILES)]
    sys.stdout.write(last)
    return code or (0 if all(gates) else 1)


if __name__ == "__main__":
    sys.exit(main())
