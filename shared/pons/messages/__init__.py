# SPDX-License-Identifier: Apache-2.0
"""What travels between services, and under which names."""
