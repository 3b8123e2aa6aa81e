// SPDX-License-Identifier: MIT
// Problems: collects what is wrong in a configuration, and the checks by topic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/qemu/validate.hpp>

namespace vmfleet::qemu {

class Problems {
 public:
  void add(std::string key, std::string message, std::string hint = {}) {
    found_.emplace_back(std::move(key), std::move(message), std::move(hint));
  }
  /// `usable` is the whole condition; the value is shown.
  void require(bool usable, const std::string& key, std::string_view value, std::string_view what,
               std::string hint = {});
  /// Absolute, and made of bytes that reach QEMU unchanged.
  void check_path(const std::string& key, const std::string& path);
  void check_text(const std::string& key, std::string_view text);

  std::vector<ConfigProblem> take() { return std::move(found_); }

 private:
  std::vector<ConfigProblem> found_;
};

void check_disks(Problems& problems, const MachineConfig& config);
void check_nets(Problems& problems, const MachineConfig& config);
void check_injections(Problems& problems, const MachineConfig& config);
void check_shares(Problems& problems, const MachineConfig& config);

}  // namespace vmfleet::qemu
