# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches outlive the layer, so a change of one line does not rebuild all dependencies.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package roster \
    && install -D target/release/roster /out/roster

FROM debian:bookworm-slim
# Roster checks the certificates of PostgreSQL, RabbitMQ and the mail server against these roots.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
# A new volume that is mounted here takes over this owner.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin roster \
    && install --directory --owner=roster --group=roster --mode=0700 /data
COPY --from=build /out/roster /usr/local/bin/roster
COPY LICENSE-APACHE LICENSE-MIT NOTICE /usr/share/doc/roster/
USER 10001
ENV ROSTER_DATA_DIR=/data ROSTER_LISTEN=0.0.0.0:8000
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["roster"]
CMD ["serve"]
