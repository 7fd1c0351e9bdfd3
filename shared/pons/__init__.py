# SPDX-License-Identifier: Apache-2.0
"""The library that the five services of Pons share; it imports none of them."""

__version__ = "0.1.0"

IMPLEMENTATION_CLASS_UID = "2.25.162245952420294153821565008239237237825"
"""How DICOM peers and files recognise Pons (PS3.7 D.3.3.2); derived from a UUID, never changed."""
IMPLEMENTATION_VERSION_NAME = f"PONS_{__version__}"
