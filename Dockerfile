# The checkout as an image: `docker build -t plugram .`, `docker run --env-file .env plugram`.
# `scripts/image` runs these steps without Docker.
FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/plugram
ENV PATH=/opt/plugram/bin:$PATH
WORKDIR /src
COPY requirements-deploy.lock ./
RUN pip install --no-compile --require-hashes -r requirements-deploy.lock
COPY pyproject.toml README.md LICENSE ./
COPY settings settings
COPY core core
COPY plugram plugram
COPY playground playground
COPY plugins plugins
RUN pip install --no-compile --no-deps --no-build-isolation . && python -m compileall -q -j 0 -x olefile2 /opt/plugram

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Plugram" \
      org.opencontainers.image.description="A Telegram bot that is whatever its settings say" \
      org.opencontainers.image.licenses="MIT"
# OCR: each language is 1 to 4 MB; take out what your users don't write.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends \
        tesseract-ocr tesseract-ocr-osd tesseract-ocr-eng tesseract-ocr-rus tesseract-ocr-spa \
        tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-ita tesseract-ocr-por tesseract-ocr-ukr \
        tesseract-ocr-ell tesseract-ocr-ara tesseract-ocr-heb tesseract-ocr-hin tesseract-ocr-tha \
        tesseract-ocr-chi-sim tesseract-ocr-chi-tra tesseract-ocr-jpn tesseract-ocr-kor \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home plugram && install -d -o plugram -g plugram /data /app
COPY --from=build /opt/plugram /opt/plugram
# settings.toml and your own plugins are mounted at /app; everything the bot keeps is in /data.
ENV PATH=/opt/plugram/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PLUGRAM_ROOT=/app \
    PLUGRAM_DATA_DIR=/data \
    PLUGRAM_WEB__HOST=0.0.0.0 \
    PLUGRAM_WEB__PORT=8081
WORKDIR /app
USER 10001
VOLUME /data
EXPOSE 8081
# Of bot and worker alike; asks the port that the variables name. /app, where it runs, isn't looked into.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-I", "-m", "core.alive"]
ENTRYPOINT ["plugram"]
CMD ["run"]
