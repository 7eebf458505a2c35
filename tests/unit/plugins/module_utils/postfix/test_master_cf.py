# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.main_cf import PostfixFileError
from ansible_collections.mailops.connectors.plugins.module_utils.postfix.master_cf import MasterCf, Service
from hypothesis import assume, given
from hypothesis import strategies as st

CORP = Service("corp", "unix", chroot="n", command="smtp")
KEYS = st.sampled_from([("corp", "unix"), ("smtp", "unix"), ("smtp", "inet"), ("127.0.0.1:2525", "inet")])
WORDS = st.text("ab=,:$#-", min_size=1, max_size=6)
VALUES = st.text("ab={}, :$#-", max_size=10).map(str.strip)
FILLERS = st.sampled_from(["", "   ", "# corp unix - - n - - smtp", "  # indented", "#"])


@st.composite
def services(draw):
    """Services that master.cf can hold."""
    name, type_ = draw(KEYS)
    service = Service(
        name,
        type_,
        "n" if type_ == "inet" else draw(st.sampled_from("yn-")),
        draw(st.sampled_from("yn-")),
        draw(st.sampled_from("yn-")),
        draw(st.sampled_from(["-", "60", "1000?"])),
        draw(st.sampled_from(["-", "0", "1"])),
        draw(st.sampled_from(["smtp", "smtpd", "pipe"])),
        tuple(draw(st.lists(st.tuples(st.sampled_from(["smtp_helo_name", "b"]), VALUES), max_size=3))),
        tuple(draw(st.lists(st.sampled_from(["-v", "-D"]), max_size=2)) + draw(st.lists(VALUES, max_size=3))),
    )
    try:
        service.text()
    except ValueError:
        assume(False)
    return service


@st.composite
def texts(draw):
    """The text of a master.cf in many layouts, with services that stand there twice."""
    lines = draw(st.lists(FILLERS, max_size=3))
    for service in draw(st.lists(services(), max_size=5)):
        for line in service.text().split("\n"):
            lines.append(line)
            lines.extend(draw(st.lists(FILLERS, max_size=1)))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(services())
def test_what_is_written_is_read_back_the_same(service):
    assert MasterCf.parse(service.text()).services() == [service]


@given(texts(), st.lists(services(), max_size=4, unique_by=lambda service: service.key))
def test_set_then_put_back_restores_every_byte(text, wanted):
    master_cf = MasterCf.parse(text)
    before = {service.key: master_cf.raw(service.key) for service in wanted}
    for service in wanted:
        master_cf.set(service)
    master_cf = MasterCf.parse(master_cf.text())
    assert [master_cf.get(service.key) for service in wanted] == wanted
    for key, raw in before.items():
        if raw is None:
            master_cf.remove(key)
        else:
            master_cf.put_back(key, raw)
    assert master_cf.text() == text


@given(texts(), services())
def test_setting_twice_changes_nothing_the_second_time(text, service):
    master_cf = MasterCf.parse(text)
    master_cf.set(service)
    once = master_cf.text()
    assert not master_cf.set(service)
    assert master_cf.text() == once


def test_every_way_to_write_an_option_is_understood():
    line = (
        "corp unix - - n - - smtp -o a=b,c -oq=1 -vo x=y -o {z = 1 2} -o d={1 2}3 -v\n"
        "   -o e={{1 2}}\n # no\n  -o { f = {a b} } a1 {b 2} -o not=anoption\n"
    )
    assert MasterCf.parse(line).services() == [
        dataclasses.replace(
            CORP,
            options=(
                ("a", "b,c"),
                ("q", "1"),
                ("x", "y"),
                ("z", "1 2"),
                ("d", "{1 2}3"),
                ("e", "{{1 2}}"),
                ("f", "{a b}"),
            ),
            arguments=("-v", "-v", "a1", "b 2", "-o", "not=anoption"),
        )
    ]


@pytest.mark.parametrize("end", ["-", "--", "x"])
def test_what_stands_behind_the_last_flag_is_no_option(end):
    (service,) = MasterCf.parse(f"corp unix - - n - - smtp -v {end} -o a=b\n").services()
    assert (service.options, service.arguments) == ((), ("-v", end, "-o", "a=b"))


def test_the_text_has_columns_and_one_option_a_line():
    service = dataclasses.replace(
        CORP,
        options=(("smtp_helo_name", "out.example"), ("smtp_sasl_security_options", "noanonymous, noplaintext")),
        arguments=("-v",),
    )
    assert service.text() == (
        "corp       unix  -       -       n       -       -       smtp -v\n"
        "    -o smtp_helo_name=out.example\n"
        "    -o { smtp_sasl_security_options = noanonymous, noplaintext }"
    )


def test_an_equal_service_keeps_its_text():
    text = "# ours\ncorp\tunix - - n - - smtp -o a=b\n  # why\n  -o {c = d}\n# end\n"
    master_cf = MasterCf.parse(text)
    assert not master_cf.set(dataclasses.replace(CORP, options=(("a", "b"), ("c", "d"))))
    assert master_cf.text() == text


def test_the_last_of_two_equal_services_counts():
    text = "corp unix - - n - - smtp\ncorp unix - - n - - lmtp\n"
    master_cf = MasterCf.parse(text)
    assert [service.command for service in master_cf.services()] == ["lmtp"]
    assert master_cf.occurrences(("corp", "unix")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("corp unix - - n - smtp", "8 fields"),
        ("corp tcp - - n - - smtp", "'type'"),
        ("corp unix - x n - - smtp", "'unprivileged'"),
        ("smtp inet - - n - - smtpd", "cannot be private"),
        ("corp unix - - n 5m - smtp", "'wakeup'"),
        ("corp unix - - n - many smtp", "'maxproc'"),
        ("corp unix - - n - - smtp -o", "behind the last -o"),
        ("corp unix - - n - - smtp -o a", "name=value"),
        ("corp unix - - n - - smtp -o {a b = c}", "name=value"),
        ("corp unix - - n - - smtp -o {a=b}c", "closing brace"),
        ("corp unix - - n - - smtp {a", "no closing"),
    ],
)
def test_what_postfix_cannot_start_is_an_error_with_its_line(line, message):
    with pytest.raises(PostfixFileError, match=message) as caught:
        MasterCf.parse(f"# first\n{line}\n", "/somewhere/master.cf")
    assert caught.value.line == 2


def test_a_secret_in_an_option_is_not_in_the_error():
    with pytest.raises(PostfixFileError) as caught:
        MasterCf.parse("corp unix - - n - - smtp -o {hush word = swordfish} x\n")
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"options": (("a", "b\nc"),)},
        {"options": (("a", "{b"), ("c", "d"))},
        {"options": (("a", "b } c"),)},
        {"options": (("a", " b"),)},
        {"options": (("a b", "c"),)},
        {"arguments": ("-o", "a=b")},
        {"arguments": ("a\nb",)},
        {"arguments": ("{ a",)},
        {"name": "#corp"},
        {"name": "co rp"},
        {"command": ""},
    ],
)
def test_what_no_line_can_hold_is_refused(change):
    master_cf = MasterCf.parse("")
    with pytest.raises(ValueError):
        master_cf.set(dataclasses.replace(CORP, **change))
    assert master_cf.text() == ""


def test_an_argument_that_would_begin_a_comment_is_put_in_braces():
    service = dataclasses.replace(CORP, arguments=("#x", "", "{a b}", "c"))
    assert service.text().endswith("\n    {#x} {} {{a b}} c")
    assert MasterCf.parse(service.text()).services() == [service]
