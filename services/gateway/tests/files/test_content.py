# SPDX-License-Identifier: Apache-2.0
"""Raw values of a file, wherever they are and however it is encoded and stored."""

import struct
from xml.etree import ElementTree

import httpx
import pytest
from pydicom import DataElement, Dataset, FileMetaDataset, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence
from pydicom.uid import UID

from ..conftest import INSTANCE, NOBODY, Store
from ..datasets.test_tags_and_files import keep, trailed

pytestmark = pytest.mark.anyio

CONTENT = f"/instances/{INSTANCE}/content"
IMPLICIT, EXPLICIT = UID("1.2.840.10008.1.2"), UID("1.2.840.10008.1.2.1")
DEFLATED, BIG_ENDIAN = UID("1.2.840.10008.1.2.1.99"), UID("1.2.840.10008.1.2.2")
RLE = UID("1.2.840.10008.1.2.5")


def written(ds: Dataset, transfer_syntax: UID, *, endless: bool = False) -> bytes:
    """The file of a data set, its sequences perhaps of undefined length."""
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3.4"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.5"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    for element in ds.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = endless
            for item in element.value:
                item.is_undefined_length_sequence_item = endless
    file = DicomBytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def nested() -> Dataset:
    """Text, numbers, and a private sequence in a sequence, with two items each."""
    ds = Dataset()
    ds.PatientName, ds.Rows = "ROE^RIC", 258
    inner = []
    for text in ("first", "second"):
        item = Dataset()
        item.private_block(0x7FE1, "MAKER", create=True).add_new(0x57, "LO", text)
        inner.append(item)
    outer = [Dataset(), Dataset()]
    for item in outer:
        item.private_block(0x7FE1, "MAKER", create=True).add_new(0x08, "SQ", Sequence(inner))
    ds.ReferencedSeriesSequence = Sequence(outer)
    return ds


@pytest.mark.parametrize("endless", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_values_in_sequences(
    client: httpx.AsyncClient, store: Store, syntax: UID, endless: bool
) -> None:
    """A path goes through items to a value, which comes with its padding and in its byte order."""
    await keep(store, written(nested(), syntax, endless=endless))
    inner = f"{CONTENT}/0008-1115/1/7fe1-1008"
    if syntax == IMPLICIT and not endless:  # nothing tells that this is a sequence
        assert (await client.get(inner)).content.startswith(b"\xfe\xff\x00\xe0")
    else:
        assert (await client.get(inner)).json() == ["0", "1"]
        assert (await client.get(f"{inner}/1")).json() == ["7fe1-0010", "7fe1-1057"]
        assert (await client.get(f"{inner}/1/7fe1-1057")).content == b"second"
        assert (await client.get(f"{inner}/0/7fe1-1057")).content == b"first "
    assert (await client.get(f"{CONTENT}/PatientName")).content == b"ROE^RIC "
    rows = b"\x01\x02" if syntax == BIG_ENDIAN else b"\x02\x01"
    answer = await client.get(f"{CONTENT}/0028,0010")
    assert (answer.content, answer.headers["content-type"]) == (rows, "application/octet-stream")
    assert (await client.get(f"{CONTENT}/0008-1115")).json() == ["0", "1"]
    names = (await client.get(CONTENT)).json()
    assert names[:3] == ["0008-0016", "0008-0018", "0008-1115"]


@pytest.mark.parametrize(
    "path",
    [
        "0010-0020",
        "0008-1115/2",
        "0008-1115/x",
        "0008-1115/0/0010-0010",
        "0010-0010/0",
        "0008-1115/99999999999999999999",
    ],
)
async def test_paths_that_lead_nowhere(client: httpx.AsyncClient, store: Store, path: str) -> None:
    """They are not found, without a body."""
    await keep(store, written(nested(), EXPLICIT))
    answer = await client.get(f"{CONTENT}/{path}")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_unknown_instance_and_word(client: httpx.AsyncClient, store: Store) -> None:
    """An instance that is not there is not found, and a word that is no tag is a bad request."""
    await keep(store, written(nested(), EXPLICIT))
    assert (await client.get(f"/instances/{NOBODY}/content")).status_code == 404
    assert (await client.get(f"{CONTENT}/Nonsense")).status_code == 400


@pytest.mark.parametrize("compression", ["", "zstd"])
async def test_frames(client: httpx.AsyncClient, store: Store, compression: str) -> None:
    """Pixel data as it is divides into frames, the last one without the padding."""
    ds = Dataset()
    ds.Rows = ds.Columns = ds.NumberOfFrames = 3
    ds.BitsAllocated, ds.SamplesPerPixel = 8, 1
    ds.add(DataElement("PixelData", "OB", bytes(range(27)) + b"\0"))
    await keep(store, written(ds, EXPLICIT), compression=compression)
    assert (await client.get(f"{CONTENT}/7fe0-0010")).json() == ["0", "1", "2"]
    assert (await client.get(f"{CONTENT}/PixelData/2")).content == bytes(range(18, 27))
    assert (await client.get(f"{CONTENT}/7fe0-0010/3")).status_code == 404


async def test_fragments(client: httpx.AsyncClient, store: Store) -> None:
    """Encapsulated pixel data divides into its fragments, the offset table first."""
    ds = Dataset()
    ds.add(DataElement("PixelData", "OB", encapsulate([b"ab", b"cdef"], has_bot=False)))
    ds["PixelData"].is_undefined_length = True
    await keep(store, written(ds, RLE))
    assert (await client.get(f"{CONTENT}/7fe0-0010")).json() == ["0", "1", "2"]
    assert (await client.get(f"{CONTENT}/7fe0-0010/0")).content == b""
    assert (await client.get(f"{CONTENT}/7fe0-0010/2")).content == b"cdef"


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
async def test_large_values(client: httpx.AsyncClient, store: Store, syntax: UID) -> None:
    """A value of many pieces comes whole, and so does what follows the pixel data."""
    ds = Dataset()
    value = bytes(range(256)) * 12_000
    ds.add_new(0x00110010, "LO", "MAKER")
    ds.add_new(0x00111001, "OB", value)
    await keep(store, written(ds, syntax))
    answer = await client.get(f"{CONTENT}/0011-1001")
    assert (answer.content == value, answer.headers["content-length"]) == (True, "3072000")
    await keep(store, trailed(200_000))
    assert len((await client.get(f"{CONTENT}/fffc-fffc")).content) == 200_000


@pytest.mark.parametrize("cut", [1, 5, 30])
async def test_damage(client: httpx.AsyncClient, store: Store, cut: int) -> None:
    """A file that ends in the middle of an element is refused, not a failure."""
    await keep(store, written(nested(), EXPLICIT, endless=True)[:-cut])
    assert (await client.get(f"{CONTENT}/0028-0011")).status_code in (400, 404)


async def test_pdf(client: httpx.AsyncClient, store: Store) -> None:
    """The PDF of an instance comes as one; anything else is not found."""
    ds = Dataset()
    ds.MIMETypeOfEncapsulatedDocument, ds.EncapsulatedDocument = "application/pdf", b"%PDF-1.4"
    await keep(store, written(ds, EXPLICIT))
    answer = await client.get(f"/instances/{INSTANCE}/pdf")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF-1.4", "application/pdf")
    ds.MIMETypeOfEncapsulatedDocument = "text/xml"
    await keep(store, written(ds, EXPLICIT))
    answer = await client.get(f"/instances/{INSTANCE}/pdf")
    assert (answer.status_code, answer.content) == (404, b"")


FILE = f"/instances/{INSTANCE}/file"


def everything() -> Dataset:
    """Text, numbers, names, binary values long and short, a sequence, pixel data."""
    ds = Dataset()
    ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "ROE^RIC<\x07=山"
    ds.SeriesNumber, ds.SliceThickness, ds.StudyDescription = "7", "1.50", ""
    ds.PointCoordinatesData = struct.pack("<f", 0.5)
    ds.VectorCoordinateData = struct.pack("<20f", *range(20))
    ds.add_new(0x00111001, "OB", b"\x01" * 100)
    item = Dataset()
    item.CodeValue = "A1"
    ds.ConceptCodeSequence = Sequence([item])
    ds.add(DataElement("PixelData", "OW", b"\x01\x02"))
    return ds


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED, BIG_ENDIAN])
async def test_file_as_json(client: httpx.AsyncClient, store: Store, syntax: UID) -> None:
    """DICOM JSON of a file has every value inside, binary ones too, whatever the byte order."""
    ds = everything()
    if syntax == BIG_ENDIAN:
        for keyword, code in (("PointCoordinatesData", "f"), ("VectorCoordinateData", "20f")):
            numbers = struct.unpack("<" + code, ds[keyword].value)
            ds[keyword].value = struct.pack(">" + code, *numbers)
        ds["PixelData"].value = b"\x02\x01"
    await keep(store, written(ds, syntax))
    answer = await client.get(FILE, headers={"accept": "application/dicom+json"})
    assert answer.headers["content-type"] == "application/dicom+json"
    model = answer.json()
    assert model["00200011"] == {"vr": "IS", "Value": [7]}
    assert model["00180050"] == {"vr": "DS", "Value": ["1.50"]}
    assert model["00081030"] == {"vr": "LO"}
    assert model["00660016"] == {"vr": "OF", "Value": [0.5]}
    assert model["00660021"]["Value"][-1] == 19.0
    assert model["00111001"]["InlineBinary"] == "AQEB" * 33 + "AQ=="
    assert model["0040A168"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["A1"]}}]
    assert model["7FE00010"] == {"vr": "OW", "InlineBinary": "AQI="}


async def test_numbers_too_long_for_json(client: httpx.AsyncClient, store: Store) -> None:
    """An IS that no reader could hold is shown as the text that it is."""
    ds = Dataset()
    ds.add_new(0x00080020, "LT", "9" * 30)  # pydicom writes no such IS
    ds.add_new(0x00080030, "LT", "9" * 5000)
    file = written(ds, EXPLICIT)
    file = file.replace(b"\x08\0\x20\0LT", b"\x20\0\x11\0IS")
    await keep(store, file.replace(b"\x08\0\x30\0LT", b"\x28\0\x08\0IS"))
    model = (await client.get(FILE, headers={"accept": "application/dicom+json"})).json()
    assert model["00200011"] == {"vr": "IS", "Value": ["9" * 30]}
    assert model["00280008"] == {"vr": "IS", "Value": ["9" * 5000]}


async def test_file_as_xml(client: httpx.AsyncClient, store: Store) -> None:
    """The native model in XML has the same values, and nothing in them can break out of it."""
    await keep(store, written(everything(), EXPLICIT))
    answer = await client.get(FILE, headers={"accept": "application/dicom+xml"})
    assert answer.headers["content-type"] == "application/dicom+xml"
    root = ElementTree.fromstring(answer.content)
    name = {"n": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}
    assert root.findtext("n:DicomAttribute[@tag='0040A168']/n:Item//n:Value", None, name) == "A1"
    person = root.find("n:DicomAttribute[@keyword='PatientName']/n:PersonName", name)
    assert person is not None
    assert [part.text for part in person.iter() if part.text] == ["ROE", "RIC<", "山"]
    pixels = root.findtext("n:DicomAttribute[@tag='7FE00010']/n:InlineBinary", None, name)
    assert pixels == "AQI="


async def test_values_too_long_for_json(client: httpx.AsyncClient, store: Store) -> None:
    """A file whose values would not fit into memory twice is refused in this form, clearly."""
    ds = Dataset()
    ds.add_new(0x00111001, "OB", bytes(40 * 1024 * 1024))
    await keep(store, written(ds, EXPLICIT))
    answer = await client.get(FILE, headers={"accept": "application/dicom+json"})
    assert answer.status_code == 413
    assert "ask for the DICOM file" in answer.json()["Details"]


async def test_a_form_is_asked_for_in_any_case(client: httpx.AsyncClient, store: Store) -> None:
    """Types have no case (RFC 9110 8.3.1); one of weight 0 is not wanted."""
    await keep(store, written(everything(), EXPLICIT))
    answer = await client.get(FILE, headers={"accept": "text/html, Application/DICOM+JSON"})
    assert answer.headers["content-type"] == "application/dicom+json"
    answer = await client.get(FILE, headers={"accept": "application/dicom+json;q=0"})
    assert answer.headers["content-type"] == "application/dicom"
