# SPDX-License-Identifier: Apache-2.0
"""Slices of a CT to look at, and how they are sent."""

import json
from io import BytesIO
from urllib.request import Request, urlopen

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from stores import RunningStore


def scan(root: str, number: int, edge: int) -> Dataset:
    """A slice of a CT, noisy as one is."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, f"{root}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = root, f"{root}.1"
    ds.PatientName, ds.PatientID, ds.Modality = "Bench^Explorer", "BENCH", "CT"
    ds.StudyDate, ds.StudyDescription, ds.InstanceNumber = "20991231", "Bench", number + 1
    ds.Rows = ds.Columns = edge
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 1
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.RescaleSlope, ds.RescaleIntercept = [0.9, 0.9], 1, 0
    ds.WindowCenter, ds.WindowWidth = 40, 400
    noise = np.random.default_rng(number).normal(0, 20, (edge, edge))
    ds.PixelData = (np.hypot(*np.mgrid[0:edge, 0:edge]) + noise).astype("<i2").tobytes()
    return ds


def encoded(ds: Dataset) -> bytes:
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def post(store: RunningStore, body: bytes) -> str:
    """Send an instance; the identifier of its study."""
    request = Request(f"http://127.0.0.1:{store.http_port}/instances", body)
    with urlopen(request, timeout=120) as answer:
        study: str = json.load(answer)["ParentStudy"]
    return study
