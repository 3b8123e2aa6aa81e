// SPDX-License-Identifier: MIT
// A template for each kind of machine, once.
#include "fleet/cloning.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/error.hpp>

#include "fleet/host_limits.hpp"

namespace vmfleet {

namespace {

bool names(const std::string& text, const std::string& machine) {
  return text.find(machine) != std::string::npos;
}

/// What each clone is told of itself, whatever its template was told.
bool is_told(const Injection& injection) {
  for (const char* path : {"vmfleet/hostname", "opt/vmfleet/addresses", "opt/vmfleet/hosts"}) {
    if (injection.path == path) return true;
  }
  return false;
}

/// Each of its siblings would need a template of its own.
std::vector<std::string> what_names_it(const MachineSpec& machine) {
  const MachineConfig& config = machine.config;
  std::vector<std::string> reasons;
  if (config.name == machine.machine_class) return reasons;  // there is no other
  const auto names_it = [&](const std::string& words) { return names(words, config.name); };
  if (std::any_of(config.append.begin(), config.append.end(), names_it)) {
    reasons.emplace_back("its kernel's arguments name it");
  }
  const auto tells_it = [&](const Injection& injection) {
    return !is_told(injection) && injection.text && names_it(*injection.text);
  };
  if (std::any_of(config.injections.begin(), config.injections.end(), tells_it)) {
    reasons.emplace_back("what is injected into it names it");
  }
  return reasons;
}

void replace_all(std::string& text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    text.replace(at, what.size(), "{name}");
  }
}

/// As its siblings are, too, but for the name in what was written for each.
MachineConfig nameless(const MachineSpec& machine) {
  MachineConfig config = machine.config;
  if (what_names_it(machine).empty()) return config;
  for (std::string& words : config.append) replace_all(words, config.name);
  for (Injection& injection : config.injections) {
    if (injection.text) replace_all(*injection.text, config.name);
  }
  return config;
}

}  // namespace

std::optional<std::string> why_booted(const MachineSpec& machine) {
  if (auto why = why_not_cloned(machine.config, machine.ready)) return why;
  if (machine.clone == Cloned::identical) return std::nullopt;
  for (auto& reasons : {why_not_unique(machine.config), what_names_it(machine)}) {
    if (!reasons.empty()) return reasons.front();
  }
  return std::nullopt;
}

std::optional<std::string> why_booted(const MachineSpec& machine,
                                      const std::vector<MachineTemplate>& kept) {
  auto why = why_booted(machine);
  if (why || machine.clone == Cloned::identical || kept.empty()) return why;
  std::string key;
  try {
    key = template_key_of(machine);
  } catch (const Error&) {
    return std::nullopt;  // what is missing, such as a key for ssh, is yet to be made
  }
  for (const auto& original : kept) {
    if (original.key == key && !original.identical.empty()) return original.identical.front();
  }
  return std::nullopt;
}

bool has_disk(const MachineSpec& machine, const std::filesystem::path& directory, bool recreate) {
  return std::filesystem::exists(directory) && keeps_disks(machine.config, directory, recreate);
}

namespace {

/// One `look_at_clones`.
class CloserLook {
 public:
  CloserLook(std::filesystem::path fleet_folder, bool recreate)
      : fleet_folder_(std::move(fleet_folder)),
        recreate_(recreate),
        kept_(TemplateStore().list()) {}

  std::optional<std::string> why(const MachineSpec& machine) {
    if (keeps_its_disk(machine)) return std::string(kHasDisk);
    if (is_unlike_others(machine)) return std::string(kUnlikeOthers);
    return why_booted(machine, kept_);
  }

 private:
  [[nodiscard]] bool keeps_its_disk(const MachineSpec& machine) const {
    try {
      return has_disk(machine, fleet_folder_ / machine.config.name, recreate_);
    } catch (const Error&) {
      return false;  // the launch tells what is wrong with them
    }
  }

  bool is_unlike_others(const MachineSpec& machine) {
    try {
      const std::string key = template_key_of(machine);
      return first_keys_.try_emplace(machine.machine_class, key).first->second != key;
    } catch (const Error&) {
      return false;  // what is missing, such as a key for ssh, is yet to be made
    }
  }

  std::filesystem::path fleet_folder_;
  bool recreate_;
  std::vector<MachineTemplate> kept_;
  std::map<std::string, std::string> first_keys_;  ///< by class
};

}  // namespace

void look_at_clones(UpPlan& plan, const std::vector<MachineSpec>& machines,
                    const std::filesystem::path& fleet_folder, bool recreate) {
  if (plan.to_clone.empty()) return;
  CloserLook look(fleet_folder, recreate);
  for (const auto& machine : machines) {
    const auto place = std::find(plan.to_clone.begin(), plan.to_clone.end(), machine.config.name);
    if (place == plan.to_clone.end()) continue;
    if (auto why = look.why(machine)) {
      plan.to_clone.erase(place);
      plan.not_cloned.emplace_back(machine.config.name, *std::move(why));
    }
  }
}

std::string template_key_of(const MachineSpec& machine) {
  return template_key(nameless(machine), machine.ready);
}

void Cloning::tell_once(const std::string& text) {
  if (told_.insert(text).second) operation_.tell("", MachineState::starting, text);
}

void Cloning::warn(const MachineSpec& machine, std::string_view why) {
  tell_once(fmt::format("warning: {} is booted, not cloned: {}", machine.machine_class, why));
}

Task<std::optional<MachineTemplate>> Cloning::template_for(const MachineSpec& machine,
                                                           Semaphore& boots) {
  if (const auto why = why_booted(machine)) {
    warn(machine, *why);
    co_return std::nullopt;
  }
  const auto look = [&] { return template_key_of(machine); };
  const std::string key = co_await offload(look);
  // A template serves one machine alone where each of its class is another.
  if (keys_.try_emplace(machine.machine_class, key).first->second != key) {
    warn(machine, kUnlikeOthers);
    co_return std::nullopt;
  }
  const auto [place, is_first] = groups_.try_emplace(std::pair(key, machine.clone));
  if (is_first) {
    place->second = std::make_unique<Group>();
    co_await settle(*place->second, key, machine, boots);
  }
  Group& group = *place->second;
  co_await group.settled.wait();
  if (group.found && !is_wanted(machine, *group.found)) co_return std::nullopt;
  co_return group.found;
}

/// One that is kept may have been made for somebody who does not mind.
bool Cloning::is_wanted(const MachineSpec& machine, const MachineTemplate& original) {
  for (const auto& reason : original.identical) {
    if (machine.clone != Cloned::identical) {
      warn(machine, reason);
      return false;
    }
    tell_once(
        fmt::format("warning: clones of {} are not told apart: {}", machine.machine_class, reason));
  }
  return true;
}

Task<void> Cloning::settle(Group& group, std::string key, const MachineSpec& machine,
                           Semaphore& boots) {
  try {
    group.found = store_.find(key);
    if (!group.found) group.found = co_await make(key, machine, boots);
  } catch (const Error& error) {
    warn(machine, error.message());
  }
  group.settled.set();
}

/// Or another command does.
Task<MachineTemplate> Cloning::make(std::string key, const MachineSpec& machine, Semaphore& boots) {
  const auto tell = [this](std::string_view what) {
    operation_.tell("", MachineState::starting, fmt::format("template: {}", what));
  };
  std::optional<std::vector<std::string>> identical;
  if (machine.clone == Cloned::identical) identical = what_names_it(machine);
  const auto key_now = [&] { return template_key_of(machine); };
  if (boots.available() == 0) tell("waiting until others are up");
  const Semaphore::Permit slot = co_await boots.acquire();
  require_template_room(store_.directory(), machine.config.memory);
  co_return co_await store_.find_or_make(key, machine.config, machine.ready, tell, key_now,
                                         identical);
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
