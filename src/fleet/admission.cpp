// SPDX-License-Identifier: MIT
// A slot for each boot that keeps a processor busy.
#include "fleet/admission.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <set>
#include <thread>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine_report.hpp>

#include "fleet/cloning.hpp"
#include "fleet/host_limits.hpp"

namespace vmfleet {

namespace {

bool has_process(const std::filesystem::path& directory) {
  try {
    return inspect_machine(directory).pid.has_value();
  } catch (const Error&) {
    return false;
  }
}

/// What the machines to start need of this host's memory.
class MemoryNeed {
 public:
  void add_booted(const MachineSpec& machine) {
    sum_ += machine.config.memory.count() + kQemuItself.count();
  }

  /// What it does not change it shares with its template, which is counted once for its class.
  void add_clone(const MachineSpec& machine) {
    if (templates_.insert(machine.machine_class).second) sum_ += machine.config.memory.count();
    sum_ += machine.config.memory.count() / kPartOfClone + kQemuItself.count();
  }

  [[nodiscard]] Bytes sum() const { return Bytes(sum_); }

 private:
  // Measured: 44 MiB of its own (PSS) for a `tiny` of 256 MiB that does nothing, half of that
  // QEMU's. A guest that works changes more.
  static constexpr std::uint64_t kPartOfClone = 4;

  std::set<std::string> templates_;
  std::uint64_t sum_ = 0;
};

std::string in_gibi(Bytes size) {
  return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
}

}  // namespace

// *Source*: proc(5), /proc/loadavg: `0.20 0.18 0.12 3/80 1200`, the fourth being who runs or waits
// for a processor now, this process among them, and how many there are. Nobody where it cannot be
// read.
void HostLoad::look() {
  std::ifstream file("/proc/loadavg");
  std::string average;
  std::size_t running = 0;
  if (!(file >> average >> average >> average >> running)) running = 0;
  add(running > 0 ? running - 1 : 0);
}

bool HostLoad::is_busy(std::size_t processors) const {
  const auto count = std::count_if(others_.begin(), others_.end(),
                                   [&](std::size_t others) { return others >= processors; });
  return 2 * static_cast<std::size_t>(count) > others_.size();
}

// *Source*: tests/bench/fleet_bench.py, two processors, emulated machines. With nothing else on the
// host two at a time are ready as soon as all eight at once (7.8 s and 8.0 s). With two busy
// programs beside them a fleet has the more of the processors the more of it boots: eight machines
// took 53 s one at a time, 35 s two, 20 s all at once; twelve 51 s four at a time, 36 s eight, 29 s
// all. Not more than eight, since each then takes so long that its readiness times out.
BootBound bound_boots(std::size_t processors, bool busy, bool emulated) {
  BootBound bound;
  if (busy) {
    bound.machines = 4 * processors;
    bound.why = "four for each processor, since this host is busy";
  } else if (emulated) {
    bound.machines = processors;
    bound.why = "one for each processor, which an emulated boot keeps busy";
  } else {
    bound.machines = 2 * processors;
    bound.why = "two for each processor, since no emulated boot is waited for";
  }
  return bound;
}

bool boots_emulated(const MachineSpec& machine) {
  return machine.config.accel != Accelerator::kvm && !machine.config.paused &&
         !machine.ready.empty();
}

UpPlan plan_up(const std::filesystem::path& fleet_folder, const std::vector<MachineSpec>& machines,
               const UpOptions& options, HostLoad load) {
  UpPlan plan;
  MemoryNeed memory;
  bool emulated = false;
  for (const auto& machine : machines) {
    const std::string& name = machine.config.name;
    if (has_process(fleet_folder / name)) {
      plan.running.push_back(name);
      continue;
    }
    plan.to_start.push_back(name);
    const bool is_wanted = machine.clone != Cloned::no;
    auto why = is_wanted ? why_booted(machine) : std::nullopt;
    if (is_wanted && !why) {
      plan.to_clone.push_back(name);
      memory.add_clone(machine);
    } else {
      if (why) plan.not_cloned.emplace_back(name, *std::move(why));
      memory.add_booted(machine);
    }
    emulated = emulated || boots_emulated(machine);
  }
  load.look();
  const std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  BootBound bound = bound_boots(processors, load.is_busy(processors), emulated);
  const bool asked = options.max_boot > 0;
  plan.boots_at_once = asked ? options.max_boot : bound.machines;
  plan.why = asked ? "as asked for" : std::move(bound.why);
  plan.clones_at_once = kClonesPerBoot * plan.boots_at_once;
  plan.memory = memory.sum();
  plan.memory_available = available_memory();
  const std::size_t booted = plan.to_start.size() - plan.to_clone.size();
  plan.descriptors = descriptors_for(machines.size(), std::min(plan.boots_at_once, booted)) +
                     descriptors_for_clones(std::min(plan.clones_at_once, plan.to_clone.size()));
  plan.descriptors_allowed = descriptors_allowed();
  return plan;
}

void require_room(const UpPlan& plan) {
  const std::size_t missing = plan.to_start.size();
  if (missing > 0 && plan.memory_available && plan.memory > *plan.memory_available) {
    throw Error(ErrorKind::host_unfit,
                fmt::format("{} machines need {} of memory, {} is available", missing,
                            in_gibi(plan.memory), in_gibi(*plan.memory_available)))
        .hint("start fewer (-n), or give each less (--memory)");
  }
  require_descriptors(plan.descriptors, missing + plan.running.size());
}

json::Object UpPlan::to_json() const {
  json::Object object;
  object.set("start", json::to_array(to_start)).set("running", json::to_array(running));
  if (!to_clone.empty()) object.set("clone", json::to_array(to_clone));
  if (!not_cloned.empty()) {
    json::Array list;
    for (const auto& [name, why] : not_cloned) {
      list.push_back(json::Object{{"name", name}, {"reason", why}});
    }
    object.set("not_cloned", std::move(list));
  }
  object.set("boots_at_once", boots_at_once).set("why", why);
  object.set("clones_at_once", clones_at_once);
  object.set("memory", memory.count());
  if (memory_available) object.set("memory_available", memory_available->count());
  object.set("descriptors", descriptors).set("descriptors_allowed", descriptors_allowed);
  return object;
}

}  // namespace vmfleet
