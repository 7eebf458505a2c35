# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connectors with every field, as a person would write them, and accepted by every rule that concerns one alone."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Raw = dict[str, Any]

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=2, max_size=4).map(".".join).filter(lambda name: not name[-1].isdigit())
# Letters whose lower case has another length or another upper case are among them: names are compared without case.
TEXTS = st.text(
    st.one_of(
        st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FFF), st.sampled_from(" ;,:[]*\u0130\u00df")
    ),
    max_size=40,
).map(str.strip)
NAMES = TEXTS.filter(bool)
COSTS = st.integers(1, 100)
PORTS = st.integers(1, 65535)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
PATHS = st.lists(LABELS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
SIZES = st.one_of(
    st.just("unlimited"),
    st.integers(1, 2147483647),
    st.builds(
        "{}{}{}".format, st.integers(1, 1900), st.sampled_from(["", " "]), st.sampled_from(["KB", "MB", "kb", "B"])
    ),
)
DURATIONS = st.one_of(
    st.integers(0, 100000).map(str),
    st.builds("{}{}".format, st.integers(0, 999), st.sampled_from("smhd")),
    st.builds("{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)),
    st.builds("{}.{:02}:00:00".format, st.integers(0, 9), st.integers(0, 23)),
)
CERTIFICATE_NAMES = st.one_of(DOMAINS, DOMAINS.map("*.{}".format))
SENDERS = st.one_of(CERTIFICATE_NAMES, st.builds("{}@{}".format, LABELS, DOMAINS))
TIMES = st.builds(
    "{}{:02}:{:02}-{:02}:00".format,
    st.sampled_from(["", "mon ", "mon-fri ", "Sat-Sun "]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 24),
)
PASSWORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=20)


@st.composite
def cased(draw: Any, words: st.SearchStrategy[str]) -> str:
    """The same word in another case, which means the same."""
    word = draw(words)
    return draw(st.sampled_from([word, word.upper(), word.title()]))


def patterns(domains: st.SearchStrategy[str] = DOMAINS, everything: bool = True) -> st.SearchStrategy[str]:
    ways = [domains, domains.map("*.{}".format)]
    return st.one_of(*ways, st.just("*")) if everything else st.one_of(*ways)


@st.composite
def written_spaces(draw: Any, pattern: str, cost: int | None = None) -> Any:
    """One address space in one of the ways it may be written."""
    cost = draw(COSTS) if cost is None else cost
    way = draw(st.integers(0, 3))
    if way == 0:
        return {"domain": pattern, "cost": cost, **draw(st.sampled_from([{}, {"type": "smtp"}]))}
    prefix = draw(st.sampled_from(["", "SMTP:", "smtp:"]))
    return prefix + pattern + ("" if cost == 1 and way == 1 else f";{cost}")


@st.composite
def written_smart_hosts(draw: Any, host: str, port: int | None = None) -> Any:
    """A name or address with a port or without, in one of the ways it may be written."""
    shown = host if "." in host and not host[-1].isdigit() else draw(st.sampled_from([f"[{host}]", host]))
    way = draw(st.integers(0, 3))
    if way == 0:
        return {"host": host, **({} if port is None else {"port": port})}
    if port is None:
        return shown
    return f"[{host}]:{port}" if ":" in host else f"{shown}:{port}"


@st.composite
def smart_hosts(draw: Any) -> Any:
    host = draw(st.one_of(DOMAINS, ADDRESSES))
    port = draw(st.one_of(st.none(), PORTS))
    if host[-1].isalpha() and "." in host and ":" not in host and draw(st.integers(0, 5)) == 0:
        return {"host": host, "mx": True, **({} if port is None else {"port": port})}
    return draw(written_smart_hosts(host, port))


def _links() -> st.SearchStrategy[Any]:
    names = NAMES.map(lambda name: name[:32])
    return st.one_of(names, st.builds(lambda name, cost: {"name": name, "cost": cost}, names, COSTS))


def _group_name(link: Any) -> str:
    return str(link["name"] if isinstance(link, dict) else link).strip().lower()


@st.composite
def tls_settings(draw: Any) -> Raw:
    level = draw(st.sampled_from(["none", "opportunistic", "encrypt", "verify", "chain_only", "dane", "dane_only"]))
    tls: Raw = {"level": level}
    if level == "verify":
        tls["names"] = draw(st.lists(CERTIFICATE_NAMES, min_size=1, max_size=3))
    if level in ("verify", "chain_only") and draw(st.booleans()):
        tls["ca_file"] = draw(PATHS)
    if draw(st.integers(0, 3)) == 0:
        tls["certificate"] = draw(st.one_of(PATHS, st.just("<I>CN=Contoso CA<S>CN=mail.contoso.com")))
    return tls


@st.composite
def authentications(draw: Any, encrypted: bool) -> Raw:
    mechanism = draw(st.sampled_from(["none", "basic", "exchange_server", *(["basic_over_tls"] if encrypted else [])]))
    if mechanism in ("none", "exchange_server"):
        return {"mechanism": mechanism}
    return {
        "mechanism": mechanism,
        "username": draw(TEXTS.map(lambda text: text.replace(":", "").strip()).filter(bool)),
        "password": draw(PASSWORDS),
        "allow_cleartext_password": mechanism == "basic" or draw(st.booleans()),
        **draw(st.sampled_from([{}, {"update_password": "always"}])),
    }


_NATIVE = st.dictionaries(
    st.from_regex(r"[a-z]{3,10}(_[a-z]{2,8}){0,2}", fullmatch=True),
    st.one_of(TEXTS, st.integers(0, 999), st.booleans()),
    max_size=3,
)


@st.composite
def connectors(draw: Any, name: str | None = None) -> Raw:
    """One connector with a few, many or all fields set."""
    raw: Raw = {
        "name": draw(NAMES) if name is None else name,
        "bridgeheads": draw(st.lists(cased(LABELS), min_size=1, max_size=3)),
    }
    hosts = draw(st.lists(smart_hosts(), max_size=3))
    if hosts:
        raw["smart_hosts"] = hosts
        if draw(st.booleans()):
            raw["port"] = draw(PORTS)
    scoped = draw(st.booleans())
    raw["scope"] = "routing_group" if scoped else "organization"
    linked = bool(hosts) and draw(st.integers(0, 2)) == 0
    chosen = draw(
        st.lists(
            patterns(everything=scoped or not linked), unique=True, max_size=4, min_size=int(not (scoped and linked))
        )
    )
    raw["address_spaces"] = [draw(written_spaces(pattern)) for pattern in chosen]
    if draw(st.integers(0, 5)) == 0:
        raw["address_spaces"].append("X400:g=mail;o=contoso;7")
    if linked:
        raw["connected_routing_groups"] = draw(st.lists(_links(), min_size=1, max_size=3, unique_by=_group_name))
    if "*" not in chosen:
        raw["relay"] = draw(st.booleans())
    if draw(st.booleans()):
        raw["tls"] = draw(tls_settings())
    encrypted = raw.get("tls", {}).get("level", "none") not in ("none", "opportunistic")
    if hosts and draw(st.booleans()):
        raw["authentication"] = draw(authentications(encrypted))
    plain = raw.get("authentication", {}).get("mechanism", "none") == "none" and not encrypted
    if draw(st.booleans()):
        raw["helo"] = {"name": draw(DOMAINS), "command": draw(st.sampled_from(["ehlo", *(["helo"] if plain else [])]))}
    raw.update(
        draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "enabled": st.booleans(),
                    "comment": TEXTS,
                    "max_message_size": SIZES,
                    "limits": st.fixed_dictionaries(
                        {},
                        optional={
                            "connections": st.integers(1, 10000),
                            "messages_per_connection": st.integers(1, 100000),
                            "inactivity_timeout": DURATIONS,
                            "rate_delay": DURATIONS,
                        },
                    ),
                    "log": st.sampled_from(["none", "verbose", False]),
                    "delivery": st.one_of(
                        st.sampled_from([{"when": "always"}, {"when": "never"}, {"when": "on_request"}]),
                        st.builds(
                            lambda times: {"when": "times", "times": times}, st.lists(TIMES, min_size=1, max_size=2)
                        ),
                        st.builds(lambda interval: {"when": "interval", "interval": interval}, DURATIONS),
                    ),
                    "restrictions": st.fixed_dictionaries(
                        {},
                        optional={
                            "default": st.sampled_from(["accept", "reject"]),
                            "accept_from": st.lists(SENDERS, max_size=2),
                            "reject_from": st.lists(SENDERS, max_size=2),
                        },
                    ),
                    "exchange": _NATIVE,
                    "postfix": _NATIVE,
                },
            )
        )
    )
    return raw


@st.composite
def written_hosts(draw: Any) -> dict[str, Raw]:
    """The option hosts: a dict by inventory name."""
    fields = st.fixed_dictionaries(
        {},
        optional={
            "system": st.sampled_from(["exchange", "postfix"]),
            "address": st.one_of(DOMAINS, ADDRESSES, ADDRESSES.map("[{}]:2525".format), DOMAINS.map("{}:587".format)),
            "routing_group": NAMES,
            "server_name": LABELS,
            "networks": st.lists(
                st.one_of(ADDRESSES, st.builds("10.{}.0.0/16".format, st.integers(0, 255)), st.just("2001:db8::/32")),
                max_size=3,
            ),
            "local_domains": st.lists(cased(DOMAINS), max_size=3),
            "tls": tls_settings(),
        },
    )
    names = draw(st.lists(LABELS, unique=True, max_size=4))
    return {draw(cased(st.just(name))): draw(fields) for name in names}


@st.composite
def written_groups(draw: Any) -> list[Raw]:
    """The option routing_groups."""
    names = draw(st.lists(NAMES, unique_by=str.lower, max_size=4))
    domains = st.lists(patterns(everything=False), max_size=4)
    return [{"name": name, "domains": draw(domains)} for name in names]
