# SPDX-License-Identifier: Apache-2.0
"""Other stores, over HTTP."""
