# SPDX-License-Identifier: Apache-2.0
"""Everything that is sent to, or asked of, another DICOM node."""
