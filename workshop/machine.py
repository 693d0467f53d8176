"""How other machines call this one."""

import socket


def names() -> list[str]:
    """Return this machine's name and addresses, as they may stand in a URL."""
    name = socket.gethostname()
    try:
        addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(name, None)]
    except OSError:  # a machine that cannot resolve its own name is common, and no reason not to start
        addresses = []
    found = [name, f"{name}.local", *addresses, address()]
    return [in_url(host.split("%")[0]) for host in found if host]


def address() -> str | None:
    """Return the address from which this machine reaches others. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
