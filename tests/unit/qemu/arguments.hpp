// SPDX-License-Identifier: MIT
// Questions that tests ask about a command line.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/qemu/command_line.hpp>

namespace vmfleet::test {

/// The values of every occurrence of an option, in order.
inline std::vector<std::string> values_of(const CommandLine& line, const std::string& option) {
  std::vector<std::string> values;
  for (const std::size_t at : line.option_indices) {
    if (line.argv[at] == option && at + 1 < line.argv.size()) values.push_back(line.argv[at + 1]);
  }
  return values;
}

/// The only value of an option that occurs once; "" otherwise.
inline std::string value_of(const CommandLine& line, const std::string& option) {
  const auto values = values_of(line, option);
  return values.size() == 1 ? values[0] : std::string();
}

inline bool has_flag(const CommandLine& line, const std::string& option) {
  return std::find(line.argv.begin(), line.argv.end(), option) != line.argv.end();
}

/// The -device, -netdev… whose JSON member `key` is `value`; null when there is none.
inline json::Value json_of(const CommandLine& line, const std::string& option,
                           const std::string& key, const std::string& value) {
  for (const std::string& text : values_of(line, option)) {
    const auto parsed = json::parse(text);
    if (parsed && parsed->text(key) == value) return *parsed;
  }
  return {};
}

inline json::Value device(const CommandLine& line, const std::string& driver) {
  return json_of(line, "-device", "driver", driver);
}

}  // namespace vmfleet::test
