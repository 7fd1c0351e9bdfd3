# SPDX-License-Identifier: Apache-2.0
"""The header scan: who an instance is, and its header as DICOM JSON, read once from raw bytes.

`file` has `scan`, which reads a file, `scan_dataset`, for a bare data set whose transfer syntax is
known, and `read_identifier`, for one that is no instance. From there: `meta` finds the data set,
`windows` gives its bytes, `elements` has the one loop over it, `syntax` knows how elements are
encoded, `level` which VR they have, `convert`, `charset` and `iso2022` turn values into JSON.
`encoding` judges what is encoded otherwise than declared, `correct` gives the file as it should be.
`walk` finds single elements in a file of any size instead. The way back, for small data sets, is
`write` with `repertoire` for text.

JSON is as in PS3.18 Annex F, with keys ascending and these choices:

- DS, IS, SV, UV are text exactly as in the file; FL and FD that are not finite are text too.
- Binary values above 64 bytes, and any value above 1 MiB, have a BulkDataURI `<offset>/<length>`
  into the file; `z<offset>/<length>` into the inflated data set when that is deflated.
- Elements of the data set itself are parted by a comma and a line break.
- Text is trimmed, ends at a NUL, and has no escape sequences.
- Values that do not fit their VR's size are shown as UN.
"""

from pons.header.file import read_identifier, scan, scan_dataset
from pons.header.model import MAX_JSON, TOP_SEPARATOR, Correction, Header, PixelData

__all__ = [
    "MAX_JSON",
    "TOP_SEPARATOR",
    "Correction",
    "Header",
    "PixelData",
    "read_identifier",
    "scan",
    "scan_dataset",
]
