# One image for every process. It writes nowhere but into /tmp, so it runs with a read-only root:
#   docker build -t saga-workshop . && export INSTRUCTOR_PASSWORD=...
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -e INSTRUCTOR_PASSWORD saga-workshop
# Without a password it does not start, as it cannot know to whom the port is open.
# The embedded broker comes as a wheel for glibc, so the base cannot be Alpine.
ARG PYTHON=python:3.13.11-slim-bookworm

FROM $PYTHON AS packages
COPY requirements.txt /
RUN python -m venv --without-pip /venv \
    && pip --python /venv install --no-cache-dir --disable-pip-version-check \
        --require-hashes --requirement /requirements.txt

FROM $PYTHON
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin workshop \
    && install --directory --owner=workshop --mode=755 /secrets
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py ./
COPY saga saga
COPY consumers consumers
COPY dashboard dashboard
COPY workshop workshop
COPY templates templates
COPY static static
# Compiled here, because nothing can be kept later.
RUN /venv/bin/python -m compileall -q .
USER workshop
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 VAR_DIR=/tmp/workshop
EXPOSE 8000
ENTRYPOINT ["python", "manage.py"]
CMD ["run"]
