# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A message that is being delivered while its connector goes arrives once."""

from __future__ import annotations

import threading

import pytest

from lab.bridgehead import MEANT, SETTINGS, Bridgehead
from lab.sink import Sink
from lab.waiting import wait_until


def connector(name: str, smart_host: str) -> dict[str, object]:
    return {
        "name": name,
        "address_spaces": ["partner.example"],
        "smart_hosts": [f"[{smart_host}]"],
        "bridgeheads": ["b1"],
    }


@pytest.mark.parametrize("other", [[], [{**connector("other", "192.0.2.33"), "address_spaces": ["*"]}]])
def test_the_service_goes_when_its_delivery_has_ended(make_instance, other) -> None:
    """The smart host has the message, and its answer comes late. other: what stays in force beside it."""
    bridgehead = Bridgehead(make_instance("b1", "127.0.0.11", settings=SETTINGS))
    answer = threading.Event()
    with Sink("192.0.2.31", faults={"kept": answer}) as old, Sink("192.0.2.32") as new:
        bridgehead.provision([connector("old", old.address), *other])
        bridgehead.instance.sendmail("app@b1.lab.example", "anna@partner.example")
        old.wait_for(1)
        changing = threading.Thread(
            target=bridgehead.provision,
            args=([connector("new", new.address), *other],),
            kwargs={"purge": True, "allow_unsafe": MEANT},
        )
        changing.start()
        wait_until(lambda: new.address in transport(bridgehead), "the route changes")
        # Later mail goes the new way, while the old delivery goes on.
        bridgehead.instance.sendmail("app@b1.lab.example", "ben@partner.example")
        new.wait_for(1)
        changing.join(2)
        assert "connector-old-" in bridgehead.instance.master_cf()
        answer.set()
        changing.join(60)
        assert not changing.is_alive()
        assert "connector-old-" not in bridgehead.instance.master_cf()
        bridgehead.instance.wait_for_empty_queue()
        assert [message.to for message in old.messages] == [("anna@partner.example",)]
        assert [message.to for message in new.messages] == [("ben@partner.example",)]


def transport(bridgehead: Bridgehead) -> str:
    return (bridgehead.directory / "connectors" / "transport").read_text(encoding="utf-8")
