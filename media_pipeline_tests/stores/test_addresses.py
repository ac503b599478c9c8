"""Which addresses may be connected to, in every spelling that a network understands."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_pipeline.errors import FetchError
from media_pipeline.stores.addresses import Guard, is_public, look_up


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "172.32.0.1", "11.0.0.1"],
)
def test_public_addresses(address: str) -> None:
    """Also an IPv4 one behind a network that has only IPv6."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "0.1.2.3", "255.255.255.255"),
        *("169.254.169.254", "168.63.129.16", "100.64.0.1", "100.100.100.200", "192.0.0.8", "198.18.0.1"),
        *("224.0.0.1", "240.0.0.1", "192.88.99.1", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "not an address", ""),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    """Private, local, of a cloud's metadata, reserved, multicast, and IPv6 ways to any of them."""
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_a_way_through_ipv6_is_as_public_as_its_end(address: IPv4Address) -> None:
    """Mapped, and through NAT64."""
    for network in ("::ffff:0:0", "64:ff9b::"):
        assert is_public(str(ip_address(int(ip_address(network)) | int(address)))) == is_public(str(address))


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.1", "127.1", "localhost"])
def test_other_spellings_are_looked_up_before_they_are_judged(host: str) -> None:
    """The system reads them as the loopback, and so does the guard."""
    assert set(look_up(host, 80)) <= {"127.0.0.1", "::1"}
    with pytest.raises(FetchError, match="private_address"):
        Guard().addresses(host, 80)


def test_a_host_is_allowed_by_name_or_by_name_and_port() -> None:
    """Its own port only, where one is given."""
    guard = Guard(frozenset({"a.example", "b.example:8080", "[::1]:9"}), resolve=lambda _host, _port: ["10.0.0.1"])
    assert guard.addresses("A.example", 1) == ["10.0.0.1"]
    assert guard.addresses("b.example", 8080) == ["10.0.0.1"]
    assert guard.addresses("::1", 9) == ["10.0.0.1"]
    for host, port in (("b.example", 80), ("x.a.example", 80), ("::1", 10)):
        with pytest.raises(FetchError, match="private_address"):
            guard.addresses(host, port)
