#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long `vmfleet up` takes until its machines are ready, as ratios to what one would use else.

usage: fleet_bench.py VMFLEET [--machines N] [--rounds N] [--bzimage FILE] [--libvirt URI]
                      [--sizes N ...] [--plot FILE.svg]

Every way starts the same number of x86_64 machines of the guest `tiny` under TCG and ends when each
has printed that it is ready, in its network and with its sshd. Each round takes every way, in a
changing order, so that what slows the host for a while slows all. README.md says what the ways are
and what they were last time. The host should have nothing else to do.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bare_loop
import plot

READY = b"vmfleet: guest ready"
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel><initrd>{initrd}</initrd>
<cmdline>{arguments}</cmdline></os><features><acpi/></features><cpu mode='maximum'/><devices>
<interface type='user'><model type='virtio'/></interface>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<serial type='file'><source path='{folder}/serial.log'/></serial><memballoon model='none'/>
</devices></domain>"""


def most_memory(pid):
    """In kB, until it ends. rusage would count the process too that it was forked from."""
    most = 0
    with contextlib.suppress(OSError, StopIteration):
        while True:
            with open(f"/proc/{pid}/status") as status:
                most = int(next(line for line in status if line.startswith("VmHWM")).split()[1])
            time.sleep(0.01)
    return most


class Vmfleet:
    """The program in a state directory of its own, and what it took."""

    def __init__(self, program, folder):
        self.program = program
        self.place = ["--state-dir", f"{folder}/state", "-p", "bench"]
        self.costs = {}  # of each kind of fleet: what `up` itself took

    def run_json(self, *arguments):
        command = [self.program, "--json", *arguments, *self.place]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        return json.loads(answer.stdout)

    def commands(self, machines):
        return self.run_json("up", "--dry-run", "--accel", "tcg", "-n", str(machines))["commands"]

    def up(self, kind, machines, *options):
        """Seconds. What it cost itself is kept under `kind`."""
        started = time.monotonic()
        command = [self.program, "up", "-q", "--accel", "tcg", "-n", str(machines), *options]
        process = subprocess.Popen([*command, *self.place])
        with concurrent.futures.ThreadPoolExecutor(1) as watcher:
            most = watcher.submit(most_memory, process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            took = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"vmfleet up exited with {process.returncode}"
        processor = usage.ru_utime + usage.ru_stime
        self.costs.setdefault(kind, []).append((processor, processor / took, most.result()))
        return took

    def print_costs(self):
        print("\n| `vmfleet up` itself | processor time | of one processor | memory |")
        print("|---|---|---|---|")
        for kind, costs in self.costs.items():
            processor, share, memory = (statistics.median(each) for each in zip(*costs))
            print(
                f"| {kind} | {1000 * processor:.0f} ms | {100 * share:.1f} % "
                f"| {memory / 1000:.1f} MB |"
            )

    def proportional_memory(self):
        """Of each machine, in kB: what it shares is divided among those who share it."""
        each = []
        for machine in self.run_json("ps")["machines"]:
            with open(f"/proc/{machine['pid']}/smaps_rollup") as rollup:
                each.append(int(next(row for row in rollup if row.startswith("Pss:")).split()[1]))
        return each

    def down(self):
        for command in ["kill", "down"]:
            subprocess.run([self.program, command, "-q", *self.place], check=True)


def find_bzimage(command, folder):
    """The distribution's compressed kernel of the version that `tiny` has."""
    release = os.path.dirname(command[command.index("-kernel") + 1])
    with open(f"{release}/image.json") as file:
        package = f"linux-image-{json.load(file)['kernel_version']}"
    subprocess.run(["apt-get", "-qqq", "download", package], check=True, cwd=folder)
    archive = next(name for name in os.listdir(folder) if name.endswith(".deb"))
    subprocess.run(["dpkg-deb", "-x", archive, "package"], check=True, cwd=folder)
    boot = f"{folder}/package/boot"
    return next(f"{boot}/{name}" for name in os.listdir(boot) if name.startswith("vmlinuz"))


def everyday_command(command, bzimage, folder):
    """What one writes who has a kernel and an initrd."""
    initrd = command[command.index("-initrd") + 1]
    words = f"""{command[0]} -accel tcg -m 256 -display none -no-reboot -kernel {bzimage}
        -initrd {initrd} -append console=ttyS0 -serial file:{folder}/serial.log
        -nic user,model=virtio-net-pci"""
    return shlex.split(words)


def with_everyday_arguments(command):
    """Without what vmfleet tells the kernel because it is emulated."""
    arguments = command.index("-append") + 1
    return [*command[:arguments], "console=ttyS0", *command[arguments + 1 :]]


def loop(make_commands, at_once, folder):
    """Starts all, so many in their boot at a time, until each is ready."""
    commands = make_commands(f"{folder}/loop")
    machines = []
    started = time.monotonic()
    try:
        for index, command in enumerate(commands):
            bare_loop.wait_for_text(machines, READY, lambda n: len(machines) - n < at_once)
            machine = bare_loop.Machine(command, f"{folder}/loop/vm-{index}")
            machines.append(machine)
            if "-S" in command:
                machine.ask("cont")
        bare_loop.wait_for_text(machines, READY, lambda n: n == len(commands))
        return time.monotonic() - started
    finally:
        for machine in machines:
            machine.end()


class Libvirt:
    """`virsh create` of the same machines, all at once. The kernel is where libvirt's user can read."""

    def __init__(self, uri, command, folder):
        self.uri = uri
        self.folder = f"{folder}/libvirt"
        os.makedirs(self.folder)
        self.inputs = {}
        for option in ["-kernel", "-initrd"]:
            source = command[command.index(option) + 1]
            self.inputs[option[1:]] = shutil.copy(source, self.folder)
        self.arguments = command[command.index("-append") + 1]

    def virsh(self, *arguments):
        subprocess.run(["virsh", "-q", "-c", self.uri, *arguments], check=True)

    def start(self, index):
        name = f"bench-{os.getpid()}-{index}"
        folder = f"{self.folder}/{name}"
        os.makedirs(folder)
        with open(f"{folder}/domain.xml", "w") as file:
            text = DOMAIN.format(name=name, folder=folder, arguments=self.arguments, **self.inputs)
            file.write(text)
        self.virsh("create", f"{folder}/domain.xml")
        return name

    def up(self, machines):
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(machines) as starters:
            names = list(starters.map(self.start, range(machines)))
        try:
            logs = [LogOnly(f"{self.folder}/{name}") for name in names]
            bare_loop.wait_for_text(logs, READY, lambda n: n == machines)
            return time.monotonic() - started
        finally:
            for name in names:
                self.virsh("destroy", name)
                shutil.rmtree(f"{self.folder}/{name}")


class LogOnly(bare_loop.Machine):
    def __init__(self, folder):
        self.folder = folder


def wait_for_rest():
    """Until nobody else has run for a while: what was ended before is not gone at once."""
    quiet = 0
    for _ in range(200):
        with open("/proc/loadavg") as file:
            running = int(file.read().split()[3].partition("/")[0])
        quiet = quiet + 1 if running <= 1 else 0
        if quiet == 10:
            return
        time.sleep(0.05)


def take_rounds(ways, rounds):
    """Seconds of each way, by its name; the order changes from round to round."""
    seconds = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            wait_for_rest()
            seconds[name].append(ways[name]())
            print(f"  {name}: {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return seconds


def print_table(seconds, machines):
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    a, b = medians["(a) everyday loop"], medians["(b) vmfleet's argv"]
    c = min(median for name, median in medians.items() if name.startswith("(c)"))
    print("| way | median | fastest to slowest | × (a) | × (b) | × (c) | machines per second |")
    print("|---|---|---|---|---|---|---|")
    for name, each in seconds.items():
        median = medians[name]
        print(
            f"| {name} | {median:.2f} s | {min(each):.2f} to {max(each):.2f} s | {median / a:.2f} "
            f"| {median / b:.2f} | {median / c:.2f} | {machines / median:.1f} |"
        )


def cloned(vmfleet, machines, look=lambda: None):
    took = vmfleet.up(f"{machines} cloned", machines, "--clone")
    look()
    vmfleet.down()
    return took


def booted(vmfleet, machines):
    took = vmfleet.up(f"{machines} booted", machines)
    vmfleet.down()
    return took


def first_cloned(vmfleet, machines):
    """Also the template is made."""
    subprocess.run([vmfleet.program, "-q", "template", "rm", "--all"], check=True)
    return cloned(vmfleet, machines)


def compare(options, vmfleet, folder):
    machines = options.machines
    commands = vmfleet.commands(machines)
    bzimage = options.bzimage or find_bzimage(commands[0], folder)
    state = vmfleet.place[1]

    def own(place):
        return [[w.replace(f"{state}/bench", place) for w in command] for command in commands]

    def untuned(place):
        return [with_everyday_arguments(command) for command in own(place)]

    def everyday(place):
        return [everyday_command(commands[0], bzimage, f"{place}/vm-{i}") for i in range(machines)]

    ways = {
        "(a) everyday loop": lambda: loop(everyday, machines, folder),
        "its devices, everyday arguments": lambda: loop(untuned, machines, folder),
        "(b) vmfleet's argv": lambda: loop(own, machines, folder),
    }
    for at_once in options.at_once:
        ways[f"(c) the same, {at_once} at a time"] = lambda n=at_once: loop(own, n, folder)
    if options.libvirt:
        libvirt = Libvirt(options.libvirt, commands[0], folder)
        ways["(d) libvirt"] = lambda: libvirt.up(machines)
    ways["vmfleet up"] = lambda: booted(vmfleet, machines)
    ways["vmfleet up --clone, no template"] = lambda: first_cloned(vmfleet, machines)
    ways["vmfleet up --clone"] = lambda: cloned(vmfleet, machines)
    print_table(take_rounds(ways, options.rounds), machines)


def grow(options, vmfleet):
    """Time against the number of machines."""
    lines = {"booted": [], "cloned": []}
    memory = []
    print("\n| machines | booted | per second | cloned | per second | a clone's memory (PSS) |")
    print("|---|---|---|---|---|---|")
    for size in options.sizes:
        ways = {"cloned": lambda: cloned(vmfleet, size, look)}
        if size <= options.largest_booted:
            ways["booted"] = lambda: booted(vmfleet, size)
        memory.clear()

        def look():
            memory.extend(vmfleet.proportional_memory())

        seconds = take_rounds(ways, options.rounds)
        row = f"| {size} |"
        for name in lines:
            if name not in seconds:
                row += " | |"
                continue
            median = statistics.median(seconds[name])
            lines[name].append((size, median))
            row += f" {median:.2f} s ({min(seconds[name]):.2f} to {max(seconds[name]):.2f})"
            row += f" | {size / median:.1f} |"
        print(row + f" {statistics.median(memory) / 1000:.0f} MB |", flush=True)
    if options.plot:
        with open(options.plot, "w") as file:
            file.write(plot.draw(lines, "machines", "seconds until all are ready"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vmfleet")
    parser.add_argument("--machines", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, nargs="*", default=[2, 3, 4])
    parser.add_argument("--bzimage")
    parser.add_argument("--libvirt", metavar="URI")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--largest-booted", type=int, default=16)
    parser.add_argument("--plot")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="vmfleet-bench-") as folder:
        os.chmod(folder, 0o755)  # libvirt's machines belong to another user
        vmfleet = Vmfleet(options.vmfleet, folder)
        cloned(vmfleet, 1)  # builds the image, makes the template, warms the page cache
        print(f"{options.machines} machines, {options.rounds} rounds, {os.cpu_count()} processors\n")
        compare(options, vmfleet, folder)
        if options.sizes:
            grow(options, vmfleet)
        vmfleet.print_costs()


if __name__ == "__main__":
    sys.exit(main())
