# SPDX-License-Identifier: Apache-2.0
"""Peers that ask a store: DCMTK's clients, pynetdicom and its applications, an Orthanc.

Each has the AE title PEER, under which a store has to know it, and says what it got.
"""

import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from orthanc import Orthanc
from outside import eventually
from pons_testing.scp import serving
from scanner import Scanner, Told

AET = "PEER"
MODELS = {
    "patient root": ("-P", "1.2.840.10008.5.1.4.1.2.1."),
    "study root": ("-S", "1.2.840.10008.5.1.4.1.2.2."),
    "patient/study only": ("-O", "1.2.840.10008.5.1.4.1.2.3."),
}
"""Information models: an option of the clients, and a UID without its end."""
FIND, MOVE, GET = "1", "2", "3"
WORKLIST = "1.2.840.10008.5.1.4.31"
VERIFICATION = "1.2.840.10008.1.1"
Keys = Mapping[str, str]


@dataclass(frozen=True)
class Clients:
    """Command-line clients: those of DCMTK, and pynetdicom's applications, which resemble them."""

    program: Sequence[str]
    """What comes before a client's name; DCMTK's are programs of their own."""
    options: Sequence[str]
    """Of TLS."""
    aet: str
    port: int
    folder: Path
    """An empty one, for what arrives."""

    @property
    def _are_dcmtk(self) -> bool:
        return not self.program

    def echo(self) -> None:
        self._run("echoscu")

    def store(self, file: Path) -> None:
        self._run("storescu", after=[str(file)])

    def find(self, model: str, keys: Keys) -> list[Dataset]:
        written = ["-X", "-od", str(self.folder)] if self._are_dcmtk else ["-w"]
        self._run("findscu", MODELS[model][0], *written, *_keys(keys))
        return self._arrived()

    def find_worklist(self, keys: Keys) -> list[Dataset]:
        written = ["-X", "-od", str(self.folder)] if self._are_dcmtk else ["-w"]
        self._run("findscu", "-W", *written, *_keys(keys))
        return self._arrived()

    def move(self, model: str, keys: Keys, port: int) -> list[Dataset]:
        """What was moved to the client itself, which receives at `port`."""
        there = ["+P", str(port)]
        if not self._are_dcmtk:
            there = ["--store", "--store-port", str(port), "--store-aet", AET]
        target = ["-aem", AET, "-od", str(self.folder)]
        self._run("movescu", MODELS[model][0], *there, *target, *_keys(keys))
        return self._arrived()

    def get(self, model: str, keys: Keys) -> list[Dataset]:
        self._run("getscu", MODELS[model][0], "-od", str(self.folder), *_keys(keys))
        return self._arrived()

    def _run(self, name: str, *words: str, after: Sequence[str] = ()) -> None:
        titles = ["-aet", AET, "-aec", self.aet]
        to = ["127.0.0.1", str(self.port), *after]
        # pynetdicom's clients want the address before keys, of which it takes several at once.
        command = [*self.program, name, *self.options, *titles]
        command += [*words, *to] if self._are_dcmtk else [*to, *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, encoding="latin-1", timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _arrived(self) -> list[Dataset]:
        found = []
        for path in sorted(self.folder.iterdir()):
            found.append(dcmread(path))
            path.unlink()
        return found


def pynetdicom_applications() -> list[str]:
    return [sys.executable, "-m", "pynetdicom"]


def _keys(keys: Keys) -> list[str]:
    words = []
    for keyword, value in keys.items():
        words += ["-k", f"{keyword}={value}" if value else keyword]
    return words


@dataclass(frozen=True)
class Pynetdicom:
    """pynetdicom as a library, which has TLS as its applications do not."""

    tls: ssl.SSLContext | None
    """As a requestor."""
    receives_with: ssl.SSLContext | None
    aet: str
    port: int

    def echo(self) -> None:
        association = self._associate(VERIFICATION)
        assert association.send_c_echo().Status == 0
        association.release()

    def store(self, file: Path) -> None:
        association = self._associate(CTImageStorage)
        assert association.send_c_store(file).Status == 0
        association.release()

    def find(self, model: str, keys: Keys) -> list[Dataset]:
        return self._find(MODELS[model][1] + FIND, keys)

    def find_worklist(self, keys: Keys) -> list[Dataset]:
        return self._find(WORKLIST, keys)

    def move(self, model: str, keys: Keys, port: int) -> list[Dataset]:
        """As `Clients.move`."""
        received: list[Dataset] = []
        entity = AE(AET)
        entity.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
        taken = (evt.EVT_C_STORE, taking(received))
        with serving(entity, taken, port=port, tls=self.receives_with):
            uid = MODELS[model][1] + MOVE
            association = self._associate(uid)
            responses = list(association.send_c_move(_dataset(keys), AET, uid))
            association.release()
        assert responses[-1][0].Status == 0
        return received

    def get(self, model: str, keys: Keys) -> list[Dataset]:
        received: list[Dataset] = []
        uid = MODELS[model][1] + GET
        association = self._associate(
            *(uid, CTImageStorage),
            ext_neg=[build_role(CTImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, taking(received))],
        )
        responses = list(association.send_c_get(_dataset(keys), uid))
        association.release()
        assert responses[-1][0].Status == 0
        return received

    def commit(self, instances: list[tuple[str, str]], port: int) -> Told:
        """What the store reports of these, to `port`."""
        scanner = Scanner(self.aet, self.port, AET, port, self.tls, self.receives_with)
        with scanner.listening():
            return scanner.told(scanner.ask(*instances))

    def _find(self, uid: str, keys: Keys) -> list[Dataset]:
        association = self._associate(uid)
        responses = list(association.send_c_find(_dataset(keys), uid))
        association.release()
        assert responses[-1][0].Status == 0
        return [answer for _, answer in responses if answer is not None]

    def _associate(self, *contexts: str, **more: Any) -> Association:
        entity = AE(AET)
        for context in contexts:
            entity.add_requested_context(context, ExplicitVRLittleEndian)
        secured = None if self.tls is None else (self.tls, "127.0.0.1")
        association = entity.associate(
            "127.0.0.1", self.port, ae_title=self.aet, tls_args=secured, **more
        )
        assert association.is_established
        return association


def taking(received: list[Dataset]) -> Any:
    """A handler of C-STORE that keeps what comes."""

    def take(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0

    return take


def _dataset(keys: Keys) -> Dataset:
    ds = Dataset()
    for keyword, value in keys.items():
        setattr(ds, keyword, [] if keyword.endswith("Sequence") else value)
    return ds


@dataclass(frozen=True)
class OrthancClient:
    """An Orthanc that knows the store as `pons`."""

    orthanc: Orthanc

    def echo(self) -> None:
        self._ask("echo", {})

    def store(self, file: Path) -> None:
        answer = self.orthanc.http.post("/instances", content=file.read_bytes())
        self._ask("store", [answer.json()["ID"]])
        self.orthanc.http.delete(answer.json()["Path"])

    def find(self, model: str, keys: Keys) -> list[Dataset]:
        """Orthanc asks for patients at patient root, and for all else at study root."""
        level, query = _as_orthanc(keys)
        asked = self._ask("query", {"Level": level, "Query": query})
        told = self.orthanc.http.get(f"{asked['Path']}/answers?expand&simplify").json()
        return [_identifiers(one) for one in told]

    def find_worklist(self, keys: Keys) -> list[Dataset]:
        query = {
            keyword: [] if keyword.endswith("Sequence") else value
            for keyword, value in keys.items()
        }
        told = self._ask("find-worklist", query)
        return [_identifiers(one) for one in told]

    def move(self, model: str, keys: Keys, _port: int) -> list[Dataset]:
        """As `Clients.move`."""
        level, resource = _as_orthanc(keys)
        self._ask("move", {"Level": level, "Resources": [resource], "TargetAet": AET})
        found = []
        for instance in self.orthanc.http.get("/instances").json():
            content = self.orthanc.http.get(f"/instances/{instance}/file").content
            found.append(dcmread(BytesIO(content)))
            self.orthanc.http.delete(f"/instances/{instance}")
        return found

    def commit(self, instances: list[tuple[str, str]], _port: int) -> Told:
        """As `Pynetdicom.commit`."""
        path = self._ask("storage-commitment", {"DicomInstances": instances})["Path"]

        def reported() -> Any:
            told = self.orthanc.http.get(path).json()
            return told if told["Status"] != "Pending" else None

        told = eventually("Orthanc hears a report", reported)
        kept = {one["SOPInstanceUID"] for one in told["Success"]}
        return kept, {one["SOPInstanceUID"]: one["FailureReason"] for one in told["Failures"]}

    def _ask(self, verb: str, body: Any) -> Any:
        answer = self.orthanc.http.post(f"/modalities/pons/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


LEVEL = "QueryRetrieveLevel"
TOLD = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def _identifiers(simplified: Mapping[str, str]) -> Dataset:
    """What an answer of Orthanc tells of these."""
    ds = Dataset()
    for keyword in TOLD:
        if value := simplified.get(keyword):
            setattr(ds, keyword, value)
    return ds


def _as_orthanc(keys: Keys) -> tuple[str, dict[str, str]]:
    """Orthanc's word for the level, and the other keys."""
    level = {"IMAGE": "Instance"}.get(keys[LEVEL], keys[LEVEL].capitalize())
    return level, {keyword: value for keyword, value in keys.items() if keyword != LEVEL}
