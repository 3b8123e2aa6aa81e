#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `vmfleet up` adds to the start of QEMU: machines that start paused and answer QMP, as a
ratio to a bare loop that spawns the same command lines and greets them.

usage: paused_bench.py VMFLEET [--guests FOLDER] [--machines N] [--rounds N] [--max-boot K ...]

FOLDER has marker.elf: tests/support/testkit in a build with tests, or VMFLEET_TESTKIT_DIR.

Prints medians and spreads; the host should have nothing else to do.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import bare_loop

FLEET_FILE = """fleet = "bench"
[machine.vm]
count = {machines}
accel = "tcg"
memory = "32M"
paused = true
kernel = "{kernel}"
"""


def run_json(vmfleet, *arguments):
    answer = subprocess.run([vmfleet, "--json", *arguments], check=True, stdout=subprocess.PIPE)
    return json.loads(answer.stdout)


def up(vmfleet, place, bound):
    """Seconds until every machine is paused and has answered; vmfleet itself asks each."""
    started = time.monotonic()
    options = [] if bound is None else ["--max-boot", str(bound)]
    report = run_json(vmfleet, "up", "-q", *options, *place)
    took = time.monotonic() - started
    states = {machine["state"] for machine in report["machines"]}
    assert states == {"paused"}, states
    subprocess.run([vmfleet, "kill", "-q", *place[2:]], check=True)
    subprocess.run([vmfleet, "down", "-q", *place[2:]], check=True)
    return took


def bare(commands, state):
    started = time.monotonic()
    machines = [
        bare_loop.Machine(argv, f"{state}/bench/vm-{i}") for i, argv in enumerate(commands)
    ]
    for machine in machines:
        machine.ask("query-uuid")
    took = time.monotonic() - started
    for machine in machines:
        machine.end()
    return took


def row(name, seconds, baseline):
    median = statistics.median(seconds)
    print(
        f"{name:>14}  {median:6.2f} s {min(seconds):6.2f} s {max(seconds):6.2f} s"
        f"  {median / baseline:5.2f}"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vmfleet")
    parser.add_argument("--machines", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-boot", type=int, nargs="*", default=[])
    parser.add_argument("--guests", default=os.environ.get("VMFLEET_TESTKIT_DIR", ""))
    options = parser.parse_args()
    kernel = os.path.abspath(os.path.join(options.guests, "marker.elf"))
    if not os.path.exists(kernel):
        parser.error(f"no {kernel}: --guests BUILD/tests/support/testkit, of a build with tests")

    with tempfile.TemporaryDirectory(prefix="vmfleet-bench-") as folder:
        file = f"{folder}/vmfleet.toml"
        with open(file, "w") as text:
            text.write(FLEET_FILE.format(machines=options.machines, kernel=kernel))
        state = f"{folder}/state"
        place = ["-f", file, "--state-dir", state, "-p", "bench"]
        commands = run_json(options.vmfleet, "up", "--dry-run", *place)["commands"]
        ways = {"bare loop": lambda: bare(commands, state)}
        for bound in [None, *options.max_boot]:
            name = "vmfleet up" if bound is None else f"{bound} at a time"
            ways[name] = lambda bound=bound: up(options.vmfleet, place, bound)
        seconds = {name: [] for name in ways}
        for number in range(options.rounds + 1):
            for name, way in ways.items():
                took = way()
                if number > 0:  # the first warms the page cache
                    seconds[name].append(took)
    baseline = statistics.median(seconds["bare loop"])
    print(
        f"{options.machines} paused machines answer, {options.rounds} rounds, "
        f"{os.cpu_count()} processors"
    )
    print(f"{'':>14}  median   fastest  slowest  ratio")
    for name, each in seconds.items():
        row(name, each, baseline)


if __name__ == "__main__":
    sys.exit(main())
