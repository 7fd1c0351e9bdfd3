# SPDX-License-Identifier: Apache-2.0
"""How long the header scan takes, beside pydicom's read and `to_json_dict`.

Run with `python bench/header.py`; prints one line for each kind of file. Times are medians in µs:
*first* forgets everything before each file, *stream* reads files of which each has its own UIDs,
dates, names and positions, *again* reads one file over and over. The ratio is pydicom's time to
that of *stream*.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
import warnings
from collections.abc import Callable

from pydicom import dcmread
from pydicom._private_dict import private_dictionaries
from pydicom.datadict import private_dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pons.header import scan
from pons.header.level import memo_for

FILES = 40
SAME = """
ImageType ORIGINAL\\PRIMARY\\AXIAL|Modality CT|Manufacturer GE MEDICAL SYSTEMS|SliceThickness 5.0
InstitutionName St. Elsewhere|StationName CT01_OC0|StudyDescription CT Thorax with contrast
SeriesDescription Axial 5 mm|ManufacturerModelName LightSpeed VCT|BodyPartExamined CHEST|KVP 120
ScanOptions HELICAL MODE|DataCollectionDiameter 500|DeviceSerialNumber 000000432109CT01
SoftwareVersions 07MW18.4|ProtocolName 5.1 Thorax|ReconstructionDiameter 360|RotationDirection CW
DistanceSourceToDetector 949.147|DistanceSourceToPatient 541|GantryDetectorTilt 0|TableHeight 151.3
ExposureTime 500|XRayTubeCurrent 380|Exposure 190|FilterType BODY FILTER|GeneratorPower 45600
FocalSpots 1.2|ConvolutionKernel STANDARD|PatientPosition FFS|PositionReferenceIndicator SN
ImageOrientationPatient 1\\0\\0\\0\\1\\0|PhotometricInterpretation MONOCHROME2|PatientSex F
PixelSpacing 0.703125\\0.703125|WindowCenter 40|WindowWidth 400|RescaleIntercept -1024
RescaleSlope 1|RescaleType HU|SpecificCharacterSet ISO_IR 100|PatientSize 1.68|PatientWeight 71.5
OperatorsName Smith^J|ReferringPhysicianName Jones^A|AdmittingDiagnosesDescription Cough
"""
PER_PATIENT = ["PatientName", "PatientID", "AccessionNumber", "StudyID"]
DATES = ["StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "InstanceCreationDate"]
TIMES = ["StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime", "InstanceCreationTime"]
UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"]


def ct(number: int) -> Dataset:
    """Give a CT image of about 250 elements with private blocks and sequences."""
    ds = Dataset()
    for line in SAME.strip().replace("\n", "|").split("|"):
        keyword, value = line.split(" ", 1)
        setattr(ds, keyword, value.split("\\") if "\\" in value else value)
    for keyword in PER_PATIENT:
        setattr(ds, keyword, f"{keyword[-2:]}^{number:06d}")
    ds.PatientBirthDate, ds.PatientAge = f"19{number % 90 + 10}0713", f"{number % 90:03d}Y"
    for index, keyword in enumerate(DATES):
        setattr(ds, keyword, f"2026{number % 12 + 1:02d}{index + 10}")
    for index, keyword in enumerate(TIMES):
        setattr(ds, keyword, f"10{index}{number % 50 + 10}.{number:06d}")
    for index, keyword in enumerate(UIDS):
        setattr(ds, keyword, f"1.2.840.113619.2.55.3.{2831164352 + number}.{index}")
    ds.SOPClassUID = CTImageStorage
    ds.SingleCollimationWidth, ds.TotalCollimationWidth = 0.625, 40.0
    ds.TableSpeed, ds.SpiralPitchFactor = 55.0, 1.375
    ds.InstanceNumber, ds.SliceLocation = number, f"{-120.5 + number:.3f}"
    ds.ImagePositionPatient = [f"{-180 + number:.4f}", "-176.25", f"{-120.5 + number:.3f}"]
    ds.Rows = ds.Columns = 512
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.SamplesPerPixel = 16, 16, 15, 1
    ds.PixelRepresentation = 1
    ds.SmallestImagePixelValue, ds.LargestImagePixelValue = -1024, 1000 + number
    ds.ReferencedStudySequence = [reference(number)]
    ds.ReferencedImageSequence = [reference(number + n) for n in (1, 2)]
    ds.RequestAttributesSequence = [request(number)]
    add_private(ds, number)
    ds.PixelData = b"\0\1" * 256 * 1024
    return ds


def reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = f"1.2.840.113619.2.55.3.{2831164352 + number}.9"
    return item


def request(number: int) -> Dataset:
    item, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CTTHOR", "99PONS", "CT Thorax"
    item.ScheduledProcedureStepID, item.RequestedProcedureID = f"SPS{number}", f"RP{number}"
    item.ScheduledProtocolCodeSequence = [code]
    return item


def add_private(ds: Dataset, number: int) -> None:
    """Add what a GE scanner adds: blocks of small elements, some of which change."""
    creators = {0x0009: "GEMS_IDEN_01", 0x0019: "GEMS_ACQU_01", 0x0043: "GEMS_PARM_01"}
    for group, creator in creators.items():
        block = ds.private_block(group, creator, create=True)
        names = [tag for tag in private_dictionaries[creator] if tag.startswith(f"{group:04X}xx")]
        offsets = sorted({int(tag[-2:], 16) for tag in names if not tag.endswith("x")})
        for index, offset in enumerate(offsets[:75]):
            vr = private_dictionary_VR(block.get_tag(offset), creator)
            changing = number * 7 + index if index % 5 == 0 else index
            if vr in ("DS", "IS", "LO", "SH"):
                block.add_new(offset, vr, str(changing))
            elif vr in ("SS", "US", "SL", "UL", "FL", "FD"):
                block.add_new(offset, vr, changing)


def enhanced(number: int) -> Dataset:
    """Give an enhanced CT of 200 frames, each with its functional groups."""
    ds = ct(number)
    ds.SOPClassUID = EnhancedCTImageStorage
    ds.NumberOfFrames = 200
    ds.PerFrameFunctionalGroupsSequence = [frame(number, n) for n in range(200)]
    ds.PixelData = b"\0\1" * 1024
    return ds


def frame(number: int, index: int) -> Dataset:
    item, content, position, lut = Dataset(), Dataset(), Dataset(), Dataset()
    content.FrameAcquisitionDateTime = f"20260101{index:06d}"
    content.DimensionIndexValues = [1, index + 1]
    content.StackID = "1"
    position.ImagePositionPatient = ["-180", "-176.25", f"{number + index * 0.625:.3f}"]
    lut.RescaleIntercept, lut.RescaleSlope, lut.RescaleType = "-1024", "1", "HU"
    item.FrameContentSequence, item.PlanePositionSequence = [content], [position]
    item.PixelValueTransformationSequence = [lut]
    return item


def write(ds: Dataset, transfer_syntax: str) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read_with_pydicom(data: bytes) -> None:
    ds = dcmread(io.BytesIO(data))
    del ds.PixelData
    ds.to_json_dict()


def scan_first(data: bytes) -> None:
    memo_for.cache_clear()
    scan(data)


def median_us(work: Callable[[bytes], object], files: list[bytes]) -> float:
    times = []
    for data in files:
        start = time.perf_counter()
        work(data)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def measure(name: str, files: list[bytes]) -> float:
    """Print one line of the table, and give the ratio."""
    elements = scan(files[0]).json.count(b'"vr":')
    scan_first(files[0])
    stream = median_us(scan, files[1:])
    again = median_us(scan, files[:1] * len(files))
    first = median_us(scan_first, files)
    pydicom = median_us(read_with_pydicom, files[:10])
    ratio = pydicom / stream
    print(f"{name:28}{elements:9}{first:9.0f}{stream:9.0f}{again:9.0f}{pydicom:10.0f}{ratio:8.1f}")
    return ratio


def main() -> int:
    """Print the table; the exit code is 1 when the scan of a CT is not 10 times faster."""
    warnings.simplefilter("ignore")
    print("header scan, median µs per file")
    columns = ("first", "stream", "again", "pydicom", "ratio")
    print(f"{'':28}{'elements':>9}{columns[0]:>9}{columns[1]:>9}{columns[2]:>9}", end="")
    print(f"{columns[3]:>10}{columns[4]:>8}")
    images = [ct(n) for n in range(FILES)]
    files = [write(ds, ExplicitVRLittleEndian) for ds in images]
    ratio = measure("CT, explicit little endian", files)
    for name, transfer_syntax in (
        ("CT, implicit little endian", ImplicitVRLittleEndian),
        ("CT, explicit big endian", ExplicitVRBigEndian),
        ("CT, deflated", DeflatedExplicitVRLittleEndian),
    ):
        measure(name, [write(ds, transfer_syntax) for ds in images])
    frames = [write(enhanced(n), ExplicitVRLittleEndian) for n in range(10)]
    measure("Enhanced CT, 200 frames", frames)
    return 0 if ratio >= 10 else 1


if __name__ == "__main__":
    sys.exit(main())
