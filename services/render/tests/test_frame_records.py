# SPDX-License-Identifier: Apache-2.0
"""Frames as they are sent for viewing, compared with what pydicom makes of the same files."""

import io
import struct
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing
from pydicom.sequence import Sequence

from pons.messages.frames import FramesRequest, Run
from pons_render.frame_attributes import FrameAttributes, Window, read_attributes
from pons_render.voi import apply_window

pytestmark = pytest.mark.anyio
Make = Callable[..., bytes]
KINDS = {
    "Uint8": "u1",
    "Int16": "<i2",
    "Uint16": "<u2",
    "Uint32": "<u4",
    "Int32": "<i4",
    "RGB": "u1",
}
KINDS |= {"Int8": "i1", "Float32": "<f4", "Float64": "<f8"}


def example(name: str) -> bytes:
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def records_of(content: bytes) -> list[tuple[dict[str, Any], Any]]:
    """Each head of a stream with its values, as docs/frames.md says how they are read."""
    found, at = [], 0
    while at < len(content):
        head, values = struct.unpack_from("<II", content, at)
        told = msgspec.json.decode(content[at + 8 : at + 8 + head])
        at += 8 + head
        pixels = None
        if values:
            shape = [told["Rows"], told["Columns"], *([3] if told["Pixels"] == "RGB" else [])]
            pixels = np.frombuffer(content[at : at + values], KINDS[told["Pixels"]]).reshape(shape)
        found.append((told, pixels))
        at += values
    assert at == len(content)
    return found


async def stream(
    client: httpx.AsyncClient, resources: Any, *runs: tuple[str, int, int], start: int = 0
) -> list[tuple[dict[str, Any], Any]]:
    asked = []
    for name, first, count in runs:
        located = await resources.find(name)
        asked.append(Run(name, str(located.key) if located else "", first, count))
    answer = await client.post("/frames", content=msgspec.json.encode(FramesRequest(asked, start)))
    assert answer.status_code == 200
    return records_of(answer.content)


async def test_stored_values_and_what_they_mean(client: httpx.AsyncClient, resources: Any) -> None:
    """A CT's values are those of the file, and its head has what makes Hounsfield units of them."""
    resources.add("ct", example("CT_small.dcm"))
    ((head, pixels),) = await stream(client, resources, ("ct", 0, 1), start=7)
    ds = dcmread(get_testdata_file("CT_small.dcm"))
    assert (pixels == ds.pixel_array).all()
    assert (head["Slice"], head["Instance"], head["Frame"]) == (7, "ct", 0)
    assert (head["Slope"], head["Intercept"], head["Pixels"]) == (1.0, -1024.0, "Int16")
    assert head["Position"] == [float(one) for one in ds.ImagePositionPatient]
    assert head["Orientation"] == [float(one) for one in ds.ImageOrientationPatient]
    assert (head["Spacing"], head["SpacingAt"]) == ([float(x) for x in ds.PixelSpacing], "patient")
    assert head["Padding"] == [-2000, -2000]
    real = ds.pixel_array[ds.pixel_array != -2000]
    assert (head["Least"], head["Greatest"]) == (real.min(), real.max())


@pytest.mark.parametrize(
    "name",
    ["MR_small.dcm", "rtdose.dcm", "emri_small.dcm", "examples_jpeg2k.dcm", "693_J2KR.dcm",
     "MR_small_jp2klossless.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "liver_1frame.dcm"],
)  # fmt: skip
async def test_values_of_files(client: httpx.AsyncClient, resources: Any, name: str) -> None:
    """Whatever the encoding, the values are those that pydicom reads."""
    content = example(name)
    resources.add("one", content)
    ds = dcmread(io.BytesIO(content))
    frames = int(ds.get("NumberOfFrames") or 1)
    records = await stream(client, resources, ("one", 0, frames))
    pixels = ds.pixel_array if frames > 1 else ds.pixel_array[np.newaxis]
    assert len(records) == frames
    for (head, found), expected in zip(records, pixels, strict=True):
        assert "Error" not in head
        if found.ndim == 2:
            assert (found == expected).all()
        else:
            assert found.shape == expected.shape


async def test_a_dose_is_scaled_and_placed(client: httpx.AsyncClient, resources: Any) -> None:
    """Each frame of a dose has its place, and a slope that gives the units of the dose."""
    resources.add("dose", example("rtdose.dcm"))
    ds = dcmread(get_testdata_file("rtdose.dcm"))
    records = await stream(client, resources, ("dose", 0, int(ds.NumberOfFrames)))
    assert {head["Slope"] for head, _ in records} == {float(ds.DoseGridScaling)}
    assert {(head["Units"], head["Pixels"]) for head, _ in records} == {("RELATIVE", "Uint32")}
    z = [head["Position"][2] for head, _ in records]
    offsets = [float(ds.ImagePositionPatient[2]) + float(one) for one in ds.GridFrameOffsetVector]
    assert z == pytest.approx(offsets)


async def test_groups_of_each_frame(client: httpx.AsyncClient, resources: Any, make: Make) -> None:
    """Functional groups of a frame come before shared ones, and these before the data set."""

    def group(**attributes: Any) -> Dataset:
        ds = Dataset()
        for name, (inner, value) in attributes.items():
            item = Dataset()
            setattr(item, inner, value)
            setattr(ds, name, Sequence([item]))
        return ds

    frames = [
        group(
            PlanePositionSequence=("ImagePositionPatient", [0, 0, z]),
            PixelValueTransformationSequence=("RescaleSlope", slope),
        )
        for z, slope in ((5, 2), (9, 3))
    ]
    shared = group(PixelMeasuresSequence=("PixelSpacing", [2, 1]))
    pixels = np.arange(8, dtype="<u2").reshape(4, 2)
    file = make(
        pixels, Rows=2, NumberOfFrames=2, RescaleSlope=7, PixelSpacing=[9, 9],
        PerFrameFunctionalGroupsSequence=frames, SharedFunctionalGroupsSequence=[shared],
    )  # fmt: skip
    resources.add("enhanced", file)
    records = await stream(client, resources, ("enhanced", 0, 2))
    told = [(head["Position"], head["Slope"], head["Spacing"]) for head, _ in records]
    assert told == [([0, 0, 5], 2, [2, 1]), ([0, 0, 9], 3, [2, 1])]
    assert [head["Aspect"] for head, _ in records] == [2, 2]
    ((second, values),) = await stream(client, resources, ("enhanced", 1, 1))
    assert (second["Slope"], values.tolist()) == (3, [[4, 5], [6, 7]])


@pytest.mark.parametrize(
    ("spacing", "detector", "page", "expected"),
    [
        ([0.2, 0.2], None, None, ((0.2, 0.2), "patient")),
        ([0.18, 0.18], [0.2, 0.2], None, ((0.18, 0.18), "patient")),
        ([0.2, 0.2], [0.2, 0.2], None, ((0.2, 0.2), "detector")),
        ([0.1, 0.1], None, [0.1, 0.1], ((0.1, 0.1), "page")),
        (None, [0.2, 0.3], None, ((0.2, 0.3), "detector")),
        ([0, 0.2], None, None, (None, "")),
    ],
)
def test_where_millimetres_are(
    spacing: list[float] | None,
    detector: list[float] | None,
    page: list[float] | None,
    expected: tuple[Any, str],
) -> None:
    """A Pixel Spacing that is that of the detector is no measure of what is in the patient."""
    tags = {"00280030": spacing, "00181164": detector, "00182010": page}
    header = {tag: {"vr": "DS", "Value": value} for tag, value in tags.items() if value}
    (found,) = read_attributes(msgspec.json.encode(header), range(1))
    assert (found.spacing, found.spacing_at) == expected


async def test_tables(client: httpx.AsyncClient, resources: Any, make: Make) -> None:
    """Modality and VOI LUTs come with their first value's sign, whatever VR it was written with."""

    def lut(first: int, values: list[int], bits: int, **others: Any) -> Dataset:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [len(values), first, bits])
        item.add_new("LUTData", "US", values)
        for name, value in others.items():
            setattr(item, name, value)
        return item

    pixels = np.array([[-2, -1], [0, 1]], "<i2")
    file = make(
        pixels,
        ModalityLUTSequence=[lut(65534, [10, 20, 30, 40], 16)],
        VOILUTSequence=[lut(20, [0, 300, 1023], 10, LUTExplanation="BONE")],
    )
    resources.add("one", file)
    ((head, _),) = await stream(client, resources, ("one", 0, 1))
    modality, (voi,) = head["ModalityLut"], head["VoiLuts"]
    assert (modality["First"], voi["First"], voi["Bits"], voi["Explanation"]) == (
        -2,
        20,
        10,
        "BONE",
    )
    values = [np.frombuffer(b64decode(one["Values"]), "<u2").tolist() for one in (modality, voi)]
    assert values == [[10, 20, 30, 40], [0, 300, 1023]]


@pytest.mark.parametrize(
    ("sop_class", "relationship", "applies"),
    [
        ("1.2.840.10008.5.1.4.1.1.12.1", "LOG", False),
        ("1.2.840.10008.5.1.4.1.1.12.2", "DISP", False),
        ("1.2.840.10008.5.1.4.1.1.12.1", "LIN", True),
        ("1.2.840.10008.5.1.4.1.1.1.1", "LOG", True),
    ],
)
def test_the_table_of_fluoroscopy_is_not_for_display(
    sop_class: str, relationship: str, applies: bool
) -> None:
    """The windows of an angiography are for its stored values, whatever its modality LUT says."""
    table = {
        "00283002": {"vr": "US", "Value": [2, 0, 16]},
        "00283006": {"vr": "US", "Value": [7, 9]},
    }
    header = {
        "00080016": {"vr": "UI", "Value": [sop_class]},
        "00281040": {"vr": "CS", "Value": [relationship]},
        "00283000": {"vr": "SQ", "Value": [table]},
    }
    (found,) = read_attributes(msgspec.json.encode(header), range(1))
    assert (found.modality_lut is not None) == applies


async def test_colour(client: httpx.AsyncClient, resources: Any) -> None:
    """A palette is applied, and colours are three samples for each pixel."""
    resources.add("palette", example("examples_palette.dcm"))
    resources.add("rgb", example("SC_rgb.dcm"))
    (palette, colours), (rgb, pixels) = await stream(
        client, resources, ("palette", 0, 1), ("rgb", 0, 1)
    )
    assert (palette["Pixels"], colours.shape) == ("RGB", (350, 800, 3))
    assert (rgb["Pixels"], rgb["Photometric"]) == ("RGB", "RGB")
    assert (pixels == dcmread(get_testdata_file("SC_rgb.dcm")).pixel_array).all()


async def test_what_cannot_be_decoded_says_why(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """Frames that cannot be shown have a reason, in their place, and the others follow."""
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2)
    resources.add("good", make(pixels))
    resources.add("report", example("reportsi.dcm"))
    resources.add("replaced", make(pixels))
    damaged = resources.add("damaged", make(pixels))
    (resources.objects.folder / str(damaged.key)).write_bytes(b"short")
    asked = [
        Run(name, str((await resources.find(name)).key), 0, 1)
        for name in ("good", "report", "damaged")
    ]
    asked += [
        Run("replaced", "another", 0, 1),
        Run("gone", "", 0, 1),
        Run("good", asked[0].content, 0, 2),
    ]
    answer = await client.post("/frames", content=msgspec.json.encode(FramesRequest(asked)))
    told = [(head["Slice"], head.get("Error", "")) for head, _ in records_of(answer.content)]
    assert [place for place, _ in told] == list(range(7))
    reasons = [reason for _, reason in told]
    assert (reasons[0], reasons[5]) == ("", "")
    assert reasons[1] == "The instance has no pixel data"
    assert "damaged" in reasons[2]
    assert "replaced" in reasons[3]
    assert "no such instance" in reasons[4]
    assert "no frame 1" in reasons[6]


async def test_what_is_kept_has_no_refusals(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """It ends before the first; what begins with one has all frames, and is not kept."""
    resources.add("good", make(np.arange(4, dtype=np.uint8).reshape(2, 2)))
    resources.add("report", example("reportsi.dcm"))
    names = ("good", "good", "report", "good", "report")
    runs = [Run(name, str((await resources.find(name)).key), 0, 1) for name in names]

    async def places(first: int) -> tuple[list[int], str]:
        asked = FramesRequest(runs[first:], first, kept=True)
        answer = await client.post("/frames", content=msgspec.json.encode(asked))
        found = [head["Slice"] for head, _ in records_of(answer.content)]
        return found, answer.headers.get("cache-control", "")

    assert await places(0) == ([0, 1], "")
    assert await places(2) == ([2, 3, 4], "no-store")


async def test_integers_of_64_bits_have_a_reason(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """What no reader of the stream knows is refused, and does not end the stream for the others."""
    resources.add("wide", make(np.arange(4, dtype="<u8").reshape(2, 2)))
    resources.add("good", make(np.arange(4, dtype=np.uint8).reshape(2, 2)))
    (wide, _), (good, _) = await stream(client, resources, ("wide", 0, 1), ("good", 0, 1))
    assert "64 bits" in wide["Error"]
    assert good["Pixels"] == "Uint8"


async def test_long_streams_are_in_order(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """What is decoded ahead comes in the order that was asked for."""
    for number in range(20):
        resources.add(str(number), make(np.full((4, 4), number, np.uint8)))
    asked = [(str(number), 0, 1) for number in reversed(range(20))]
    records = await stream(client, resources, *asked)
    assert [int(pixels[0, 0]) for _, pixels in records] == list(reversed(range(20)))


async def test_thumbnails_are_seen_as_people_would(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """The window of the header counts, padding is black, and pixels have their true proportions."""
    pixels = np.array([[0, 100], [200, 4000]], "<u2")
    resources.add(
        "wide", make(pixels, WindowCenter=100.5, WindowWidth=201, PixelSpacing=[1, 2],
                     PixelPaddingValue=4000)
    )  # fmt: skip
    answer = await client.get("/instances/wide/frames/0/thumbnail?size=16")
    picture = np.asarray(Pillow.open(io.BytesIO(answer.content)))
    assert picture.shape == (8, 16)
    corners = picture[[0, 0, -1, -1], [0, -1, 0, -1]].tolist()
    assert corners == [0, 128, 255, 0]


async def test_thumbnails_of_inverted_and_of_nothing(
    client: httpx.AsyncClient, resources: Any, make: Make
) -> None:
    """MONOCHROME1 shows its least value bright; what has no picture is refused with the reason."""
    pixels = np.array([[0, 10]], "<u2")
    resources.add("film", make(pixels, PhotometricInterpretation="MONOCHROME1"))
    resources.add("report", example("reportsi.dcm"))
    answer = await client.get("/instances/film/frames/0/thumbnail?size=16")
    picture = np.asarray(Pillow.open(io.BytesIO(answer.content)))
    assert picture[0, [0, -1]].tolist() == [255, 0]
    refused = await client.get("/instances/report/frames/0/thumbnail")
    assert (refused.status_code, refused.json()["error"]) == (415, "UnsupportedImage")


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (0, 1), (-600.5, 1500.25), (3, 2)])
def test_windows_are_those_of_the_standard(function: str, center: float, width: float) -> None:
    """The same values as pydicom's, which is another hand's reading of PS3.3 C.11.2.1."""
    if function != "LINEAR" or width > 1:
        values = np.arange(-2000, 2000)
        ds = Dataset()
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
        ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 8, 0
        with np.errstate(over="ignore"):
            expected = apply_windowing(values.astype(float), ds)
        found = apply_window(values.astype(float), Window(center, width), function)
        assert np.allclose(found, expected, atol=1e-9)


def test_the_narrowest_window_is_a_threshold() -> None:
    """LINEAR of width 1 is black up to its centre less a half, and white above."""
    found = apply_window(np.array([39.0, 39.5, 40.0]), Window(40, 1), "LINEAR")
    assert found.tolist() == [0, 0, 255]


def test_nothing_is_known_of_an_empty_header() -> None:
    """What a header does not say is told as unknown, not made up."""
    assert read_attributes(b"{}", range(1)) == (FrameAttributes(),)
