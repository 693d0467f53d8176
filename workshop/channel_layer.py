"""How web processes and projectors reach each other: inside one process, or over Redis."""

import time
from collections.abc import Callable
from typing import Any

from workshop.config import Config

ANSWER_S = 2.0
CHECK_EVERY_S = 1.0


def channel_layers(config: Config) -> dict[str, dict[str, Any]]:
    """Return Django's CHANNEL_LAYERS."""
    if not config.redis_url:
        # It would forget after a day who belongs to a group, however often that one listens.
        forever = {"group_expiry": float("inf")}
        return {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": forever}}
    # The other layer of this library keeps queues of a hundred, and drops what is more.
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    return {"default": {"BACKEND": backend, "CONFIG": {"hosts": [_host(config.redis_url)]}}}


class RedisProbe:
    """A health probe that asks Redis at most once a second, however often it is called."""

    def __init__(self, url: str) -> None:
        import redis
        from redis.retry import Retry

        self._error = redis.RedisError
        self._client = redis.Redis.from_url(url, socket_timeout=ANSWER_S, **_patience(Retry))
        self._asked_at = float("-inf")
        self._trouble = ""

    def __call__(self) -> str:
        """Return what is wrong, or nothing."""
        if time.monotonic() - self._asked_at >= CHECK_EVERY_S:
            self._trouble = self._ask()
            self._asked_at = time.monotonic()
        return self._trouble

    def _ask(self) -> str:
        try:
            self._client.ping()
        except self._error as error:
            return f"Redis does not answer, pages look for news once a second: {error}"
        return ""


def _host(url: str) -> dict[str, Any]:
    from redis.asyncio.retry import Retry

    # None: a silence of any length is normal on a subscription. That somebody is there, the health check asks.
    silence = {"socket_timeout": None, "health_check_interval": 10, "socket_keepalive": True}
    return {"address": url} | silence | _patience(Retry)


def _patience(retry: Callable[..., Any]) -> dict[str, Any]:
    """Once more at once, on a new connection: whoever waits longer holds up a request.

    Clients with asyncio and without have a `retry` of their own each; with the other's, nothing is tried again.
    """
    from redis.backoff import NoBackoff

    return {"socket_connect_timeout": ANSWER_S, "retry": retry(NoBackoff(), 1)}
