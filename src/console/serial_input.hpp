// SPDX-License-Identifier: MIT
// Writing to the FIFO that a machine's serial port reads. Private to this room.
#pragma once

#include <filesystem>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet::console {

/// See `Console::send`.
Task<void> send_to_fifo(std::filesystem::path fifo, std::string text, Milliseconds timeout);

}  // namespace vmfleet::console
