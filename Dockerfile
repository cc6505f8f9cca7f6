# Two images from one build: `--target operator` and `--target worker`. They need no writable root file system.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
# A mirror, where there is one: --build-arg PIP_INDEX_URL=... --build-arg UV_DEFAULT_INDEX=...
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1
WORKDIR /src
# Dependencies first: they change less often than the code, and their layer is kept.
COPY pyproject.toml ./
COPY core/pyproject.toml core/
COPY operator/pyproject.toml operator/
COPY workers/pyproject.toml workers/
COPY cli/pyproject.toml cli/
RUN python3 -m venv /uv \
    && /uv/bin/pip install --no-cache-dir "$(sed -n 's/^ *"\(uv==[^ "]*\)",$/\1/p' pyproject.toml)" \
    && /uv/bin/uv lock -q \
    && UV_PROJECT_ENVIRONMENT=/operator /uv/bin/uv sync -q --locked --no-dev --no-install-workspace --package tradewind-operator \
    && UV_PROJECT_ENVIRONMENT=/worker /uv/bin/uv sync -q --locked --no-dev --no-install-workspace --package tradewind-workers
COPY core core
COPY operator operator
COPY workers workers
RUN UV_PROJECT_ENVIRONMENT=/operator /uv/bin/uv sync -q --locked --no-dev --no-editable --package tradewind-operator \
    && UV_PROJECT_ENVIRONMENT=/worker /uv/bin/uv sync -q --locked --no-dev --no-editable --package tradewind-workers

FROM ${BASE_IMAGE} AS operator
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/operator/bin:$PATH
COPY --from=build /operator /operator
USER 65532:65532
ENTRYPOINT ["tradewind-operator"]

FROM ${BASE_IMAGE} AS worker
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/worker/bin:$PATH
COPY --from=build /worker /worker
USER 65532:65532
ENTRYPOINT ["tradewind-worker"]
