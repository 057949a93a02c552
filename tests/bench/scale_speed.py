"""×2 of 12-megapixel JPEGs, decode to encoded, against the sum of the bare library calls, in one run: ratios of CPU; and how well.

    python tests/bench/scale_speed.py [--rounds 5] [--from FOLDER]

Every round, on the same warm bytes: ``picture.scale`` in this process (reading the file, its facts, metadata and writing included)
and the bare calls one after the other: simplejpeg decodes, cv2 doubles, simplejpeg encodes; likewise cv2
for all three. CPU medians in ms a picture. Goal: ours ≤ 1.2 × the sum of the bare calls. Memory: the highest of a limited child, beside
that of one which saw 16 pixels. Then, for each picture of --from (else one that is made), halved by area and doubled again:
PSNR and size of the JPEG, and Pillow's bilinear beside it.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # it ships none
from PIL import Image

from albumen.media.scaling import picture
from albumen.media.scaling.opencv import OpenCvScaler
from albumen.media.scaling.wanted import METHODS, Origin, Wanted
from albumen.media.scaling.worker import Scalers

_GOAL = 1.2
_ORIGIN = Origin("11111111-2222-8333-8444-555555555555", "raw.jpg", "ab" * 32)
_WANTED = Wanted(format="jpeg", quality=92)


def _twelve(path: Path) -> None:
    """As a camera's: smooth and rough parts, 4000 × 3000."""
    noise = np.random.default_rng(5).integers(0, 255, (375, 500, 3), dtype=np.uint8)
    fine = np.random.default_rng(6).normal(0, 6, (3000, 4000, 1))
    large = cv2.resize(noise, (4000, 3000), interpolation=cv2.INTER_CUBIC).astype(np.float32) + fine
    Image.fromarray(np.clip(large, 0, 255).astype(np.uint8)).save(path, "JPEG", quality=90)


def _bare(data: bytes) -> Sequence[float]:
    """CPU ms of the three calls."""
    marks = [time.process_time()]
    pixels = simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False)
    marks.append(time.process_time())
    doubled = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    marks.append(time.process_time())
    simplejpeg.encode_jpeg(doubled, 92, "RGB", "420", fastdct=False)
    marks.append(time.process_time())
    return [(after - before) * 1000 for before, after in pairwise(marks)]


def _opencv(data: bytes) -> float:
    began = time.process_time()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    doubled = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    cv2.imencode(".jpg", doubled, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return (time.process_time() - began) * 1000


def _ours(source: Path, target: Path, wanted: Wanted) -> float:
    target.unlink(missing_ok=True)
    began = time.process_time()
    picture.scale(str(source), str(target), wanted, OpenCvScaler(wanted.method), _ORIGIN)
    return (time.process_time() - began) * 1000


def _child(source: Path, target: Path) -> float:
    """MB that a child had at most after this picture."""
    target.unlink(missing_ok=True)
    scalers = Scalers(1, seconds=100, memory=2 << 30)
    scalers.scale(str(source), str(target), _WANTED, _ORIGIN)
    pids = [one for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()]
    told = [Path(f"/proc/{one}/status").read_text() for one in pids]
    scalers.close()
    return max(int(one.partition("VmHWM:")[2].split()[0]) for one in told) / 1024


def speed(rounds: int, folder: Path) -> int:
    source, target = folder / "raw.jpg", folder / "made.jpg"
    _twelve(source)
    data = source.read_bytes()
    table: dict[str, list[float]] = {"ours": [], "decode": [], "double": [], "encode": [], "cv2 throughout": []}
    _ours(source, target, _WANTED)
    for _ in range(rounds):
        table["ours"].append(_ours(source, target, _WANTED))
        for name, value in zip(("decode", "double", "encode"), _bare(data), strict=True):
            table[name].append(value)
        table["cv2 throughout"].append(_opencv(data))
    medians = {name: statistics.median(values) for name, values in table.items()}
    bare = medians["decode"] + medians["double"] + medians["encode"]
    print("  ".join(f"{name} {value:.0f}" for name, value in medians.items()), f" CPU ms, {len(data) / 1e6:.1f} MB in")

    small = folder / "small.jpg"
    Image.new("RGB", (16, 16)).save(small)
    highest, least = _child(source, target), _child(small, target)
    _ours(source, target.with_suffix(".png"), Wanted())
    began = time.process_time()
    buffer = io.BytesIO()
    doubled = cv2.resize(simplejpeg.decode_jpeg(data, "RGB"), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    Image.fromarray(doubled).save(buffer, "PNG", compress_level=1)
    pillow = (time.process_time() - began) * 1000
    ours = _ours(source, target.with_suffix(".png"), Wanted())
    size = os.path.getsize(target.with_suffix(".png")) / 1e6
    print(f"as PNG: ours {ours:.0f} ms, {size:.1f} MB; encoded by Pillow {pillow:.0f} ms, {len(buffer.getvalue()) / 1e6:.1f} MB")
    ratio = medians["ours"] / bare
    print(
        f"scale: {ratio:.2f} × the sum of the bare calls (goal ≤ {_GOAL}), a worker has at most {highest:.0f} MB, {least:.0f} of them without a picture"
    )
    return 0 if ratio <= _GOAL else 1


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)))


def quality(sources: Sequence[Path], folder: Path) -> None:
    """Halved and doubled again, against what it was."""
    sums: dict[str, list[tuple[float, float]]] = {}
    for path in sources:
        with Image.open(path) as opened:
            whole = np.asarray(opened.convert("RGB"))
        whole = whole[: whole.shape[0] // 2 * 2, : whole.shape[1] // 2 * 2]
        half = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        small = folder / "half.png"
        Image.fromarray(half).save(small)
        for method in METHODS:
            made = folder / "doubled.jpg"
            _ours(small, made, Wanted(method=method, format="jpeg", quality=92))
            with Image.open(made) as result:
                sums.setdefault(f"ours {method}", []).append((_psnr(np.asarray(result), whole), os.path.getsize(made) / 1024))
        buffer = io.BytesIO()
        Image.fromarray(half).resize(whole.shape[1::-1], Image.Resampling.BILINEAR).save(
            buffer, "JPEG", quality=92, subsampling=0
        )
        with Image.open(buffer) as result:
            sums.setdefault("Pillow bilinear", []).append((_psnr(np.asarray(result), whole), len(buffer.getvalue()) / 1024))
    for name, rows in sums.items():
        print(
            f"{name}: PSNR {statistics.mean(one for one, _ in rows):.2f} dB, {statistics.mean(size for _, size in rows):.0f} kB"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--from", dest="pictures", type=Path)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        status = speed(asked.rounds, folder)
        sources = sorted(asked.pictures.rglob("*.jpg")) if asked.pictures else [folder / "raw.jpg"]
        quality(sources[:20], folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
