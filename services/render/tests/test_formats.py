# SPDX-License-Identifier: Apache-2.0
import pytest

from pons_render.formats import Format, choose_format


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Format.PNG),
        ("*/*", Format.PNG),
        ("image/*", Format.PNG),
        ("image/png", Format.PNG),
        ("image/jpeg", Format.JPEG),
        ("IMAGE/JPEG", Format.JPEG),
        ("image/x-portable-arbitrarymap", Format.PAM),
        ("image/jpeg, image/png", Format.JPEG),
        ("text/html, image/jpeg;q=0.5, image/png;q=0.1", Format.JPEG),
        ("image/jpeg;q=0.1, */*;q=0.5", Format.PNG),
        ("image/avif,image/webp,*/*;q=0.8", Format.PNG),
        ("image/png;q=0, image/jpeg;q=0.2", Format.JPEG),
        ("image/png; q=wrong, image/jpeg", Format.JPEG),
        ("text/plain", None),
        ("image/gif", None),
        ("", None),
    ],
)
def test_choice(accept: str | None, expected: Format | None) -> None:
    """The picture has the format that the client likes best, or there is none."""
    assert choose_format(accept) is expected
