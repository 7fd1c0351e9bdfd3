# SPDX-License-Identifier: Apache-2.0
"""What `POST /instances` takes."""
