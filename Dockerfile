# The server as an image: built from the lock file, run by nobody in particular on a read-only root.
# Build:  docker build -t saifu .
# Run:    docker run --read-only -v … saifu            (docs/operations.md, "Containers")

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /saifu
COPY Cargo.toml Cargo.lock build.rs ./
COPY .cargo .cargo
COPY proto proto
COPY migrations migrations
COPY src src
COPY config config
RUN cargo build --release --locked --bin saifu

FROM debian:bookworm-slim
# Everything that is written goes to volumes; the binary needs libc and nothing else.
COPY --from=build /saifu/target/release/saifu /usr/local/bin/saifu
USER 10001:10001
WORKDIR /var/lib/saifu
EXPOSE 8443 8081
STOPSIGNAL SIGTERM
ENTRYPOINT ["saifu"]
CMD ["serve", "--config", "/etc/saifu/saifu.toml", "--log", "info"]
