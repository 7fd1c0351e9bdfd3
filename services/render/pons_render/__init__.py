# SPDX-License-Identifier: Apache-2.0
"""The render service: frames of stored instances as PNG, JPEG, PAM or raw bytes."""
