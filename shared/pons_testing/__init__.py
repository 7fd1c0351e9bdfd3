# SPDX-License-Identifier: Apache-2.0
"""What tests of several packages share; nothing in a running store imports it."""
