"""Support bundles: whatever names a site is hidden, everywhere the same way; never a secret, a packet or a person."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.store.test_backup import insert_people

from ringfence.app.cli import main
from ringfence.store.database import Database
from ringfence.store.keys import installation_secret
from ringfence.store.migrate import upgrade
from ringfence.store.schema import inventory, operation, traffic

MAC, IP, IP6 = "00:0e:8c:12:34:56", "10.20.30.40", "fd12:3456:789a::17"
NAME, SERIAL, OWNER = "PLC-Hall-7.example.plant", "S C-X9T2 8846", "Erika Mustermann"
FORBIDDEN = [
    MAC,
    MAC.replace(":", "-"),
    "000e.8c12.3456",
    IP,
    IP6,
    NAME,
    NAME.upper(),
    SERIAL,
    OWNER,
    "xenia",
    "Hall-7",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    installation_secret(made)
    database = Database(f"sqlite:///{made / 'ringfence.db'}")
    upgrade(database)
    with database.writing() as connection:
        insert_people(connection)
        device = {
            "id": "d-1",
            "domain": "Hall-7",
            "name": NAME,
            "class": "plc",
            "vendor": "Siemens",
            "product": f"CPU of {NAME}",
            "serial": SERIAL,
            "owner": OWNER,
            "confidence": 0.9,
            "roles": [],
            "macs": [MAC],
            "ips": [IP, IP6],
            "names": [NAME],
            "marks": [],
            "merge_reasons": [f"{MAC} and {IP} answered as one"],
            "first": 1,
            "last": 2,
        }
        connection.execute(insert(inventory.device).values(**device))
        for kind, value in (("mac", MAC), ("ip", IP), ("ip", IP6), ("name", NAME)):
            connection.execute(insert(inventory.address).values(device="d-1", kind=kind, value=value))
        for number, (field, value) in enumerate((("serial", SERIAL), ("vendor", "Siemens"), ("name", NAME))):
            claim = {"device": "d-1", "number": number, "field": field, "value": value, "weight": 0.5, "clue": "cip"}
            connection.execute(insert(inventory.claim).values(**claim, first=1, last=2, evidence=f"from {MAC.upper()}"))
        text = f"{IP} and [{IP6}] ({NAME.upper()}) are one-sided; 000e.8c12.3456 not; version 1.2.3 at 12:30:45"
        row = {"sensor": "Hall-7", "code": "one-sided", "severity": "high", "text": text, "weakens": "much", "time": 3}
        connection.execute(insert(operation.quality).values(**row, remedy="Mend it."))
        key = {"purpose": "lake", "period": "2026-11-27", "wrapped": b"wrapped key", "created": 1}
        connection.execute(insert(traffic.period_key).values(**key))
    database.close()
    return made


def made(folder: Path, *anonymize: str) -> tuple[bytes, dict[str, Any]]:
    """All bytes of a bundle's files, and the files."""
    path = folder.parent / f"bundle{''.join(anonymize)}.zip"
    assert main(["support-bundle", str(path), "--data", str(folder), *anonymize]) == 0
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert path.stat().st_mode & 0o077 == 0
    return b"\n".join(files.values()), {name: json.loads(data) for name, data in files.items()}


def test_nothing_that_names_the_site_is_left(folder: Path) -> None:
    data, files = made(folder, "--anonymize")
    told = [word for word in FORBIDDEN if word.encode() in data or word.lower().encode() in data.lower()]
    assert not told
    (device,) = files["devices.json"]
    assert (device["vendor"], device["class"]) == ("Siemens", "plc")
    rows = {row["kind"]: row["value"] for row in files["addresses.json"]}
    assert device["macs"] == [rows["mac"]], "the same address has the same pseudonym everywhere"
    assert rows["mac"] in files["claims.json"][0]["evidence"]
    assert rows["mac"] in device["merge_reasons"][0]
    text = files["quality.json"][0]["text"]
    assert device["ips"][0] in text
    assert device["ips"][1] in text
    assert rows["name"] in text
    assert "version 1.2.3 at 12:30:45" in text, "what is no address stays"
    claims = {row["field"]: row["value"] for row in files["claims.json"]}
    assert claims["vendor"] == "Siemens"
    assert claims["serial"] == device["serial"]
    assert made(folder, "--anonymize")[1]["devices.json"] == files["devices.json"], "and in the next bundle too"


def test_strict_leaves_single_devices_and_free_text_out(folder: Path) -> None:
    data, files = made(folder, "--anonymize=strict")
    assert not [word for word in FORBIDDEN if word.encode() in data]
    assert {"devices.json", "claims.json", "quality.json", "addresses.json"}.isdisjoint(files)
    assert files["classes.json"] == [{"class": "plc", "entries": 1}]
    assert files["rows.json"]["device"] == 1
    assert b"Siemens" not in data


def test_secrets_and_people_are_never_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, files = made(folder)
    assert NAME.encode() in data, "not anonymous, as asked"
    assert "--anonymize" in capsys.readouterr().out
    secret = installation_secret(folder)
    for word in (secret, secret.hex().encode(), b"wrapped", b"secret's digest", b"password"):
        assert word not in data
    assert b"xenia" not in data.lower()
    assert OWNER.encode() not in data
    assert set(files["about.json"]) >= {"ringfence", "python", "revision", "disk_bytes", "anonymity"}
