# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bad input gets: an error that names the connector, the field, the value and the remedy."""

from __future__ import annotations

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ConnectorError, Problems
from ansible_collections.mailops.connectors.plugins.module_utils.connector.model import read_connectors

CONTOSO = {"name": "To Contoso", "address_spaces": ["contoso.com"], "bridgeheads": ["mail1"]}
SMART = {"smart_hosts": ["smart.contoso.com"]}
SECRET = "hunter2-secret"
LOGIN = {"mechanism": "basic_over_tls", "username": "carrier", "password": SECRET}
ENCRYPTED = {"tls": {"level": "encrypt"}}
TO_DALLAS = {"connected_routing_groups": ["Dallas"], **SMART}


def problems_of(*connectors):
    problems = Problems()
    read_connectors(list(connectors), problems)
    return problems.found


# fmt: off
# fields given, field in the message, value in the message, words of the message, words of the remedy
REFUSED = [
    pytest.param(fields, field, value, message, remedy, id=name)
    for name, fields, field, value, message, remedy in [
        ("cost 0", {"address_spaces": ["contoso.com;0"]}, "address_spaces", "contoso.com;0", "cost", "1 to 100"),
        ("cost 101", {"address_spaces": ["contoso.com;101"]}, "address_spaces", "contoso.com;101", "cost", "1 to 100"),
        ("cost 101 in a dict", {"address_spaces": [{"domain": "contoso.com", "cost": 101}]},
         "address_spaces", "contoso.com", "cost", "1 to 100"),
        ("cost that is no number", {"address_spaces": ["contoso.com;1_0"]}, "address_spaces", "contoso.com;1_0",
         "cost", "1 to"),
        ("empty cost", {"address_spaces": ["contoso.com;"]}, "address_spaces", "contoso.com;", "cost", "1 to 100"),
        ("*contoso.com", {"address_spaces": ["*contoso.com"]}, "address_spaces", "*contoso.com", "wrong place",
         "*.contoso"),
        ("star in the middle", {"address_spaces": ["a.*.com"]}, "address_spaces", "a.*.com", "wrong place",
         "*.contoso"),
        ("two stars", {"address_spaces": ["*.*.com"]}, "address_spaces", "*.*.com", "wrong place", "*.contoso.com"),
        ("address with @", {"address_spaces": ["@contoso.com"]}, "address_spaces", "@contoso.com", "@", "contoso.com"),
        ("address of a host", {"address_spaces": ["192.0.2.1"]}, "address_spaces", "192.0.2.1", "IP address",
         "mail domain"),
        ("no address space", {"address_spaces": []}, "address_spaces", "", "no address space", "name a domain"),
        ("address space left out", {"address_spaces": None}, "address_spaces", "", "no address space", "name a domain"),
        ("no address space, organization scope", {"address_spaces": [], **TO_DALLAS},
         "address_spaces", "", "no address space", "name a domain"),
        ("trailing dot", {"address_spaces": ["contoso.com."]}, "address_spaces", "contoso.com.", "dot",
         "without the trailing"),
        ("trailing dot of a smart host", {"smart_hosts": ["smart.contoso.com."]},
         "smart_hosts", "smart.contoso.com.", "dot", "without the trailing"),
        ("trailing dot of a bridgehead", {"bridgeheads": ["mail1."]}, "bridgeheads", "mail1.", "dot",
         "without the trailing"),
        ("trailing dot of the helo name", {"helo": {"name": "a.b."}}, "helo", "a.b.", "name ends in a dot", "without"),
        ("trailing dot of a TLS name", {"tls": {"level": "verify", "names": ["a.b."]}}, "tls", "a.b.", "dot",
         "without"),
        ("control character", {"address_spaces": ["con\x07toso.com"]}, "address_spaces", "con\\x07toso", "control",
         "remove"),
        ("line end", {"address_spaces": [{"domain": "contoso.com\n"}]}, "address_spaces", "contoso.com\\x0a",
         "control", "remove"),
        ("control character in a comment", {"comment": "a\x1bb"}, "comment", "a\\x1bb", "control character", "remove"),
        ("line separator", {"comment": "a\u2028b"}, "comment", "a\\x2028b", "control character", "remove"),
        ("control character in a smart host", {"smart_hosts": [{"host": "a\tb"}]}, "smart_hosts", "a\\x09b", "control",
         "remove"),
        ("control character in a bridgehead", {"bridgeheads": ["a\x00"]}, "bridgeheads", "a\\x00", "control", "remove"),
        ("control character in a number", {"port": "25\n", **SMART}, "port", "25\\x0a", "control character", "remove"),
        ("same space twice", {"address_spaces": ["contoso.com;1", "Contoso.COM;2"]},
         "address_spaces", "contoso.com;2", "already", "keep one cost"),
        ("unknown field of a space", {"address_spaces": [{"domain": "a.b", "weight": 1}]},
         "address_spaces", "weight", "needs domain", "write {domain"),
        ("smart host URL", {"smart_hosts": ["smtp://smart.contoso.com"]},
         "smart_hosts", "smtp://smart.contoso.com", "URL", "host alone"),
        ("smart host with a path", {"smart_hosts": ["smart.contoso.com/x"]}, "smart_hosts", "smart.contoso.com/x",
         "URL", "alone"),
        ("smart host with an account", {"smart_hosts": ["carrier@smart.contoso.com"]}, "smart_hosts", "", "user name",
         "authentication"),
        ("smart host with a bad address", {"smart_hosts": ["192.0.2.300"]}, "smart_hosts", "192.0.2.300", "IP address",
         "correct"),
        ("smart host with a bad name", {"smart_hosts": ["smart_-.com"]}, "smart_hosts", "smart_-.com",
         "not a smart host", "DNS name"),
        ("smart host port 0", {"smart_hosts": ["a.com:0"]}, "smart_hosts", "a.com:0", "out of range", "1 to 65535"),
        ("smart host with two ports", {"smart_hosts": [{"host": "a.com:25", "port": 26}]}, "smart_hosts", "a.com:25",
         "two", "once"),
        ("mx of an address", {"smart_hosts": [{"host": "192.0.2.1", "mx": True}]}, "smart_hosts", "192.0.2.1", "no MX",
         "leave mx"),
        ("port 0", {"port": 0, **SMART}, "port", "0", "out of range", "1 to 65535"),
        ("port 65536", {"port": 65536, **SMART}, "port", "65536", "out of range", "1 to 65535"),
        ("port that is true", {"port": True, **SMART}, "port", "True", "not a whole number", "1 to 65535"),
        ("port without smart host", {"port": 587}, "port", "", "needs a smart host", "smart_hosts"),
        ("no bridgehead", {"bridgeheads": []}, "bridgeheads", "", "no host", "at least one"),
        ("unknown scope", {"scope": "world"}, "scope", "world", "not known", "organization, routing_group"),
        ("relay on *", {"address_spaces": ["*"], "relay": True}, "relay", "*", "open relay", "relay: false"),
        ("relay on a top-level domain", {"address_spaces": ["*.com"], "relay": True}, "relay", "*.com", "top-level",
         "whole mail"),
        ("relay on a single label", {"address_spaces": ["com"], "relay": True}, "relay", "com", "top-level",
         "whole mail"),
        ("relay on a single label beside groups",
         {"address_spaces": ["*", "com"], "relay": True, "scope": "routing_group", **TO_DALLAS},
         "relay", "com", "top-level", "whole mail"),
        ("group cost 0", {**TO_DALLAS, "connected_routing_groups": [{"name": "Dallas", "cost": 0}]},
         "connected_routing_groups", "0", "out of range", "1 to"),
        ("group twice", {**TO_DALLAS, "connected_routing_groups": ["Dallas", {"name": "dallas", "cost": 2}]},
         "connected_routing_groups", "dallas", "twice", "keep one"),
        ("groups without smart hosts", {"connected_routing_groups": ["Dallas"]}, "smart_hosts", "", "needed",
         "bridgeheads of"),
        ("default route with groups", {"address_spaces": ["*"], **TO_DALLAS}, "address_spaces", "*", "default route",
         "scope"),
        ("unknown TLS level", {"tls": {"level": "starttls"}}, "tls", "starttls", "level is not known", "opportunistic"),
        ("names without verify", {"tls": {"level": "encrypt", "names": ["a.b"]}}, "tls.names", "", "not looked at",
         "verify"),
        ("ca_file without verify", {"tls": {"ca_file": "/a.pem"}}, "tls.ca_file", "", "not looked at", "verify"),
        ("names with chain_only", {"tls": {"level": "chain_only", "names": ["a.b"]}}, "tls.names", "a.b",
         "not looked at", "verify"),
        ("verify of an address", {"smart_hosts": ["[192.0.2.1]"], "tls": {"level": "verify"}},
         "tls.names", "[192.0.2.1]", "IP address", "certificate carries"),
        ("relative ca_file", {"tls": {"level": "verify", "ca_file": "ca.pem"}}, "tls", "ca.pem", "ca_file", "/etc/ssl"),
        ("unknown TLS field", {"tls": {"levels": "verify"}}, "tls", "levels", "no field", 'did you mean "level"'),
        ("tls that is no dict", {"tls": "verify"}, "tls", "str", "not a dict", "level, names"),
        ("basic in clear text", {**SMART, "authentication": {**LOGIN, "mechanism": "basic"}},
         "authentication.mechanism", "basic", "clear text", "allow_cleartext_password: true"),
        ("basic_over_tls without TLS", {**SMART, "authentication": LOGIN},
         "authentication.mechanism", "basic_over_tls", "level is opportunistic", "encrypt"),
        ("basic_over_tls with TLS off", {**SMART, "tls": {"level": "none"}, "authentication": LOGIN},
         "authentication.mechanism", "basic_over_tls", "level is none", "encrypt"),
        ("login without smart host", {"authentication": LOGIN, **ENCRYPTED},
         "authentication.mechanism", "basic_over_tls", "needs a smart host", "smart_hosts"),
        ("login without a name", {**SMART, **ENCRYPTED, "authentication": {**LOGIN, "username": ""}},
         "authentication.username", "", "missing", "account"),
        ("colon in the user name", {**SMART, **ENCRYPTED, "authentication": {**LOGIN, "username": "a:b"}},
         "authentication.username", "a:b", "colon", "account"),
        ("short password", {**SMART, **ENCRYPTED, "authentication": {**LOGIN, "password": "abc"}},
         "authentication", "", "password is shorter than 4", "longer"),
        ("user name without mechanism", {"authentication": {"username": "carrier"}},
         "authentication.username", "", "not used", "basic_over_tls"),
        ("password without mechanism", {"authentication": {"password": SECRET}},
         "authentication.password", "", "not used", "basic_over_tls"),
        ("password of a mechanism that has none",
         {**SMART, "authentication": {**LOGIN, "mechanism": "exchange_server"}},
         "authentication.password", "", "not used", "basic_over_tls"),
        ("helo with required TLS", {**ENCRYPTED, "helo": {"command": "helo"}}, "helo.command", "helo", "neither TLS",
         "ehlo"),
        ("helo with a login", {**SMART, "helo": {"command": "helo"},
                               "authentication": {**LOGIN, "mechanism": "basic", "allow_cleartext_password": True}},
         "helo.command", "helo", "nor authentication", "ehlo"),
        ("size", {"max_message_size": "35 megabytes"}, "max_message_size", "35 megabytes", "not a size", "35MB"),
        ("size 0", {"max_message_size": 0}, "max_message_size", "0", "out of range", "unlimited"),
        ("size beyond 2 GB", {"max_message_size": "2GB"}, "max_message_size", "2GB", "out of range", "unlimited"),
        ("connections 0", {"limits": {"connections": 0}}, "limits", "0", "connections is out of range", "1 to"),
        ("duration", {"limits": {"rate_delay": "soon"}}, "limits", "soon", "rate_delay is not a duration", "30s"),
        ("log", {"log": "all"}, "log", "all", "not known", "none, verbose"),
        ("enabled", {"enabled": "perhaps"}, "enabled", "perhaps", "neither true nor false", "true or false"),
        ("state", {"state": "gone"}, "state", "gone", "not known", "present, absent"),
        ("comment too long", {"comment": "x" * 256}, "comment", "xxx", "256 characters", "0 to 255"),
        ("times without when", {"delivery": {"times": ["20:00-06:00"]}}, "delivery.times", "20:00-06:00",
         "when: times", "when"),
        ("when without times", {"delivery": {"when": "times"}}, "delivery.times", "", "when: times", "when"),
        ("interval without when", {"delivery": {"interval": "5m"}}, "delivery.interval", "", "when: interval", "30m"),
        ("time", {"delivery": {"when": "times", "times": ["late"]}}, "delivery", "late", "not a time", "20:00"),
        ("sender", {"restrictions": {"accept_from": ["@contoso.com"]}}, "restrictions", "@contoso.com", "not a sender",
         "user@"),
        ("oversize schedule", {"delivery": {"oversize": {"when": "times"}}}, "delivery.oversize", "times", "neither",
         "second connector"),
        ("content", {"content": {"priorities": ["high"]}}, "content", "priorities", "neither Exchange nor Postfix",
         "max_message_size"),
        ("dequeue", {"dequeue": {"etrn": True}}, "dequeue", "", "neither Exchange nor Postfix", "ETRN"),
        ("unknown field", {"adress_spaces": ["a.b"]}, "adress_spaces", "", "no field", 'did you mean "address_spaces"'),
        ("reset of a given field", {"comment": "x", "reset": ["comment"]}, "reset", "comment", "a value as well",
         "leave"),
        ("reset of an unknown field", {"reset": ["coment"]}, "reset", "coment", "no field", 'did you mean "comment"'),
        ("reset of the name", {"reset": ["name"]}, "reset", "name", "no field", "known are"),
        ("native list", {"postfix": ["smtp_bind_address"]}, "postfix", "list", "not a dict", "parameter"),
        ("native parameter twice", {"postfix": {"a": "1", "a ": "2"}}, "postfix", "a", "twice", "keep one"),
    ]
]
# fmt: on


@pytest.mark.parametrize(("fields", "field", "value", "message", "remedy"), REFUSED)
def test_each_mistake_names_connector_field_value_and_remedy(fields, field, value, message, remedy):
    found = problems_of({**CONTOSO, **fields})
    fitting = [problem for problem in found if problem.field == field and message in problem.message]
    assert fitting, [str(problem) for problem in found]
    problem = fitting[0]
    assert problem.where == 'connector "To Contoso"'
    assert value in problem.value and bool(value) == bool(problem.value)
    assert remedy in problem.remedy
    text = str(ConnectorError([problem]))
    for part in ("To Contoso", f"field {field}", "Remedy: ", value):
        assert part in text
    assert "\n" not in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("raw", "where", "field", "message"),
    [
        ({"address_spaces": ["a.b"]}, "connector 2 of the list", "name", "0 characters"),
        ({"name": "x" * 65}, "connector 2 of the list", "name", "65 characters"),
        ({"name": "a\nb"}, "connector 2 of the list", "name", "control character"),
        ({"name": True}, "connector 2 of the list", "name", "is not a name"),
        ("contoso.com", "connector 2 of the list", "", "is not a dict"),
    ],
)
def test_a_connector_without_a_name_is_found_by_its_place(raw, where, field, message):
    (problem,) = problems_of(CONTOSO, raw)
    assert (problem.where, problem.field) == (where, field)
    assert message in problem.message


def test_names_that_differ_in_case_only():
    (problem,) = problems_of(CONTOSO, {**CONTOSO, "name": "TO CONTOSO"})
    assert (problem.where, problem.field, problem.value) == ('connector "TO CONTOSO"', "name", '"to contoso"')
    assert "To Contoso" in problem.message and "without case" in problem.message and problem.remedy


def test_an_earlier_name_that_another_connector_has():
    (problem,) = problems_of(CONTOSO, {**CONTOSO, "name": "Other", "renamed_from": ["to contoso"]})
    assert (problem.where, problem.value) == ('connector "Other"', '"to contoso"')


def test_something_else_than_a_list():
    problems = Problems()
    assert read_connectors({"To Contoso": {}}, problems) == []
    assert problems.found[0].field == "connectors"


def test_all_mistakes_of_a_list_come_together():
    found = problems_of({**CONTOSO, "port": 0, "log": "all"}, {**CONTOSO, "name": "Second", "address_spaces": ["*x"]})
    assert {(problem.where, problem.field) for problem in found} == {
        ('connector "To Contoso"', "port"),
        ('connector "To Contoso"', "log"),
        ('connector "Second"', "address_spaces"),
    }
    problems = Problems()
    problems.found = found
    with pytest.raises(ConnectorError) as raised:
        problems.raise_if_any()
    assert len(str(raised.value).split("\n")) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"smart_hosts": [f"smtp://carrier:{SECRET}@smart.contoso.com"]},
        {"smart_hosts": [f"carrier:{SECRET}@smart.contoso.com:587"]},
        {"smart_hosts": [{"host": "a.com", "username": "carrier", "password": SECRET}]},
        {"smart_hosts": [{"host": f"carrier:{SECRET}@a.com"}]},
        {"address_spaces": [{"domain": "a.com", "password": SECRET}]},
        {"connected_routing_groups": [{"name": "Dallas", "password": SECRET}]},
        {"authentication": f"carrier:{SECRET}"},
        {"authentication": {**LOGIN, "pasword": SECRET}},
        {"authentication": {**LOGIN, "password": SECRET + "\n"}},
        {"authentication": {**LOGIN, "password": [SECRET]}},
        {"authentication": {**LOGIN, "mechanism": "plain"}},
        {"password": SECRET},
        {"dequeue": {"password": SECRET}},
        {"postfix": {"smtp_sasl_password_maps": f"static:carrier:{SECRET}\n"}},
        {"tls": {"password": SECRET}},
        {"helo": {"password": SECRET}},
        {"limits": {"password": SECRET}},
    ],
)
def test_no_password_in_an_error(fields):
    found = problems_of({**CONTOSO, **fields})
    assert found
    assert SECRET not in "\n".join(map(str, found)) + repr(found)


def test_a_value_in_a_message_is_bounded_and_on_one_line():
    (problem,) = problems_of({**CONTOSO, "log": "all\r\n" + "x" * 1000})
    assert len(problem.value) <= 122 and "\\x0d\\x0a" in problem.value
