"""Which addresses may be connected to: public ones, and those of hosts that the settings name.

URLs come from strangers. One that leads into a private network would let them read what only this machine may: the
metadata of a cloud, a database. So every name is looked up here, every address of it is checked, and the very address
that was checked is connected to (stores/wire.py): a name that changes in between leads nowhere else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from media_pipeline.errors import FetchError

Resolve = Callable[[str, int], Sequence[str]]

# Beside what `ipaddress` itself calls private, reserved or local: ways into IPv4 that end nowhere public, and the
# metadata service of a cloud that stands on a public address.
_REFUSED: Final = [
    ip_network(network)
    for network in (
        *("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"),
        *("2002::/16", "2001::/23", "64:ff9b:1::/48", "fec0::/10", "3fff::/20", "5f00::/16"),
    )
]
_NAT64: Final = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet. An IPv4 address inside an IPv6 one counts as itself."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
    is_special = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved
    return ip.is_global and not is_special and not any(ip in net for net in _REFUSED if net.version == ip.version)


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system finds them: also of `2130706433` and `0177.1`, which are 127.0.0.1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """`allowed` are the hosts (`HOST` or `HOST:PORT`) that may be anywhere."""

    allowed: frozenset[str] = frozenset()
    resolve: Resolve = look_up

    def addresses(self, host: str, port: int) -> Sequence[str]:
        """Where to connect to; FetchError for a host with an address that is not public. OSError: no such host."""
        try:
            found = self.resolve(host, port)
        except UnicodeError as error:  # a label of more than 63 characters
            raise FetchError("bad_url", f"{host}: no name of a host: {error}") from error
        shown = f"[{host}]" if ":" in host else host
        if not {shown.lower(), f"{shown.lower()}:{port}"} & self.allowed:
            for address in found:
                if not is_public(address):
                    raise FetchError("private_address", f"{host} is {address}")
        return found
