# Copyright (c) 2026, mailops.connectors contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of Export-Clixml: hand-made ones, and those of a real PowerShell where there is one."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mailops.connectors.plugins.module_utils.connector.errors import ValueProblem
from ansible_collections.mailops.connectors.plugins.module_utils.exchange import clixml

from lab.exchange import exports, powershell

NAMESPACE = "http://schemas.microsoft.com/powershell/2004/04"


def document(content: str) -> str:
    return f'<Objs Version="1.1.0.1" xmlns="{NAMESPACE}">{content}</Objs>'


def plain(element: str) -> object:
    """How one property's value is read. {} stands for the attribute with its name."""
    made = element.replace("{}", 'N="P"')
    (found,) = clixml.read(document(f'<Obj RefId="0"><TN RefId="0"><T>T</T></TN><Props>{made}</Props></Obj>'))
    return found.properties["P"]


def problem(given: str | bytes) -> str:
    with pytest.raises(ValueProblem) as caught:
        clixml.read(given)
    return f"{caught.value.shown} {caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("<Nil {} />", None),
        ("<B {}>true</B>", True),
        ("<B {}>false</B>", False),
        ("<I32 {}>-25</I32>", -25),
        ("<I64 {}>4294967296</I64>", 4294967296),
        ("<By {}>7</By>", 7),
        ("<U32 {}>7</U32>", 7),
        ("<U64 {}>7</U64>", "7"),  # exchange_invoke gives the text of a type that is none of its integers
        ("<S {}></S>", ""),
        ("<S {}> a b </S>", " a b "),
        ("<S {}>a_x000A_b</S>", "a\nb"),
        ("<S {}>_x005F_x000A_</S>", "_x000A_"),
        ("<S {}>_xD83D__xDE00_</S>", "\U0001f600"),
        ("<S {}>&lt;I&gt;CN=a&amp;b</S>", "<I>CN=a&b"),
        ("<S {}><![CDATA[<I>]]></S>", "<I>"),
        ("<C {}>65</C>", "A"),
        ("<Db {}>1.5</Db>", "1.5"),
        ("<G {}>5d0e7b2c-91f4-4a8e-9d5c-0c1f2b3a4d5e</G>", "5d0e7b2c-91f4-4a8e-9d5c-0c1f2b3a4d5e"),
        ("<Version {}>15.2.595.3</Version>", "15.2.595.3"),
        ("<DT {}>2020-06-17T21:15:46-07:00</DT>", "2020-06-18T04:15:46.0000000Z"),
        ("<DT {}>2020-06-18T04:15:46.1234567Z</DT>", "2020-06-18T04:15:46.1234567Z"),
        ("<DT {}>2020-06-18T04:15:46</DT>", "2020-06-18T04:15:46"),
        ("<DT {}>0001-01-01T00:00:00+14:00</DT>", "0001-01-01T00:00:00+14:00"),
        ("<TS {}>PT10M</TS>", "00:10:00"),
        ("<TS {}>P1DT2H3M4.5S</TS>", "1.02:03:04.5000000"),
        ("<TS {}>-PT90S</TS>", "-00:01:30"),
        ("<BA {}>AQID</BA>", ["1", "2", "3"]),
        ("<SS {}>0a1b2c</SS>", "System.Security.SecureString"),
    ],
)
def test_values(element: str, expected: object) -> None:
    assert plain(element) == expected
    assert type(plain(element)) is type(expected)


@pytest.mark.parametrize("tag", ["LST", "IE", "QUE", "STK"])
def test_collections_are_lists_of_texts(tag: str) -> None:
    members = '<S>a</S><I32>5</I32><Nil /><B>true</B><Obj RefId="8"><ToString>SMTP:*;1</ToString></Obj>'
    assert plain(f'<Obj {{}} RefId="7"><ToString>text</ToString><{tag}>{members}</{tag}></Obj>') == [
        "a",
        "5",
        "",
        "True",
        "SMTP:*;1",
    ]
    assert plain(f'<Obj {{}} RefId="7"><{tag} /></Obj>') == []


def test_member_of_an_enumeration_is_its_text() -> None:
    for prefix in ("", "Deserialized."):
        types = f'<TN RefId="9"><T>{prefix}X.TlsAuthLevel</T><T>{prefix}System.Enum</T></TN>'
        shown = "<ToString>CertificateValidation</ToString><I32>2</I32>"
        assert plain(f'<Obj {{}} RefId="7">{types}{shown}</Obj>') == "CertificateValidation"


def test_simple_value_with_note_properties_stays_what_it_is() -> None:
    note = '<MS><S N="Note">n</S></MS>'
    assert plain(f'<Obj {{}} RefId="7"><S>text</S>{note}</Obj>') == "text"
    assert plain(f'<Obj {{}} RefId="7"><ToString>25</ToString><I32>25</I32>{note}</Obj>') == 25


def test_credential_is_its_user_name_and_nothing_of_its_password() -> None:
    types = '<TN RefId="9"><T>System.Management.Automation.PSCredential</T></TN>'
    inside = '<Props><S N="UserName">CONTOSO\\relay</S><SS N="Password">0123abcd</SS></Props>'
    shown = "<ToString>System.Management.Automation.PSCredential</ToString>"
    assert plain(f'<Obj {{}} RefId="7">{types}{shown}{inside}</Obj>') == r"CONTOSO\relay"


def test_object_without_text_is_the_name_of_its_type() -> None:
    types = '<TN RefId="9"><T>Deserialized.System.Collections.Hashtable</T></TN>'
    pair = '<DCT><En><S N="Key">k</S><S N="Value">v</S></En></DCT>'
    assert plain(f'<Obj {{}} RefId="7">{types}{pair}</Obj>') == "System.Collections.Hashtable"


def test_references_to_types_and_objects() -> None:
    first = '<Obj RefId="0"><TN RefId="0"><T>Deserialized.A.B</T></TN><Props>{}</Props></Obj>'
    second = '<Obj RefId="2"><TNRef RefId="0" /><Props><Ref N="P" RefId="1" /></Props></Obj>'
    one = '<Obj N="P" RefId="1"><ToString>35 MB</ToString></Obj>'
    found = clixml.read(document(first.replace("{}", one) + second))
    assert [(each.types, each.properties) for each in found] == [(("A.B",), {"P": "35 MB"})] * 2
    assert "5" in problem(document('<Obj RefId="0"><Props><Ref N="P" RefId="5" /></Props></Obj>'))


def test_objects_that_refer_to_themselves() -> None:
    cycle = '<Obj RefId="0"><ToString>me</ToString><Props><Ref N="P" RefId="0" /></Props></Obj>'
    assert clixml.read(document(cycle))[0].properties == {"P": "me"}
    assert clixml.read(document('<Obj RefId="0"><LST><Ref RefId="0" /></LST></Obj>')) == []


def test_note_properties_stand_beside_those_of_the_type() -> None:
    (found,) = clixml.read(
        document('<Obj RefId="0"><MS><S N="a_x002E_b">1</S></MS><Props><S N="P">2</S></Props></Obj>')
    )
    assert found.properties == {"a.b": "1", "P": "2"}


def test_objects_in_one_list_or_table() -> None:
    def shown(number: int, text: str, attribute: str = "") -> str:
        return f'<Obj {attribute} RefId="{number}"><ToString>{text}</ToString></Obj>'

    several = f'<Obj RefId="0"><LST>{shown(5, "one")}{shown(6, "other")}</LST></Obj>'
    assert [found.text for found in clixml.read(document(several))] == ["one", "other"]
    value = shown(5, "one", 'N="Value"')
    table = f'<Obj RefId="0"><DCT><En><S N="Key">k</S>{value}</En></DCT></Obj>'
    assert [found.text for found in clixml.read(document(table))] == ["one"]
    assert clixml.read(document("<S>text</S><Nil />")) == []


@pytest.mark.parametrize("live", [True, False])
def test_recorded_connector_in_both_forms(live: bool) -> None:
    made = exports.export(exports.send_connector("Internet"), exports.receive_connector("Default EX1"), live=live)
    send, receive = clixml.read(made)
    assert send.types[0].endswith(".SmtpSendConnectorConfig")
    assert send.properties["AddressSpaces"] == ["SMTP:*;1"]
    assert send.properties["MaxMessageSize"] == "35 MB (36,700,160 bytes)"
    assert send.properties["ConnectionInactivityTimeOut"] == "00:10:00"
    assert (send.properties["Port"], send.properties["Enabled"], send.properties["Fqdn"]) == (25, True, None)
    assert send.properties["SourceTransportServers"] == ["WIN-CTD3L0RGEN4"]
    assert send.properties["SmartHostAuthMechanism"] == "None"
    assert receive.properties["Bindings"] == ["0.0.0.0:2525", "[::]:2525"]
    assert receive.properties["PermissionGroups"] == "ExchangeUsers, ExchangeServers, ExchangeLegacyServers"
    assert receive.properties["MaxInboundConnectionPerSource"] == "Unlimited"
    assert receive.properties["SizeEnabled"] == "EnabledWithoutValue"


ENCODINGS = {
    "UTF-16 with BOM, little": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 with BOM, big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without BOM": lambda text: text.encode("utf-16-le"),
    "UTF-8 with BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-8": lambda text: text.encode(),
    "text": lambda text: text,
    "text with BOM": lambda text: "\ufeff" + text,
    "text behind an empty line": lambda text: "\r\n" + text,
    "base64": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode("utf-16")).decode(),
    "UTF-16 read as if it were UTF-8": lambda text: text.encode("utf-16").decode("utf-8", "surrogateescape"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("declared", ["", '<?xml version="1.0" encoding="utf-16"?>'])
def test_encodings(encoding: str, declared: str) -> None:
    made = declared + exports.export(exports.send_connector("Ausgang Zürich \U0001f600 漢"))
    assert clixml.read(ENCODINGS[encoding](made))[0].properties["Name"] == "Ausgang Zürich \U0001f600 漢"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "no whole XML document"),
        ("Name,AddressSpaces", "neither XML nor base64"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "begins with <html>"),
        ("<Objs/>", "begins with <Objs>"),
        (document("<Obj"), "no whole XML document"),
        (document("")[:-5], "no whole XML document"),
        (document("") + "x", "no whole XML document"),
        (document("<S>\ud800</S>"), "no text"),
        (b"\xff\xfe<\x00O", "is not written in UTF-16"),
        (b"<Objs>\xe4</Objs>", "is not written in UTF-8"),
        (f"<!DOCTYPE Objs>{document('')}", "document type"),
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{document("<S>&b;</S>")}', "document type"),
        (f'<!DOCTYPE Objs SYSTEM "file:///etc/passwd">{document("")}', "document type"),
        (document("<S>&b;</S>"), "no whole XML document"),
        (document("<a>" * 200 + "</a>" * 200), "deeper"),
        (document('<Obj RefId="0"><Props><I32 N="Port">x</I32></Props></Obj>'), "x holds <I32>"),
        (document('<Obj RefId="0"><Props><B N="Enabled">maybe</B></Props></Obj>'), "maybe holds <B>"),
    ],
)
def test_what_is_no_export_is_refused(given: str | bytes, said: str) -> None:
    told = problem(given)
    assert said in told
    assert "Export-Clixml" in told or "export fewer" in told


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clixml, "_MOST_ELEMENTS", 10)
    assert clixml.read(document("<S />" * 9)) == []
    assert "export fewer" in problem(document("<S />" * 10))
    monkeypatch.setattr(clixml, "_LONGEST", 200)
    assert "longer" in problem(document("<S />" * 100))


# --- a real engine ---------------------------------------------------------------------------------------------------

_OBJECTS = r"""
Add-Type -TypeDefinition @'
namespace Microsoft.Exchange.Data {
  public enum TlsAuthLevel { EncryptionOnly = 1, CertificateValidation = 2 }
  [System.Flags] public enum ErrorPolicies { Default = 0, DowngradeDnsFailures = 1, UpgradeCustomFailures = 4 }
  public class AddressSpace {
    public string Address { get; set; }
    public int Cost { get; set; }
    public AddressSpace(string address, int cost) { Address = address; Cost = cost; }
    public override string ToString() { return "SMTP:" + Address + ";" + Cost; }
  }
  public class SmtpSendConnectorConfig {
    public string Name { get; set; }
    public System.Collections.Generic.List<AddressSpace> AddressSpaces { get; set; }
    public TlsAuthLevel? TlsAuthLevel { get; set; }
    public ErrorPolicies ErrorPolicies { get; set; }
    public bool Enabled { get; set; }
    public int Port { get; set; }
    public string Fqdn { get; set; }
    public System.TimeSpan ConnectionInactivityTimeOut { get; set; }
    public System.DateTime WhenChangedUTC { get; set; }
    public System.Guid Guid { get; set; }
    public System.Net.IPAddress SourceIPAddress { get; set; }
    public string[] ObjectClass { get; set; }
    public System.Management.Automation.PSCredential AuthenticationCredential { get; set; }
    public override string ToString() { return Name; }
  }
}
'@
$secret = ConvertTo-SecureString 'not-to-be-seen' -AsPlainText -Force
$shared = [Microsoft.Exchange.Data.AddressSpace]::new('*.contoso.com', 3)
$objects = foreach ($name in "Z$([char]0xfc)rich", "two`nlines _x000A_ $([char]::ConvertFromUtf32(0x1f600))") {
    $one = [Microsoft.Exchange.Data.SmtpSendConnectorConfig]::new()
    $one.Name = $name
    $one.AddressSpaces = [Microsoft.Exchange.Data.AddressSpace[]]@($shared, [Microsoft.Exchange.Data.AddressSpace]::new('*', 1))
    $one.TlsAuthLevel = 'CertificateValidation'
    $one.ErrorPolicies = 'DowngradeDnsFailures, UpgradeCustomFailures'
    $one.Enabled = $true
    $one.Port = 25
    $one.ConnectionInactivityTimeOut = '1.00:10:00'
    $one.WhenChangedUTC = [datetime]::new(2020, 6, 18, 4, 15, 46, [System.DateTimeKind]::Utc)
    $one.Guid = '5d0e7b2c-91f4-4a8e-9d5c-0c1f2b3a4d5e'
    $one.SourceIPAddress = '0.0.0.0'
    $one.ObjectClass = @('top', 'msExchConnector')
    $one.AuthenticationCredential = [pscredential]::new('relay', $secret)
    $one
}
"""

_EXPECTED = {
    "AddressSpaces": ["SMTP:*.contoso.com;3", "SMTP:*;1"],
    "TlsAuthLevel": "CertificateValidation",
    "ErrorPolicies": "DowngradeDnsFailures, UpgradeCustomFailures",
    "Enabled": True,
    "Port": 25,
    "Fqdn": None,
    "ConnectionInactivityTimeOut": "1.00:10:00",
    "WhenChangedUTC": "2020-06-18T04:15:46.0000000Z",
    "Guid": "5d0e7b2c-91f4-4a8e-9d5c-0c1f2b3a4d5e",
    "SourceIPAddress": "0.0.0.0",
    "ObjectClass": ["top", "msExchConnector"],
    "AuthenticationCredential": "relay",
}


@pytest.mark.skipif(powershell.find() is None, reason=powershell.WITHOUT)
@pytest.mark.parametrize(
    "export",
    [
        "$objects | Export-Clixml -Path $path -Encoding unicode -Depth 3",
        "$objects | Export-Clixml -Path $path -Encoding utf8",
        "Export-Clixml -InputObject $objects -Path $path -Encoding bigendianunicode -Depth 4",
        '$objects | Export-Clixml -Path "$path.first"; Import-Clixml -Path "$path.first" | Export-Clixml -Path $path -Encoding unicode',
    ],
)
def test_export_of_a_real_engine(tmp_path: Path, export: str) -> None:
    path = tmp_path / "connectors.xml"
    script = f"$ErrorActionPreference = 'Stop'\n$path = '{path}'\n{_OBJECTS}\n{export}\n"
    file = tmp_path / "export.ps1"
    file.write_text(script, encoding="utf-8-sig")
    subprocess.run(
        [str(powershell.find()), "-NoProfile", "-NonInteractive", "-File", str(file)], check=True, timeout=60
    )
    found = clixml.read(path.read_bytes())
    assert [one.properties["Name"] for one in found] == ["Zürich", "two\nlines _x000A_ \U0001f600"]
    for one in found:
        assert one.types[0] == "Microsoft.Exchange.Data.SmtpSendConnectorConfig"
        assert {name: one.properties[name] for name in _EXPECTED} == _EXPECTED
