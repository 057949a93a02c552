# docker build -t albumen . && docker run -v /srv/photos:/data albumen
# Watches /data/inbox and keeps /data/library, unless /etc/albumen/albumen.toml or ALBUMEN_… variables say otherwise.
FROM debian:bookworm-slim

RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml README.md LICENSE /tmp/albumen/
COPY config/constraints.txt /tmp/albumen/config/
COPY daemon /tmp/albumen/daemon
RUN python3 -m venv /opt/albumen \
 && /opt/albumen/bin/pip install --no-cache-dir --require-hashes -r /tmp/albumen/config/constraints.txt \
 && /opt/albumen/bin/pip install --no-cache-dir --no-deps --no-build-isolation /tmp/albumen \
 && rm -rf /tmp/albumen \
 && useradd --uid 1000 --create-home --home-dir /data albumen

USER albumen
WORKDIR /data
VOLUME /data
ENTRYPOINT ["/opt/albumen/bin/albumen"]
CMD ["run"]
