#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many machines should boot at a time: `vmfleet up` with bounds, as ratios to all at once.

usage: boot_bench.py VMFLEET [--machines N] [--rounds N] [--max-boot K ...]

Each round starts the fleet once in every way, in a changing order, so that what slows the host for
a while slows all of them. Prints the medians, the spreads and the ratios; measures real Linux
machines, so the host should have nothing else to do.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time


def wall_and_cpu(command):
    """Seconds of the clock, and of the processor in vmfleet itself (QEMU is not its child)."""
    before = os.times()
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - started
    after = os.times()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return wall, user + system


def start_fleet(vmfleet, machines, bound):
    with tempfile.TemporaryDirectory(prefix="vmfleet-bench-") as state:
        place = ["--state-dir", state, "-p", "bench", "-q"]
        options = ["-n", str(machines)]
        if bound is not None:
            options += ["--max-boot", str(bound)]
        try:
            return wall_and_cpu([vmfleet, "up", *options, *place])
        finally:
            subprocess.run([vmfleet, "kill", *place], check=False, stdout=subprocess.DEVNULL)
            subprocess.run([vmfleet, "down", *place], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vmfleet")
    parser.add_argument("--machines", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-boot", type=int, nargs="*", default=[])
    options = parser.parse_args()

    ways = [("all at once", options.machines), ("default", None)]
    ways += [(f"{bound} at a time", bound) for bound in options.max_boot]
    start_fleet(options.vmfleet, 1, None)  # builds the image and warms the page cache

    walls = {name: [] for name, _ in ways}
    cpus = {name: [] for name, _ in ways}
    for number in range(options.rounds):
        shift = number % len(ways)
        for name, bound in ways[shift:] + ways[:shift]:
            wall, cpu = start_fleet(options.vmfleet, options.machines, bound)
            walls[name].append(wall)
            cpus[name].append(cpu)

    baseline = statistics.median(walls["all at once"])
    print(f"{options.machines} machines ready, {options.rounds} rounds, {os.cpu_count()} processors")
    print(f"{'':>14}  median   fastest  slowest  ratio  vmfleet's own processor time")
    for name, _ in ways:
        median = statistics.median(walls[name])
        share = statistics.median(cpu / wall for cpu, wall in zip(cpus[name], walls[name]))
        print(
            f"{name:>14}  {median:6.2f} s {min(walls[name]):6.2f} s {max(walls[name]):6.2f} s"
            f"  {median / baseline:5.2f}  {100 * share:.2f} % of the whole"
        )


if __name__ == "__main__":
    sys.exit(main())
