# SPDX-License-Identifier: Apache-2.0
"""Instances with pictures of every kind, and what pydicom says is seen of them."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from outside import Store

EDGE = 48


def picture(pixels: NDArray[Any], **attributes: Any) -> Dataset:
    """An instance of one frame, or several along the first axis, with these pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
    ds.PatientID = ds.PatientName = "PICTURES"
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.Modality, ds.StudyDate = "CT", "20260514"
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    if pixels.ndim == 3 and not colour:
        ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    for name, value in attributes.items():
        setattr(ds, name, value)
    ds.PixelData = pixels.tobytes()
    return ds


def slope(dtype: str = "<i2", *, low: float = -1000, high: float = 2000) -> NDArray[Any]:
    """Values from low to high across, other ones in every row."""
    down, across = np.mgrid[0:EDGE, 0:EDGE] / (EDGE - 1)
    return (low + (high - low) * (0.9 * across + 0.1 * down)).astype(dtype)


def volume(count: int, **attributes: Any) -> list[Dataset]:
    """A series, each of whose slices is brighter than the one below it; sent in no order."""
    study, series = generate_uid(), generate_uid()
    return [
        picture(
            slope() + 20 * number,
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            InstanceNumber=count - number,
            ImagePositionPatient=[-10, -20, 2.5 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[0.5, 0.5],
            RescaleSlope=1,
            RescaleIntercept=0,
            WindowCenter=500,
            WindowWidth=2000,
            RescaleType="HU",
            SeriesDescription="Volume",
            **attributes,
        )
        for number in range(count)
    ]


def send(store: Store, *datasets: Dataset) -> str:
    """The identifier of the series."""
    for ds in datasets:
        file = BytesIO()
        ds.save_as(file, enforce_file_format=True)
        answer = store.http.post("/instances", content=file.getvalue())
        assert answer.status_code == 200, answer.text
    series: str = answer.json()["ParentSeries"]
    return series


def seen(ds: Dataset, frame: int = 0) -> list[list[int]]:
    """Red, green and blue of each pixel, as pydicom, which shares no code with us, has them."""
    pixels = ds.pixel_array
    if "NumberOfFrames" in ds:
        pixels = pixels[frame]
    if ds.SamplesPerPixel == 3:
        return np.asarray(pixels).reshape(-1, 3).tolist()
    values = apply_modality_lut(pixels, ds).astype(np.float64)
    if "WindowCenter" in ds:
        # to 0..255, whatever bits are stored
        told = Dataset()
        told.WindowCenter, told.WindowWidth = ds.WindowCenter, ds.WindowWidth
        told.VOILUTFunction = ds.get("VOILUTFunction", "LINEAR")
        told.PhotometricInterpretation, told.BitsStored = "MONOCHROME2", 8
        told.PixelRepresentation = 0
        grey = apply_windowing(values, told)
    elif "VOILUTSequence" in ds:
        bits = ds.VOILUTSequence[0].LUTDescriptor[2]
        grey = apply_voi_lut(values.astype(np.int64), ds) * (255 / (2**bits - 1))
    else:
        inside = np.ones(pixels.shape, bool)
        if "PixelPaddingValue" in ds:
            inside = pixels != ds.PixelPaddingValue
        low, high = values[inside].min(), values[inside].max()
        grey = np.clip((values - low) / (high - low), 0, 1) * 255
    grey = np.floor(grey + 0.5).astype(int)
    if ds.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    if "PixelPaddingValue" in ds:
        grey[pixels == ds.PixelPaddingValue] = 0
    return np.repeat(grey.reshape(-1, 1), 3, axis=1).tolist()
