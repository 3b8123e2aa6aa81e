// SPDX-License-Identifier: MIT
// What `doctor` looks at on this host.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/machine/accelerator.hpp>

namespace vmfleet::cli {

struct Check {
  enum class Status { ok, warn, fail };

  Check(std::string check_name, Status check_status, std::string what, std::string next = {})
      : name(std::move(check_name)),
        status(check_status),
        message(std::move(what)),
        hint(std::move(next)) {}

  std::string name;
  Status status;
  std::string message;
  std::string hint;
};

std::string_view word_of(Check::Status status) noexcept;

/// All of them, in the order of telling, given what a trial of KVM came to, if there was one.
/// Blocks while QEMU is asked for its version.
std::vector<Check> check_host(const std::filesystem::path& state_root,
                              const std::filesystem::path& cache_root,
                              const std::optional<KvmState>& kvm);

}  // namespace vmfleet::cli
