# mcp-bridge together with stdio servers from PyPI, which it runs as its children: docs/stdio-in-pods.md.
#
#   scripts/image.sh
#   docker build -f docker/python-servers.Dockerfile -t mcp-bridge-python .
#
# SERVERS are what pip installs, each in a fixed version; their programs are in PATH. PIP_OPTIONS are
# for an index of your own: --index-url=...
ARG BASE=mcp-bridge
FROM ${BASE}
ARG SERVERS="mcp-server-time==2026.10.19"
ARG PIP_OPTIONS=""
USER root
RUN apt-get -q update \
    && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3-venv \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/debconf/* /var/cache/ldconfig/* \
    && python3 -m venv /opt/servers \
    && /opt/servers/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
       ${PIP_OPTIONS} ${SERVERS}
# Python need not try to write beside its files, which it can't.
ENV PATH=/opt/servers/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
