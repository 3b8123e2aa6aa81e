# SPDX-License-Identifier: MIT
"""The baseline of the benchmarks: a loop that starts QEMU without vmfleet."""

import fcntl
import json
import os
import shutil
import signal
import socket
import time

SOCKETS = ["control.sock", "qmp.sock", "monitor.sock", "agent.sock"]  # descriptors 3, 4, 5 and 6


class Machine:
    """One QEMU whose command line names files in `folder`. Ended and removed by `end`."""

    def __init__(self, argv, folder):
        self.folder = folder
        os.makedirs(folder, mode=0o700)
        self._make_files(argv)
        self.pid = self._spawn(argv)

    def _make_files(self, argv):
        """What vmfleet puts into a machine's folder for its guest: 32 bytes in each file here."""
        prefix = f"file={self.folder}/", f"path={self.folder}/"
        for word in argv:
            for part in word.split(","):
                if part.startswith(prefix) and not part.endswith((".log", "/pid")):
                    with open(part.partition("=")[2], "w") as file:
                        file.write(os.urandom(16).hex())

    def _spawn(self, argv):
        listeners = []
        for name in SOCKETS:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{self.folder}/{name}")
            listener.listen()
            listeners.append(listener)
        null = os.open("/dev/null", os.O_RDWR)
        # Far above, so that none is overwritten before it was copied.
        sources = [fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, 100) for listener in listeners]
        actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
        actions += [(os.POSIX_SPAWN_DUP2, source, 3 + i) for i, source in enumerate(sources)]
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)
        for number in [null, *sources]:
            os.close(number)
        for listener in listeners:
            listener.close()
        return pid

    def ask(self, *commands):
        """Greets over QMP and runs these."""
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{self.folder}/control.sock")
        with client, client.makefile("rw") as stream:
            assert "QMP" in json.loads(stream.readline())
            for command in ["qmp_capabilities", *commands]:
                stream.write(json.dumps({"execute": command}) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
                assert "return" in answer, answer

    def has_printed(self, text):
        try:
            with open(f"{self.folder}/serial.log", "rb") as log:
                return text in log.read()
        except FileNotFoundError:
            return False

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.folder)


def wait_for_text(machines, text, is_enough, patience=300):
    """Until `is_enough(how many have printed it)`."""
    silent = list(machines)
    end = time.monotonic() + patience
    while True:
        silent = [machine for machine in silent if not machine.has_printed(text)]
        if is_enough(len(machines) - len(silent)):
            return
        assert time.monotonic() < end, f"{len(silent)} machines have not printed {text}"
        time.sleep(0.01)
