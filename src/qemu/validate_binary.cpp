// SPDX-License-Identifier: MIT
// What is impossible with the QEMU that is there.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qemu/problems.hpp"

namespace vmfleet {
namespace {

constexpr std::size_t kMostNearOnes = 5;

/// `Haswell` of `Haswell,-hle`.
std::string head_of(const std::string& words) {
  return words.substr(0, words.find(','));
}

std::string near_hint(const std::string& word, const std::vector<std::string>& known,
                      std::string_view all) {
  const auto near = near_ones(word, known, kMostNearOnes);
  if (near.empty()) return fmt::format("this QEMU has: {}", all);
  return fmt::format("did you mean {}?", join(near, ", "));
}

void check_type_and_cpus(qemu::Problems& problems, const MachineConfig& config,
                         const QemuBinary& binary) {
  const auto& types = binary.machine_types;
  if (types.empty()) return;
  const std::string wanted = head_of(machine_type(config));
  const auto type = std::find_if(types.begin(), types.end(),
                                 [&](const auto& known) { return known.name == wanted; });
  if (type == types.end()) {
    std::vector<std::string> names;
    for (const auto& known : types) names.push_back(known.name);
    const bool x86 = config.arch == Arch::x86_64;
    problems.add("machine",
                 fmt::format("{} has no machine type \"{}\"", binary.path.filename().string(),
                             sanitize(wanted)),
                 near_hint(wanted, names, x86 ? "q35, pc, microvm and others" : "virt and others"));
  } else if (type->most_cpus > 0 && config.cpus > type->most_cpus) {
    problems.add("cpus",
                 fmt::format("{} are more than the {} that machine type \"{}\" has", config.cpus,
                             type->most_cpus, wanted),
                 "use fewer cpus");
  }
}

void check_cpu_model(qemu::Problems& problems, const MachineConfig& config,
                     const QemuBinary& binary) {
  const std::string wanted = head_of(config.cpu);
  const auto& models = binary.cpu_models;
  // What is the host's own depends on the accelerator.
  if (wanted.empty() || wanted == "host" || models.empty()) return;
  if (std::find(models.begin(), models.end(), wanted) != models.end()) return;
  problems.add(
      "cpu",
      fmt::format("{} has no CPU model \"{}\"", binary.path.filename().string(), sanitize(wanted)),
      near_hint(wanted, models, "max and others"));
}

}  // namespace

std::vector<ConfigProblem> find_problems(const MachineConfig& config, const QemuBinary& binary) {
  qemu::Problems problems;
  check_type_and_cpus(problems, config, binary);
  check_cpu_model(problems, config, binary);
  return problems.take();
}

}  // namespace vmfleet
