// SPDX-License-Identifier: MIT
// OptionList: QEMU options in the making; each value stays one value whatever it contains.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <vmfleet/base/json.hpp>
#include <vmfleet/qemu/command_line.hpp>

namespace vmfleet::qemu {

/// A comma ends a value in QEMU's own syntax, unless it is doubled.
std::string double_commas(std::string_view text);

class OptionList {
 public:
  explicit OptionList(std::string binary);

  void flag(std::string_view option);
  /// For options that take their argument as it is (-kernel, -append, -pidfile).
  void plain(std::string_view option, std::string_view value);
  /// `head[,key=value…]` for options without a JSON form; the values are escaped.
  void keyed(std::string_view option, std::string_view head,
             std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);
  /// For -device, -blockdev, -netdev and -object: nothing in JSON needs QEMU's escapes.
  void json(std::string_view option, const json::Object& value);
  void words(const std::vector<std::string>& verbatim);

  CommandLine take() && { return std::move(line_); }

 private:
  void begin(std::string_view option);

  CommandLine line_;
};

}  // namespace vmfleet::qemu
