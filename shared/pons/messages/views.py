# SPDX-License-Identifier: Apache-2.0
"""What can be asked of an instance's pixels: render answers it, the gateway offers the same."""

from dataclasses import dataclass

FRAMES = "/instances/{id}/frames"
"""The list of the frames, and what is below it of one of them."""
ABOUT_FRAMES = "Numbers of the frames"


@dataclass(frozen=True, slots=True)
class View:
    """One way to see a frame; its name is also that of what a worker of render does."""

    name: str
    summary: str
    media_type: str
    """Without a wish of the client's, and unless the file's own is another."""
    is_picture: bool = False
    """Whether `Accept` chooses its format, and `quality` that of a JPEG."""
    without_frame: bool = True
    """Whether it is also there without the number of a frame, of the first."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where it is, with `{id}` and, in the last one, `{frame}`."""
        framed = f"{FRAMES}/{{frame}}/{self.name}"
        return (f"/instances/{{id}}/{self.name}", framed) if self.without_frame else (framed,)


VIEWS = (
    View("preview", "A picture for people, stretched to 8 bits", "image/png", is_picture=True),
    View("image-uint8", "Grey values cut to 0..255", "image/png", is_picture=True),
    View("image-uint16", "Grey values cut to 0..65535", "image/png", is_picture=True),
    View("image-int16", "Grey values cut to -32768..32767", "image/png", is_picture=True),
    View(
        "raw",
        "The bytes of a frame as in the file",
        "application/octet-stream",
        without_frame=False,
    ),
    View("raw.gz", "The same as a gzip file", "application/gzip", without_frame=False),
    View(
        "matlab",
        "The values of a frame, as text that Octave and MATLAB evaluate to a matrix",
        "text/plain",
    ),
)
