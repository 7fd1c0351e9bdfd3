# SPDX-License-Identifier: Apache-2.0
"""A lean sender: C-STORE messages encoded beforehand, so that the store is what is measured."""

import http.client
import socket
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from association import Association, encode_message, in_parallel
from pons.dicom.network import dimse

ROWS = COLUMNS = 512
UID_ROOT = "1.2.826.0.1.3680043.10.9999"


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


def c_store_message(ds: Dataset, maximum_pdu_length: int) -> bytes:
    """A C-STORE request with its dataset."""
    return encode_message(
        dimse.C_STORE_RQ, ds.SOPClassUID, ds, maximum_pdu_length, ds.SOPInstanceUID
    )


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

    seconds = in_parallel(associations, send)
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

    seconds = in_parallel(clients, send)
    for connection in connections:
        connection.close()
    return Figures(len(files), seconds)
