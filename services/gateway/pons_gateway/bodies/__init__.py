# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: how they are read."""
