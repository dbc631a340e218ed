"""Processes on this machine that run trials, each with its share of the cores."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import setup
from tuning.trial import End

WORKER = Path(__file__).with_name("worker.py")
STOP = 30  # seconds in which a worker shuts its kernel down


class Workers:
    """At most `count` processes; `log` gets what they say."""

    def __init__(self, count, log):
        self.count, self.log = count, log
        self.messages = queue.Queue()
        self.idle, self.busy = [], {}
        share = str(max(1, setup.physical_cores() // count))
        self.environment = {"OMP_NUM_THREADS": share} | os.environ

    def is_free(self):
        return len(self.busy) < self.count

    def running(self):
        """The jobs that run now."""
        return list(self.busy.values())

    def start(self, place, job):
        process = self.idle.pop() if self.idle else self.new()
        self.busy[process] = job
        try:
            process.stdin.write(json.dumps(place) + "\n" + json.dumps(asdict(job)) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is reported as any other

    def new(self):
        with open(self.log, "a") as log:
            options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log, "text": True, "env": self.environment}
            process = subprocess.Popen([sys.executable, str(WORKER)], **options)
        threading.Thread(target=self.listen, args=(process,), daemon=True).start()
        return process

    def listen(self, process):
        for line in process.stdout:
            self.messages.put((process, End(**json.loads(line))))
        process.wait()
        self.messages.put((process, None))

    def wait(self, seconds):
        """Jobs that have ended, each with its End, or None where its process has ended, too."""
        found, end = [], time.monotonic() + seconds
        while not found and time.monotonic() < end:
            try:
                process, message = self.messages.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                break
            job = self.busy.pop(process, None)
            if message is None:
                if process in self.idle:
                    self.idle.remove(process)
            elif message.state != "stopped":
                self.idle.append(process)
            if job:
                found.append((job, message))
        return found

    def stop(self):
        """Ends all, with their kernels."""
        processes = [*self.idle, *self.busy]
        for process in processes:
            if process in self.busy:
                process.terminate()
            process.stdin.close()
        end = time.monotonic() + STOP
        for process in processes:
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def last_words(self):
        """The end of what workers have said."""
        try:
            return "\n".join(self.log.read_text(errors="replace").strip().splitlines()[-8:])
        except OSError:
            return ""
