"""What the booking participants have in common: numbers that follow from the saga, so asking twice books once."""

import hashlib


def number(saga_id: str, step: str) -> str:
    """Return a booking number, the same for the same step of the same saga."""
    return f"{step[:2].upper()}-{_digest(saga_id, step).hex()[:6].upper()}"


def pick(offers: tuple[str, ...], saga_id: str, step: str) -> str:
    """Return one of the offers, the same for the same step of the same saga."""
    return offers[_digest(saga_id, step)[0] % len(offers)]


def _digest(saga_id: str, step: str) -> bytes:
    return hashlib.sha256(f"{saga_id}.{step}".encode()).digest()
