// SPDX-License-Identifier: MIT
// fake_qemu_path: a program that behaves like QEMU, and as badly as a test wants.
#pragma once

#include <filesystem>

namespace vmfleet::testkit {

/// A QEMU for tests: set it as the binary of a machine. It serves the monitors, the event log, the
/// serial port, the forwards and the pid file of its command line, and runs no guest: it plays the
/// tiny guest that `-kernel` names (see guests.hpp), otherwise `marker`.
///
/// The environment variable FAKE_QEMU_SCRIPT, a file or the text itself, is a JSON object:
///
/// | key | meaning |
/// |---|---|
/// | machines | `{NAME: {…}}`: these keys for one machine only |
/// | version | what `--version` says: `"9.2.0"` |
/// | exit | `{"code": 1, "stderr": "…"}`: ends at once |
/// | greeting | `"never"`, or other bytes than QMP's greeting; greeting_delay_ms |
/// | chunk | at most so many bytes in one write to a monitor's socket; chunk_delay_ms between them
/// | | garble | bytes before each reply | | ignore | of `["sigterm", "powerdown", "quit"]` | |
/// replies | `{COMMAND: …}`: `return` or `error`; `raw` bytes; `delay_ms`; `close_after` so many |
/// |         | bytes; `never`, `close`, `vanish` (SIGKILL) or `freeze` (SIGSTOP): true |
/// | guest | the guest's steps, which run while the machine does |
/// | on_powerdown | the steps that follow the power button |
///
/// A step is an object: `write` (`{n}` counts, `{line}` is the line read, `{append}` what
/// follows `-- ` in the kernel's arguments) with `times` (-1: for ever), `burst` and `every_ms`;
/// `wait_ms`, `wait_input` (text), `wait_command` (QMP), `wait_path` (until the file exists);
/// `read_line`, `echo`; `event` with `data` and `times`; `listen` (a guest port) with `banner`;
/// `stderr` (text); `close_clients`, `panic`, `shutdown`, `reset`, `again`: true; `exit`,
/// `debug_exit` (status); `kill` (signal). A number may be `"append"`: the first number after that,
/// or the step's `otherwise`.
///
/// *Errors*: `not_found`.
std::filesystem::path fake_qemu_path();

}  // namespace vmfleet::testkit
