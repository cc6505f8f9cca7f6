"""The Dockerfile keeps the rules that a linter does not know. ``make lint`` runs hadolint for the others."""

from __future__ import annotations

import re

from unit.house.checkout import text

DOCKERFILE = text("Dockerfile")
STAGES = {
    m[1]: m[2] for m in re.finditer(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
}
FINAL = ("operator", "worker")
COPIED = {"operator": "/operator /operator", "worker": "/worker /worker", "nats": "/nats/bin/nats-server /nats-server"}


def test_there_is_a_target_for_the_operator_one_for_the_workers_and_one_for_nats() -> None:
    assert set(STAGES) == {"build", *COPIED}


def test_the_base_image_can_be_changed() -> None:
    assert re.search(r"^ARG BASE_IMAGE=", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {
        *("${BUILD_IMAGE}", "${BASE_IMAGE}", "scratch")
    }


def test_no_frontend_is_fetched() -> None:
    assert not re.search(r"^#\s*syntax=", DOCKERFILE, re.MULTILINE)


def test_images_run_as_a_user_without_a_name_by_number_so_that_kubernetes_can_check_it() -> None:
    for name in COPIED:
        assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", STAGES[name], re.MULTILINE)


def test_images_never_import_from_the_working_directory_and_never_write_bytecode() -> None:
    for name in FINAL:
        assert {"PYTHONSAFEPATH=1", "PYTHONDONTWRITEBYTECODE=1"} <= set(STAGES[name].split())


def test_images_hold_no_tool_of_the_build() -> None:
    for name, copied in COPIED.items():
        assert "RUN" not in STAGES[name].split()
        assert re.findall(r"^COPY .*", STAGES[name], re.MULTILINE) == [f"COPY --from=build {copied}"]


def test_bytecode_is_compiled_and_versions_are_the_pinned_ones() -> None:
    assert "UV_COMPILE_BYTECODE=1" in STAGES["build"]
    assert not re.search(r"==\d", DOCKERFILE)
