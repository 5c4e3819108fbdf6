# One image with two programs that share no code: `idp` and `fse-portal`.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/idp \
 && /opt/idp/bin/pip install --require-hashes --only-binary :all: -r requirements/runtime.txt \
 && pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY idp idp
COPY plugins plugins
COPY templates templates
COPY config config
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/idp/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent idp \
 && install -d -o idp -g idp -m 0700 /run/idp /run/portal /var/lib/portal \
 && install -d -o idp -g idp -m 0755 /run/database /run/valkey
COPY --from=build /opt/idp /opt/idp
COPY config /etc/idp
ENV PATH=/opt/idp/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 IDP_CONFIG=/etc/idp/idp.yaml
USER 10001:10001
EXPOSE 8000 8081
CMD ["idp", "serve"]
