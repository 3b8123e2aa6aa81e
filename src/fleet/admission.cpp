// SPDX-License-Identifier: MIT
// A slot for each boot that keeps a processor busy.
#include "fleet/admission.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine_report.hpp>

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

/// *Source*: proc(5), Documentation/accounting/psi.rst: `some avg10=1.23 …`, in percent. 0 where
/// the kernel does not say.
double share_of_waiting() {
  std::ifstream file("/proc/pressure/cpu");
  std::string some;
  std::string average;
  if (!(file >> some >> average) || average.rfind("avg10=", 0) != 0) return 0;
  return std::strtod(average.c_str() + std::string_view("avg10=").size(), nullptr) / 100;
}

std::string in_gibi(Bytes size) {
  return fmt::format("{:.1f}G", static_cast<double>(size.count()) / (1 << 30));
}

}  // namespace

// *Source*: tests/bench/fleet_bench.py, two processors, emulated machines. With nothing else on the
// host two at a time are ready as soon as all eight at once (7.8 s and 8.0 s). With two busy
// programs beside them a fleet has the more of the processors the more of it boots: eight machines
// took 53 s one at a time, 35 s two, 20 s all at once; twelve 51 s four at a time, 36 s eight, 29 s
// all. Not more than eight, since each then takes so long that its readiness times out.
BootBound bound_boots(std::size_t processors, double waiting, bool emulated) {
  constexpr double kBusy = 0.5;
  BootBound bound;
  if (waiting >= kBusy) {
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
               const UpOptions& options) {
  UpPlan plan;
  std::uint64_t memory = 0;
  bool emulated = false;
  for (const auto& machine : machines) {
    const std::string& name = machine.config.name;
    if (has_process(fleet_folder / name)) {
      plan.running.push_back(name);
      continue;
    }
    plan.to_start.push_back(name);
    memory += machine.config.memory.count() + kQemuItself.count();
    emulated = emulated || boots_emulated(machine);
  }
  BootBound bound =
      bound_boots(std::max(std::thread::hardware_concurrency(), 1U), share_of_waiting(), emulated);
  const bool asked = options.max_boot > 0;
  plan.boots_at_once = asked ? options.max_boot : bound.machines;
  plan.why = asked ? "as asked for" : std::move(bound.why);
  plan.memory = Bytes(memory);
  plan.memory_available = available_memory();
  plan.descriptors =
      descriptors_for(machines.size(), std::min(plan.boots_at_once, plan.to_start.size()));
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
  object.set("memory", memory.count());
  if (memory_available) object.set("memory_available", memory_available->count());
  object.set("descriptors", descriptors).set("descriptors_allowed", descriptors_allowed);
  return object;
}

}  // namespace vmfleet
