# SPDX-License-Identifier: Apache-2.0
"""The bytes of DICOM's network protocol, for both sides of an association; no input or output."""
