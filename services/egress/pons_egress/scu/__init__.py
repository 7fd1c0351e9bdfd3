# SPDX-License-Identifier: Apache-2.0
"""What is asked of other nodes with pynetdicom, each association in a thread of its own."""
