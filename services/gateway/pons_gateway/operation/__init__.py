# SPDX-License-Identifier: Apache-2.0
"""How the store does, and what it says of itself."""
