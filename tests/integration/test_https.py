# SPDX-License-Identifier: Apache-2.0
"""HTTPS from the launcher on, as docs/operations.md has it: made, served, replaced, shown."""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from outside import ROOT, Store, eventually, running
from pons_testing.certificates import Authority
from pons_testing.operations import commands
from recipes import replaced

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("secret")
USER = ("alice", "secret")
LOGIN = {"user": "alice", "password": "secret"}


def run(command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def client(store: Store, certificate: Path) -> httpx.Client:
    return httpx.Client(
        base_url=f"https://localhost:{store.http_port}",
        verify=ssl.create_default_context(cafile=str(certificate)),
        timeout=60,
        auth=USER,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One that speaks HTTPS by the certificate that the chapter makes, with two gateways."""
    data = tmp_path / "data"
    make = next(line for line in commands("HTTPS") if line.startswith("./pons certificate"))
    told = run(f"{make} --store https --data {data}")
    certificate, key = re.findall(r"^tls_(?:certificate|key) = '(.+)'$", told, re.MULTILINE)
    environment = {
        "PONS_HTTP_TLS_CERTIFICATE": certificate,
        "PONS_HTTP_TLS_KEY": key,
        "PONS_HTTP_HSTS_SECONDS": "60",
        "PONS_HTTP_USERS": json.dumps({"alice": HASH}),
        "PONS_HTTP_HOST": "127.0.0.1",
        "PONS_DICOM_HOST": "127.0.0.1",
        "PONS_HTTP_PROCESSES": "2",
        "PONS_LUA_EXECUTE": "true",
        "PONS_LUA_CALLBACKS": "true",
    }
    store = Store("https", data, environment)
    store.http.close()
    store.http = client(store, Path(certificate))
    with running(store):
        yield store


@pytest.mark.timeout(400)
def test_a_store_that_speaks_https(store: Store, tmp_path: Path) -> None:
    """The launcher says https and is well; nobody gets in without the certificate or in plain;
    cookies are for TLS alone; scripts reach REST; a new certificate counts without a restart."""
    address = f"https://127.0.0.1:{store.http_port}/"
    eventually("the launcher says so", lambda: address in store.tail())
    status = run(" ".join(store.command("status")))
    assert address in status
    assert "not ready" not in status

    certificate = store.data / "tls" / "certificate.pem"
    (asked,) = (line for line in commands("HTTPS") if line.startswith("curl"))
    places = {
        "data/main/tls/certificate.pem": str(certificate),
        "localhost:8042": f"localhost:{store.http_port}",
        "alice:secret": ":".join(USER),
    }
    assert json.loads(run(replaced(asked, places)))["IsHttpServerSecure"] is True
    assert store.http.get("/system").headers["strict-transport-security"] == "max-age=60"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{address}system", auth=USER)
    plain = httpx.get(f"http://127.0.0.1:{store.http_port}/system", auth=USER)
    assert (plain.status_code, "https://" in plain.text) == (400, True)

    login = store.http.post("/explorer/api/login", json=LOGIN)
    assert login.status_code == 200
    assert login.headers["set-cookie"].startswith("__Host-pons-")
    assert "; Secure" in login.headers["set-cookie"]

    script = "print(ParseJson(RestApiGet('/system'))['Name'])"
    answer = store.http.post("/tools/execute-script", content=script)
    assert (answer.status_code, answer.text.strip()) == (200, store.get("/system")["Name"])

    open_before = client(store, certificate)
    assert open_before.get("/system").status_code == 200
    issued = Authority(tmp_path, "authority").issue("new")
    (store.data / "tls" / "key.pem").write_bytes(issued.key.read_bytes())
    certificate.write_bytes(issued.certificate.read_bytes())
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(tmp_path / "authority.pem")), auth=USER
    ) as believing:
        answers = [believing.get(f"{address}system") for _ in range(8)]
    assert {one.status_code for one in answers} == {200}
    assert open_before.get("/system").status_code == 200
    open_before.close()

    certificate.write_text("damaged")

    def said() -> bool:
        words = subprocess.run(store.command("status"), capture_output=True, text=True).stdout
        return words.count("certificates: those read before are still in use") == 2

    eventually("both gateways say that the certificate is damaged", said)
