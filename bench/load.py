# SPDX-License-Identifier: Apache-2.0
"""A lean sender: C-STORE messages encoded beforehand, so that the store is what is measured."""

import http.client
import socket
import struct
import threading
import time
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

ROWS = COLUMNS = 512
UID_ROOT = "1.2.826.0.1.3680043.10.9999"
CONTEXT_ID = 1


@dataclass(frozen=True)
class Figures:
    """What a round of sending took."""

    instances: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.instances / self.seconds


def ct_instance(batch: int, number: int) -> Dataset:
    """A CT image of 0.5 MB with the header that a scanner writes (about 120 elements)."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{UID_ROOT}.3.{100000 + batch}.{1000000 + number}"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20240102"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101112.000000"
    ds.AccessionNumber, ds.Modality, ds.Manufacturer = "A123456", "CT", "BENCH"
    ds.InstitutionName, ds.ReferringPhysicianName = "Hospital", "Referring^Physician"
    ds.StationName, ds.StudyDescription, ds.SeriesDescription = "CT01", "Thorax", "Thorax 1.0"
    ds.ManufacturerModelName, ds.PatientName, ds.PatientID = (
        "Model",
        "Bench^Patient",
        f"B{100000 + batch}",
    )
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19700101", "O", "054Y"
    ds.BodyPartExamined, ds.ScanOptions, ds.SliceThickness, ds.KVP = "CHEST", "FAST", "1.0", "120"
    ds.DataCollectionDiameter, ds.SoftwareVersions, ds.ProtocolName = "500", "1.0", "Thorax"
    ds.ReconstructionDiameter, ds.GantryDetectorTilt, ds.TableHeight = "350", "0", "120.5"
    ds.RotationDirection, ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = (
        "CW",
        "500",
        "200",
        "100",
    )
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots, ds.ConvolutionKernel = "0", "24", "1.2", "B30f"
    ds.PatientPosition = "HFS"
    ds.StudyInstanceUID = f"{UID_ROOT}.1.{100000 + batch}"
    ds.SeriesInstanceUID = f"{UID_ROOT}.2.{100000 + batch}"
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = "1", "2", "1"
    ds.InstanceNumber = str(number + 1)
    ds.ImagePositionPatient = ["-175.0", "-175.0", f"{number * 0.5:.1f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID, ds.SliceLocation = (
        f"{UID_ROOT}.4.{100000 + batch}",
        f"{number * 0.5:.1f}",
    )
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.PixelSpacing = ROWS, COLUMNS, ["0.68", "0.68"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1200"]
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    for element in range(0x10, 0x40):
        ds.add_new((0x0029, 0x1000 + element), "LO", f"private value {element}")
    ds.add_new((0x0029, 0x0010), "LO", "BENCH PRIVATE")
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, f"{UID_ROOT}.9"
    ds.ReferencedImageSequence = [item]
    pixels = np.random.default_rng(number).integers(0, 4096, (ROWS, COLUMNS), np.uint16)
    ds.PixelData = pixels.tobytes()
    return ds


def part10(ds: Dataset) -> bytes:
    """The DICOM file of a dataset, explicit VR little endian."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    file = BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def c_store_message(ds: Dataset, message_id: int, maximum_pdu_length: int) -> bytes:
    """The P-DATA-TF PDUs of a C-STORE-RQ and its dataset (PS3.8 9.3.5)."""
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = True, False
    write_dataset(body, ds)
    command = b"".join(
        struct.pack("<HHI", 0, element, len(value)) + value
        for element, value in (
            (0x0002, _padded(str(ds.SOPClassUID))),
            (0x0100, struct.pack("<H", 1)),
            (0x0110, struct.pack("<H", message_id)),
            (0x0700, struct.pack("<H", 0)),
            (0x0800, struct.pack("<H", 1)),
            (0x1000, _padded(str(ds.SOPInstanceUID))),
        )
    )
    command = struct.pack("<HHII", 0, 0, 4, len(command)) + command
    room = maximum_pdu_length - 6
    dataset = body.getvalue()
    pieces = [dataset[start : start + room] for start in range(0, len(dataset), room)]
    pdus = [_p_data(command, 0b11)]
    pdus += [_p_data(piece, 0b10 if piece is pieces[-1] else 0) for piece in pieces]
    return b"".join(pdus)


def _padded(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)


def _p_data(fragment: bytes, control: int) -> bytes:
    header = struct.pack(">BBIIBB", 4, 0, len(fragment) + 6, len(fragment) + 2, CONTEXT_ID, control)
    return header + fragment


class Association:
    """A C-STORE association on a plain socket; Nagle's algorithm off."""

    def __init__(self, host: str, port: int, called_aet: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = A_ASSOCIATE()
        request.application_context_name = "1.2.840.10008.3.1.1.1"
        request.calling_ae_title, request.called_ae_title = "BENCH", called_aet
        context = build_context(CTImageStorage, ExplicitVRLittleEndian)
        context.context_id = CONTEXT_ID
        request.presentation_context_definition_list = [context]
        length = MaximumLengthNotification()
        length.maximum_length_received = 16384
        implementation = ImplementationClassUIDNotification()
        implementation.implementation_class_uid = UID_ROOT
        request.user_information = [length, implementation]
        pdu = A_ASSOCIATE_RQ()
        pdu.from_primitive(request)
        self._socket.sendall(pdu.encode())
        kind, answer = self._receive()
        if kind != 2:
            raise SystemExit(f"{called_aet} at {host}:{port} refused the association (PDU {kind})")
        accepted = A_ASSOCIATE_AC()
        accepted.decode(answer)
        self.maximum_pdu_length: int = accepted.user_information.maximum_length or 131072

    def store(self, message: bytes) -> int:
        """Send one C-STORE and return the status of its answer."""
        self._socket.sendall(message)
        kind, pdu = self._receive()
        if kind != 4:
            raise SystemExit(f"the store answered with PDU {kind} instead of a C-STORE-RSP")
        position = pdu.index(struct.pack("<HHI", 0, 0x0900, 2)) + 8
        return int(struct.unpack_from("<H", pdu, position)[0])

    def release(self) -> None:
        self._socket.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        self._receive()
        self._socket.close()

    def _receive(self) -> tuple[int, bytes]:
        header = self._exactly(6)
        return header[0], header + self._exactly(struct.unpack_from(">I", header, 2)[0])

    def _exactly(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self._socket.recv(count - len(received))
            if not piece:
                raise SystemExit("the store closed the connection")
            received += piece
        return bytes(received)


def maximum_pdu_length(host: str, port: int, called_aet: str) -> int:
    """The largest PDU that the store says it takes."""
    association = Association(host, port, called_aet)
    association.release()
    return association.maximum_pdu_length


def send_dicom(
    host: str, port: int, called_aet: str, messages: list[bytes], associations: int
) -> Figures:
    """Send `messages` over several associations at once; every status must be 0."""
    opened = [Association(host, port, called_aet) for _ in range(associations)]

    def send(number: int) -> None:
        for message in messages[number::associations]:
            status = opened[number].store(message)
            if status:
                raise SystemExit(f"C-STORE answered 0x{status:04X}")

    seconds = _in_parallel(associations, send)
    for association in opened:
        association.release()
    return Figures(len(messages), seconds)


def send_http(host: str, port: int, files: list[bytes], clients: int) -> Figures:
    """POST `files` to /instances over several kept connections at once."""
    connections = [http.client.HTTPConnection(host, port, timeout=60) for _ in range(clients)]
    for connection in connections:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(number: int) -> None:
        for file in files[number::clients]:
            connections[number].request("POST", "/instances", file)
            response = connections[number].getresponse()
            body = response.read()
            if response.status != 200 or b'"Success"' not in body:
                raise SystemExit(f"POST /instances answered {response.status} {body[:200]!r}")

    seconds = _in_parallel(clients, send)
    for connection in connections:
        connection.close()
    return Figures(len(files), seconds)


def _in_parallel(count: int, work: object) -> float:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if failures:
        raise failures[0]
    return seconds
