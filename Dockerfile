# syntax=docker/dockerfile:1
# Each step, and what it gives when it is run by hand: docs/howto/run-in-containers.md.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS build
WORKDIR /src
COPY requirements ./requirements
# Wheels only, each of a hash that is known beforehand: nothing that is downloaded is run here. What builds the
# package stays in this stage; what it runs on goes into /venv, which has no pip.
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --no-deps -r requirements/build.txt
RUN python -m venv --without-pip /venv \
    && /build/bin/pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --no-deps -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY scores ./scores
RUN /build/bin/python -m hatchling build --target wheel --directory /dist \
    && /build/bin/pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-index --no-deps /dist/*.whl \
    && /build/bin/pip --python /venv/bin/python check

FROM python:${PYTHON}-slim-trixie
LABEL org.opencontainers.image.title="scores-server" \
    org.opencontainers.image.description="A real-time score aggregation server with exact averages, on aiohttp" \
    org.opencontainers.image.licenses="MIT AND Apache-2.0"
# The one place that the server ever writes to, and only if SCORES_STORE names a file in it.
RUN groupadd --gid 10001 scores \
    && useradd --no-log-init --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin scores \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SCORES_HOST=0.0.0.0 \
    SCORES_PORT=8000
VOLUME ["/data"]
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process answers: what does not is worth a restart. A store that is away (/readyz) is not.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['SCORES_PORT']), timeout=4); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["scores"]
CMD ["serve"]
