// SPDX-License-Identifier: MIT
// Restart policies: decisions from how a machine ended.
#include "fleet/restart_policy.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

bool has_succeeded(const ExitReport& exit, const std::map<int, std::string>& exit_codes) {
  if (exit.kind == "guest-shutdown") return exit.code.value_or(0) == 0;
  if (exit.kind != "guest-exit" || !exit.code) return false;
  const auto word = exit_codes.find(*exit.code);
  return word != exit_codes.end() && word->second == "success";
}

/// Somebody has said so, if not through a command of ours.
bool was_told_to_quit(const ExitReport& exit) {
  return exit.requested || exit.kind == "host-qmp-quit";
}

}  // namespace

std::string_view to_string(RestartPolicy policy) noexcept {
  switch (policy) {
    case RestartPolicy::no:
      return "no";
    case RestartPolicy::on_failure:
      return "on-failure";
    case RestartPolicy::always:
      return "always";
  }
  return "no";
}

bool should_restart(RestartPolicy policy, const ExitReport& exit,
                    const std::map<int, std::string>& exit_codes) {
  if (policy == RestartPolicy::no || was_told_to_quit(exit)) return false;
  return policy == RestartPolicy::always || !has_succeeded(exit, exit_codes);
}

ExitReport with_request(ExitReport exit, const std::filesystem::path& instance_directory) {
  try {
    const MachineReport now = inspect_machine(instance_directory);
    if (now.pid || (now.exit && now.exit->requested)) exit.requested = true;
  } catch (const Error&) {
    exit.requested = true;  // there is nothing that could be started again
  }
  return exit;
}

Milliseconds BackOff::next() noexcept {
  ++count_;
  return std::exchange(next_, std::min(next_ * 2, kLongest));
}

std::string describe_restart(std::string_view why, std::size_t time, Milliseconds wait) {
  return fmt::format("{}; started again ({}) in {}", why, time, to_string(wait));
}

}  // namespace vmfleet
