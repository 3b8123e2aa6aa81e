// SPDX-License-Identifier: MIT
// The names in a template's folder. Private to this room.
#pragma once

namespace vmfleet::template_file {

inline constexpr const char* kMemory = "memory";
inline constexpr const char* kDevices = "devices";
inline constexpr const char* kConsole = "serial.log";

}  // namespace vmfleet::template_file
