# SPDX-License-Identifier: Apache-2.0
"""The library that the five services of Pons share; it imports none of them."""

__version__ = "0.1.0"

IMPLEMENTATION_CLASS_UID = "2.25.72187463276710141961495971207"
"""How DICOM peers and files recognise Pons (PS3.7 D.3.3.2); never changed.

Derived from a UUID (PS3.5 B.2) of version 1 whose low bits of time are 0, so that it is short: with
the version name it takes the room in a file that those of DCMTK take.
"""
IMPLEMENTATION_VERSION_NAME = f"PONS_{__version__}"
