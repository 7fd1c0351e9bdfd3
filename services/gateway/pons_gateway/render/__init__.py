# SPDX-License-Identifier: Apache-2.0
"""What the render service makes: pictures and archives."""
