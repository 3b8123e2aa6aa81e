// SPDX-License-Identifier: MIT
// A template for each kind of machine, once.
#include "fleet/cloning.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>

namespace vmfleet {

namespace {

bool names(const std::string& text, const std::string& machine) {
  return text.find(machine) != std::string::npos;
}

/// Each of its siblings would need a template of its own.
std::optional<std::string> why_it_is_alone(const MachineSpec& machine) {
  const MachineConfig& config = machine.config;
  if (config.name == machine.machine_class) return std::nullopt;  // there is no other
  for (const std::string& words : config.append) {
    if (names(words, config.name)) return "its kernel's arguments name it";
  }
  for (const Injection& injection : config.injections) {
    // Its own name, its own address: each clone is told.
    const bool is_told = injection.path == "vmfleet/hostname" ||
                         injection.path == "opt/vmfleet/addresses" ||
                         injection.path == "opt/vmfleet/hosts";
    if (is_told || !injection.text || !names(*injection.text, config.name)) continue;
    return "what is injected into it names it";
  }
  return std::nullopt;
}

std::optional<std::string> why_it_is_booted(const MachineSpec& machine) {
  if (auto why = why_not_cloned(machine.config, machine.ready)) return why;
  return why_it_is_alone(machine);
}

}  // namespace

/// Once for all machines of a class.
void Cloning::warn(const MachineSpec& machine, std::string_view why) {
  const std::string text =
      fmt::format("warning: {} is booted, not cloned: {}", machine.machine_class, why);
  if (told_.insert(text).second) operation_.tell("", MachineState::starting, text);
}

Task<std::optional<MachineTemplate>> Cloning::template_for(const MachineSpec& machine) {
  if (const auto why = why_it_is_booted(machine)) {
    warn(machine, *why);
    co_return std::nullopt;
  }
  const auto look = [&] { return template_key(machine.config, machine.ready); };
  const std::string key = co_await offload(look);
  const auto [place, is_first] = groups_.try_emplace(key);
  if (is_first) {
    place->second = std::make_unique<Group>();
    co_await settle(*place->second, key, machine);
  }
  Group& group = *place->second;
  co_await group.settled.wait();
  co_return group.found;
}

Task<void> Cloning::settle(Group& group, std::string key, const MachineSpec& machine) {
  const auto tell = [this](std::string_view what) {
    operation_.tell("", MachineState::starting, fmt::format("template: {}", what));
  };
  try {
    group.found = co_await store_.find_or_make(key, machine.config, machine.ready, tell);
  } catch (const Error& error) {
    warn(machine, error.message());
  }
  group.settled.set();
}

void Cloning::forget_distrusted() {
  groups_.clear();  // they keep theirs from being removed
  for (const auto& key : distrusted_) {
    try {
      store_.remove(key);
    } catch (const Error&) {
      // Whoever uses it finds out by himself.
    }
  }
  distrusted_.clear();
}

}  // namespace vmfleet
