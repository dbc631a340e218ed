#!/usr/bin/env bash
# TensorBoard 2.21.0: when a run's steps go back once, the page leaves out points that TensorBoard's own EventAccumulator keeps.
#
# What one would guess: points in a run's folder are drawn, all of them. Files of today's version are searched for a restart by
# their SessionLog events, says the Python reader, and there are none here. But the reader that the page uses by default takes any step
# that is not larger than the last one for a restart, and drops every point from that step on. So two trainings in one
# folder, 4 epochs and then 2, show two points, both of the second training, and a single late point of step 1 takes
# away what came after. Nothing is said, and --purge_orphaned_data=false, which its help offers "to debug data disappearance", changes
# nothing. EventAccumulator, which programs and tests use on the same files, and the Python reader behind --load_fast=false keep
# everything. What helps: a folder of its own for every training.
#
# Seen with tensorboard 2.21.0 and tensorboard-data-server 0.7.2, Python 3.11, November 2026, steps and values:
#   two trainings, EventAccumulator: 0:10 1:11 2:12 3:13 0:20 1:21
#   two trainings, page --load_fast=false: 0:10 1:11 2:12 3:13 0:20 1:21
#   two trainings, page --purge_orphaned_data=false: 0:20 1:21
#   two trainings, page: 0:20 1:21
#   late point, EventAccumulator: 0:10 1:11 2:12 3:13 1:21
#   late point, page --load_fast=false: 0:10 1:11 2:12 3:13 1:21
#   late point, page --purge_orphaned_data=false: 0:10 1:21
#   late point, page: 0:10 1:21
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check tensorboard==2.21.0 tensorboard-data-server==0.7.2 'setuptools<81'
cat > finding.py <<'PYTHON'
import json
import time
import urllib.request

from tensorboard import program
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

runs = {"two trainings": ["0:10 1:11 2:12 3:13", "0:20 1:21"], "late point": ["0:10 1:11 2:12 3:13", "1:21"]}
for run, files in runs.items():
    for number, points in enumerate(files):
        writer = EventFileWriter(run, filename_suffix=f".{number}")
        for step, value in (point.split(":") for point in points.split()):
            summary = Summary(value=[Summary.Value(tag="loss", simple_value=float(value))])
            writer.add_event(Event(step=int(step), wall_time=int(value), summary=summary))
        writer.close()
        time.sleep(1.1)  # the file's name begins with the second, and files are read in the order of their names


def page(*options):
    """The points that the page draws, by run, once it has them all."""
    board = program.TensorBoard()
    board.configure(argv=[None, "--logdir", ".", "--port", "0", *options])
    url = board.launch() + "data/plugin/scalars/"
    last = None
    for _ in range(60):
        time.sleep(1)
        tags = json.load(urllib.request.urlopen(url + "tags"))
        if set(tags) != set(runs):
            continue
        points = {}
        for run in runs:
            answer = json.load(urllib.request.urlopen(f"{url}scalars?run={run.replace(' ', '%20')}&tag=loss"))
            points[run] = " ".join(f"{step}:{value:.0f}" for _, step, value in answer)
        if points == last:
            return points
        last = points
    raise SystemExit("TensorBoard did not read the files within a minute")


pages = {options: page(*options.split()) for options in ["--load_fast=false", "--purge_orphaned_data=false", ""]}
for run in runs:
    accumulator = EventAccumulator(run)
    accumulator.Reload()
    print(f"{run}, EventAccumulator:", " ".join(f"{event.step}:{event.value:.0f}" for event in accumulator.Scalars("loss")))
    for options, points in pages.items():
        print(f"{run}, {f'page {options}'.strip()}:", points[run])
PYTHON
timeout 300 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
two trainings, EventAccumulator: 0:10 1:11 2:12 3:13 0:20 1:21
two trainings, page --load_fast=false: 0:10 1:11 2:12 3:13 0:20 1:21
two trainings, page --purge_orphaned_data=false: 0:20 1:21
two trainings, page: 0:20 1:21
late point, EventAccumulator: 0:10 1:11 2:12 3:13 1:21
late point, page --load_fast=false: 0:10 1:11 2:12 3:13 1:21
late point, page --purge_orphaned_data=false: 0:10 1:21
late point, page: 0:10 1:21
EXPECTED
then
    echo "as described: the page drops all points from a step that comes again, the other readers keep them"
else
    echo "changed"
    exit 1
fi
