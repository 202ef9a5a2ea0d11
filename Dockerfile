FROM python:3.12-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 stagedoor \
    && install --directory --owner stagedoor --group stagedoor /data

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . ./
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

USER stagedoor
# The journal, the backups and, where there is one, stagedoor.toml.
WORKDIR /data
VOLUME /data
ENV STAGEDOOR_STORE_URL=sqlite:////data/stagedoor.db \
    BACKUP_DIR=/data/backups
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', '3000')}/healthz\", timeout=4)"]
CMD ["stagedoor", "serve"]
