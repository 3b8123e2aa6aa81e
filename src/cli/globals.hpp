// SPDX-License-Identifier: MIT
// Globals: the options that every command takes, before or after its name.
#pragma once

#include <optional>
#include <string>

namespace vmfleet::cli {

enum class ColorMode { automatic, always, never };
enum class ProgressMode { automatic, tty, plain, json, none };

struct Globals {
  Globals() = default;

  std::optional<std::string> fleet;
  std::string state_dir;  // empty: the default
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  ColorMode color = ColorMode::automatic;
  ProgressMode progress = ProgressMode::automatic;
};

}  // namespace vmfleet::cli
