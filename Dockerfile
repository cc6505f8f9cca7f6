# Two images from one build: `--target operator` and `--target worker`.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /src
COPY pyproject.toml ./
COPY core core
COPY operator operator
COPY workers workers
COPY cli cli
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir uv==0.13.8 \
    && /uv/bin/uv lock -q \
    && UV_PROJECT_ENVIRONMENT=/operator /uv/bin/uv sync -q --no-dev --no-editable --package tradewind-operator \
    && UV_PROJECT_ENVIRONMENT=/worker /uv/bin/uv sync -q --no-dev --no-editable --package tradewind-workers

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
