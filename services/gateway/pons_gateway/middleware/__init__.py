# SPDX-License-Identifier: Apache-2.0
"""What happens to every request, each in a class of its own; `app.py` tells their order."""
